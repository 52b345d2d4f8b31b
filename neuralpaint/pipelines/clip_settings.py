"""How snapshots become a clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UsageError
from neuralpaint.rendering.camera import cameras, read_camera
from neuralpaint.rendering.filming import FramesFrom
from neuralpaint.rendering.pacing import pacings
from neuralpaint.video.formats import formats
from neuralpaint.video.overlays import overlays

__all__ = ["ClipSettings", "TimelapseSettings"]


@dataclass(frozen=True)
class ClipSettings(Settings):
    """How snapshots become the frames of a clip, and in which format."""

    section: ClassVar[str] = "Clip"

    pacing: str = setting("fixed", "how training time becomes clip time", entries=pacings)
    frames_from: FramesFrom = setting(
        "auto",
        "render: every frame is a true render; auto: on a CPU, frames that cannot be told from a "
        "blend of true ones are blended; training: what the batches leave on a canvas, almost for "
        "nothing, but a pixel may be two passes over the picture old (200 steps at 768x512) and "
        "shows the weights themselves, noisier than their average",
    )
    camera: str | None = setting(
        None,
        "a move over the picture, every frame rendered at its own detail; or a TOML file of "
        "keyframes",
        entries=cameras,
        read=read_camera,
    )
    format: str | None = setting(
        None, "kind of file, with settings; unset, by the suffix", entries=formats
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.frames_from == "training" and pacings.parse(self.pacing).trains_first:
            raise UsageError(
                f"--frames-from training films while it trains, and --pacing {self.pacing} after: "
                "choose --pacing fixed or log"
            )


@dataclass(frozen=True)
class TimelapseSettings(Settings):
    """What only the clip of one picture has: a frame every few steps, and overlays."""

    section: ClassVar[str] = "Clip"
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = (("frames", "every"),)

    every: int | None = setting(
        None,
        "a snapshot every so many steps, one frame each; with --duration, spread over it; with "
        "another pacing, only at multiples of it",
        unit="steps",
        minimum=1,
    )
    overlay: str = setting(
        "",
        "what to draw on the clip; may be given several times",
        entries=overlays,
        repeatable=True,
    )

    def snapshots(self, steps: int | None) -> int | None:
        """Return the number of snapshots of a training of `steps` steps; None without --every."""
        if self.every is None or steps is None:
            return None
        return 1 + -(-steps // self.every)
