"""How a picture is made small, and how the networks learn that bring it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from neuralpaint.config.settings import ComposedSettings, Settings, group, options, setting
from neuralpaint.errors import UsageError
from neuralpaint.image.pictures import PictureSettings
from neuralpaint.image.resampling import Kernel
from neuralpaint.models import models
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

__all__ = ["OWN", "DegradationSettings", "UpscaleSettings"]

OWN = ("target_scale", "enhance", "train_on")
"""What the comparison sets itself, and nobody else."""

_UPSCALE = (
    "instead of a race: make the picture this many times smaller along each side, bring it back by "
    "resampling and by each --model, plain and enhanced, and tell which comes nearest"
)
_LARGEST = 16


@dataclass(frozen=True)
class DegradationSettings(Settings):
    """How a picture is made small, where it is."""

    section: ClassVar[str] = "Upscaling"

    upscale: float | None = setting(None, _UPSCALE, above=1.0, maximum=_LARGEST)
    shrink: Kernel | None = setting(
        None, "how it is really made small; unset, as --kernel says, which is what all assume"
    )
    noise: float = setting(
        0.0, "standard deviation of Gaussian noise that is put on the small picture",
        unit="levels", minimum=0, maximum=100,
    )  # fmt: skip
    jpeg: int | None = setting(
        None, "send the small picture through a JPEG of this quality", minimum=1, maximum=100
    )  # fmt: skip


@dataclass(frozen=True, init=False)
class UpscaleSettings(ComposedSettings):
    """How a picture is made small, and how it is brought back; `model` is a list."""

    section: ClassVar[str] = "Upscaling"

    overrides: ClassVar[dict[str, dict[str, Any]]] = {"upscale": {"default": 2.0}}

    degradation: DegradationSettings = group(DegradationSettings)
    # Which suits is what is asked: for a photograph of 768x512 it takes one core five minutes.
    model: str = setting(
        "fourier,skipconn,pyramid", "what is trained; may be given several times", entries=models,
        repeatable=True,
    )  # fmt: skip
    loss: str = setting("mse", "what it minimises", entries=losses)
    optimizer: str = setting("adam", "how the weights follow the gradient", entries=optimizers)
    schedule: str = setting("cosine", "the learning rate over time", entries=schedules)
    engine: Engine = setting("torch", "what does the mathematics")
    optimization: OptimizationSettings = group(OptimizationSettings)
    target: TargetSettings = group(TargetSettings)
    machine: DeviceSettings = group(DeviceSettings)
    picture: PictureSettings = group(PictureSettings)

    def __post_init__(self) -> None:
        super().__post_init__()
        own = [option for name, option in options(TrainingSettings).items() if name in OWN]
        values = self.to_dict()
        given = [each.flag for each in own if values[each.name] != each.default]
        if given:
            raise UsageError(f"leave out {' and '.join(given)}: --upscale sees to that itself")
        if not self.models:
            raise UsageError("model must name at least one")

    @property
    def models(self) -> tuple[str, ...]:
        """The networks that bring the picture back, each once."""
        entries = models.parse_list(self.model)
        return tuple(dict.fromkeys(models.spec(entry) for entry in entries))

    @property
    def factor(self) -> float:
        """How many times smaller the picture is made along each side."""
        return 2.0 if self.degradation.upscale is None else self.degradation.upscale

    @property
    def shrinks_by(self) -> Kernel:
        """How the picture is made small."""
        return self.degradation.shrink or self.target.kernel

    def training(self, model: str, *, enhance: bool) -> TrainingSettings:
        """Return how a network learns the small picture, to show it at its old size.

        Raises:
            UsageError: the settings exclude it.
        """
        values = self.to_dict()
        shared: dict[str, Any] = {name: values[name] for name in options(TrainingSettings)}
        own = {"model": model, "target_scale": self.factor, "enhance": enhance}
        return TrainingSettings.from_dict(shared | own)
