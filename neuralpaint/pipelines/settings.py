"""Settings that several commands share; each command composes its own from these groups."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UsageError
from neuralpaint.rendering.camera import Camera, cameras, read_camera
from neuralpaint.rendering.film import FramesFrom
from neuralpaint.rendering.pacing import Pacing, pacings
from neuralpaint.rendering.paths import code_paths
from neuralpaint.rendering.rhythm import Beat, rhythms
from neuralpaint.video.formats import formats
from neuralpaint.video.overlays import (
    Layout,
    Panel,
    SafeArea,
    overlays,
    panels_of,
    parse_safe,
)
from neuralpaint.video.playback import PlaybackSettings

__all__ = [
    "ClipSettings",
    "MomentSettings",
    "PathSettings",
    "RunSettings",
    "StillSettings",
    "TimelapseSettings",
]

_POSITION = re.compile(r"(\d{1,18})|(\d+(?:\.\d+)?)%", re.ASCII)
_SECONDS_EACH = 2.5
_LAYOUTS: dict[str, Layout] = {"auto": "auto", "right": "beside", "below": "stacked"}
_LEARNING_SEGMENTS = 2.0  # the training is shown for as long as this many segments of the path


@dataclass(frozen=True)
class RunSettings(Settings):
    """How long a whole run may take, and how often its state is saved."""

    section: ClassVar[str] = "Training"
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = (("steps", "seconds", "epochs", "budget"),)

    budget: float | None = setting(
        None,
        "finish the whole command in this time; the training gets the time that reading, rendering "
        "and writing leave",
        unit="seconds",
        above=0.0,
    )
    checkpoint: float | None = setting(
        None,
        "seconds between two saved states for --resume; 0 saves none; unset, 60, or none if "
        "the snapshots of the clip would take more than 2 GB",
        unit="seconds",
        minimum=0,
    )


@dataclass(frozen=True)
class ClipSettings(Settings):
    """How snapshots become the frames of a clip, and in which format."""

    section: ClassVar[str] = "Clip"

    pacing: str | None = setting(
        None,
        "how training time is mapped to clip time; unset, even: equal visible change from frame to "
        "frame, or fixed with --every or --frames-from training",
        entries=pacings,
    )
    frames_from: FramesFrom = setting(
        "auto",
        "render: render every frame; auto: on a CPU, blend neighbouring frames where this makes no "
        "visible difference; training: show the predictions of the training batches, which takes "
        "almost no time, but a pixel can be two passes over the picture old (200 steps at 768x512) "
        "and is noisier, because the weights are not averaged",
    )
    camera: str | None = setting(
        None,
        "a camera move over the picture, every frame rendered at its own detail; or a TOML file of "
        "keyframes",
        entries=cameras,
        read=read_camera,
    )
    beat: str | None = setting(
        None,
        "what follows the beat: on the onsets of --audio it changes, and between them it rests; "
        "without a value, pacing; unset, nothing, or pacing with --beats",
        entries=rhythms,
        bare="pacing",
    )
    beats: float | None = setting(
        None,
        "a fixed tempo to follow, with or without --audio; unset, the onsets of the sound",
        unit="beats per minute",
        minimum=20,
        maximum=600,
    )
    format: str | None = setting(
        None, "format of the file, with settings; unset, by the suffix", entries=formats
    )
    cover: bool = setting(
        False, "also write the finished picture as a still beside the clip, clip.cover.jpg"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        follows = self.follows
        if follows is not None and follows.moves_camera and self.camera is None:
            raise UsageError(
                "--beat camera moves a camera, and there is none: add --camera, or choose --beat "
                "pacing"
            )
        if self.frames_from == "training" and self.paced().trains_first:
            raise UsageError(
                f"--frames-from training cannot be used with --pacing {self.pacing}, which films "
                "after the training: choose --pacing fixed or log"
            )

    @property
    def follows(self) -> Beat | None:
        """What follows the beat; None if nothing does."""
        if self.beat is None and self.beats is None:
            return None
        return rhythms.parse("pacing" if self.beat is None else self.beat)

    @property
    def camera_move(self) -> Camera | None:
        """The camera; None if it does not move."""
        return None if self.camera is None else cameras.parse(self.camera)

    def paced(self, timelapse: TimelapseSettings | None = None) -> Pacing:
        """Return the pacing; unset, `fixed` for snapshots at intervals of steps, else `even`."""
        if self.pacing is not None:
            return pacings.parse(self.pacing)
        in_steps = timelapse is not None and timelapse.every is not None
        return pacings.parse("fixed" if in_steps or self.frames_from == "training" else "even")


@dataclass(frozen=True)
class TimelapseSettings(Settings):
    """Settings for clips of one picture only: a frame every few steps, and overlays."""

    section: ClassVar[str] = "Clip"
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = (("frames", "every"),)

    every: int | None = setting(
        None,
        "train this many steps from one frame to the next; with --duration, the frames are spread "
        "over it",
        unit="steps",
        minimum=1,
    )
    overlay: str = setting(
        "",
        "information to draw on the clip; can be repeated",
        entries=overlays,
        repeatable=True,
    )

    panel: Literal["auto", "right", "below"] = setting(
        "auto",
        "where the panels of overlays are placed that have no placement of their own; auto: where "
        "the frame is nearer to 16:9, or with --size where they are larger",
    )
    safe: str | None = setting(
        None,
        "margins that overlays keep free, in percent of the frame's sides, such as 14,6,20,6",
        unit="TOP,RIGHT,BOTTOM,LEFT",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.safe is not None:
            parse_safe(self.safe)

    @property
    def panels(self) -> list[Panel]:
        """The panels of the overlays."""
        layout = _LAYOUTS[self.panel]
        return [
            panel._replace(layout=layout) if panel.layout == "auto" else panel
            for panel in panels_of(overlays.parse_list(self.overlay))
        ]

    @property
    def safe_area(self) -> SafeArea:
        """The margins that overlays keep free."""
        return SafeArea() if self.safe is None else parse_safe(self.safe)

    def snapshots(self, steps: int | None) -> int | None:
        """Return the number of snapshots of a training of `steps` steps; None without --every."""
        if self.every is None or steps is None:
            return None
        return 1 + -(-steps // self.every)


@dataclass(frozen=True)
class StillSettings(Settings):
    """How a painting becomes a still."""

    section: ClassVar[str] = "Still"

    depth: Literal["8", "16"] = setting("8", "bits per channel; 16 for .png and .tiff", unit="bits")
    match_source: bool = setting(
        True,
        "if the still is at least 1.5 times as large as the picture, adjust it so that shrinking "
        "it gives the picture again; only after a finished training, and not for paintings",
    )
    keep_known: bool = setting(
        False,
        "with a mask, write the known pixels unchanged, at the picture's own size, and blend the "
        "seam of the hole",
    )


@dataclass(frozen=True)
class PathSettings(Settings):
    """How a path through the codes of several pictures becomes a clip."""

    section: ClassVar[str] = "Path"
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("duration", "seconds_each"),
        ("frames", "seconds_each"),
    )

    path: str | None = setting(
        None, "the path through the codes that morph has learned; unset, none", entries=code_paths
    )
    seconds_each: float | None = setting(
        None,
        "seconds from one code to the next, without --duration and --frames; unset, 2.5, and four "
        "times slower than the original for an input that moves",
        unit="seconds",
        above=0.0,
        maximum=3600,
    )
    learn: bool = setting(
        False,
        "first show the training of the first picture, for as long as two segments of the path",
    )

    def timed(
        self,
        playback: PlaybackSettings,
        segments: int,
        *,
        usual: float = _SECONDS_EACH,
        bar: float | None = None,
    ) -> PlaybackSettings:
        """Return the playback with the length of a path of `segments` segments, unless one is set.

        `usual` is the default number of seconds per segment; with `bar`, the nearest multiple of
        it. The end is not held by default.
        """
        if bar is not None:
            usual = bar * max(1, round(usual / bar))
        hold = playback.hold or 0.0
        if playback.duration is not None or playback.frames is not None:
            return replace(playback, hold=hold)
        each = usual if self.seconds_each is None else self.seconds_each
        return replace(playback, hold=hold, duration=each * (segments + self._extra) + hold)

    def learning(self, segments: int) -> float:
        """Return the fraction of the clip that shows the training."""
        return self._extra / (segments + self._extra)

    @property
    def _extra(self) -> float:
        return _LEARNING_SEGMENTS if self.learn else 0.0


@dataclass(frozen=True)
class Position:
    """A position in a training: a step, or a percentage."""

    number: float
    is_step: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the position that `500` or `40%` names.

        Raises:
            UsageError: the text is neither, or above 100%.
        """
        found = _POSITION.fullmatch(text.strip())
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
        """Return the position as a fraction of a training of `steps` steps, in [0, 1].

        Raises:
            UsageError: the training has fewer steps.
        """
        if not self.is_step:
            return self.number / 100
        if self.number > steps:
            raise UsageError(f"--at {self.number}: the training ends at step {steps}")
        return self.number / steps if steps else 0.0


@dataclass(frozen=True)
class MomentSettings(Settings):
    """Which moment of a take is rendered."""

    section: ClassVar[str] = "Output"

    at: str | None = setting(
        None,
        "the moment of a take: a step, or a percentage such as 40%; unset, the last",
        unit="STEP|PERCENT",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.at is not None:
            Position.parse(self.at)

    def fraction(self, steps: int) -> float:
        """Return the moment as a fraction of a training of `steps` steps, in [0, 1].

        Raises:
            UsageError: the training has fewer steps.
        """
        return 1.0 if self.at is None else Position.parse(self.at).fraction(steps)
