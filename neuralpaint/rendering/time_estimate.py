"""The time estimate: how long a job is about to take, from the measured cost of its parts."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["StepTimer", "TimeEstimate", "seconds_of"]

_MEASURED = 0.4  # seconds of training, after a warm-up, from which the pace is known
_CALLS, _LONG_CALLS = 3, 0.05  # calls that are timed, and the seconds after which no more are
_LONG = 1.0  # seconds until the first call of `observe` from which no warm-up is needed


@dataclass(frozen=True)
class TimeEstimate:
    """The seconds of a whole job, from its start to its end, by part."""

    preparing: float
    """Until the first training step or shot: imports, reading the picture, making the target."""
    training: float
    filming: float
    """Choosing, rendering and drawing shots."""
    writing: float
    steps: int
    """Training steps at the end."""
    makes_target: bool = False
    """Whether a target is still to be made, in a time that is not known and not included."""

    @property
    def seconds(self) -> float:
        """The sum of all parts."""
        return self.preparing + self.training + self.filming + self.writing

    def done(self, *, trained: float, filmed: float) -> float:
        """Return the fraction of the work that is done, where the training comes first."""
        work = self.training + self.filming + self.writing
        return (trained * self.training + filmed * (self.filming + self.writing)) / max(work, 1e-9)


class StepTimer:
    """The seconds of a training step, measured while a training runs."""

    def __init__(self) -> None:
        self.seconds_per_step: float | None = None
        """None until it has been measured."""
        self._first: tuple[int, float] | None = None

    def observe(self, step: int, seconds: float) -> None:
        """Note that a training has reached `step` in `seconds`.

        The steps up to the first call are a warm-up, unless they took long.
        """
        if self._first is None:
            self._first = (0, 0.0) if seconds >= _LONG else (step, seconds)
        spent, steps = seconds - self._first[1], step - self._first[0]
        if self.seconds_per_step is None and steps > 0 and spent >= _MEASURED:
            self.seconds_per_step = spent / steps


def seconds_of(call: Callable[[], object]) -> float:
    """Return the time of a call after its first one.

    A short call is made a few times and the least time is returned, because other programs
    interrupt some of the calls.
    """
    call()
    least, spent = math.inf, 0.0
    for _ in range(_CALLS):
        began = time.perf_counter()
        call()
        seconds = time.perf_counter() - began
        least, spent = min(least, seconds), spent + seconds
        if spent > _LONG_CALLS:
            break
    return least
