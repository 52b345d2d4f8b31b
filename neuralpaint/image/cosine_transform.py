"""The discrete cosine transform of a picture: its detail as waves, from coarse to fine."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["cosine_transform", "frequencies"]


def cosine_transform(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the orthonormal discrete cosine transform (DCT-II) of values (h, w).

    It keeps the sum of the squares.
    """
    waves = values.astype(np.float64)
    for _ in range(2):
        waves = _along_rows(waves).T
    return waves


def frequencies(height: int, width: int) -> NDArray[np.float64]:
    """Return the frequency of each wave (height, width), in waves per pixel, at most 0.71."""
    rows, columns = (np.arange(n) / (2 * n) for n in (height, width))
    return np.hypot(rows[:, None], columns)


def _along_rows(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the DCT of each row by one FFT (Makhoul 1980): even values, then odd ones reversed."""
    n = values.shape[1]
    mixed = np.concatenate([values[:, ::2], values[:, 1::2][:, ::-1]], axis=1)
    turns = np.exp(-0.5j * np.pi * np.arange(n) / n)
    waves: NDArray[np.float64] = (np.fft.fft(mixed, axis=1) * turns).real * math.sqrt(2 / n)
    waves[:, 0] /= math.sqrt(2)
    return waves
