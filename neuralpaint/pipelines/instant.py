"""An instant: a moment of a take, as somebody names it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar, Self

from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UsageError

__all__ = ["Instant", "InstantSettings"]

_FORM = re.compile(r"(\d{1,18})|(\d+(?:\.\d+)?)%", re.ASCII)


@dataclass(frozen=True)
class Instant:
    """A step, or percent of the training."""

    number: float
    is_step: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the instant that `500` or `40%` names.

        Raises:
            UsageError: it is neither, or more than all of the training.
        """
        found = _FORM.fullmatch(text.strip())
        if found is None:
            raise UsageError(
                f"--at must be a step such as 500, or percent such as 40%, not {text!r}"
            )
        step, percent = found.groups()
        if percent is None:
            return cls(int(step), is_step=True)
        if float(percent) > 100:
            raise UsageError(f"--at {text}: at most 100%")
        return cls(float(percent), is_step=False)

    def fraction(self, steps: int) -> float:
        """Return which part of a training of so many steps is over by then, in [0, 1].

        Raises:
            UsageError: it ends before.
        """
        if not self.is_step:
            return self.number / 100
        if self.number > steps:
            raise UsageError(f"--at {self.number}: the training ends at step {steps}")
        return self.number / steps if steps else 0.0


@dataclass(frozen=True)
class InstantSettings(Settings):
    """Which moment is meant."""

    section: ClassVar[str] = "Output"

    at: str | None = setting(
        None,
        "which one moment of a take: a step, or percent such as 40%; unset, the last",
        unit="STEP|PERCENT",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.at is not None:
            Instant.parse(self.at)

    def fraction(self, steps: int) -> float:
        """Return which part of a training of so many steps is over at that moment, in [0, 1].

        Raises:
            UsageError: it ends before.
        """
        return 1.0 if self.at is None else Instant.parse(self.at).fraction(steps)
