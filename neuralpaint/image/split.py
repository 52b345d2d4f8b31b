"""The split: which pixels of a picture are learned, and which are held out for a test."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from neuralpaint.image.canvas import Grid
from neuralpaint.image.pictures import Picture

__all__ = ["TrainOn", "held_out", "pixels_to_learn"]

TrainOn = Literal["all", "every-other"]
"""All pixels, or one of each 2 x 2, the split of Tancik et al. 2020, section 6."""

_STRIDES: dict[TrainOn, int] = {"all": 1, "every-other": 2}


def pixels_to_learn(picture: Picture, train_on: TrainOn) -> tuple[NDArray[np.uint8], Grid]:
    """Return the pixels to learn, uint8 (h, w, 3), C-contiguous, and where they lie.

    All of a picture's pixels are shared with it, not copied.
    """
    grid, stride = picture.canvas.grid(), _STRIDES[train_on]
    pixels = np.ascontiguousarray(picture.pixels[::stride, ::stride])
    return pixels, Grid(grid.x[:, ::stride], grid.y[::stride])


def held_out(picture: Picture, train_on: TrainOn) -> NDArray[np.bool_]:
    """Return which pixels of a picture are not learned, (height, width)."""
    out = np.ones((picture.height, picture.width), bool)
    stride = _STRIDES[train_on]
    out[::stride, ::stride] = False
    return out
