"""Compression: whether a picture was a JPEG file once, and how coarsely that was rounded.

JPEG rounds the coefficients of each block's cosine transform to multiples of a step, one for each
of its 8 x 8 frequencies. However the pixels came here, their coefficients still cluster at these
multiples (Fan and de Queiroz 2003, Identification of bitmap compression history, IEEE TIP 12), as
long as nobody has shifted or resampled them. 30 photographs without that past showed no step but
once or twice, and from 15 to 60 of the true ones at qualities from 10 to 95. Above, less is rounded
off than by the pixels being whole numbers.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from neuralpaint.restoration.super_resolution.planes import LUMA
from neuralpaint.restoration.super_resolution.rounding import COSINES, SIDE, Rounding

__all__ = ["rounding_of"]

_SAMPLE = 4096  # blocks that are looked at
_COARSEST = 255  # step that a file can have
_FEWEST_VALUES = 12  # other than 0, that tell a step
_FEWEST_STEPS = 8  # found, that tell a JPEG file; drawings have shown 4 at times
_CLUSTERED = 0.8  # mean cosine of values around multiples of a step

# The example of the JPEG standard (ITU-T T.81, table K.1), of which most programs take a multiple.
_USUAL = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
)


def rounding_of(pixels: NDArray[np.uint8]) -> Rounding | None:
    """Return how JPEG has rounded the pixels (h, w, 3) of a whole picture, if it has."""
    coefficients = _coefficients(pixels)
    found = np.array([_step(values) for values in coefficients.T]).reshape(SIDE, SIDE)
    known = found > 0
    if np.count_nonzero(known) < _FEWEST_STEPS:
        return None
    # Frequencies at which all is 0 do not tell.
    usual = _USUAL * np.median(found[known] / _USUAL[known])
    usual = usual.clip(1, _COARSEST)
    return Rounding(torch.from_numpy(np.where(known, found, usual) / 255).float())


def _coefficients(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return moduli (blocks, 64) of luma's coefficients, of a sample of all blocks.

    Blocks that reach black or white are left out: there more was rounded off than the file's steps.
    """
    down, across = (side // SIDE for side in pixels.shape[:2])
    count = down * across
    chosen = np.arange(0, count, max(1, count // _SAMPLE))
    row, column = np.divmod(chosen, max(1, across))
    grid = pixels[: SIDE * down, : SIDE * across].reshape(down, SIDE, across, SIDE, 3)
    blocks = grid[row, :, column]  # (blocks, 8, 8, 3)
    inside = (blocks.min((1, 2, 3), initial=255) > 0) & (blocks.max((1, 2, 3), initial=0) < 255)
    luma = blocks[inside] @ np.array(LUMA) - 128
    moduli: NDArray[np.float64] = np.abs(COSINES @ luma @ COSINES.T)
    return moduli.reshape(-1, SIDE * SIDE)


def _step(values: NDArray[np.float64]) -> int:
    """Return the step of which all values are about multiples, or 0.

    It is at least 2: rounding of pixels hides a finer one.
    """
    # What is drawn and not photographed repeats a value exactly, which tells nothing.
    values = np.unique(values.round(2))
    best, step = _CLUSTERED, 0
    for candidate in range(2, _COARSEST + 1):
        others = values[np.searchsorted(values, candidate / 2) :]
        if len(others) < _FEWEST_VALUES:
            break
        clustered = float(np.cos(others * (2 * math.pi / candidate)).mean())
        if clustered > best:
            best, step = clustered, candidate
    return step
