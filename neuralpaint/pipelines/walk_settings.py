"""How a walk through codes becomes a clip."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

from neuralpaint.config.settings import setting
from neuralpaint.pipelines.clip_settings import ClipSettings
from neuralpaint.rendering.walks import walks

__all__ = ["WalkSettings"]

_SECONDS_EACH = 2.5
_LEARNING_LEGS = 2.0  # legs of the walk that the film of the learning is as long as


@dataclass(frozen=True)
class WalkSettings(ClipSettings):
    """How a walk through codes becomes a clip."""

    section: ClassVar[str] = "Walk"

    path: str | None = setting(
        None, "the way through what morph has learned; unset, none", entries=walks
    )
    seconds_each: float | None = setting(
        None,
        "from one code to the next, unless --duration or --frames is given; unset, 2.5, and of "
        "what moves four times as slow as it was",
        unit="seconds",
        above=0.0,
        maximum=3600,
    )
    learn: bool = setting(
        False, "film the learning of the first picture, then the walk: two legs longer"
    )

    def timed(self, legs: int, *, usual: float = _SECONDS_EACH) -> Self:
        """Return the settings with the length that suits a walk of so many legs, unless given.

        `usual` are the seconds for each. What ends where it began is not held, unless asked for.
        """
        hold = self.hold or 0.0
        if self.duration is not None or self.frames is not None:
            return replace(self, hold=hold)
        each = usual if self.seconds_each is None else self.seconds_each
        return replace(self, hold=hold, duration=each * (legs + self._extra) + hold)

    def learning(self, legs: int) -> float:
        """Return which part of the clip shows the learning."""
        return self._extra / (legs + self._extra)

    @property
    def _extra(self) -> float:
        return _LEARNING_LEGS if self.learn else 0.0
