"""How near a frame is to the picture: the peak signal-to-noise ratio."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["psnr", "psnr_of_mse"]

_ROWS = 256  # keeps the temporary arrays of a very large frame small


def psnr(frame: NDArray[np.uint8], reference: NDArray[np.uint8]) -> float:
    """Return the PSNR in dB of two uint8 pictures of one shape; infinite where they are equal.

    PSNR = 10 log10(255^2 / MSE), the mean taken over all pixels and channels.

    Raises:
        ValueError: the shapes differ.
    """
    if frame.shape != reference.shape:
        raise ValueError(f"shapes differ: {frame.shape} and {reference.shape}")
    total = 0
    for top in range(0, len(frame), _ROWS):
        difference = np.subtract(
            frame[top : top + _ROWS], reference[top : top + _ROWS], dtype=np.int16
        ).astype(np.int32)
        total += int(np.sum(difference * difference, dtype=np.int64))
    return psnr_of_mse(total / (frame.size * 255**2))


def psnr_of_mse(mse: float) -> float:
    """Return the PSNR in dB of a mean squared error of colours in [0, 1]."""
    if mse > 0:
        return -10 * math.log10(mse)
    return math.inf if mse == 0 else math.nan
