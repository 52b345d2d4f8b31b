"""An optimizer moves the weights down the gradient.

All weights of a network lie in one vector w (k,), their gradients in another, g (k,), so a rule is
written once and holds for everything. At step t = 1, 2, ... with the learning rate lr:

    SGD      v = momentum v + g                        (Polyak 1964)
             w = w - lr v
             or, looking ahead,  w = w - lr (g + momentum v)           (Nesterov 1983)

    Adam     m = beta1 m + (1 - beta1) g               a mean of gradients
             s = beta2 s + (1 - beta2) g^2             and of their squares
             w = w - lr (m / (1 - beta1^t)) / (sqrt(s / (1 - beta2^t)) + eps)

The divisors make up for m and s beginning at 0. Each weight moves by about lr, however small its
gradient (Kingma & Ba 2015). AdamW first shrinks the weights, w = (1 - lr decay) w, apart from the
gradient (Loshchilov & Hutter 2019).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np

from neuralpaint.scratch.layers import Array

__all__ = ["SGD", "Adam", "Optimizer"]


class Optimizer(ABC):
    """Moves one vector of weights, step after step."""

    @abstractmethod
    def move(self, weights: Array, gradient: Array, *, lr: float) -> None:
        """Move the weights (k,) in place, given their gradient (k,), which may be overwritten."""


class SGD(Optimizer):
    """Stochastic gradient descent with momentum."""

    def __init__(self, *, momentum: float, nesterov: bool) -> None:
        self._momentum = momentum
        self._nesterov = nesterov
        self._velocity: Array | None = None

    def move(self, weights: Array, gradient: Array, *, lr: float) -> None:
        """Move along the velocity, or along where it leads."""
        if self._velocity is None:
            self._velocity = np.zeros_like(weights)
        velocity = self._velocity
        velocity *= self._momentum
        velocity += gradient
        if self._nesterov:
            gradient += self._momentum * velocity
            weights -= lr * gradient
        else:
            weights -= lr * velocity


class Adam(Optimizer):
    """Adam, and with `weight_decay` AdamW."""

    def __init__(
        self,
        *,
        beta1: float,
        beta2: float,
        eps: float,
        weight_decay: float = 0.0,
    ) -> None:
        self._beta1, self._beta2, self._eps = beta1, beta2, eps
        self._weight_decay = weight_decay
        self._steps = 0
        self._moments: tuple[Array, Array] | None = None

    def move(self, weights: Array, gradient: Array, *, lr: float) -> None:
        """Move by the mean gradient over the root of the mean square."""
        if self._moments is None:
            self._moments = np.zeros_like(weights), np.zeros_like(weights)
        mean, square = self._moments
        self._steps += 1
        mean += (1 - self._beta1) * (gradient - mean)
        square *= self._beta2
        np.square(gradient, out=gradient)
        gradient *= 1 - self._beta2
        square += gradient
        if self._weight_decay:
            weights *= 1 - lr * self._weight_decay
        move = np.sqrt(square, out=gradient)
        move /= math.sqrt(1 - self._beta2**self._steps)
        move += self._eps
        np.divide(mean, move, out=move)
        move *= lr / (1 - self._beta1**self._steps)
        weights -= move
