"""A lesson: what is learned of a picture, as pixels and where they lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neuralpaint.canvas import Grid
from neuralpaint.learning import ignore
from neuralpaint.pictures import Picture
from neuralpaint.split import pixels_to_learn
from neuralpaint.training import TrainingSettings

if TYPE_CHECKING:
    import torch

__all__ = ["Lesson"]


class Lesson:
    """What settings make of a picture, for a network to learn.

    Its own pixels, some of them, or more of them: a picture at a higher resolution, made from
    itself. What takes time to make is made by `pixels`, not before.
    """

    def __init__(self, picture: Picture, settings: TrainingSettings) -> None:
        self._picture, self._settings = picture, settings
        self.grid: Grid
        """Where the pixels lie."""
        self._own: NDArray[np.uint8] | None = None
        if settings.makes_target:
            self.grid = picture.canvas.scaled(settings.factor).grid()
        else:
            self._own, self.grid = pixels_to_learn(picture, settings.train_on)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of pixels."""
        return self.grid.shape

    def pixels(
        self, *, device: torch.device | None = None, look: Callable[[float], None] = ignore
    ) -> NDArray[np.uint8]:
        """Return the colours, uint8 (h, w, 3); the picture's own are shared, not copied.

        Others are made at every call, on `device` or the CPU, which can take minutes: `look` is
        called with how much is done, in [0, 1].
        """
        if self._own is not None:
            return self._own
        from neuralpaint.super_resolution.upsampling import upsampled

        height, width = self.shape
        return upsampled(
            self._picture,
            height=height,
            width=width,
            settings=self._settings,
            device=device,
            look=look,
        )
