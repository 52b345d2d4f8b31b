"""The torch learner: lattice batches, one optimizer step each, a moving average of the weights."""

from __future__ import annotations

import math
import time

import torch

from neuralpaint.canvas import Canvas
from neuralpaint.devices import explaining_memory, find_device, set_threads
from neuralpaint.errors import DivergedError
from neuralpaint.learning import Learner, TrainingSettings
from neuralpaint.losses import losses
from neuralpaint.models import models
from neuralpaint.optimizers import optimizers
from neuralpaint.painting import Painting
from neuralpaint.pictures import Picture
from neuralpaint.schedules import schedules
from neuralpaint.target import Target

__all__ = ["TorchLearner"]

# On a CPU a step costs what its pixels cost, and a model knows how many suit it; a GPU is idle
# with fewer than this.
_BATCH = {"cuda": 65_536, "mps": 32_768}
_ADVICE = "lower --batch, or hidden_size in --model"
_STEPS = {"cpu": 2400, "cuda": 6000, "mps": 4000}


class TorchLearner(Learner):
    """Learns one picture with torch on any of its devices."""

    def __init__(self, picture: Picture, settings: TrainingSettings) -> None:
        self.settings = settings
        self._generator = torch.Generator().manual_seed(settings.seed)
        device = find_device(settings.device)
        self.device = kind = device.type
        set_threads(settings.threads)
        with explaining_memory(_ADVICE):
            self._target = Target.of(picture, device)
            self._build(picture.canvas, device)
        suitable = self._model.cpu_batch if kind == "cpu" else _BATCH[kind]
        batch = settings.batch or suitable
        self.epoch_steps = math.prod(self._target.strides(batch))
        self._lattices = self._target.lattices(batch, self._generator)
        self.step = 0
        self.seconds = 0.0
        self.loss = math.nan
        self.steps = _STEPS[kind] if settings.steps is None else settings.steps
        if settings.epochs is not None:
            self.steps = max(1, round(settings.epochs * self.epoch_steps))

    def _build(self, canvas: Canvas, device: torch.device) -> None:
        settings = self.settings
        self._model = models.parse(settings.model)
        # Drawn on the CPU: the same weights on every device.
        self.model = self._model.build(canvas, self._generator).to(device)
        self._parameters: list[torch.Tensor] = list(self.model.parameters())
        self.weights = sum(p.numel() for p in self._parameters)
        self._average = [p.detach().clone() for p in self._parameters]
        optimizer = optimizers.parse(settings.optimizer)
        self._given_lr = settings.lr or optimizer.lr
        self._optimizer = optimizer.build(self.model.groups())
        self._schedule = schedules.parse(settings.schedule)
        self._loss = losses.parse(settings.loss)

    @property
    def lr(self) -> float:
        """The initial learning rate: the user's, or what suits the model and the horizon."""
        return self._given_lr or self._model.learning_rate(self.steps)

    def advance(self, steps: int) -> float:
        """Train for `steps` steps and return their mean loss."""
        began = time.perf_counter()
        with explaining_memory(_ADVICE):
            # In double precision: the mean is the same however a training is cut into advances.
            precise = torch.float32 if self.device == "mps" else torch.float64
            total = torch.zeros((), device=self.device, dtype=precise)
            for _ in range(steps):
                total += self._train_step()
            self.loss = float(total) / steps  # the one synchronisation
        self.seconds += time.perf_counter() - began
        if not math.isfinite(self.loss):
            raise DivergedError(
                f"the loss became {self.loss} by step {self.step}: lower --lr (now {self.lr:g}) "
                "or set --clip 1"
            )
        return self.loss

    def _train_step(self) -> torch.Tensor:
        """Make one optimizer step on one lattice; return its loss, still on the device."""
        multiplier = self._schedule.multiplier(
            step=self.step, steps=self.steps, epoch=self.step // self.epoch_steps
        )
        for group in self._optimizer.param_groups:
            group["lr"] = self.lr * multiplier * group["rate"]
        self.model.pace(self.step / max(1, self.steps))
        batch = self._target.batch(next(self._lattices))
        self._optimizer.zero_grad()
        loss: torch.Tensor = self._loss(self.model(batch.x, batch.y), batch.colours)
        loss.backward()
        if self.settings.clip is not None:
            torch.nn.utils.clip_grad_norm_(self._parameters, self.settings.clip)
        self._optimizer.step()
        self.step += 1
        # The average is young at first: a long memory would show the random start for too long.
        decay = min(self.settings.ema, self.step / (self.step + 9))
        with torch.no_grad():
            torch._foreach_lerp_(self._average, self._parameters, 1 - decay)
        return loss.detach()

    def painting(self) -> Painting:
        """Return a frozen copy of the averaged weights."""
        names = [name for name, _ in self.model.named_parameters()]
        weights = dict(zip(names, [a.clone() for a in self._average], strict=True))
        return Painting(self.model, weights)
