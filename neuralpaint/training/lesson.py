"""A lesson: what is learned of a picture or an album, as one raster, and where its pixels lie.

The pictures of an album lie one below the other: their lesson is one tall raster whose rows know
whose they are. So whatever draws batches from a picture draws them from an album.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neuralpaint.image.canvas import Grid
from neuralpaint.image.pictures import Picture, Plane
from neuralpaint.image.split import pixels_to_learn
from neuralpaint.models.codes import Subject
from neuralpaint.runtime.progress import DoneCallback, ignore, part_of
from neuralpaint.training.settings import TrainingSettings

if TYPE_CHECKING:
    import torch

__all__ = ["Lesson"]


class Lesson:
    """What settings make of a picture or an album, for a network to learn.

    Its own pixels, some of them, or more of them: a picture without its hole, or at a higher
    resolution, made from itself. What takes time to make is made by `pixels`, not before.
    """

    def __init__(self, subject: Subject, settings: TrainingSettings) -> None:
        self._pictures, self._settings = pictures, settings = subject.pictures, settings
        self.is_made = settings.target.makes_target or any(p.to_fill is not None for p in pictures)
        """Whether the pixels take time to make."""
        # Where those of one picture lie.
        self._page = (
            subject.canvas.scaled(settings.target.factor).grid()
            if settings.target.makes_target
            else pixels_to_learn(pictures[0], settings.optimization.train_on)[1]
        )
        self.grid = Grid(self._page.x, np.tile(self._page.y, (len(pictures), 1)))
        """Where the pixels lie."""
        codes, rows = subject.codes, self._page.shape[0]
        self.codes = None if codes is None else codes.repeat(rows, axis=0)
        """The code of each row's picture, (rows, k); None of a single picture."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of pixels."""
        return self.grid.shape

    def pixels(
        self, *, device: torch.device | None = None, look: DoneCallback = ignore
    ) -> NDArray[np.uint8]:
        """Return the colours, uint8 (h, w, 3); those of a single picture are shared, not copied.

        What has to be made is made at every call, on `device` or the CPU, which can take minutes:
        `look` is called with how much is done, in [0, 1].
        """
        parts = _parts(look, len(self._pictures))
        pages = [
            self._made(picture, device, part)
            for picture, part in zip(self._pictures, parts, strict=True)
        ]
        return pages[0] if len(pages) == 1 else np.concatenate(pages)

    def _made(
        self, picture: Picture, device: torch.device | None, look: DoneCallback
    ) -> NDArray[np.uint8]:
        """Return one picture without its hole, and as large as it is learned."""
        unknown, enlarges = picture.to_fill, self._settings.target.makes_target
        filling, enlarging = (look, look) if unknown is None or not enlarges else _parts(look, 2)
        if unknown is not None:
            from neuralpaint.restoration.filling import fill_hole

            pixels = fill_hole(picture.pixels, unknown, device=device, on_done=filling)
            picture = replace(picture, pixels=pixels)
        elif enlarges and picture.unknown is not None:
            # It counts nothing, but a resampler would mix it into what is known beside it.
            picture = replace(picture, pixels=_smoothed(picture.pixels, picture.unknown > 0.5))
        if not enlarges:
            return pixels_to_learn(picture, self._settings.optimization.train_on)[0]
        from neuralpaint.restoration.upsampling import upsample

        height, width = self._page.shape
        return upsample(
            picture,
            height=height,
            width=width,
            settings=self._settings.target,
            device=device,
            on_done=enlarging,
        )

    def weights(self) -> Plane | None:
        """Return how much each pixel counts, float32 (h, w); None where all count alike.

        What is unknown counts nothing where it is not filled.
        """
        return self._plane([self._weights(picture) for picture in self._pictures], usual=1.0)

    def _weights(self, picture: Picture) -> Plane | None:
        if picture.unknown is None or picture.fills:
            return picture.weights
        known = np.float32(1) - picture.unknown
        return known if picture.weights is None else known * picture.weights

    def order(self) -> Plane | None:
        """Return after which part of the training each pixel is learned, float32 (h, w), or None.

        None is for all of them from the start.
        """
        return self._plane([picture.order for picture in self._pictures], usual=0.0)

    def _plane(self, planes: Sequence[Plane | None], *, usual: float) -> Plane | None:
        """Return planes of the pictures' own sizes as one of the raster's."""
        if all(plane is None for plane in planes):
            return None
        first = self._pictures[0]
        rows, columns = (
            _nearest(own, count)
            for own, count in zip((first.height, first.width), self._page.shape, strict=True)
        )
        return np.concatenate(
            [
                np.full(self._page.shape, usual, np.float32)
                if plane is None
                else plane[rows[:, None], columns]
                for plane in planes
            ]
        )


def _smoothed(pixels: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return pixels (h, w, 3) whose hole, bool (h, w), has the colours of what is around it."""
    import torch

    from neuralpaint.restoration.smooth_fill import fill_smoothly

    levels = torch.from_numpy(pixels).permute(2, 0, 1).float()
    smooth = fill_smoothly(levels, torch.from_numpy(hole)).round_().clamp_(0, 255).byte()
    return smooth.permute(1, 2, 0).contiguous().numpy()


def _nearest(own: int, count: int) -> NDArray[np.int64]:
    """Return which of `own` pixels along a side lies at each of `count`, more or fewer of them.

    Fewer are every so many from the first, as `split` has them.
    """
    if count < own:
        return np.arange(0, own, -(-own // count))
    return (2 * np.arange(count, dtype=np.int64) + 1) * own // (2 * count)


def _parts(look: DoneCallback, count: int) -> list[DoneCallback]:
    """Return what is told how much is done of each of so many equal parts of the work."""
    return [part_of(look, first=i / count, last=(i + 1) / count) for i in range(count)]
