"""Input that moves: the frames of an animation or a clip are learned, with times as their codes.

If a shape moves far from one frame to the next, a network that learns only these frames shows both
positions at once between them. So intermediate frames are computed first, by following the motion,
and are learned too.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UsageError
from neuralpaint.image.framing import parse_size
from neuralpaint.image.picture_files import source_name
from neuralpaint.image.pictures import Picture, PictureSettings, Source
from neuralpaint.models.codes import Album, Codes
from neuralpaint.pipelines.album_sources import Playing
from neuralpaint.pipelines.picture_sets import fitting_size
from neuralpaint.pipelines.settings import PathSettings, TimelapseSettings
from neuralpaint.pipelines.snapshot_sources import SnapshotSource
from neuralpaint.rendering.paths import CodePath, Play
from neuralpaint.video.frames import Frames, load_frames
from neuralpaint.video.playback import PlaybackSettings

__all__ = ["MovingSettings", "Pace", "check_moving", "load_moving", "playing", "timed"]

logger = logging.getLogger(__name__)

_LONGEST = 960  # pixels of a frame's side, unless --input-size sets it
_SLOWER = 4.0  # times the original duration, unless the length of the clip is set


@dataclass(frozen=True)
class MovingSettings(Settings):
    """Which frames of an animation or a clip are learned."""

    section: ClassVar[str] = "Input that moves"

    frames_in: int | None = setting(
        None,
        "the number of frames to learn from INPUT, an animation or a clip, as f(x, y, t); the "
        "default of --model is then morph; unset, only the first frame is learned",
        unit="frames",
        minimum=2,
        maximum=1000,
    )
    between: int | None = setting(
        None,
        "frames to compute between two of these by following the motion, and to learn too; unset, "
        "as many as the motion needs",
        unit="frames",
        minimum=0,
        maximum=31,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.between is not None and self.frames_in is None:
            raise UsageError("--between has no effect without --frames-in: add it")


def check_moving(moving: MovingSettings, changes: Mapping[str, Any]) -> None:
    """Check that the changed options of a command fit an input that moves.

    Raises:
        UsageError: one of them cannot be used with --frames-in.
    """
    for name in ("mask", "focus", "order", "codes"):
        if moving.frames_in is not None and name in changes:
            raise UsageError(f"--{name} cannot be used with --frames-in: leave out one of them")


class Pace(NamedTuple):
    """The speed of an input that moves."""

    seconds: float
    """Duration from time 0 to time 1."""
    steps: int
    """Intervals between the frames that were taken."""
    loops: bool
    """Whether the last frame is followed by the first."""

    @classmethod
    def of(cls, note: Mapping[str, Any]) -> Self | None:
        """Return the pace in the note of a file; None if it has none."""
        pace = note.get("pace")
        known = pace if isinstance(pace, Mapping) else {}
        seconds, steps, loops = (known.get(name) for name in cls._fields)
        if not (isinstance(seconds, float) and isinstance(steps, int) and isinstance(loops, bool)):
            return None
        return cls(seconds, steps, loops) if seconds > 0 and steps > 0 else None

    def path(self, path: CodePath | None) -> CodePath:
        """Return a path through the times: for None, the course of the input."""
        if path is None or (isinstance(path, Play) and path.closed is None):
            return Play(closed=self.loops)
        return path

    def plays(self, seconds: float) -> int:
        """Return how often the input plays in a number of seconds, at least once."""
        return max(1, round(seconds / self.seconds))


def load_moving(
    source: Source, picture: PictureSettings, moving: MovingSettings
) -> tuple[Album, Pace]:
    """Return frames of an animation or a clip, and frames between them, with times as codes.

    Raises:
        UsageError: there is no such file, or it does not move.
        PictureError: it cannot be read.
    """
    from neuralpaint.restoration.interpolation import densify

    if moving.frames_in is None:
        raise UsageError("the number of frames to learn is not set: give --frames-in")
    frames = load_frames(
        source,
        count=moving.frames_in,
        background=picture.background,
        max_pixels=picture.max_pixels,
    )
    pictures = _sized(frames, picture.input_size)
    if moving.between != 0:
        logger.info("following the motion in %d frames of %r", len(pictures), source_name(source))
    pixels, times = densify(
        [each.pixels for each in pictures],
        frames.times,
        between=moving.between,
        loops=frames.loops,
    )
    if frames.loops:
        pixels, times = [*pixels, pixels[0]], np.append(times, np.float32(1))
    named = [
        Picture(page, name=f"{time * frames.seconds:.2f} s")
        for page, time in zip(pixels, times, strict=True)
    ]
    steps = len(pictures) - (0 if frames.loops else 1)
    return Album(named, times[:, None]), Pace(float(frames.seconds), steps, frames.loops)


def timed(
    playback: PlaybackSettings,
    settings: PathSettings,
    path: CodePath,
    codes: Codes,
    pace: Pace | None,
    *,
    bar: float | None = None,
) -> tuple[PlaybackSettings, float]:
    """Return the playback for a path, and the fraction of the clip that shows the training.

    With `bar`, in seconds, a segment lasts a whole number of bars unless a length is set.
    """
    if pace is None or not isinstance(path, Play):
        segments = path.segments(codes)
        return settings.timed(playback, segments, bar=bar), settings.learning(segments)
    usual = _SLOWER * pace.seconds / pace.steps
    return settings.timed(playback, pace.steps, usual=usual), settings.learning(pace.steps)


def playing(
    source: SnapshotSource, pace: Pace, playback: PlaybackSettings, timelapse: TimelapseSettings
) -> Playing:
    """Return a source that plays an input that moves as often as the clip has time for."""
    snapshots = timelapse.snapshots(None if source.by_clock else source.steps)
    seconds = playback.playback(snapshots).moving / playback.fps
    return Playing(source, pace.path(None), plays=pace.plays(seconds))


def _sized(frames: Frames, input_size: str | None) -> list[Picture]:
    """Return the frames at the size at which they are learned."""
    first = frames.pictures[0]
    height, width = (
        fitting_size(height=first.height, width=first.width, longest=_LONGEST)
        if input_size is None
        else parse_size(input_size)
    )
    return [picture.covering(height=height, width=width) for picture in frames.pictures]
