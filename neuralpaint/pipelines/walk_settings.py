"""How a walk through codes becomes a clip."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from neuralpaint.config.settings import Settings, setting
from neuralpaint.rendering.paths import code_paths
from neuralpaint.video.playback import PlaybackSettings

__all__ = ["WalkSettings"]

_SECONDS_EACH = 2.5
_LEARNING_LEGS = 2.0  # legs of the walk that the film of the learning is as long as


@dataclass(frozen=True)
class WalkSettings(Settings):
    """How a walk through codes becomes a clip."""

    section: ClassVar[str] = "Walk"

    path: str | None = setting(
        None, "the way through what morph has learned; unset, none", entries=code_paths
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

    def timed(
        self, playback: PlaybackSettings, legs: int, *, usual: float = _SECONDS_EACH
    ) -> PlaybackSettings:
        """Return the playback with the length that suits a walk of so many legs, unless given.

        `usual` are the seconds for each. What ends where it began is not held, unless asked for.
        """
        hold = playback.hold or 0.0
        if playback.duration is not None or playback.frames is not None:
            return replace(playback, hold=hold)
        each = usual if self.seconds_each is None else self.seconds_each
        return replace(playback, hold=hold, duration=each * (legs + self._extra) + hold)

    def learning(self, legs: int) -> float:
        """Return which part of the clip shows the learning."""
        return self._extra / (legs + self._extra)

    @property
    def _extra(self) -> float:
        return _LEARNING_LEGS if self.learn else 0.0
