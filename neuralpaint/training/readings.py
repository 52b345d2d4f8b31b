"""Readings: how long a training took to one step, and what its losses add up to by then."""

from __future__ import annotations

import math
from typing import Self

import numpy as np

from neuralpaint.errors import DivergedError
from neuralpaint.runtime.state import State

__all__ = ["Reading", "diverged"]


class Reading:
    """How far a training had come at one step."""

    def __init__(self, step: int, *, seconds: float = 0.0, total: float = 0.0) -> None:
        self.step = step
        self._seconds = seconds
        self._total = total

    @classmethod
    def of(cls, state: State) -> Self:
        """Return the reading whose `state` that was; other names in it are left alone."""
        step, seconds, total = (state[name].item() for name in ("step", "seconds", "total"))
        return cls(step, seconds=seconds, total=total)

    def state(self) -> State:
        """Return its numbers, waited for.

        Raises:
            DivergedError: the loss is NaN or infinite.
        """
        numbers = {"step": self.step, "seconds": float(self.seconds), "total": float(self.total)}
        return {name: np.array(number) for name, number in numbers.items()}

    @property
    def seconds(self) -> float:
        """Time spent training so far."""
        return self._seconds

    @property
    def total(self) -> float:
        """Sum of the losses of all steps so far."""
        return self._total

    def mean_since(self, earlier: Reading) -> float:
        """Return the mean loss of the steps since an earlier reading; NaN where there are none.

        Raises:
            DivergedError: a device tells only now that it is NaN or infinite.
        """
        steps = self.step - earlier.step
        return (self.total - earlier.total) / steps if steps else math.nan


def diverged(step: int, loss: float, *, advice: str) -> DivergedError:
    """Return the error for a mean loss that is no number."""
    return DivergedError(f"the loss became {loss} by step {step}: {advice}")
