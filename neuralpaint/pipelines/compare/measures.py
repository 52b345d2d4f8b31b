"""PSNR over all pixels of a picture, over those that are learned, and over those held out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuralpaint.image.canvas import Grid
from neuralpaint.image.metrics import psnr
from neuralpaint.image.pictures import Picture, TrainOn, held_out
from neuralpaint.rendering.rendering import PendingFrame

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = ["Judge", "Scores"]

_GLANCE = 1 << 18  # pixels that are all seen; fewer, where edges are worst, mislead by up to 1 dB


class Scores(NamedTuple):
    """PSNR in dB."""

    all: float
    train: float
    held_out: float | None  # None where every pixel is learned


class Judge:
    """Measures frames, uint8 (height, width, 3), against one picture."""

    def __init__(self, picture: Picture, train_on: TrainOn) -> None:
        self._picture = picture
        self._held_out = None if train_on == "all" else held_out(picture, train_on)
        # Odd, so that it falls in step neither with the split nor with planes of features.
        self._stride = math.ceil(math.sqrt(picture.height * picture.width / _GLANCE)) | 1

    def judge(self, frame: NDArray[np.uint8]) -> Scores:
        """Return the scores of a frame of the picture's size."""
        return self._scores(frame, 1)

    def glance(self, painting: Painting) -> Scores:
        """Return the same of a painting; of a large picture it is rendered at some pixels only."""
        grid, stride = self._picture.canvas.grid(), self._stride
        seen = PendingFrame(painting, Grid(grid.x[:, ::stride], grid.y[::stride])).frame()
        return self._scores(seen, stride)

    def _scores(self, frame: NDArray[np.uint8], stride: int) -> Scores:
        reference = self._picture.pixels[::stride, ::stride]
        every = psnr(frame, reference)
        if self._held_out is None:
            return Scores(every, every, None)
        out = self._held_out[::stride, ::stride]
        return Scores(every, _psnr_at(~out, frame, reference), _psnr_at(out, frame, reference))


def _psnr_at(
    there: NDArray[np.bool_], frame: NDArray[np.uint8], reference: NDArray[np.uint8]
) -> float:
    """Return the PSNR over some of the pixels, (h, w); NaN of none."""
    return psnr(frame[there][None], reference[there][None]) if there.any() else math.nan
