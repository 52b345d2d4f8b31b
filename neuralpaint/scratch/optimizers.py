"""An optimizer moves the weights down the gradient.

All weights of a network are one vector w (k,) and their gradients another, g (k,), so an update
rule is written once for all of them. At step t = 1, 2, ... with the learning rate lr:

    SGD      v = momentum v + g                        (Polyak 1964)
             w = w - lr v
             or, with nesterov,  w = w - lr (g + momentum v)           (Nesterov 1983)

    Adam     m = beta1 m + (1 - beta1) g               a mean of gradients
             s = beta2 s + (1 - beta2) g^2             and of their squares
             w = w - lr (m / (1 - beta1^t)) / (sqrt(s / (1 - beta2^t)) + eps)

The divisors correct for the initial m = s = 0. Each weight moves by about lr, however small its
gradient is (Kingma & Ba 2015). AdamW first shrinks the weights, w = (1 - lr decay) w, independently
of the gradient (Loshchilov & Hutter 2019).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from neuralpaint.runtime.state import State
from neuralpaint.scratch.layers import Array

__all__ = ["OPTIMIZERS", "SGD", "Adam", "Optimizer"]

_EMPTY: Array = np.empty(0, np.float32)


class Optimizer(ABC):
    """Updates one vector of weights at every step."""

    @abstractmethod
    def move(self, weights: Array, gradient: Array, *, lr: float) -> None:
        """Update the weights (k,) in place by their gradient (k,), which may be overwritten."""

    @abstractmethod
    def state(self) -> State:
        """Return a copy of its vectors, which are empty before the first step."""

    @abstractmethod
    def form(self, state: State, *, weights: Array) -> State:
        """Return arrays with the names, types and shapes that `state` must have to fit."""

    @abstractmethod
    def restore(self, state: State) -> None:
        """Continue from a `state` of the right form."""


class SGD(Optimizer):
    """Stochastic gradient descent with momentum."""

    def __init__(self, *, momentum: float, nesterov: bool, raw: float = 1.0) -> None:
        """Take the decay of the velocity; `raw` multiplies every learning rate."""
        self._momentum, self._raw = momentum, raw
        self._nesterov = nesterov
        self._velocity = _EMPTY

    def move(self, weights: Array, gradient: Array, *, lr: float) -> None:
        """Move along the velocity; with nesterov, along the velocity after another such step."""
        if not self._velocity.size:
            self._velocity = np.zeros_like(weights)
        velocity, lr = self._velocity, lr * self._raw
        velocity *= self._momentum
        velocity += gradient
        if self._nesterov:
            gradient += self._momentum * velocity
            weights -= lr * gradient
        else:
            weights -= lr * velocity

    def state(self) -> State:
        """Return the velocity (k,)."""
        return {"velocity": self._velocity.copy()}

    def form(self, state: State, *, weights: Array) -> State:
        """Return the form of the velocity."""
        has_moved = state.get("velocity", _EMPTY).size
        return {"velocity": weights if has_moved else _EMPTY}

    def restore(self, state: State) -> None:
        """Restore the velocity."""
        self._velocity = state["velocity"].copy()


class Adam(Optimizer):
    """Adam; with `weight_decay`, AdamW."""

    def __init__(
        self, *, beta1: float, beta2: float, eps: float, weight_decay: float = 0.0
    ) -> None:
        self._beta1, self._beta2, self._eps = beta1, beta2, eps
        self._weight_decay = weight_decay
        self._steps = 0
        self._moments = _EMPTY, _EMPTY

    def move(self, weights: Array, gradient: Array, *, lr: float) -> None:
        """Move by the mean gradient divided by the root of the mean square."""
        if self._steps == 0:
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

    def state(self) -> State:
        """Return both means (k,) and the number of steps."""
        mean, square = self._moments
        return {"mean": mean.copy(), "square": square.copy(), "steps": np.array(self._steps)}

    def form(self, state: State, *, weights: Array) -> State:
        """Return the form of both means and of the number of steps."""
        steps = state.get("steps", np.array(0))
        vector = weights if np.any(steps) else _EMPTY
        return {"mean": vector, "square": vector, "steps": np.array(0)}

    def restore(self, state: State) -> None:
        """Restore the means and the number of steps."""
        self._steps = state["steps"].item()
        self._moments = state["mean"].copy(), state["square"].copy()


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": lambda entry, raw: SGD(momentum=entry.momentum, nesterov=entry.nesterov, raw=raw),
    "adam": lambda entry, raw: _adam(entry),
    "adamw": lambda entry, raw: _adam(entry, weight_decay=entry.weight_decay),
}
"""By registered name, a function that converts an entry to this engine's optimizer.

`raw` multiplies the learning rates of optimizers whose steps are proportional to the gradient.
"""


def _adam(entry: Any, **options: float) -> Adam:
    return Adam(beta1=entry.beta1, beta2=entry.beta2, eps=entry.eps, **options)
