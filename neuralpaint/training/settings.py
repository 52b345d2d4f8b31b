"""The settings of a training, and the numbers that both engines derive from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from neuralpaint.config.settings import ComposedSettings, Settings, group, setting
from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.image.pictures import TrainOn
from neuralpaint.models import models
from neuralpaint.restoration.settings import TargetSettings
from neuralpaint.runtime.devices import check_device_name
from neuralpaint.training.losses import losses
from neuralpaint.training.optimizers import optimizers
from neuralpaint.training.schedules import ScheduleRun, schedules

__all__ = ["DeviceSettings", "Engine", "OptimizationSettings", "Plan", "TrainingSettings"]

Engine = Literal["torch", "numpy"]


@dataclass(frozen=True)
class DeviceSettings(Settings):
    """The device, and the threads of the CPU."""

    section: ClassVar[str] = "Device"

    device: str = setting(
        "auto",
        "device for training and rendering: auto, cpu, cuda, cuda:1 (the second GPU) or mps; auto "
        "is CUDA if it works, else MPS, else the CPU",
        unit="DEVICE",
    )
    threads: int | None = setting(
        None, "CPU threads; unset, all cores that this process may use", minimum=1, maximum=1024
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_device_name(self.device)


@dataclass(frozen=True)
class OptimizationSettings(Settings):
    """How long a model is trained, with which batches and which regularisation."""

    section: ClassVar[str] = "Training"
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = (("steps", "seconds", "epochs"),)

    lr: float | None = setting(
        None,
        "initial learning rate, unless the optimizer has its own; unset, one that suits the model",
        above=0.0,
        maximum=100,
    )
    steps: int | None = setting(
        None,
        "train this many steps; unset, a number that suits the device",
        minimum=0,
        maximum=10**9,
    )
    seconds: float | None = setting(
        None, "train this long instead; filming is not counted", unit="seconds", above=0.0
    )
    epochs: float | None = setting(
        None, "train this many passes over the picture instead", above=0.0
    )
    batch: int | None = setting(
        None, "pixels per step; unset, a number that suits the device", unit="pixels", minimum=1
    )
    train_on: TrainOn = setting(
        "all",
        "pixels to learn; every-other: one of each 2 x 2, the network interpolates the rest",
    )
    clip: float | None = setting(None, "clip the gradient to this norm", above=0.0)
    l1: float = setting(
        0.0,
        "add this times the sum of |w| to the loss, over all weights except biases",
        minimum=0,
        maximum=1,
    )
    l2: float = setting(
        0.0,
        "add this times the sum of w^2 / 2 to the loss, over all weights except biases",
        minimum=0,
        maximum=1,
    )
    ema: float = setting(
        0.99,
        "decay of the moving average of the weights, which is rendered; 0 renders the weights "
        "themselves",
        minimum=0,
        maximum=0.99999,
    )
    seed: int = setting(
        0,
        "random seed; on one machine, the same seed gives the same result",
        minimum=0,
        maximum=2**63 - 1,
    )


@dataclass(frozen=True, init=False)
class TrainingSettings(ComposedSettings):
    """All settings of a training: model, loss, optimizer, schedule, target and device."""

    section: ClassVar[str] = "Training"

    model: str = setting("fourier", "model to train", entries=models)
    loss: str = setting("mse", "loss to minimise", entries=losses)
    optimizer: str = setting("adam", "how gradients change the weights", entries=optimizers)
    schedule: str = setting("cosine", "learning rate over time", entries=schedules)
    engine: Engine = setting(
        "torch", "library that computes; numpy: the network from scratch, meant to be read"
    )
    optimization: OptimizationSettings = group(OptimizationSettings)
    target: TargetSettings = group(TargetSettings)
    machine: DeviceSettings = group(DeviceSettings)

    def __post_init__(self) -> None:
        super().__post_init__()
        train_on = self.optimization.train_on
        if train_on != "all" and self.target.makes_target:
            raise UsageError(
                f"--train-on {train_on} leaves pixels out, but --target-scale, --enhance and "
                "--denoise need all of them: use only one of these options"
            )


class Plan:
    """The model, optimizer, loss and schedule of the settings, and numbers derived from them."""

    def __init__(self, settings: TrainingSettings) -> None:
        self.model = models.parse(settings.model)
        self.optimizer = optimizers.parse(settings.optimizer)
        self.loss = losses.parse(settings.loss)
        self.schedule = ScheduleRun(schedules.parse(settings.schedule))
        self._settings = settings

    def canvas(self, picture: Canvas) -> Canvas:
        """Return the canvas of a picture at the size for which the model is built.

        That is the target's size if the target is enhanced, so that it has more detail than the
        picture, or if the model has weights for every pixel. Otherwise a larger model would only
        learn more noise.
        """
        larger = self._settings.target.enhance or self.model.needs_all_pixels
        return picture.scaled(self._settings.target.factor) if larger else picture

    def steps(self, *, usual: int, epoch_steps: int) -> int:
        """Return the number of steps: from the settings, or a default.

        `usual` is the device's default. An enhanced picture has more detail, so its default is up
        to twice as large.
        """
        settings = self._settings
        if settings.optimization.epochs is not None:
            return max(1, round(settings.optimization.epochs * epoch_steps))
        if settings.optimization.steps is not None:
            return settings.optimization.steps
        usual = self.model.default_steps(usual, epoch_steps)
        return round(usual * min(2.0, settings.target.factor)) if settings.target.enhance else usual

    def lr(self, steps: int) -> float:
        """Return the initial learning rate: the optimizer's lr, else --lr, else the model's."""
        suitable = self.optimizer.learning_rate(
            adam=self.model.learning_rate(steps), raw=self.model.raw_rate(steps)
        )
        return self.optimizer.lr or self._settings.optimization.lr or suitable

    def average_rate(self, step: int) -> float:
        """Return the fraction of the newest weights in the moving average after a step."""
        # Larger at first: otherwise the random initial weights would stay visible for too long.
        return 1 - min(self._settings.optimization.ema, (step + 1) / (step + 10))

    def advice(self, steps: int) -> str:
        """Return the advice in the error message about an infinite or NaN loss."""
        return f"lower --lr (now {self.lr(steps):g}) or set --clip 1"
