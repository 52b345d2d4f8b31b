"""The torch learner: lattice batches, one optimizer step each, a moving average of the weights."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from neuralpaint.models.codes import Subject
from neuralpaint.models.painting import TorchPainting
from neuralpaint.runtime.devices import explain_out_of_memory, find_device
from neuralpaint.runtime.progress import DoneCallback, ignore
from neuralpaint.runtime.state import State, merge_states, substate
from neuralpaint.runtime.threads import set_threads
from neuralpaint.training.cuda_graph import StepGraphs
from neuralpaint.training.gradients import backpropagate, penalize
from neuralpaint.training.learning import Learner
from neuralpaint.training.lesson import Lesson
from neuralpaint.training.settings import Plan, TrainingSettings
from neuralpaint.training.target import Batch, Lattice, Lattices, Target, strides
from neuralpaint.training.timing import CudaTimer, HostTimer, Measurement

__all__ = ["TorchLearner"]

# On a CPU a step costs what its pixels cost, and a model knows how many suit it; a GPU is idle
# with fewer than this.
_BATCH = {"cuda": 65_536, "mps": 32_768}
_ADVICE = "lower --batch, or hidden_size in --model"
_STEPS = {"cpu": 2000, "cuda": 6000, "mps": 4000}


class TorchLearner(Learner):
    """Learns a picture, or an album, with torch on any of its devices."""

    def __init__(self, subject: Subject, settings: TrainingSettings) -> None:
        self.settings = settings
        self._canvas = subject.canvas
        self._codes = subject.codes
        self._plan = Plan(settings)
        self._generator = torch.Generator().manual_seed(settings.optimization.seed)
        self._device = device = find_device(settings.machine.device)
        self.device = kind = device.type
        set_threads(settings.machine.threads)
        self._lesson = Lesson(subject, settings)
        self._target: Target | None = None
        if not self._lesson.is_made:
            self.prepare()
        with explain_out_of_memory(_ADVICE):
            self._build(device)
            self._measure(device)
        suitable = self._plan.model.cpu_batch if kind == "cpu" else _BATCH[kind]
        if self._plan.model.learns_whole:
            suitable = math.prod(self._lesson.shape)
        apart = strides(self._lesson.shape, settings.optimization.batch or suitable)
        self.epoch_steps = math.prod(apart)
        self._lattices = Lattices(
            self._lesson.shape, apart, generator=self._generator, device=device
        )
        self.step = 0
        self.steps = self._plan.steps(usual=_STEPS[kind], epoch_steps=self.epoch_steps)

    def prepare(self, look: DoneCallback = ignore) -> None:
        """Make what is learned, if it has to be made, and put it on the device."""
        if self._target is None:
            with explain_out_of_memory(_ADVICE):
                pixels = self._lesson.pixels(device=self._device, look=look)
                self._target = Target.of(self._lesson, pixels, self._device)

    def _build(self, device: torch.device) -> None:
        # Drawn on the CPU: the same weights on every device.
        canvas = self._plan.canvas(self._canvas)
        model = self._plan.model.build(canvas, self._generator, self._codes)
        self.model = model.to(device)
        self._parameters: list[torch.Tensor] = list(self.model.parameters())
        self.weights = sum(p.numel() for p in self._parameters)
        self._average = [p.detach().clone() for p in self._parameters]
        self._optimizer = self._plan.optimizer.build(self.model.parameter_groups())

    def _measure(self, device: torch.device) -> None:
        """Decide how a step is made and measured on this device."""
        self._renewal: float | torch.Tensor = 0.0  # of the average, by the newest weights
        self._progress: float | torch.Tensor = 0.0  # of the training, in [0, 1]
        self._graphs: StepGraphs | None = None
        self._sketch: torch.Tensor | None = None  # (height, width, 3) uint8
        self._epoch_loss = torch.zeros((), device=device)  # sum over the steps of this epoch
        # float64: the sum of float32 losses is then exact, however the steps are grouped.
        precise = torch.float32 if device.type == "mps" else torch.float64
        losses = torch.zeros((), device=device, dtype=precise)
        if device.type == "cuda":
            self._renewal = torch.zeros((), device=device)
            self._progress = torch.zeros((), device=device)
            self._graphs = StepGraphs() if self._plan.optimizer.capturable else None
            self._timer = CudaTimer(losses)
        else:
            self._timer = HostTimer(losses)

    def advance(self, steps: int) -> None:
        """Train for `steps` steps; a GPU has them on its list on return, and no more than that."""
        self.prepare()
        self._advancing = True
        with explain_out_of_memory(_ADVICE):
            self._timer.begin()
            self.model.train()
            for _ in range(steps):
                self._prepare_step()
                lattice = next(self._lattices)
                if self._graphs is None:
                    self._learn_from(lattice)
                else:
                    self._graphs.run(self._learn_from, lattice)
                self.step += 1
                if self._plan.annealing.needs_loss and self.step % self.epoch_steps == 0:
                    self._plan.annealing.observe(float(self._epoch_loss) / self.epoch_steps)
                    self._epoch_loss.zero_()
            self._advancing = False
            self._timer.end(self.step, advice=self._plan.advice(self.steps))

    def _prepare_step(self) -> None:
        """Set what differs from step to step, but for the pixels."""
        rate = self._plan.lr(self.steps) * self._plan.annealing.multiplier(
            step=self.step, steps=self.steps, epoch=self.step // self.epoch_steps
        )
        for group in self._optimizer.param_groups:
            group["lr"] = _filled(group["lr"], rate * group["rate"])
        progress = self.step / max(1, self.steps)
        self.model.set_progress(progress)
        self._progress = _filled(self._progress, progress)
        self._renewal = _filled(self._renewal, self._plan.renewal(self.step))

    def _learn_from(self, lattice: Lattice) -> None:
        """Make one optimizer step on one lattice; whatever it needs lies on the device."""
        assert self._target is not None  # `advance` has seen to it
        batch = self._target.batch(lattice, self._progress)
        self._optimizer.step(lambda: self._weigh(batch))
        with torch.no_grad():
            for average, parameter in zip(self._average, self._parameters, strict=True):
                average.lerp_(parameter, self._renewal)
        self._timer.losses += self._error
        self._epoch_loss += self._error
        if self._sketch is not None:
            levels = self._said.mul_(255).round_().clamp_(0, 255).byte()
            self._sketch[lattice.rows[:, None], lattice.columns] = levels

    def _weigh(self, batch: Batch) -> torch.Tensor:
        """Make the gradients of a batch and return what the optimizer is to lower."""
        settings = self.settings.optimization
        self._optimizer.zero_grad()
        self._error, self._said = backpropagate(
            self.model, self._plan.loss, batch, parameters=self._parameters
        )
        penalty = penalize(self._parameters, l1=settings.l1, l2=settings.l2)
        if settings.clip is not None:
            torch.nn.utils.clip_grad_norm_(self._parameters, settings.clip)
        return self._error + penalty

    def painting(self) -> TorchPainting:
        """Return a frozen copy of the averaged weights, and of what else the model remembers."""
        weights = {name: average.clone() for name, average in self._all_averages().items()}
        state = self.model.state_dict()
        weights |= {name: state[name].clone() for name in state if name not in weights}
        return TorchPainting(
            self.model, weights, canvas=self._canvas, settings=self.settings, codes=self._codes
        )

    def begin_sketch(self, frame: NDArray[np.uint8]) -> None:
        """Keep what the model says of each batch, on a canvas that begins as `frame`."""
        if self.step > 0:
            raise RuntimeError("a sketch begins before the training does")
        self._keep_sketch(frame)

    def _keep_sketch(self, frame: NDArray[np.uint8]) -> None:
        size = self._canvas.height, self._canvas.width, 3
        self._sketch = torch.empty(size, dtype=torch.uint8, device=self.device)
        self._sketch.copy_(torch.tensor(frame))

    def sketch(self) -> NDArray[np.uint8]:
        """Return a copy of that canvas."""
        if self._sketch is None:
            raise RuntimeError("begin_sketch has not been called")
        return self._sketch.to("cpu", copy=True).numpy()

    def _state(self) -> State:
        parts = {
            "weights": _arrays(self._all_weights()),
            "average": _arrays(self._all_averages()),
            "optimizer": self._optimizer.state(),
            "lattices": self._lattices.state(),
            "annealing": self._plan.annealing.state(),
        }
        numbers = {"steps": np.array(self.steps), "epoch_loss": np.array(self._epoch_loss.item())}
        sketch = {} if self._sketch is None else {"sketch": self.sketch()}
        return self.newest.state() | numbers | sketch | merge_states(parts)

    def _variable_forms(self, state: State) -> dict[str, State]:
        return {
            "optimizer": self._optimizer.form(substate(state, "optimizer")),
            "annealing": self._plan.annealing.form(substate(state, "annealing")),
        }

    def _restore(self, state: State) -> None:
        self._lattices.restore(substate(state, "lattices"))
        self._optimizer.restore(substate(state, "optimizer"))
        _fill(self._all_weights(), substate(state, "weights"))
        _fill(self._all_averages(), substate(state, "average"))
        self._plan.annealing.restore(substate(state, "annealing"))
        self._epoch_loss.fill_(state["epoch_loss"].item())
        self._sketch = None
        if "sketch" in state:
            self._keep_sketch(state["sketch"])
        measurement = Measurement.of(state)
        self.step, self.steps = measurement.step, state["steps"].item()
        self._timer.restore(measurement)

    def _all_weights(self) -> dict[str, torch.Tensor]:
        """Return by name what is learned, and whatever else the model remembers."""
        return dict(self.model.named_parameters()) | dict(self.model.named_buffers())

    def _all_averages(self) -> dict[str, torch.Tensor]:
        names = [name for name, _ in self.model.named_parameters()]
        return dict(zip(names, self._average, strict=True))


def _filled(dial: float | torch.Tensor, value: float) -> float | torch.Tensor:
    """Return a dial set to a value; a tensor is filled, for a graph reads it where it lies."""
    return dial.fill_(value) if isinstance(dial, torch.Tensor) else value


def _arrays(tensors: dict[str, torch.Tensor]) -> State:
    """Return copies on the host."""
    return {name: tensor.numpy(force=True).copy() for name, tensor in tensors.items()}


@torch.no_grad()
def _fill(tensors: dict[str, torch.Tensor], state: State) -> None:
    """Fill tensors where they lie, for that is where an optimizer and a graph look for them."""
    for name, tensor in tensors.items():
        tensor.copy_(torch.tensor(state[name]))
