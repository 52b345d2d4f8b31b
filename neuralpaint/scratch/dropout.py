"""Dropout forgets some values at random, so that no unit can rely on a single other one.

With a mask M of independent entries, 0 with probability p and 1 / (1 - p) otherwise (Srivastava et
al. 2014):

    forward      Y = X * M       of which the mean over all masks is X
    backward     dL/dX = G * M

The scale makes up for what is lost, so in rendering there is nothing to do: Y = X.
"""

from __future__ import annotations

import numpy as np

from neuralpaint.scratch.layers import Array, Layer

__all__ = ["Dropout"]


class Dropout(Layer):
    """Drops each value with a probability, in training."""

    def __init__(self, probability: float, rng: np.random.Generator) -> None:
        """Take p, in [0, 1), and what to draw masks from."""
        super().__init__()
        self.rng = rng
        self._keep = 1 - probability

    def forward(self, values: Array, *, training: bool) -> Array:
        """Multiply by a fresh mask."""
        if not training:
            return values
        self.mask = self._room("mask", values.shape, values.dtype)
        self.rng.random(dtype=values.dtype.type, out=self.mask)
        np.less(self.mask, self._keep, out=self.mask, casting="unsafe")  # 1 or 0
        self.mask /= self._keep
        values *= self.mask
        return values

    def input_gradient(self, gradient: Array) -> Array:
        """Multiply by the same mask."""
        gradient *= self.mask
        return gradient
