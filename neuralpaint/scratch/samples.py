"""Samples are what a batch is made of: what the network is given, and what it should answer.

For a network over coordinates a sample is a pixel: its place (2,) and its colour (3,). For buttons
it is a picture: its code (k,) and all its colours (3 h w,). To layers and losses both are rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from neuralpaint.scratch.layers import Array
from neuralpaint.training.lesson import Lesson

__all__ = ["Pages", "Pixels", "Samples"]

_LEVEL = np.float32(1 / 255)


class Samples(ABC):
    """Rows to learn; `answers` are levels, uint8 (samples, outputs)."""

    answers: NDArray[np.uint8]

    @abstractmethod
    def given(self, batch: NDArray[np.int64]) -> Array:
        """Return what the network is given for samples (n,), as rows (n, inputs)."""

    def colours(self, batch: NDArray[np.int64]) -> Array:
        """Return what it should answer, (n, outputs) in [0, 1]."""
        return self.answers[batch] * _LEVEL

    def weights(self, batch: NDArray[np.int64], progress: float) -> Array | None:
        """Return how much each counts after a part of the training, (n, 1); None for all alike."""
        return None


class Pixels(Samples):
    """The pixels of a picture, row by row."""

    def __init__(self, lesson: Lesson, pixels: NDArray[np.uint8]) -> None:
        """Take the lesson of a picture, and its colours (h, w, 3)."""
        self.answers = pixels.reshape(-1, 3)
        self._grid = lesson.grid
        self._weights, self._order = (
            None if plane is None else plane.reshape(-1, 1)
            for plane in (lesson.weights(), lesson.order())
        )

    def given(self, batch: NDArray[np.int64]) -> Array:
        """Return where the pixels lie, (n, 2), x first."""
        rows, columns = np.divmod(batch, self._grid.x.shape[1])
        return np.stack([self._grid.x[0, columns], self._grid.y[rows, 0]], axis=1)

    def weights(self, batch: NDArray[np.int64], progress: float) -> Array | None:
        """Return their weights, 0 for those whose time has not come."""
        weights = None if self._weights is None else self._weights[batch]
        if self._order is None:
            return weights
        begun = np.asarray(self._order[batch] <= progress, np.float32)
        return begun if weights is None else begun * weights


class Pages(Samples):
    """The pictures of an album."""

    def __init__(self, pixels: NDArray[np.uint8], codes: NDArray[np.float32]) -> None:
        """Take the pictures one below the other (pictures h, w, 3), and their codes."""
        self.answers = pixels.reshape(len(codes), -1)
        self._codes = codes

    def given(self, batch: NDArray[np.int64]) -> Array:
        """Return the codes of the pictures, (n, k)."""
        return self._codes[batch]
