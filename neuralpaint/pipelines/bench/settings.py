"""What a bench measures, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neuralpaint.config.settings import ComposedSettings, group, setting
from neuralpaint.image.pictures import PictureSettings
from neuralpaint.models import models
from neuralpaint.training.settings import DeviceSettings, TrainingSettings

__all__ = ["BenchSettings"]

_CLOCKS = (1.0, 5.0, 10.0, 30.0, 60.0)  # seconds at which everybody wants to know
_FILMED = ("fourier", "skipconn", "pyramid")
# One more, very short training: only a short schedule shows how soon a low PSNR can be had.
_SPRINT = 0.03  # of the longest training


@dataclass(frozen=True, init=False)
class BenchSettings(ComposedSettings):
    """What to measure, and where."""

    section: ClassVar[str] = "Training"

    model: str = setting(
        "", "what to measure; may be given several times; unset, those made for films",
        entries=models, repeatable=True,
    )  # fmt: skip
    seconds: float = setting(
        10.0, "how long the longest training of a model lasts; there is one for each of 1, 5, 10, "
        "30 and 60 seconds up to this", unit="seconds", above=0.0, maximum=86_400,
    )  # fmt: skip
    no_reference: bool = setting(
        False, "leave out what is compared with: the plain loop and the numpy engine"
    )
    seed: int = setting(0, "same seed: same weights to start from", minimum=0, maximum=2**63 - 1)
    machine: DeviceSettings = group(DeviceSettings)
    picture: PictureSettings = group(PictureSettings)

    @property
    def models(self) -> tuple[str, ...]:
        """The models to measure, each once."""
        chosen = models.parse_list(self.model) or [models.parse(name) for name in _FILMED]
        return tuple(dict.fromkeys(models.spec(model) for model in chosen))

    @property
    def clocks(self) -> tuple[float, ...]:
        """The seconds of training after which the quality is told."""
        return (*(clock for clock in _CLOCKS if clock < self.seconds), self.seconds)

    @property
    def horizons(self) -> tuple[float, ...]:
        """How long each of a model's trainings lasts, the shortest first."""
        return (_SPRINT * self.seconds, *self.clocks)

    def training(self, model: str) -> TrainingSettings:
        """Return how a model is trained: with the defaults of every other command."""
        return TrainingSettings(model=model, seed=self.seed, machine=self.machine)
