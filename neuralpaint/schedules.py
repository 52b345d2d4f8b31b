"""Schedules: the learning rate over the course of training, as a factor of the initial one."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from neuralpaint.registry import Registry
from neuralpaint.settings import Settings, setting

__all__ = ["Constant", "Cosine", "Schedule", "Step", "schedules"]


@dataclass(frozen=True)
class Schedule(Settings, ABC):
    """A multiplier in [0, 1] for every step."""

    @abstractmethod
    def multiplier(self, *, step: int, steps: int, epoch: int) -> float:
        """Return it at `step` of `steps`, after `epoch` passes over the picture."""


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
