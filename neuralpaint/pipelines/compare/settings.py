"""Settings of `compare`: of a race, and of a comparison of upscalings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import ComposedSettings, Settings, group, options, setting
from neuralpaint.errors import UnknownNameError, UsageError
from neuralpaint.image.framing import parse_size
from neuralpaint.image.pictures import PictureSettings
from neuralpaint.image.resampling import Kernel
from neuralpaint.models import models
from neuralpaint.rendering.pacing import Pacing, pacings
from neuralpaint.restoration.settings import TargetSettings
from neuralpaint.training.losses import losses
from neuralpaint.training.optimizers import optimizers
from neuralpaint.training.schedules import schedules
from neuralpaint.training.settings import (
    DeviceSettings,
    Engine,
    OptimizationSettings,
    TrainingSettings,
)
from neuralpaint.video.overlays import parse_safe

__all__ = ["AXES", "FIXED", "NAMED", "OWN", "CompareSettings", "DegradationSettings",
           "UpscaleSettings"]  # fmt: skip

AXES = ("model", "loss", "optimizer", "schedule", "engine")
"""The options that may be given several times: every combination is a variant."""

NAMED: dict[str, Registry[Any]] = {
    "model": models, "loss": losses, "optimizer": optimizers, "schedule": schedules,
}  # fmt: skip
"""The settings that name an entry of a registry, which has settings of its own."""

FIXED = ("steps", "seconds", "epochs", "train_on", "device", "threads")
"""The settings that are the same for all variants."""

OWN = ("target_scale", "enhance", "train_on")
"""The settings that `--upscale` chooses itself."""


def _engines(text: str) -> list[str]:
    """Return the engines of a comma-separated list, each once."""
    known = options(TrainingSettings)["engine"].choices
    names = [name for part in text.split(",") if (name := part.strip())]
    for name in names:
        if name not in known:
            raise UnknownNameError("engine", name, known)
    return list(dict.fromkeys(names))


def _specs(registry: Registry[Any], text: str) -> list[str]:
    """Return the entries of a comma-separated list, each once, in the shortest form."""
    return list(dict.fromkeys(registry.spec(entry) for entry in registry.parse_list(text)))


@dataclass(frozen=True)
class AxesSettings(Settings):
    """Comma-separated lists of which every combination is a variant."""

    section: ClassVar[str] = "Training"

    model: str = setting(
        "fourier",
        "model to train; like --loss, --optimizer, --schedule and --engine it may be given several "
        "times, and every combination is a contestant",
        entries=models,
        repeatable=True,
    )
    loss: str = setting("mse", "loss to minimise", entries=losses, repeatable=True)
    optimizer: str = setting(
        "adam", "how gradients change the weights", entries=optimizers, repeatable=True
    )
    schedule: str = setting("cosine", "learning rate over time", entries=schedules, repeatable=True)
    engine: str = setting(
        "torch", "library that computes: torch, or numpy (written from scratch)",
        unit="engine", repeatable=True,
    )  # fmt: skip


@dataclass(frozen=True, init=False)
class CompareSettings(ComposedSettings):
    """Settings of a race: what is trained, what all variants share, and how the clip looks.

    `model`, `loss`, `optimizer`, `schedule` and `engine` are comma-separated lists.
    """

    section: ClassVar[str] = "Clip"

    axes: AxesSettings = group(AxesSettings)
    optimization: OptimizationSettings = group(OptimizationSettings)
    target: TargetSettings = group(TargetSettings)
    machine: DeviceSettings = group(DeviceSettings)
    picture: PictureSettings = group(PictureSettings)
    duration: float = setting(10.0, "length of race.mp4", unit="seconds", above=0.0, maximum=3600)
    fps: float = setting(30.0, "frames per second of race.mp4", minimum=1, maximum=120)
    hold: float | None = setting(
        None,
        "how long race.mp4 shows its last frame; unset, a fifth of its length, at most 2 s",
        unit="seconds",
        minimum=0,
    )
    pacing: Literal["log", "fixed"] = setting(
        "log", "how training time is mapped to the time of race.mp4; log: slow motion at the start"
    )
    size: str | None = setting(
        None,
        "size of race.mp4; unset, as large as its pictures need, at most 1920x1080",
        unit="WIDTHxHEIGHT",
    )
    safe: str | None = setting(
        None,
        "margins of race.mp4, in percent of its sides, such as 14,6,20,6; those above and below "
        "stay empty",
        unit="TOP,RIGHT,BOTTOM,LEFT",
    )
    cover: bool = setting(False, "also write the last frame of race.mp4 as race.cover.jpg")
    no_original: bool = setting(False, "leave the original out of race.mp4")
    no_race: bool = setting(False, "write no race.mp4, and film nothing")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size is not None:
            parse_size(self.size)
        if self.safe is not None:
            parse_safe(self.safe)
            if self.size is None:
                raise UsageError("--safe has no effect without --size: add it")
        if self.held >= self.frames:
            raise UsageError(
                f"--hold {self.hold or 0:g} leaves no time to move in a race of "
                f"{self.duration:g} s: lower it, or raise --duration"
            )
        for axis in AXES:
            if not self.axis(axis):
                raise UsageError(f"{axis} must name at least one")

    def axis(self, name: str) -> list[str]:
        """Return the values of one of `AXES`, each once, in the shortest form."""
        text = getattr(self.axes, name)
        return _engines(text) if name == "engine" else _specs(NAMED[name], text)

    @property
    def moments(self) -> Pacing:
        """The pacing of the race."""
        return pacings.parse(self.pacing)

    @property
    def frames(self) -> int:
        """Frames of the race."""
        return max(1, round(self.duration * self.fps))

    @property
    def held(self) -> int:
        """Frames at the end of the race that show the end of the training."""
        hold = min(2.0, self.duration / 5) if self.hold is None else self.hold
        return round(hold * self.fps)

    @property
    def fractions(self) -> list[float]:
        """The moments of the training that are filmed, rising from 0 to 1."""
        return self.moments.fractions(self.frames - self.held)

    @property
    def budget(self) -> tuple[str, float | None]:
        """The unit and the amount of training of each variant; None: the default."""
        for unit in ("seconds", "epochs", "steps"):
            if (amount := getattr(self.optimization, unit)) is not None:
                return unit, float(amount)
        return "steps", None

    def training(self, **changes: Any) -> TrainingSettings:
        """Return the settings of a variant that differs in some settings.

        Raises:
            UsageError: a change cannot be used.
        """
        first = {name: self.axis(name)[0] for name in AXES}
        values = TrainingSettings.from_dict({**_shared(self), **first, **changes}).to_dict()
        for name, registry in NAMED.items():
            values[name] = registry.spec(registry.parse(values[name]))
        return TrainingSettings(**values)


_UPSCALE = (
    "instead of a race: make the picture this many times smaller along each side, enlarge it again "
    "by resampling and by each --model, plain and enhanced, and rank the results"
)


@dataclass(frozen=True)
class DegradationSettings(Settings):
    """How the picture is made small."""

    section: ClassVar[str] = "Upscaling"

    upscale: float | None = setting(None, _UPSCALE, above=1.0, maximum=16)
    shrink: Kernel | None = setting(
        None,
        "how the picture is made small; unset, as in --kernel, which all methods assume, or by "
        "box if that is auto",
    )
    noise: float = setting(
        0.0, "standard deviation of Gaussian noise that is added to the small picture",
        unit="levels", minimum=0, maximum=100,
    )  # fmt: skip
    jpeg: int | None = setting(
        None, "compress the small picture as a JPEG of this quality", minimum=1, maximum=100
    )


@dataclass(frozen=True, init=False)
class UpscaleSettings(ComposedSettings):
    """Settings of a comparison of upscalings: how the picture is made small and enlarged again.

    `model` is a comma-separated list.
    """

    section: ClassVar[str] = "Upscaling"
    overrides: ClassVar[Mapping[str, Mapping[str, Any]]] = {"upscale": {"default": 2.0}}

    degradation: DegradationSettings = group(DegradationSettings)
    # Three models, because the best one is not known: five minutes of one core at 768x512.
    model: str = setting(
        "fourier,skipconn,pyramid", "model to train; may be given several times", entries=models,
        repeatable=True,
    )  # fmt: skip
    loss: str = setting("mse", "loss to minimise", entries=losses)
    optimizer: str = setting("adam", "how gradients change the weights", entries=optimizers)
    schedule: str = setting("cosine", "learning rate over time", entries=schedules)
    engine: Engine = setting("torch", "library that computes")
    optimization: OptimizationSettings = group(OptimizationSettings)
    target: TargetSettings = group(TargetSettings)
    machine: DeviceSettings = group(DeviceSettings)
    picture: PictureSettings = group(PictureSettings)

    def __post_init__(self) -> None:
        super().__post_init__()
        known, values = options(TrainingSettings), self.to_dict()
        changed = [name for name in known if name in OWN and values[name] != known[name].default]
        if changed:
            flags = " and ".join(known[name].flag for name in changed)
            raise UsageError(f"leave out {flags}: --upscale sets it itself")
        if not self.models:
            raise UsageError("model must name at least one")

    @property
    def models(self) -> tuple[str, ...]:
        """The models that enlarge the small picture, each once."""
        return tuple(_specs(models, self.model))

    @property
    def factor(self) -> float:
        """How many times smaller the picture is made along each side."""
        return 2.0 if self.degradation.upscale is None else self.degradation.upscale

    @property
    def shrinks_by(self) -> Kernel:
        """The kernel by which the picture is made small."""
        assumed = self.target.kernel
        return self.degradation.shrink or ("box" if assumed == "auto" else assumed)

    def training(self, model: str, *, enhance: bool) -> TrainingSettings:
        """Return the settings of a network that learns the small picture, to enlarge it.

        Raises:
            UsageError: the settings cannot be used together.
        """
        own = {"model": model, "target_scale": self.factor, "enhance": enhance}
        return TrainingSettings.from_dict(_shared(self) | own)


def varying(training: TrainingSettings) -> dict[str, Any]:
    """Return the settings in which variants may differ: the target first, the engine last.

    Names and columns have this order, which is that of version 0.1.
    """
    values = training.target.to_dict() | training.to_dict()
    values["engine"] = values.pop("engine")
    return {name: value for name, value in values.items() if name not in FIXED}


def _shared(settings: Settings) -> dict[str, Any]:
    values = settings.to_dict()
    return {name: values[name] for name in options(TrainingSettings)}
