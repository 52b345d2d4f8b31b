"""Features are the inputs of the first layer: functions of the coordinates of a point.

A network learns smooth functions of its inputs first, so over (x, y) itself it learns fine detail
late or never. Waves change that: two points a pixel apart have nearly the same coordinates, but
different values of a wave whose length is a few pixels. With a table of frequencies B (m, 2) and
v = ((x, y) + 1) / 2

    phi(v) = [cos 2 pi B v, sin 2 pi B v]              (n, 2 m)

(Tancik et al. 2020, equation 5). Waves along x and waves along y are two such tables. Features have
no parameters, so they have no backward pass.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from neuralpaint.scratch.layers import Array

__all__ = ["Code", "Coordinates", "Features", "Harmonics", "Waves"]


class Features(ABC):
    """Maps points (n, 2), x first, to features (n, width)."""

    width: int
    spectrum: Array
    """Standard deviation of the initial weights of a sine network for each feature, (width,)."""

    @abstractmethod
    def __call__(self, points: Array) -> Array:
        """Return the features, in memory that the next call overwrites."""


class Coordinates(Features):
    """The coordinates themselves."""

    width = 2
    spectrum = np.full(2, 40.0)

    def __call__(self, points: Array) -> Array:
        """Return the points."""
        return points


class Code(Features):
    """The code of a picture as features: the network is called with codes (n, k), not points."""

    def __init__(self, buttons: int) -> None:
        self.width = buttons
        self.spectrum = np.ones(buttons)

    def __call__(self, points: Array) -> Array:
        """Return the code."""
        return points


class Waves(Features):
    """Cosines and sines of tables of frequencies, one table after the other."""

    def __init__(self, frequencies: NDArray[np.float32], *, separable: bool = False) -> None:
        """Take B (m, 2), in periods along the longer side of the picture, x first.

        If `separable`, one of the two frequencies in each row is 0, and the waves along x come
        before those along y.
        """
        self._tables = [frequencies]
        if separable:
            self._tables = [frequencies[frequencies[:, axis] != 0] for axis in (0, 1)]
        self.width = 2 * len(frequencies)
        self._features: Array = np.empty((0, self.width), np.float32)
        falling = (8.0 if separable else 4.0) * _falling(np.concatenate(self._tables))
        ends = np.cumsum([len(table) for table in self._tables])[:-1]
        self.spectrum = np.concatenate([np.tile(part, 2) for part in np.split(falling, ends)])

    def __call__(self, points: Array) -> Array:
        """Return [cos 2 pi B v, sin 2 pi B v]."""
        n, start = len(points), 0
        if len(self._features) < n or self._features.dtype != points.dtype:
            self._features = np.empty((n, self.width), points.dtype)
        features = self._features[:n]
        for table in self._tables:
            angles = (points + 1) / 2 @ table.T.astype(points.dtype)
            angles *= 2 * math.pi
            middle, end = start + len(table), start + 2 * len(table)
            np.cos(angles, out=features[:, start:middle])
            np.sin(angles, out=features[:, middle:end])
            start = end
        return features


class Harmonics(Features):
    """Per axis t = pi x: sin(k t) and cos(k t) for k = 1..order, and t itself, (n, 4 order + 2)."""

    def __init__(self, order: int) -> None:
        self.width = 4 * order + 2
        self._orders = np.arange(1, order + 1)
        falling = self._orders**-1.5
        falling = 8.0 * falling / math.sqrt(2 * np.sum(falling**2))
        self.spectrum = np.tile(np.concatenate([falling, falling, [0.0]]), 2)

    def __call__(self, points: Array) -> Array:
        """Return the harmonics of x, then those of y."""
        angles = math.pi * points  # (n, 2)
        phases = angles[:, :, None] * self._orders.astype(points.dtype)  # (n, 2, order)
        parts = [np.sin(phases), np.cos(phases), angles[:, :, None]]
        return np.concatenate(parts, axis=2).reshape(len(points), self.width)


def _falling(frequencies: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return deviations (m,) that fall like 1 / frequency, as the spectrum of a photograph does."""
    lengths = np.sqrt(np.sum(np.square(frequencies, dtype=np.float64), axis=1))
    falling = 1 / np.maximum(lengths, 1)
    normal: NDArray[np.float64] = falling / math.sqrt(np.sum(falling**2))
    return normal
