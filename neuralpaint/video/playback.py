"""Playback: the length of a clip, the shot that each of its frames shows, and their order.

A shot is one moment of the training, drawn as a frame; a clip can show it several times.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import numpy as np

from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UsageError
from neuralpaint.image.pictures import Frame
from neuralpaint.runtime.files import temporary_folder, write_error

__all__ = ["ClipFrames", "FrameSpool", "Playback", "PlaybackSettings"]

_DURATION = 10.0  # seconds
_MAX_FRAMES = 24 * 3600 * 60  # a day at 60 frames a second
_MAX_SECONDS = 1e9  # longer than `_MAX_FRAMES` at any frame rate


@dataclass(frozen=True)
class PlaybackSettings(Settings):
    """The length of the clip, and the direction in which it plays."""

    section: ClassVar[str] = "Clip"

    fps: float = setting(
        30.0,
        "frames per second; 29.97 and 23.976 are the rates of NTSC, 30000/1001 and 24000/1001",
        unit="fps",
        minimum=0.1,
        maximum=240,
    )
    duration: float | None = setting(
        None,
        "length of the clip; unset, 10 s, or as long as --frames or --every needs",
        unit="seconds",
        above=0.0,
        maximum=_MAX_SECONDS,
    )
    frames: int | None = setting(
        None,
        "number of different frames; with --duration, they are spread over it",
        minimum=1,
    )
    hold: float | None = setting(
        None,
        "how long the finished picture is shown at the end; unset, a tenth of the clip, at most "
        "1 s, and 1 s with --every",
        unit="seconds",
        minimum=0,
        maximum=_MAX_SECONDS,
    )
    boomerang: bool = setting(
        False,
        "from the finished picture back to the untrained network and forwards again; --reverse "
        "exchanges the two",
    )
    reverse: bool = setting(
        False,
        "play backwards: begin with the finished picture",
    )

    def playback(self, snapshots: int | None = None) -> Playback:
        """Return the playback of `snapshots` snapshots; by default, one snapshot for each frame.

        Raises:
            UsageError: the clip is too long, or `hold` is as long as the whole clip.
        """
        playback = self._playback(snapshots)
        if playback.frames > _MAX_FRAMES:
            raise UsageError(
                f"a clip of {playback.frames:,} frames is too long: at most {_MAX_FRAMES:,}"
            )
        return playback

    def _playback(self, snapshots: int | None) -> Playback:
        if self.duration is None and snapshots is not None:
            moving = 2 * snapshots if self.boomerang else snapshots
            hold = 1.0 if self.hold is None else self.hold
            return Playback(moving, round(hold * self.fps), snapshots, self.boomerang, self.reverse)
        total = self._total_frames()
        held = self._held_frames(total)
        forward = math.ceil((total - held) / 2) if self.boomerang else total - held
        shots = min(forward, self.frames or snapshots or forward)
        return Playback(total - held, held, shots, self.boomerang, self.reverse)

    def _total_frames(self) -> int:
        if self.duration is None and self.frames is not None:
            return self.frames
        duration = _DURATION if self.duration is None else self.duration
        return max(1, round(duration * self.fps))

    def _held_frames(self, total: int) -> int:
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
    """A clip: `moving` frames show `shots` different shots, `held` frames show the last shot."""

    moving: int
    held: int
    shots: int
    boomerang: bool = False
    reverse: bool = False
    timed: tuple[int, ...] = ()
    """The shot of each moving frame, in the order of the clip; empty: they are evenly spread."""

    @property
    def frames(self) -> int:
        """The number of frames in the clip."""
        return self.moving + self.held

    @property
    def first_pass(self) -> int:
        """The moving frames until the direction changes: of a boomerang half, otherwise all."""
        return math.ceil(self.moving / 2) if self.boomerang else self.moving

    @property
    def held_from(self) -> int:
        """The index of the first frame that holds the last shot."""
        if self.reverse:
            return self.first_pass if self.boomerang else 0
        return self.moving

    @property
    def later(self) -> int:
        """The minimum number of frames that are written after the last shot has arrived."""
        if self.boomerang != self.reverse:  # the finished picture is the first frame
            return self.frames
        return self.held + (self.moving // 2 if self.boomerang else 0)

    @property
    def looks_back(self) -> bool:
        """Whether a shot can be shown again after a later one."""
        return self.boomerang or self.reverse

    def order(self, shots: int | None = None) -> list[int]:
        """Return the index of the shot that each frame shows.

        If `shots` is less than planned, the clip was interrupted; its forward part is the beginning
        of the complete forward part.
        """
        least = self.shots if shots is None else min(shots, self.shots)
        if self.timed:
            before, after = (
                [shot for shot in part if shot < least]
                for part in (self.timed[: self.held_from], self.timed[self.held_from :])
            )
            return before + [least - 1] * (self.held if least else 0) + after
        forward = [shot for shot in _spread(self.first_pass, self.shots) if shot < least]
        held, rest = forward[-1:] * self.held, self.moving - self.first_pass
        if not self.boomerang:
            return held + forward[::-1] if self.reverse else forward + held
        if self.reverse:
            return forward + held + forward[:rest][::-1]
        return forward[::-1] + forward[max(0, len(forward) - rest) :] + held


class ClipFrames:
    """Iterates over the frames of a clip in playback order and requests shots when they are needed.

    A clip that only plays forwards yields each shot as soon as it arrives; otherwise the shots are
    spooled to disk. The iteration can continue after an exception, for example a KeyboardInterrupt
    while a shot was rendered. An exception can lose a frame, but cannot repeat one.
    """

    def __init__(
        self,
        shots: Iterator[Frame],
        playback: Playback,
        *,
        folder: str | Path | None = None,
        part: range | None = None,
    ) -> None:
        """Prepare to iterate over `shots`, uint8 (height, width, 3) and all of one shape.

        Shots are spooled to `folder`; to the system's temporary folder if it is None. With `part`,
        only the frames with these numbers are yielded; shots that they do not show are dropped, and
        may have any shape.

        Raises:
            EncodingError: the spool is needed and cannot be created there.
        """
        self.shots = 0
        """The number of shots received so far."""
        self._source: Iterator[Frame] | None = shots
        self._playback = playback
        self._part = slice(None) if part is None else slice(part.start, part.stop)
        self._order = playback.order()[self._part]
        self._shown = None if part is None else set(self._order)
        self._spooled: dict[int, int] = {}  # the place of each shot in the spool
        self._spool = FrameSpool(folder) if playback.looks_back else None
        self._newest: Frame | None = None
        self._next = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Frame:
        while True:
            if self._next < len(self._order) and self._order[self._next] < self.shots:
                shot = self._shot(self._order[self._next])
                self._next += 1
                return shot
            is_complete = self._shown is not None and self._next == len(self._order)
            if self._source is None or is_complete:
                raise StopIteration
            self._pull(self._source)

    def end(self) -> None:
        """Request no further shots; the remaining frames show the shots that have arrived."""
        self._source = None
        self._order = self._playback.order(self.shots)[self._part]

    def _pull(self, source: Iterator[Frame]) -> None:
        shot = next(source, None)
        if shot is None:
            self.end()
            return
        if self._spool is not None and (self._shown is None or self.shots in self._shown):
            self._spooled[self.shots] = len(self._spool)
            self._spool.append(shot)
        self._newest = shot
        self.shots += 1

    def _shot(self, index: int) -> Frame:
        if index == self.shots - 1 and self._newest is not None:
            return self._newest
        if self._spool is None:
            raise IndexError(f"shot {index} has passed")
        return self._spool.read(self._spooled[index])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._spool is not None:
            self._spool.close()


class FrameSpool:
    """A sequence of uint8 frames (height, width, 3) on disk, all of one shape.

    The file has no name, so the operating system deletes it when the process ends.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        """Open the spool in `folder`; in the system's temporary folder if it is None.

        Raises:
            EncodingError: no file can be created there.
        """
        self._folder = str(folder or temporary_folder())
        self._shape: tuple[int, ...] = ()
        self._length = 0
        try:
            self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115
        except OSError as error:
            raise write_error(self._folder, error) from error

    def append(self, frame: Frame) -> None:
        """Write one frame at the end; the first one sets the shape of all.

        Raises:
            ValueError: the frame is not a uint8 array of that shape.
            EncodingError: the disk is full.
        """
        self._shape = self._shape or frame.shape
        if frame.dtype != np.uint8 or frame.shape != self._shape or frame.ndim != 3:
            raise ValueError(
                f"a frame must be uint8 {self._shape}, not {frame.dtype} {frame.shape}"
            )
        rest = np.ascontiguousarray(frame).data.cast("B")
        try:
            self._file.seek(self._length * frame.nbytes)
            while rest:  # on a nearly full disk, `write` may write only a part
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise write_error(self._folder, error) from error
        self._length += 1

    def read(self, index: int) -> Frame:
        """Return a new array with the frame at `index`, counted from 0.

        Raises:
            IndexError: there is no such frame.
            EncodingError: the disk failed.
        """
        if not 0 <= index < self._length:
            raise IndexError(f"no frame {index} among {self._length}")
        frame = np.empty(self._shape, dtype=np.uint8)
        try:
            self._file.seek(index * frame.nbytes)
            if self._file.readinto(frame.data.cast("B")) < frame.nbytes:
                raise OSError("the file is truncated")
        except OSError as error:
            raise write_error(self._folder, error) from error
        return frame

    def __len__(self) -> int:
        return self._length

    def close(self) -> None:
        """Close the file, which frees the disk space. Further calls do nothing."""
        self._file.close()


def _spread(frames: int, shots: int) -> list[int]:
    """Return `frames` increasing shot indices, from the first shot to the last."""
    if frames == 1:
        return [shots - 1]
    return [round(i * (shots - 1) / (frames - 1)) for i in range(frames)]
