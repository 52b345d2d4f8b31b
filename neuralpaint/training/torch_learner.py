"""The torch learner: one optimizer step per lattice, and a moving average of the weights."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from neuralpaint.models.codes import Subject
from neuralpaint.models.painting import TorchPainting
from neuralpaint.runtime.devices import explain_out_of_memory, find_device
from neuralpaint.runtime.progress import DoneCallback, PhaseCallback, ignore
from neuralpaint.runtime.state import State, substate
from neuralpaint.runtime.threads import set_threads
from neuralpaint.training.batches import Batch, Lattice, Lattices, TargetTensors, strides
from neuralpaint.training.learner import Learner
from neuralpaint.training.settings import Plan, TrainingSettings
from neuralpaint.training.step import StepGraphs, add_penalties, backpropagate
from neuralpaint.training.target import Target, initial_signal
from neuralpaint.training.timing import CudaTimer, HostTimer

__all__ = ["TorchLearner"]

# Pixels per step. On a CPU the time of a step is proportional to its pixels, so the number depends
# on the model; smaller batches would not keep a GPU busy.
_BATCH = {"cuda": 65_536, "mps": 32_768}
_STEPS = {"cpu": 2000, "cuda": 6000, "mps": 4000}
_ADVICE = "lower --batch, or hidden_size in --model"


class TorchLearner(Learner):
    """Learns a picture or an album with torch, on any of its devices."""

    _epoch_loss: torch.Tensor

    def __init__(self, subject: Subject, settings: TrainingSettings) -> None:
        self.settings = settings
        self._canvas, self._codes = subject.canvas, subject.codes
        self._plan = Plan(settings)
        self._generator = torch.Generator().manual_seed(settings.optimization.seed)
        self._device = find_device(settings.machine.device)
        self.device = kind = self._device.type
        set_threads(settings.machine.threads)
        self._target = Target(subject, settings)
        self._tensors: TargetTensors | None = None
        self._graphs: StepGraphs | None = None
        self._recorded = False
        if not self._target.is_restored:
            self.prepare()
        with explain_out_of_memory(_ADVICE):
            self._build_model(torch.from_numpy(initial_signal(subject.pictures)))
            self._build_step()
        pixels = self._plan.model.cpu_batch if kind == "cpu" else _BATCH[kind]
        if self._plan.model.needs_all_pixels:
            pixels = math.prod(self._target.grid.shape)
        spacing = strides(self._target.grid.shape, settings.optimization.batch or pixels)
        self.epoch_steps = math.prod(spacing)
        self._lattices = Lattices(
            self._target.grid.shape, strides=spacing, generator=self._generator, device=self._device
        )
        self.step = 0
        self.steps = self._plan.steps(usual=_STEPS[kind], epoch_steps=self.epoch_steps)

    def prepare(self, look: DoneCallback = ignore, on_phase: PhaseCallback = ignore) -> None:
        """Compute the target, copy it to the device, and record the step; only once."""
        if self._tensors is None:
            with explain_out_of_memory(_ADVICE):
                colours = self._target.colours(device=self._device, on_done=look, on_phase=on_phase)
                self._tensors = TargetTensors.of(self._target, colours, device=self._device)
        if self._graphs is not None and not self._recorded:
            self._recorded = True
            with explain_out_of_memory(_ADVICE):
                self._record_steps(self._graphs)

    def _record_steps(self, graphs: StepGraphs) -> None:
        """Train until the step is recorded for every lattice, then restore everything.

        So the first use of the GPU's libraries and the recording do not count as training.
        """
        generators = self._lattices.state(), torch.cuda.get_rng_state()
        kept = [*self._named_weights().values(), *self._average, self._epoch_loss]
        kept += [torch.as_tensor(self._timer.losses), *self._optimizer.tensors()]
        kept += [] if self._sketch is None else [self._sketch]
        before = [tensor.clone() for tensor in kept]
        epoch = [next(self._lattices) for _ in range(self.epoch_steps)]
        self.model.train()
        self._update_step_values()
        for lattice in {(len(each.rows), len(each.columns)): each for each in epoch}.values():
            for _ in range(graphs.uses_until_recorded):
                graphs.run(self._train_on, lattice)
        with torch.no_grad():
            for tensor in self._optimizer.tensors():
                tensor.zero_()  # also what these steps have created; the rest is restored below
            for tensor, values in zip(kept, before, strict=True):
                tensor.copy_(values)
        self._lattices.restore(generators[0])
        torch.cuda.set_rng_state(generators[1])

    def _build_model(self, signal: torch.Tensor) -> None:
        # Initialised on the CPU, so that the weights are the same on every device.
        canvas = self._plan.canvas(self._canvas)
        model = self._plan.model.build(canvas, self._generator, self._codes)
        model.start_at(signal)
        self.model = model.to(self._device)
        self._parameters: list[torch.Tensor] = list(self.model.parameters())
        self.weights = sum(p.numel() for p in self._parameters)
        self._average = [p.detach().clone() for p in self._parameters]
        self._optimizer = self._plan.optimizer.build(self.model.parameter_groups())

    def _build_step(self) -> None:
        device = self._device
        self._average_weight: float | torch.Tensor = 0.0  # of the newest parameters
        self._progress: float | torch.Tensor = 0.0  # of the training, in [0, 1]
        self._sketch: torch.Tensor | None = None  # (height, width, channels) uint8
        self._epoch_loss = torch.zeros((), device=device)
        losses = torch.zeros(
            (), device=device, dtype=torch.float32 if device.type == "mps" else torch.float64
        )
        if device.type == "cuda":
            self._average_weight = torch.zeros((), device=device)
            self._progress = torch.zeros((), device=device)
            self._graphs = StepGraphs() if self._plan.optimizer.capturable else None
            self._timer = CudaTimer(losses)
        else:
            self._timer = HostTimer(losses)

    def advance(self, steps: int) -> None:
        """Train for `steps` steps. On CUDA they are only queued on return."""
        self.prepare()
        self._advancing = True
        schedule = self._plan.schedule
        with explain_out_of_memory(_ADVICE):
            self._timer.begin()
            self.model.train()
            for _ in range(steps):
                self._update_step_values()
                lattice = next(self._lattices)
                if self._graphs is None:
                    self._train_on(lattice)
                else:
                    self._graphs.run(self._train_on, lattice)
                self.step += 1
                if schedule.needs_loss and self.step % self.epoch_steps == 0:
                    schedule.observe(float(self._epoch_loss) / self.epoch_steps)
                    self._epoch_loss.zero_()
            self._advancing = False
            self._timer.end(self.step, advice=self._plan.advice(self.steps))

    def _update_step_values(self) -> None:
        """Set the values that depend on the step: learning rates, progress, average weight."""
        rate = self._plan.lr(self.steps) * self._plan.schedule.multiplier(
            step=self.step, steps=self.steps, epoch=self.step // self.epoch_steps
        )
        for group in self._optimizer.param_groups:
            group["lr"] = _assign(group["lr"], rate * group["rate"])
        progress = self.step / max(1, self.steps)
        self.model.set_progress(progress)
        self._progress = _assign(self._progress, progress)
        self._average_weight = _assign(self._average_weight, self._plan.average_rate(self.step))

    def _train_on(self, lattice: Lattice) -> None:
        """Make one optimizer step. Uses only tensors on the device, so a graph can record it."""
        assert self._tensors is not None  # `prepare` has set them
        batch = self._tensors.batch(lattice, self._progress)
        self._optimizer.step(lambda: self._backpropagate(batch))
        _move_towards(self._average, self._parameters, self._average_weight)
        self._timer.losses += self._loss
        self._epoch_loss += self._loss
        if self._sketch is not None:
            levels = self._prediction.mul_(255).round_().clamp_(0, 255).byte()
            self._sketch[lattice.rows[:, None], lattice.columns] = levels

    def _backpropagate(self, batch: Batch) -> torch.Tensor:
        """Set the gradients for a batch and return the loss with its penalties."""
        options = self.settings.optimization
        self._optimizer.zero_grad()
        self._loss, self._prediction = backpropagate(
            self.model, batch, loss=self._plan.loss, parameters=self._parameters
        )
        penalty = add_penalties(self._parameters, l1=options.l1, l2=options.l2)
        if options.clip is not None:
            torch.nn.utils.clip_grad_norm_(self._parameters, options.clip)
        return self._loss + penalty

    def painting(self) -> TorchPainting:
        """Return a frozen copy of the averaged weights and of the model's buffers."""
        weights = {name: average.clone() for name, average in self._named_averages().items()}
        state = self.model.state_dict()
        weights |= {name: state[name].clone() for name in state if name not in weights}
        return TorchPainting(
            self.model, weights, canvas=self._canvas, settings=self.settings, codes=self._codes
        )

    def _set_sketch(self, frame: NDArray[np.uint8] | None) -> None:
        self._sketch = None
        if frame is not None:
            size = self._canvas.height, self._canvas.width, self._canvas.channels
            self._sketch = torch.empty(size, dtype=torch.uint8, device=self.device)
            self._sketch.copy_(torch.tensor(frame))

    def _get_sketch(self) -> NDArray[np.uint8] | None:
        return None if self._sketch is None else self._sketch.to("cpu", copy=True).numpy()

    def _parts(self) -> dict[str, State]:
        return {
            "weights": _to_arrays(self._named_weights()),
            "average": _to_arrays(self._named_averages()),
            "optimizer": self._optimizer.state(),
            "lattices": self._lattices.state(),
        }

    def _optimizer_form(self, state: State) -> State:
        return self._optimizer.form(state)

    def _restore_parts(self, state: State) -> None:
        if self._recorded:  # its graphs refer to tensors of the optimizer, which are replaced below
            self._graphs, self._recorded = StepGraphs(), False
        self._lattices.restore(substate(state, "lattices"))
        self._optimizer.restore(substate(state, "optimizer"))
        _fill(self._named_weights(), substate(state, "weights"))
        _fill(self._named_averages(), substate(state, "average"))
        self._epoch_loss.fill_(state["epoch_loss"].item())

    def _named_weights(self) -> dict[str, torch.Tensor]:
        """Return the parameters and buffers of the model by name."""
        return dict(self.model.named_parameters()) | dict(self.model.named_buffers())

    def _named_averages(self) -> dict[str, torch.Tensor]:
        names = [name for name, _ in self.model.named_parameters()]
        return dict(zip(names, self._average, strict=True))


def _assign(target: float | torch.Tensor, value: float) -> float | torch.Tensor:
    """Return `target` with a new value; a tensor is filled in place, where a graph reads it."""
    return target.fill_(value) if isinstance(target, torch.Tensor) else value


@torch.no_grad()
def _move_towards(
    averages: list[torch.Tensor], newest: list[torch.Tensor], weight: float | torch.Tensor
) -> None:
    """Move averages towards the newest values; a GPU runs a few kernels for all of them."""
    if isinstance(weight, torch.Tensor):  # `_foreach_lerp_` would read it on the host
        changes = torch._foreach_sub(newest, averages)
        torch._foreach_mul_(changes, weight)
        torch._foreach_add_(averages, changes)
    else:
        torch._foreach_lerp_(averages, newest, weight)


def _to_arrays(tensors: dict[str, torch.Tensor]) -> State:
    return {name: tensor.numpy(force=True).copy() for name, tensor in tensors.items()}


@torch.no_grad()
def _fill(tensors: dict[str, torch.Tensor], state: State) -> None:
    """Fill tensors in place, where an optimizer and a graph refer to them."""
    for name, tensor in tensors.items():
        tensor.copy_(torch.tensor(state[name]))
