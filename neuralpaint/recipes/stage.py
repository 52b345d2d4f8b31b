"""The stage: what every look at a painting has in common - the view, the bars, the original."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neuralpaint.canvas import CanvasSettings
from neuralpaint.metrics import psnr
from neuralpaint.pictures import Picture
from neuralpaint.rendering import fidelity, letterbox, render, view

if TYPE_CHECKING:
    from neuralpaint.painting import Painting

__all__ = ["Stage"]

Frame = NDArray[np.uint8]


class Stage:
    """Shows paintings of one picture on one canvas, in one frame."""

    def __init__(
        self,
        picture: Picture,
        settings: CanvasSettings,
        *,
        bars: tuple[int, int, int],
        longest: int | None = None,
    ) -> None:
        """Set the stage; `bars` is the colour of bars, `longest` as for `CanvasSettings.views`."""
        self._picture = picture
        self.canvas, frame = settings.views(picture.canvas, longest=longest)
        self.height, self.width = frame.height, frame.width
        self._native = self.canvas == picture.canvas
        self._bars = bars
        self._reference = view(picture, self.canvas)
        self.original = self._boxed(self._reference)
        """The picture itself, uint8 (height, width, 3), as a perfect painting would be shown."""

    def show(self, painting: Painting) -> tuple[Frame, float]:
        """Return the painting as a frame (height, width, 3), and its PSNR in dB before the bars."""
        frame = render(painting, self.canvas)
        return self._boxed(frame), psnr(frame, self._reference)

    def fidelity(self, painting: Painting, *, shown: float) -> float:
        """Return the PSNR in dB at the picture's own pixels, given the PSNR `show` has told."""
        return shown if self._native else fidelity(painting, self._picture)

    def _boxed(self, frame: Frame) -> Frame:
        return letterbox(frame, height=self.height, width=self.width, colour=self._bars)
