"""Schedules: the learning rate during a training, as a factor of the initial rate."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings, setting
from neuralpaint.runtime.state import State

__all__ = [
    "AdaptiveHalving",
    "Constant",
    "Cosine",
    "Exponential",
    "Plateau",
    "Reactive",
    "Schedule",
    "ScheduleRun",
    "Step",
    "schedules",
]


@dataclass(frozen=True)
class Schedule(Settings, ABC):
    """A factor in [0, 1] for every step."""

    @abstractmethod
    def multiplier(self, *, step: int, steps: int, epoch: int) -> float:
        """Return the factor at `step` of `steps`, after `epoch` passes over the picture."""


class Reactive(Schedule):
    """A schedule that depends on the mean error of every epoch.

    After an epoch the rate is multiplied by `factor` if `is_stuck` returns True, else by `grow`.
    """

    factor: float
    grow: float = 1.0

    def multiplier(self, *, step: int, steps: int, epoch: int) -> float:
        """Return 1: the rate depends on the errors only."""
        return 1.0

    @abstractmethod
    def is_stuck(self, errors: Sequence[float]) -> bool:
        """Return whether to reduce the rate; `errors` are the epochs' since the last reduction."""


class ScheduleRun:
    """A schedule during one training, with the errors observed so far."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._errors: list[float] = []
        self._reduction = 1.0

    @property
    def needs_loss(self) -> bool:
        """Whether `observe` must be called after every epoch."""
        return isinstance(self._schedule, Reactive)

    def scale(self, factor: float) -> None:
        """Multiply the learning rate of all later steps."""
        self._reduction *= factor

    def observe(self, error: float) -> None:
        """Add the mean loss of a finished epoch."""
        if isinstance(self._schedule, Reactive):
            self._errors.append(error)
            if self._schedule.is_stuck(self._errors):
                self._reduction *= self._schedule.factor
                self._errors.clear()
            else:
                self._reduction *= self._schedule.grow

    def multiplier(self, *, step: int, steps: int, epoch: int) -> float:
        """Return the factor of the learning rate for the next step."""
        return self._reduction * self._schedule.multiplier(step=step, steps=steps, epoch=epoch)

    def state(self) -> State:
        """Return the errors since the last reduction and the product of all changes."""
        return {"errors": np.array(self._errors), "reduction": np.array(self._reduction)}

    def form(self, state: State) -> State:
        """Return arrays with the names, types and shapes that `state` must have to fit."""
        errors = state.get("errors", np.zeros(0))
        return {"errors": np.zeros(errors.size), "reduction": np.array(self._reduction)}

    def restore(self, state: State) -> None:
        """Continue from a `state` of the right form."""
        self._errors = [float(error) for error in state["errors"]]
        self._reduction = state["reduction"].item()


schedules: Registry[Schedule] = Registry("schedule")


@schedules.register("cosine")
@dataclass(frozen=True)
class Cosine(Schedule):
    """A short linear warm-up, then half a cosine to a small floor (Loshchilov & Hutter 2017)."""

    warmup: int = setting(30, "steps of linear warm-up", unit="steps", minimum=0)
    floor: float = setting(0.01, "factor at the end", minimum=0, maximum=1)

    def multiplier(self, *, step: int, steps: int, epoch: int) -> float:
        """Return the warm-up ramp or the cosine."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        progress = min(1.0, (step - self.warmup) / max(1, steps - self.warmup))
        return self.floor + (1 - self.floor) * (1 + math.cos(math.pi * progress)) / 2


@schedules.register("step")
@dataclass(frozen=True)
class Step(Schedule):
    """Multiplied by a factor after every few epochs."""

    every: int = setting(3, "epochs between two reductions", unit="epochs", minimum=1)
    factor: float = setting(0.5, "factor of each reduction", above=0.0, maximum=1)

    def multiplier(self, *, step: int, steps: int, epoch: int) -> float:
        """Return factor ^ (number of reductions so far)."""
        return float(self.factor ** (epoch // self.every))


@schedules.register("constant")
@dataclass(frozen=True)
class Constant(Schedule):
    """The same learning rate in every step."""

    def multiplier(self, *, step: int, steps: int, epoch: int) -> float:
        """Return 1."""
        return 1.0


@schedules.register("exponential")
@dataclass(frozen=True)
class Exponential(Schedule):
    """Multiplied by the same factor in every step."""

    end: float = setting(0.01, "factor at the end", above=0.0, maximum=1)

    def multiplier(self, *, step: int, steps: int, epoch: int) -> float:
        """Return end ^ (step / steps)."""
        return float(self.end ** min(1.0, step / max(1, steps)))


@schedules.register("plateau")
@dataclass(frozen=True)
class Plateau(Reactive):
    """Multiplied by a factor after some epochs without an improvement."""

    patience: int = setting(10, "epochs to wait for an improvement", unit="epochs", minimum=1)
    factor: float = setting(0.5, "factor of each reduction", above=0.0, maximum=1)
    threshold: float = setting(
        1e-3, "relative decrease of the error that counts as an improvement", minimum=0, maximum=0.5
    )

    def is_stuck(self, errors: Sequence[float]) -> bool:
        """Return whether none of the newest epochs was better than the best before them."""
        before, newest = errors[: -self.patience], errors[-self.patience :]
        return bool(before) and min(newest) >= min(before) * (1 - self.threshold)


@schedules.register("adaptive-halving")
@dataclass(frozen=True)
class AdaptiveHalving(Reactive):
    """Halved when the mean error of 100 epochs exceeds that of the 100 before.

    With window=1,grow=1.02 it is the bold driver of Battiti (1989): raised a little after an epoch
    with a lower error, halved after one with a higher error. The steps of that epoch are kept.
    """

    window: int = setting(100, "epochs whose errors are averaged", unit="epochs", minimum=1)
    factor: float = setting(0.5, "factor of each reduction", above=0.0, maximum=1)
    grow: float = setting(1.0, "factor after each epoch without a reduction", minimum=1, maximum=2)

    def is_stuck(self, errors: Sequence[float]) -> bool:
        """Compare the two newest windows, when both are full."""
        newest, before = errors[-self.window :], errors[-2 * self.window : -self.window]
        return len(before) == self.window and sum(newest) > sum(before)
