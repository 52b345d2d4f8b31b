"""Moving: the frames of an animation or a clip become an album whose codes are times.

What leaps from one frame to the next would be a ghost between them. So frames that lie between are
made first, by following what moves, and the network learns all of them.
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
from neuralpaint.image.pictures import Picture, PictureSettings, Source
from neuralpaint.image.sources import source_name
from neuralpaint.models.codes import Album, Codes
from neuralpaint.pipelines.morph.sizes import fitting
from neuralpaint.pipelines.walk_settings import WalkSettings
from neuralpaint.rendering.paths import CodePath, Play
from neuralpaint.video.frames import Frames, load_frames
from neuralpaint.video.playback import PlaybackSettings

__all__ = ["Moving", "MovingSettings", "Pace", "check_moving", "gather_frames", "timed"]

logger = logging.getLogger(__name__)

_LONGEST = 960  # pixels of a frame's side, unless another size is asked for
_SLOWER = 4.0  # than it was


@dataclass(frozen=True)
class MovingSettings(Settings):
    """Which frames of an animation or a clip are learned."""

    section: ClassVar[str] = "Input that moves"

    frames_in: int | None = setting(
        None,
        "learn so many frames of INPUT, an animation or a clip, as f(x, y, t); --model morph "
        "stands in for fourier; unset, its first picture",
        unit="frames",
        minimum=2,
        maximum=1000,
    )
    between: int | None = setting(
        None,
        "frames that are made between two of these by following what moves, and learned too; "
        "unset, as many as it takes for nothing to leap",
        unit="frames",
        minimum=0,
        maximum=31,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.between is not None and self.frames_in is None:
            raise UsageError("--between is about the frames of --frames-in: give that too")


def check_moving(moving: MovingSettings, changes: Mapping[str, Any]) -> None:
    """Check that the changed settings of a command fit an input that moves.

    Raises:
        UsageError: one of them is about pictures that do not move.
    """
    for name in ("mask", "focus", "order", "codes"):
        if moving.frames_in is not None and name in changes:
            raise UsageError(f"--{name} is about pictures, and --frames-in about one that moves")


class Pace(NamedTuple):
    """How something moves."""

    seconds: float
    """How long it takes, from time 0 to time 1."""
    steps: int
    """Intervals between the frames that were taken."""
    loops: bool
    """Whether the last is the first again."""

    @classmethod
    def of(cls, note: Mapping[str, Any]) -> Self | None:
        """Return the pace that a note tells of, if it does."""
        said = note.get("pace")
        known = said if isinstance(said, Mapping) else {}
        seconds, steps, loops = (known.get(name) for name in cls._fields)
        if not (isinstance(seconds, float) and isinstance(steps, int) and isinstance(loops, bool)):
            return None
        return cls(seconds, steps, loops) if seconds > 0 and steps > 0 else None

    def walk(self, walk: CodePath | None) -> CodePath:
        """Return a walk, or what plays it as it was; played, it knows whether there is a seam."""
        if walk is None or isinstance(walk, Play):
            return Play(closed=self.loops)
        return walk

    def plays(self, seconds: float) -> int:
        """Return how often it is seen in so much time."""
        return max(1, round(seconds / self.seconds))


class Moving(NamedTuple):
    """Frames to learn, and how they move."""

    album: Album
    pace: Pace


def gather_frames(source: Source, picture: PictureSettings, moving: MovingSettings) -> Moving:
    """Return the frames of an animation or a clip, and those between them, with times as codes.

    Raises:
        UsageError: there is no such file, or it does not move.
        PictureError: it cannot be read.
    """
    from neuralpaint.restoration.interpolation import densify

    if moving.frames_in is None:
        raise UsageError("how many frames? give --frames-in")
    frames = load_frames(
        source,
        count=moving.frames_in,
        background=picture.background,
        max_pixels=picture.max_pixels,
    )
    pictures = _sized(frames, picture.input_size)
    if moving.between != 0:
        count = len(pictures)
        logger.info("following what moves through %d frames of %r", count, source_name(source))
    pixels, times = densify(
        [picture.pixels for picture in pictures],
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
    pace = Pace(float(frames.seconds), steps, frames.loops)
    return Moving(Album(named, times[:, None]), pace)


def timed(
    playback: PlaybackSettings,
    settings: WalkSettings,
    walk: CodePath,
    codes: Codes,
    pace: Pace | None,
) -> tuple[PlaybackSettings, float]:
    """Return the playback that suits a walk, and which part of it shows the learning.

    What plays is slower than it was, unless another length was asked for.
    """
    if pace is None or not isinstance(walk, Play):
        legs = walk.segments(codes)
        return settings.timed(playback, legs), settings.learning(legs)
    usual = _SLOWER * pace.seconds / pace.steps
    return settings.timed(playback, pace.steps, usual=usual), settings.learning(pace.steps)


def _sized(frames: Frames, input_size: str | None) -> list[Picture]:
    """Return the frames at the size at which they are learned."""
    first = frames.pictures[0]
    height, width = (
        fitting(first.height, first.width, longest=_LONGEST)
        if input_size is None
        else parse_size(input_size)
    )
    return [picture.covering(height=height, width=width) for picture in frames.pictures]
