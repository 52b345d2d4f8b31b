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

    def learned(self, original: Octaves) -> NDArray[np.float64]:
        """Return how much of each octave of an original this picture has, (octaves,) in [0, 1].

        That is 1 - the energy of the difference / the energy of the original, and 0 where the
        difference is larger. The finest octave is the first one. An octave without contrast counts
        as learned.
        """
        shares = []
        for band, own in zip(original._bands, self._bands, strict=True):
            mean = 0.0 if band is not original._bands[-1] else band.mean((0, 1))
            error = np.square(band - own).mean(dtype=np.float64)
            energy = np.square(band - mean).mean(dtype=np.float64)
            shares.append(1 - error / max(energy, _LEAST_CONTRAST**2))
        return np.array(shares).clip(0, 1)


def _spread(colours: NDArray[np.float32]) -> float:
    mean = colours.reshape(-1, colours.shape[-1]).mean(0, dtype=np.float64).astype(np.float32)
    return float(np.abs(colours - mean).mean(dtype=np.float64))
