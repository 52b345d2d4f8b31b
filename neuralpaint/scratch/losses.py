"""A loss measures the error of the colours as one number; steps against its gradient reduce it.

With prediction P and target T (n, 3), E = P - T, each loss is the mean of a distance d(E) over the
N = 3 n entries, and its gradient is the derivative of the distance over N:

    L = sum of d(E) / N          dL/dP = d'(E) / N

             d(E)                                    d'(E)
    mse      E^2                                     2 E
    mae      |E|                                     sign E
    huber    E^2 / 2 where |E| <= delta,             E where |E| <= delta,
             delta (|E| - delta / 2) elsewhere       delta sign E elsewhere

The Huber loss (1964) is quadratic near 0 and linear beyond delta, with the slope delta where the
two meet, so its derivative is E clipped to [-delta, delta].

If pixels have weights w, w / (3 times the sum of w) replaces 1 / N.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from neuralpaint.scratch.layers import Array
from neuralpaint.training.losses import LEAST_WEIGHT

__all__ = ["LOSSES", "MAE", "MSE", "Huber", "Loss"]


class Loss(ABC):
    """A mean over the pixels and channels of a batch."""

    @abstractmethod
    def distance(self, error: Array) -> Array:
        """Return d(E), entry by entry."""

    @abstractmethod
    def slope(self, error: Array) -> Array:
        """Return d'(E), entry by entry; `error` may be overwritten."""

    def value(self, prediction: Array, target: Array, weights: Array | None = None) -> float:
        """Return the loss of colours (n, 3) against the target's, both in [0, 1].

        `weights` (n, 1) are at least 0.
        """
        distances = self.distance(prediction - target)
        if weights is None:
            return float(np.mean(distances))
        return float(np.sum(_shares(weights, distances) * distances))

    def gradient(self, prediction: Array, target: Array, weights: Array | None = None) -> Array:
        """Return dL/dprediction (n, 3) in a new array."""
        slopes = self.slope(prediction - target)
        slopes *= 1 / slopes.size if weights is None else _shares(weights, slopes)
        return slopes


def _shares(weights: Array, entries: Array) -> Array:
    """Return w / (3 sum w), (n, 1), for entries (n, 3)."""
    total = entries.shape[1] * float(np.sum(weights))
    return np.asarray(weights / max(total, LEAST_WEIGHT), entries.dtype)


class MSE(Loss):
    """Mean squared error."""

    def distance(self, error: Array) -> Array:
        """Return E^2."""
        return np.square(error)

    def slope(self, error: Array) -> Array:
        """Return 2 E."""
        error *= 2
        return error


class MAE(Loss):
    """Mean absolute error."""

    def distance(self, error: Array) -> Array:
        """Return |E|."""
        return np.abs(error)

    def slope(self, error: Array) -> Array:
        """Return sign E."""
        return np.sign(error, out=error)


class Huber(Loss):
    """Quadratic near 0, linear beyond delta."""

    def __init__(self, delta: float) -> None:
        self.delta = delta

    def distance(self, error: Array) -> Array:
        """Return near (|E| - near / 2), where near is min(|E|, delta)."""
        far = np.abs(error)
        near = np.minimum(far, self.delta)
        return near * (far - near / 2)

    def slope(self, error: Array) -> Array:
        """Return E, clipped to [-delta, delta]."""
        return np.clip(error, -self.delta, self.delta, out=error)


LOSSES: dict[str, Callable[[Any], Loss]] = {
    "mse": lambda entry: MSE(),
    "mae": lambda entry: MAE(),
    "huber": lambda entry: Huber(entry.delta),
}
"""By registered name, a function that converts an entry to this engine's loss."""
