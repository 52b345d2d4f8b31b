"""Visible change: how much two renders of a painting differ for the eye, octave by octave.

The eye compares a change of detail with the contrast of that detail: a shift of the sky by some
levels counts as much as a shift of fine texture by a fraction of a level. So a picture is divided
into octaves of detail (a Laplacian pyramid; Burt and Adelson, 1983), changes are measured for each
octave, and each is divided by the contrast of its octave in the finished picture.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["Octaves"]

_SMALLEST = 2  # pixels of the shorter side of the coarsest octave
_LEAST_CONTRAST = 0.5 / 255  # a change within less contrast is not visible


class Octaves:
    """A small picture, divided into octaves of detail."""

    def __init__(self, colours: NDArray[np.float32]) -> None:
        """Divide colours (h, w, channels), in [0, 1]."""
        self._colours = colours
        self._bands: list[NDArray[np.float32]] = []  # the finest first
        while min(colours.shape[:2]) >= 2 * _SMALLEST:
            height, width = (side // 2 for side in colours.shape[:2])
            blocks = colours[: 2 * height, : 2 * width].reshape(height, 2, width, 2, -1)
            colours = blocks.mean((1, 3), dtype=np.float32)
            self._bands.append(blocks - colours[:, None, :, None])
        self._bands.append(colours)

    @cached_property
    def spread(self) -> float:
        """The mean absolute difference of the colours from their mean, in [0, 0.5]."""
        return _spread(self._colours)

    @cached_property
    def contrast(self) -> NDArray[np.float64]:
        """The spread of the colours of each octave, at least 0.5 levels, (octaves,)."""
        return np.maximum(_LEAST_CONTRAST, [_spread(band) for band in self._bands])

    def change(self, before: Octaves) -> NDArray[np.float64]:
        """Return the mean absolute change of each octave, (octaves,), from a picture as large."""
        pairs = zip(self._bands, before._bands, strict=True)
        return np.array([np.abs(band - other).mean(dtype=np.float64) for band, other in pairs])


def _spread(colours: NDArray[np.float32]) -> float:
    mean = colours.reshape(-1, colours.shape[-1]).mean(0, dtype=np.float64).astype(np.float32)
    return float(np.abs(colours - mean).mean(dtype=np.float64))
