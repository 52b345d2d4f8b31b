"""Everything that shapes a morph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from neuralpaint.config.settings import setting
from neuralpaint.errors import UsageError
from neuralpaint.models import models
from neuralpaint.pipelines.live import LiveSettings
from neuralpaint.pipelines.morph.moving import FramesSettings
from neuralpaint.pipelines.walk_settings import WalkSettings
from neuralpaint.rendering.pacing import pacings
from neuralpaint.rendering.walks import walks

__all__ = ["MorphSettings"]


@dataclass(frozen=True)
class MorphSettings(WalkSettings, FramesSettings, LiveSettings):
    """Everything that shapes a morph."""

    section: ClassVar[str] = "Walk"
    # A walk has no steps of a training, and lies between the pictures it could be held against; and
    # these have not one truth.
    without: ClassVar[tuple[str, ...]] = ("every", "overlay", "truth")

    model: str = setting("morph", "what is trained", entries=models)
    path: str | None = setting(
        None, "the way through the codes; unset, loop, and play of what moves", entries=walks
    )
    codes: Literal["one-hot", "from-names"] = setting(
        "one-hot",
        "what the network hears of each picture; one-hot: a number of its own; from-names: the "
        "buttons in its file's name, as in 10110000.png",
    )
    duration: float | None = setting(
        None,
        "length of the clip; unset, what the legs of the walk take",
        unit="seconds",
        above=0.0,
        maximum=1e9,
    )
    hold: float | None = setting(
        None, "how long the last frame is held; unset, not at all", unit="seconds", minimum=0,
        maximum=1e9,
    )  # fmt: skip
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
        if self.frames_from == "training":
            raise UsageError(
                "--frames-from training shows one picture that is learned: choose auto or render"
            )
        if pacings.parse(self.pacing).trains_first:
            raise UsageError(
                f"--pacing {self.pacing} needs the training whole: choose fixed or log"
            )
        if not self.learn and self.pacing != type(self).pacing:
            raise UsageError("--pacing is about how a picture is learned: give --learn too")
