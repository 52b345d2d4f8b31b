"""Playback: how long a clip is, and which shot each of its frames shows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UsageError

__all__ = ["Playback", "PlaybackSettings"]

_DURATION = 10.0
_LONGEST = 24 * 3600 * 60  # frames: a day at 60 a second
_ENDLESS = 1e9  # seconds: too long at any frame rate


@dataclass(frozen=True)
class PlaybackSettings(Settings):
    """How long the clip is, and in which order it is shown."""

    section: ClassVar[str] = "Clip"
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = (("frames", "every"),)

    fps: float = setting(30.0, "frames per second", minimum=0.1, maximum=240)
    duration: float | None = setting(
        None,
        "length of the clip; unset, 10 s, or what --frames or --every need",
        unit="seconds",
        above=0.0,
        maximum=_ENDLESS,
    )
    frames: int | None = setting(
        None,
        "frames in the clip; together with --duration, different pictures in it",
        minimum=1,
    )
    every: int | None = setting(
        None,
        "a snapshot every so many steps, one frame each; with --duration, spread over it; with "
        "another pacing, only at multiples of it",
        unit="steps",
        minimum=1,
    )
    hold: float | None = setting(
        None,
        "how long the finished picture is held, within the clip; unset, a tenth of the clip and "
        "at most 1 s",
        unit="seconds",
        minimum=0,
        maximum=_ENDLESS,
    )
    boomerang: bool = setting(False, "play forwards, then backwards")
    reverse: bool = setting(False, "begin with the finished picture and unlearn it")

    def playback(self, steps: int | None) -> Playback:
        """Return the playback of a training of `steps` steps, None where it is not known.

        Raises:
            UsageError: the clip has no room for what was asked, or is endless.
        """
        playback = self._plan(steps)
        if playback.frames > _LONGEST:
            raise UsageError(
                f"a clip of {playback.frames:,} frames is too long: at most {_LONGEST:,}"
            )
        return playback

    def _plan(self, steps: int | None) -> Playback:
        snapshots = None if self.every is None or steps is None else 1 + -(-steps // self.every)
        if self.duration is None and snapshots is not None:
            moving = 2 * snapshots if self.boomerang else snapshots
            hold = 1.0 if self.hold is None else self.hold
            return Playback(moving, round(hold * self.fps), snapshots, self.boomerang, self.reverse)
        total = self._total()
        held = self._held(total)
        forward = math.ceil((total - held) / 2) if self.boomerang else total - held
        shots = min(forward, self.frames or snapshots or forward)
        return Playback(total - held, held, shots, self.boomerang, self.reverse)

    def _total(self) -> int:
        if self.duration is None and self.frames is not None:
            return self.frames
        duration = _DURATION if self.duration is None else self.duration
        return max(1, round(duration * self.fps))

    def _held(self, total: int) -> int:
        if self.hold is None:
            return min(round(self.fps), total // 10)
        held = round(self.hold * self.fps)
        if held >= total:
            raise UsageError(
                f"--hold {self.hold:g} leaves no time to move in a clip of "
                f"{total / self.fps:g} s: lower it, or raise --duration"
            )
        return held


@dataclass(frozen=True)
class Playback:
    """`moving` frames that show `shots` different shots, and `held` more of the finished one."""

    moving: int
    held: int
    shots: int
    boomerang: bool = False
    reverse: bool = False

    @property
    def frames(self) -> int:
        """Frames in the clip."""
        return self.moving + self.held

    @property
    def later(self) -> int:
        """Frames that are written only when the last shot is there, at the least."""
        if self.reverse:
            return self.frames
        return self.held + (self.moving // 2 if self.boomerang else 0)

    @property
    def looks_back(self) -> bool:
        """Whether a frame can be needed again after a later one was shown."""
        return self.boomerang or self.reverse

    def order(self, shots: int | None = None) -> list[int]:
        """Return the index of the shot that each frame shows.

        With fewer `shots` than planned, the order of a clip that was interrupted: as far as it
        goes forwards, it begins with the same frames.
        """
        forward_frames = math.ceil(self.moving / 2) if self.boomerang else self.moving
        forward = _spread(forward_frames, self.shots)
        if shots is not None and shots < self.shots:
            forward = [shot for shot in forward if shot < shots]
        backward = forward[: self.moving - forward_frames][::-1] if self.boomerang else []
        order = forward + [forward[-1]] * self.held + backward if forward else []
        if self.reverse and self.boomerang:
            # Finished, untrained, finished: the clip still begins and ends on the same picture.
            return (
                forward[::-1] + forward[: self.moving - forward_frames] + forward[-1:] * self.held
            )
        return order[::-1] if self.reverse else order


def _spread(frames: int, shots: int) -> list[int]:
    """Return `frames` rising shot indices that begin with the first and end with the last."""
    if frames == 1:
        return [shots - 1]
    return [round(i * (shots - 1) / (frames - 1)) for i in range(frames)]
