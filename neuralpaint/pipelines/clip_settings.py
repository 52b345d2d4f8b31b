"""How footage becomes a clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neuralpaint.config.settings import setting
from neuralpaint.errors import UsageError
from neuralpaint.rendering.camera import cameras, read_camera
from neuralpaint.rendering.filming import FramesFrom
from neuralpaint.rendering.pacing import pacings
from neuralpaint.video.formats import formats
from neuralpaint.video.overlays import overlays
from neuralpaint.video.playback import PlaybackSettings

__all__ = ["ClipSettings"]


@dataclass(frozen=True)
class ClipSettings(PlaybackSettings):
    """How footage becomes a clip."""

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
    overlay: str = setting(
        "",
        "what to draw on the clip; may be given several times",
        entries=overlays,
        repeatable=True,
    )
    format: str | None = setting(
        None, "kind of file, with settings; unset, by the suffix", entries=formats
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.every is None:
            self.playback(steps=None)  # says now if the clip has no room for what was asked
        if self.frames_from == "training" and pacings.parse(self.pacing).trains_first:
            raise UsageError(
                f"--frames-from training films while it trains, and --pacing {self.pacing} after: "
                "choose --pacing fixed or log"
            )
