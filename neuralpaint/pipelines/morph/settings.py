"""Everything that shapes a morph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from neuralpaint.config.settings import ComposedSettings, group, setting
from neuralpaint.errors import UsageError
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.image.pictures import PictureSettings
from neuralpaint.pipelines.clip_settings import ClipSettings
from neuralpaint.pipelines.live import RunSettings
from neuralpaint.pipelines.masking import MaskSettings
from neuralpaint.pipelines.morph.moving import MovingSettings, check_moving
from neuralpaint.pipelines.walk_settings import WalkSettings
from neuralpaint.rendering.pacing import pacings
from neuralpaint.training.settings import TrainingSettings
from neuralpaint.video.playback import PlaybackSettings

__all__ = ["MorphSettings"]


@dataclass(frozen=True, init=False)
class MorphSettings(ComposedSettings):
    """Everything that shapes a morph."""

    section: ClassVar[str] = "Walk"
    overrides: ClassVar[dict[str, dict[str, Any]]] = {
        "model": {"default": "morph"},
        "path": {"help": "the way through the codes; unset, loop, and play of what moves"},
        "duration": {"help": "length of the clip; unset, what the legs of the walk take"},
        "hold": {"help": "how long the last frame is held; unset, not at all"},
    }

    walk: WalkSettings = group(WalkSettings)
    playback: PlaybackSettings = group(PlaybackSettings)
    video: ClipSettings = group(ClipSettings)
    view: CanvasSettings = group(CanvasSettings)
    training: TrainingSettings = group(TrainingSettings)
    run: RunSettings = group(RunSettings)
    masking: MaskSettings = group(MaskSettings)
    moving: MovingSettings = group(MovingSettings)
    picture: PictureSettings = group(PictureSettings)

    codes: Literal["one-hot", "from-names"] = setting(
        "one-hot",
        "what the network hears of each picture; one-hot: a number of its own; from-names: the "
        "buttons in its file's name, as in 10110000.png",
    )
    sample: int = setting(
        0,
        "write so many stills too, of codes that were never trained, and a contact sheet of them, "
        "into a folder beside the clip",
        minimum=0,
        maximum=1000,
    )
    grid: bool = setting(False, "write a sheet of all combinations of up to 8 buttons there too")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_moving(self.moving, self.changes())
        self.playback.playback()  # raises if the clip has no room for what was asked
        if self.video.frames_from == "training":
            raise UsageError(
                "--frames-from training shows one picture that is learned: choose auto or render"
            )
        if pacings.parse(self.video.pacing).trains_first:
            raise UsageError(
                f"--pacing {self.video.pacing} needs the training whole: choose fixed or log"
            )
        if not self.walk.learn and "pacing" in self.changes():
            raise UsageError("--pacing is about how a picture is learned: give --learn too")
