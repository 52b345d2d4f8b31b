"""The time budget: the seconds a job may take, divided between training, rendering and writing.

Reading and writing come first; half of the rest is for training, half for rendering. Rendering is
timed by a clock that stops during training. The time for the remaining frames is estimated from the
frames so far, and training gets the time that they will not need.
"""

from __future__ import annotations

import math
import time
from collections import deque

from neuralpaint.errors import UsageError

__all__ = ["TimeBudget"]

_GUESSED_SHOTS = 8  # the first guess of the cost of a shot counts as much as this many shots
_RECENT_SHOTS = 24  # shots from which the cost of the next shots is estimated
_CHEAPEST = 8  # cost of a rendered shot relative to a blended one
_LEAST_TRAINING = 0.05  # of a budget


class TimeBudget:
    """Measures the time of a job, and computes the seconds that are left to train."""

    def __init__(
        self, seconds: float | None = None, *, began: float | None = None, earlier: float = 0.0
    ) -> None:
        """Start the clock.

        Args:
            seconds: the limit for the whole job; None for no limit.
            began: the start of the job, from `time.perf_counter()`; None for now.
            earlier: seconds of the interrupted run that this run resumes.
        """
        self.seconds = seconds
        self.trained = 0.0
        """Seconds of training so far."""
        self.preparation = 0.0
        """Seconds before the first training step or shot, as far as they have passed."""
        self._began = time.perf_counter() if began is None else began
        self._earlier = earlier
        self._writing = 0.0
        self._rendering: _RenderingTime | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since the start of the job, including the interrupted run."""
        return self._earlier + time.perf_counter() - self._began

    def end_preparation(self) -> None:
        """Called before the first training step or shot; the last of several calls counts."""
        self.preparation = self.elapsed

    def reserve(self, *, writing: float) -> None:
        """Reserve seconds for the work after the last training step."""
        self._writing = writing

    def plan_rendering(self, shots: int, *, seconds_per_shot: float) -> None:
        """Divide the rest between training and rendering this number of shots of a clip."""
        if self.seconds is not None:
            rest = max(0.0, self.seconds - self.elapsed - self._writing)
            self._rendering = _RenderingTime(
                rest / 2, shots=shots, guess=seconds_per_shot, began=self._overhead
            )

    def count_shot(self) -> None:
        """Called after each rendered shot."""
        if self._rendering is not None:
            self._rendering.count(self._overhead)

    @property
    def is_short(self) -> bool:
        """Whether rendering is behind its schedule."""
        return self._rendering is not None and self._rendering.is_short(self._overhead)

    @property
    def ahead(self) -> float:
        """Remaining seconds of all work except training."""
        rendering = self._rendering
        return self._writing + (0.0 if rendering is None else rendering.ahead(self._overhead))

    def left(self) -> float:
        """Return the seconds that are left to train; infinity without a limit."""
        return math.inf if self.seconds is None else self.seconds - self.elapsed - self.ahead

    def check(self, *, larger: str) -> None:
        """Check that there is time to train; `larger` is the option that enlarged the job.

        Raises:
            UsageError: there is no time to train.
        """
        if self.seconds is not None and self.left() < _LEAST_TRAINING * self.seconds:
            films = self._rendering is not None
            raise UsageError(
                f"--budget {self.seconds:g} leaves no time to train: the rest takes about "
                f"{self.elapsed + self.ahead:.1f} s; raise it, or lower {larger}"
                f"{', --frames or --duration' if films else ''}"
            )

    @property
    def _overhead(self) -> float:
        """Seconds of all work except training."""
        return self.elapsed - self.trained


class _RenderingTime:
    """The seconds for some shots, by a clock that stops during training."""

    def __init__(self, seconds: float, *, shots: int, guess: float, began: float) -> None:
        self._seconds, self._shots, self._guess = seconds, shots, guess
        self._began = began
        self._rendered = 0
        self._recent = deque([began], maxlen=_RECENT_SHOTS + 1)

    def count(self, now: float) -> None:
        self._rendered += 1
        self._recent.append(now)

    def ahead(self, now: float) -> float:
        measured = len(self._recent) - 1
        spent = self._recent[-1] - self._recent[0] + _GUESSED_SHOTS * self._guess
        ahead = (self._shots - self._rendered) * spent / (measured + _GUESSED_SHOTS)
        used = now - self._began
        return min(ahead, max(self._seconds - used, ahead / _CHEAPEST))

    def is_short(self, now: float) -> bool:
        used = now - self._began
        return used * self._shots > self._seconds * (self._rendered + _GUESSED_SHOTS)
