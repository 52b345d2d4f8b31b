"""PSNR over all pixels of a picture, over those that are learned, and over those held out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuralpaint.canvas import Grid
from neuralpaint.metrics import psnr_of_mse
from neuralpaint.pictures import Picture
from neuralpaint.rendering import Exposure
from neuralpaint.split import TrainOn, held_out

if TYPE_CHECKING:
    from neuralpaint.painting import Painting

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
        seen = Exposure(painting, Grid(grid.x[:, ::stride], grid.y[::stride])).frame()
        return self._scores(seen, stride)

    def _scores(self, frame: NDArray[np.uint8], stride: int) -> Scores:
        reference = self._picture.pixels[::stride, ::stride]
        away = np.subtract(frame, reference, dtype=np.int16).astype(np.int32)
        errors = np.square(away).sum(axis=2)
        if self._held_out is None:
            every = _psnr(errors)
            return Scores(every, every, None)
        out = self._held_out[::stride, ::stride]
        return Scores(_psnr(errors), _psnr(errors[~out]), _psnr(errors[out]))


def _psnr(errors: NDArray[np.int32]) -> float:
    """Return the PSNR of squared errors, each the sum over three channels."""
    if not errors.size:
        return math.nan
    return psnr_of_mse(int(errors.sum(dtype=np.int64)) / (3 * errors.size * 255**2))
