"""What the contestants of a comparison share, and what their race looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import ComposedSettings, Settings, group, options, setting
from neuralpaint.errors import UnknownNameError, UsageError
from neuralpaint.image.pictures import PictureSettings
from neuralpaint.models import models
from neuralpaint.rendering.pacing import Pacing, pacings
from neuralpaint.restoration.settings import TargetSettings
from neuralpaint.training.losses import losses
from neuralpaint.training.optimizers import optimizers
from neuralpaint.training.schedules import schedules
from neuralpaint.training.settings import DeviceSettings, OptimizationSettings, TrainingSettings

__all__ = ["AXES", "FIXED", "NAMED", "CompareSettings"]

AXES = ("model", "loss", "optimizer", "schedule", "engine")
"""What the command line takes several times: every combination is a contestant."""

NAMED: dict[str, Registry[Any]] = {
    "model": models, "loss": losses, "optimizer": optimizers, "schedule": schedules,
}  # fmt: skip
"""The settings that are looked up in a registry, and may have settings of their own."""

FIXED = ("steps", "seconds", "epochs", "train_on", "device", "threads")
"""What must be the same for all: the budget, what is learned, and where."""

_LONGEST = 3600  # seconds of a race


class _Engines:
    """Looks like a registry to a setting that takes several engines."""

    def __init__(self) -> None:
        self._names = options(TrainingSettings)["engine"].choices

    def parse_list(self, text: str) -> list[str]:
        """Return the engines of a comma-separated list."""
        names = [name for part in text.split(",") if (name := part.strip())]
        for name in names:
            if name not in self._names:
                raise UnknownNameError("engine", name, self._names)
        return names


@dataclass(frozen=True)
class AxesSettings(Settings):
    """Lists of what is to be tried."""

    section: ClassVar[str] = "Training"

    model: str = setting(
        "fourier", "what is trained; like --loss, --optimizer, --schedule and --engine it may be "
        "given several times, and every combination is a contestant",
        entries=models, repeatable=True,
    )  # fmt: skip
    loss: str = setting("mse", "what it minimises", entries=losses, repeatable=True)
    optimizer: str = setting(
        "adam", "how the weights follow the gradient", entries=optimizers, repeatable=True
    )
    schedule: str = setting(
        "cosine", "the learning rate over time", entries=schedules, repeatable=True
    )
    engine: str = setting(
        "torch", "what does the mathematics: torch, or numpy, the network from scratch",
        unit="engine", repeatable=True,
    )  # fmt: skip


@dataclass(frozen=True, init=False)
class CompareSettings(ComposedSettings):
    """How everybody trains, and what is made of it.

    `model`, `loss`, `optimizer`, `schedule` and `engine` are comma-separated lists.
    """

    section: ClassVar[str] = "Clip"

    axes: AxesSettings = group(AxesSettings)
    optimization: OptimizationSettings = group(OptimizationSettings)
    target: TargetSettings = group(TargetSettings)
    machine: DeviceSettings = group(DeviceSettings)
    picture: PictureSettings = group(PictureSettings)
    duration: float = setting(
        10.0, "length of race.mp4", unit="seconds", above=0.0, maximum=_LONGEST
    )
    fps: float = setting(30.0, "frames per second of race.mp4", minimum=1, maximum=120)
    hold: float | None = setting(
        None,
        "how long its end is held; unset, a fifth of it and at most 2 s",
        unit="seconds",
        minimum=0,
    )
    pacing: Literal["log", "fixed"] = setting(
        "log", "how training time becomes its time: slow at first, or the same all through"
    )
    no_original: bool = setting(False, "leave the picture itself out of the race")
    no_race: bool = setting(False, "make no race.mp4, and film nothing")

    def __post_init__(self) -> None:
        super().__post_init__()
        _Engines().parse_list(self.axes.engine)
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
        if name == "engine":
            return list(dict.fromkeys(_Engines().parse_list(self.axes.engine)))
        registry = NAMED[name]
        entries = registry.parse_list(getattr(self.axes, name))
        return list(dict.fromkeys(registry.spec(entry) for entry in entries))

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
        """How many of them show the end."""
        hold = min(2.0, self.duration / 5) if self.hold is None else self.hold
        return round(hold * self.fps)

    @property
    def fractions(self) -> list[float]:
        """The moments of the training that are filmed, rising from 0 to 1."""
        return self.moments.fractions(self.frames - self.held)

    @property
    def budget(self) -> tuple[str, float | None]:
        """What everybody is given, steps, seconds or epochs, and how much; None: the default."""
        for unit in ("seconds", "epochs", "steps"):
            if (amount := getattr(self.optimization, unit)) is not None:
                return unit, float(amount)
        return "steps", None

    def training(self, **changes: Any) -> TrainingSettings:
        """Return how one contestant is trained, who differs in some settings.

        Raises:
            UsageError: a change cannot be used.
        """
        values = self.to_dict()
        shared = {name: values[name] for name in options(TrainingSettings)}
        first = {name: self.axis(name)[0] for name in AXES}
        values = TrainingSettings.from_dict({**shared, **first, **changes}).to_dict()
        for name, registry in NAMED.items():
            values[name] = registry.spec(registry.parse(values[name]))
        return TrainingSettings(**values)
