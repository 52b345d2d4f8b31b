"""Schedules: the learning rate over the course of training, as a factor of the initial one."""

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
    "Annealing",
    "Constant",
    "Cosine",
    "Exponential",
    "Plateau",
    "Reactive",
    "Schedule",
    "Step",
    "schedules",
]


@dataclass(frozen=True)
class Schedule(Settings, ABC):
    """A multiplier in [0, 1] for every step."""

    @abstractmethod
    def multiplier(self, *, step: int, steps: int, epoch: int) -> float:
        """Return it at `step` of `steps`, after `epoch` passes over the picture."""


class Reactive(Schedule):
    """A schedule that waits for the error: whenever it is stuck, the rate is reduced.

    After any other epoch the rate may `grow`.
    """

    factor: float
    grow: float = 1.0

    def multiplier(self, *, step: int, steps: int, epoch: int) -> float:
        """Return 1: only the reductions count."""
        return 1.0

    @abstractmethod
    def is_stuck(self, errors: Sequence[float]) -> bool:
        """Say so of the mean errors of all epochs since the last reduction."""


class Annealing:
    """A schedule in the course of one training, which knows how that goes."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._errors: list[float] = []
        self._reduction = 1.0

    @property
    def needs_loss(self) -> bool:
        """Whether it wants to `hear` of every epoch."""
        return isinstance(self._schedule, Reactive)

    def observe(self, error: float) -> None:
        """Take in the mean loss of an epoch that is over."""
        if isinstance(self._schedule, Reactive):
            self._errors.append(error)
            if self._schedule.is_stuck(self._errors):
                self._reduction *= self._schedule.factor
                self._errors.clear()
            else:
                self._reduction *= self._schedule.grow

    def multiplier(self, *, step: int, steps: int, epoch: int) -> float:
        """Return the multiplier of the learning rate for the step to come."""
        return self._reduction * self._schedule.multiplier(step=step, steps=steps, epoch=epoch)

    def state(self) -> State:
        """Return what it has heard since the last reduction, and what all of them come to."""
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
    """Multiplied by a factor after every few epochs, as in the original experiment."""

    every: int = setting(3, "epochs between two reductions", unit="epochs", minimum=1)
    factor: float = setting(0.5, "what each reduction multiplies by", above=0.0, maximum=1)

    def multiplier(self, *, step: int, steps: int, epoch: int) -> float:
        """Return factor ^ (number of reductions so far)."""
        return float(self.factor ** (epoch // self.every))


@schedules.register("constant")
@dataclass(frozen=True)
class Constant(Schedule):
    """The same learning rate from first to last."""

    def multiplier(self, *, step: int, steps: int, epoch: int) -> float:
        """Return 1."""
        return 1.0


@schedules.register("exponential")
@dataclass(frozen=True)
class Exponential(Schedule):
    """Falls by the same factor in every step."""

    end: float = setting(0.01, "factor at the end", above=0.0, maximum=1)

    def multiplier(self, *, step: int, steps: int, epoch: int) -> float:
        """Return end ^ (step / steps)."""
        return float(self.end ** min(1.0, step / max(1, steps)))


@schedules.register("plateau")
@dataclass(frozen=True)
class Plateau(Reactive):
    """Multiplied by a factor whenever some epochs have brought nothing."""

    patience: int = setting(10, "epochs to wait for a better one", unit="epochs", minimum=1)
    factor: float = setting(0.5, "what each reduction multiplies by", above=0.0, maximum=1)
    threshold: float = setting(
        1e-3, "part by which an error must be lower to count as better", minimum=0, maximum=0.5
    )

    def is_stuck(self, errors: Sequence[float]) -> bool:
        """Say whether none of the newest epochs was better than the best before them."""
        before, newest = errors[: -self.patience], errors[-self.patience :]
        return bool(before) and min(newest) >= min(before) * (1 - self.threshold)


@schedules.register("adaptive-halving")
@dataclass(frozen=True)
class AdaptiveHalving(Reactive):
    """Halved when the mean error of 100 epochs exceeds that of the 100 before.

    With window=1,grow=1.02 it is a bold driver (Battiti 1989): up a little after every epoch
    that was better, halved after one that was worse, whose step is not taken back.
    """

    window: int = setting(100, "epochs whose errors are averaged", unit="epochs", minimum=1)
    factor: float = setting(0.5, "what each reduction multiplies by", above=0.0, maximum=1)
    grow: float = setting(1.0, "what every other epoch multiplies by", minimum=1, maximum=2)

    def is_stuck(self, errors: Sequence[float]) -> bool:
        """Compare the two newest windows, once both are full."""
        newest, before = errors[-self.window :], errors[-2 * self.window : -self.window]
        return len(before) == self.window and sum(newest) > sum(before)
