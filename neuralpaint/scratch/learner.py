"""The training loop: samples in shuffled batches, one optimizer step for each batch.

Each step is:

    prediction = network.forward(inputs)             the colours of the network
    gradient   = loss.gradient(prediction, colours)  dL/dprediction
    network.backward(gradient)                       dL/dw for every weight w
    optimizer.move(weights, gradients)               a step in the opposite direction
"""

from __future__ import annotations

import logging
import math

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import UsageError
from neuralpaint.models.codes import Subject
from neuralpaint.runtime.devices import explain_out_of_memory
from neuralpaint.runtime.progress import DoneCallback, PhaseCallback, ignore
from neuralpaint.runtime.state import State, generator_state, set_generator_state, substate
from neuralpaint.runtime.threads import limit_blas, set_threads
from neuralpaint.scratch.losses import LOSSES
from neuralpaint.scratch.network import build_network, choose, supported_model
from neuralpaint.scratch.optimizers import OPTIMIZERS
from neuralpaint.scratch.painting import ScratchPainting, build_renderer
from neuralpaint.scratch.regularization import Dropout
from neuralpaint.scratch.samples import Batches, PictureSamples, PixelSamples, Samples
from neuralpaint.training.learner import Learner
from neuralpaint.training.losses import losses
from neuralpaint.training.optimizers import optimizers
from neuralpaint.training.settings import Plan, TrainingSettings
from neuralpaint.training.target import Target, initial_signal
from neuralpaint.training.timing import HostTimer

__all__ = ["ScratchLearner"]

_log = logging.getLogger(__name__)

_ADVICE = "lower --batch, or hidden_size in --model"
_STEPS = 2000


class ScratchLearner(Learner):
    """Learns a picture or an album with NumPy, on the CPU."""

    device = "cpu"
    _epoch_loss: float

    def __init__(self, subject: Subject, settings: TrainingSettings) -> None:
        if settings.machine.device != "auto":
            choose("device", settings.machine.device, {"cpu": None})
        if subject.canvas.channels == 4:
            raise UsageError("--engine numpy learns no alpha: give the picture a background")
        self.settings = settings
        self._canvas, self._codes = subject.canvas, subject.codes
        self._plan = Plan(settings)
        self._model = supported_model(self._plan.model)
        self._loss = choose("loss", losses.name_of(self._plan.loss), LOSSES)(self._plan.loss)
        _set_threads(settings.machine.threads)
        with explain_out_of_memory(_ADVICE):
            self._build(subject)
        self.step = 0
        self.steps = self._plan.steps(usual=_STEPS, epoch_steps=self.epoch_steps)
        self._timer = HostTimer(np.zeros(()))
        self._epoch_loss = 0.0
        self._sketch: NDArray[np.uint8] | None = None

    def _build(self, subject: Subject) -> None:
        """Create the network, the samples and the optimizer."""
        codes, entry, options = self._codes, self._plan.optimizer, self.settings.optimization
        canvas, seed = self._plan.canvas(self._canvas), options.seed
        build_optimizer = choose("optimizer", optimizers.name_of(entry), OPTIMIZERS)
        self._network = build_network(self._model, canvas, seed=seed, codes=codes)
        self._network.start_at(initial_signal(subject.pictures))
        self.weights = self._network.weights.size
        self._average = self._network.weights.copy()
        self._renderer = build_renderer(self._model, canvas, seed=seed, codes=codes)
        self._target = Target(subject, self.settings)
        if codes is not None:
            _check_album(self._target, self.settings)
        self._samples: Samples | None = None
        pixels = math.prod(self._target.grid.shape)
        count = pixels if codes is None else len(codes)
        usual = pixels if self._model.needs_all_pixels else self._model.cpu_batch
        self.epoch_steps = min(count, -(-pixels // (options.batch or usual)))
        rng = np.random.default_rng(seed)
        self._batches = Batches(count, epoch_steps=self.epoch_steps, rng=rng)
        # The buttons' `raw_rate` is for the gradient of the sum over a picture's outputs; here the
        # loss is their mean.
        raw = 1.0 if codes is None else 3 * pixels / count
        self._optimizer = build_optimizer(entry, raw)
        if not self._target.is_restored:
            self.prepare()

    def prepare(self, look: DoneCallback = ignore, on_phase: PhaseCallback = ignore) -> None:
        """Compute the target, unless it has been computed already."""
        if self._samples is None:
            colours, codes = self._target.colours(on_done=look, on_phase=on_phase), self._codes
            self._samples = (
                PixelSamples(self._target, colours)
                if codes is None
                else PictureSamples(colours, codes)
            )

    def advance(self, steps: int) -> None:
        """Train for `steps` steps."""
        self.prepare()
        self._timer.begin()
        self._advancing = True
        # Overflows need no warning: the loss becomes infinite or NaN, and `end` raises.
        with explain_out_of_memory(_ADVICE), np.errstate(over="ignore", invalid="ignore"):
            for _ in range(steps):
                self._timer.losses += self._train_on(next(self._batches))
        self._advancing = False
        self._timer.end(self.step, advice=self._plan.advice(self.steps))

    def _train_on(self, batch: NDArray[np.int64]) -> float:
        """Make one step with the samples that have these indices, and return their loss."""
        network, rate = self._network, self._plan.lr(self.steps) * self._multiplier()
        assert self._samples is not None  # `prepare` has set them
        colours = self._samples.colours(batch)
        prediction = network.forward(self._samples.inputs(batch), training=True)
        weights = self._samples.weights(batch, self.step / max(1, self.steps))
        loss = self._loss.value(prediction, colours, weights)
        if self._sketch is not None:
            self._sketch.reshape(-1, 3)[batch] = np.rint(255 * prediction)
        network.backward(self._loss.gradient(prediction, colours, weights))
        self._regularize()
        self._optimizer.move(network.weights, network.gradients, lr=rate)
        self._average += self._plan.average_rate(self.step) * (network.weights - self._average)
        self.step += 1
        self._observe(loss)
        return loss

    def _multiplier(self) -> float:
        return self._plan.schedule.multiplier(
            step=self.step, steps=self.steps, epoch=self.step // self.epoch_steps
        )

    def _regularize(self) -> None:
        """Add the gradient of the penalties, then clip the gradient to its maximum norm.

        The derivative of l1 |w| + l2 w^2 / 2 is l1 sign w + l2 w.
        """
        options = self.settings.optimization
        for matrix in self._network.matrices() if options.l1 or options.l2 else []:
            matrix.gradient += options.l1 * np.sign(matrix.value) + options.l2 * matrix.value
        if options.clip is not None:
            gradients = self._network.gradients
            norm = float(np.sqrt(np.dot(gradients, gradients)))
            gradients *= min(1.0, options.clip / (norm + 1e-6))

    def _observe(self, loss: float) -> None:
        """Pass the mean loss of every epoch to the schedule."""
        self._epoch_loss += loss
        if self.step % self.epoch_steps == 0:
            if self._plan.schedule.needs_loss:
                self._plan.schedule.observe(self._epoch_loss / self.epoch_steps)
            self._epoch_loss = 0.0

    def painting(self) -> ScratchPainting:
        """Return a frozen copy of the averaged weights and of the running statistics."""
        weights = self._network.state(self._average)
        return ScratchPainting(
            self._renderer, weights, canvas=self._canvas, settings=self.settings, codes=self._codes
        )

    def _set_sketch(self, frame: NDArray[np.uint8] | None) -> None:
        self._sketch = None
        if frame is not None:
            self._sketch = np.empty((self._canvas.height, self._canvas.width, 3), np.uint8)
            self._sketch[...] = frame

    def _get_sketch(self) -> NDArray[np.uint8] | None:
        return None if self._sketch is None else self._sketch.copy()

    def _parts(self) -> dict[str, State]:
        return {
            "weights": self._network.state(),
            "average": self._network.state(self._average),
            "optimizer": self._optimizer.state(),
            "batches": self._batches.state(),
            "dropout": {str(i): generator_state(layer.rng) for i, layer in self._dropouts()},
        }

    def _optimizer_form(self, state: State) -> State:
        return self._optimizer.form(state, weights=self._average)

    def _restore_parts(self, state: State) -> None:
        self._batches.restore(substate(state, "batches"))
        self._network.load(substate(state, "average"))
        self._average[...] = self._network.weights
        self._network.load(substate(state, "weights"))
        self._optimizer.restore(substate(state, "optimizer"))
        for i, layer in self._dropouts():
            set_generator_state(layer.rng, state[f"dropout.{i}"])
        self._epoch_loss = state["epoch_loss"].item()

    def _dropouts(self) -> list[tuple[int, Dropout]]:
        layers = enumerate(self._network.layers)
        return [(i, layer) for i, layer in layers if isinstance(layer, Dropout)]


def _set_threads(threads: int | None) -> None:
    set_threads(threads)
    if not limit_blas() and threads is not None:
        _log.warning(
            "--threads %d has no effect on this NumPy's BLAS: set OPENBLAS_NUM_THREADS, "
            "MKL_NUM_THREADS or VECLIB_MAXIMUM_THREADS to that number", threads,
        )  # fmt: skip


def _check_album(target: Target, settings: TrainingSettings) -> None:
    """Raise UsageError if this engine cannot learn an album with these settings."""
    if target.weights() is not None or target.order() is not None:
        raise UsageError(
            "--engine numpy gives all pixels of an album the same weight: leave --focus, --order "
            "and --fill none out, or use --engine torch"
        )
    train_on = settings.optimization.train_on
    if train_on != "all":
        raise UsageError(
            f"--engine numpy learns all pixels of an album, not --train-on {train_on}: leave it "
            "out, or use --engine torch"
        )
