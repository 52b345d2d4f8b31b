"""Progress: one event type for all commands, and the fraction done of a long computation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

__all__ = [
    "DoneCallback",
    "PhaseCallback",
    "Progress",
    "ProgressTracker",
    "Report",
    "ignore",
    "part_of",
]


@dataclass(frozen=True)
class Progress:
    """The state of a running job; reported several times a second."""

    phase: str
    """The current phase: "train", "film", "encode", ...; each command has its own phases."""
    done: float
    """Fraction of the whole work that is done, in [0, 1]."""
    step: int = 0
    """Training steps so far."""
    steps: int = 0
    """Training steps in all."""
    train_seconds: float = 0.0
    """Seconds of training so far."""
    loss: float = math.nan
    """Mean loss since the previous snapshot; NaN before the first snapshot."""
    psnr: float | None = None
    """PSNR of the newest frame against the picture, in dB; None if it is not measured."""
    shot: int = 0
    """Shots rendered so far."""
    shots: int = 0
    """Shots in all."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Values of only one command, such as the name of the variant that is being trained."""

    def to_dict(self) -> dict[str, Any]:
        """Return all fields in one flat dictionary, together with the entries of `details`."""
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "details"}
        return own | dict(self.details)


Report = Callable[[Progress], None]
"""Called with the progress of a job; an exception that it raises ends the job."""


class ProgressTracker:
    """Stores the newest progress of a job and reports every change."""

    def __init__(
        self, report: Report, *, done: Callable[[Progress], float], shots: int = 0
    ) -> None:
        """Start; `done` computes the fraction done, in [0, 1], from the other fields."""
        self._report, self._done = report, done
        self._newest = Progress("train", 0.0, shots=shots)

    def update(self, phase: str, *, done: float | None = None, **changes: Any) -> None:
        """Change some fields and report the progress; `done` is computed unless it is given."""
        newest = replace(self._newest, phase=phase, **changes)
        self._newest = replace(newest, done=self._done(newest) if done is None else done)
        self._report(self._newest)


PhaseCallback = Callable[[str], None]
"""Called with the name of a phase when it begins."""

DoneCallback = Callable[[float], None]
"""Called with the fraction done of a computation, in [0, 1]; an exception ends it."""


def ignore(progress: object) -> None:
    """Do nothing: the default of every parameter that takes a `Report` or a `DoneCallback`."""


def part_of(on_done: DoneCallback, *, first: float, last: float) -> DoneCallback:
    """Return the callback for one part of a computation, from fraction `first` to `last`."""
    return lambda done: on_done(first + done * (last - first))
