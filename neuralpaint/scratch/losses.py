"""A loss says how wrong the colours are, in one number; its gradient says which way is better.

With prediction P and target T (n, 3), E = P - T, and N = 3 n entries, each is a mean over them:

    mse      mean of E^2                                      dL/dP = 2 E / N
    mae      mean of |E|                                      dL/dP = sign E / N
    huber    mean of E^2 / 2 where |E| <= delta,              dL/dP = E / N there,
             of delta (|E| - delta / 2) elsewhere             delta sign E / N elsewhere

The Huber loss (1964) is the square near 0 and the line far off, and both have the slope delta where
they meet: its gradient is E cut to [-delta, delta].
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from neuralpaint.scratch.layers import Array

__all__ = ["MAE", "MSE", "Huber", "Loss"]


class Loss(ABC):
    """A mean over the pixels and channels of a batch."""

    @abstractmethod
    def value(self, prediction: Array, target: Array) -> float:
        """Return the loss of colours (n, 3) against the target's, both in [0, 1]."""

    @abstractmethod
    def gradient(self, prediction: Array, target: Array) -> Array:
        """Return dL/dprediction (n, 3), in memory of its own."""


class MSE(Loss):
    """Mean squared error."""

    def value(self, prediction: Array, target: Array) -> float:
        """Return mean(E^2)."""
        return float(np.mean(np.square(prediction - target)))

    def gradient(self, prediction: Array, target: Array) -> Array:
        """Return 2 E / N."""
        error = prediction - target
        error *= 2 / error.size
        return error


class MAE(Loss):
    """Mean absolute error."""

    def value(self, prediction: Array, target: Array) -> float:
        """Return mean(|E|)."""
        return float(np.mean(np.abs(prediction - target)))

    def gradient(self, prediction: Array, target: Array) -> Array:
        """Return sign E / N."""
        error = prediction - target
        np.sign(error, out=error)
        error /= error.size
        return error


class Huber(Loss):
    """Squared near 0, absolute beyond delta."""

    def __init__(self, delta: float) -> None:
        """Take the error, above 0, at which the square becomes a line."""
        self.delta = delta

    def value(self, prediction: Array, target: Array) -> float:
        """Return the mean of near (|E| - near / 2), where near is |E| but at most delta."""
        error = np.abs(prediction - target)
        near = np.minimum(error, self.delta)
        return float(np.mean(near * (error - near / 2)))

    def gradient(self, prediction: Array, target: Array) -> Array:
        """Return E / N, cut to +-delta / N."""
        error = prediction - target
        np.clip(error, -self.delta, self.delta, out=error)
        error /= error.size
        return error
