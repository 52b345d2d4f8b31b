"""The training itself: samples, shuffled anew in every epoch, in batches; one move for each batch.

A step is the whole of learning:

    prediction = network.forward(given)              what it says
    gradient   = loss.gradient(prediction, colours)  which way is better
    network.backward(gradient)                       whose fault it is
    optimizer.move(weights, gradients)               a little better
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import UsageError
from neuralpaint.models.albums import Subject
from neuralpaint.runtime.devices import explain_out_of_memory
from neuralpaint.runtime.progress import DoneCallback, ignore
from neuralpaint.runtime.state import (
    State,
    generator_state,
    merge_states,
    set_generator_state,
    substate,
)
from neuralpaint.scratch import blas
from neuralpaint.scratch.batches import Batches
from neuralpaint.scratch.choices import (
    build_loss,
    build_network,
    build_optimizer,
    check_device,
    known_model,
)
from neuralpaint.scratch.dropout import Dropout
from neuralpaint.scratch.painting import ScratchPainting, studio_of
from neuralpaint.scratch.samples import Pages, Pixels, Samples
from neuralpaint.training.learning import Learner
from neuralpaint.training.lesson import Lesson
from neuralpaint.training.timing import HostTimer, Measurement
from neuralpaint.training.training import Plan, TrainingSettings

__all__ = ["ScratchLearner"]

_ADVICE = "lower --batch, or hidden_size in --model"
_STEPS = 2000


class ScratchLearner(Learner):
    """Learns a picture, or an album, with NumPy, on the CPU."""

    device = "cpu"

    def __init__(self, subject: Subject, settings: TrainingSettings) -> None:
        check_device(settings.machine.device)
        self.settings = settings
        self._canvas, self._codes = subject.canvas, subject.codes
        self._plan = Plan(settings)
        self._model = known_model(self._plan.model)
        self._loss = build_loss(self._plan.loss)
        blas.hire(settings.machine.threads)
        with explain_out_of_memory(_ADVICE):
            self._take(subject)
        self.step = 0
        self.steps = self._plan.steps(usual=_STEPS, epoch_steps=self.epoch_steps)
        self._timer = HostTimer(np.zeros(()))
        self._epoch_loss = 0.0  # sum over the steps of this epoch
        self._sketch: NDArray[np.uint8] | None = None

    def _take(self, subject: Subject) -> None:
        """Make what depends on the pictures."""
        settings, codes = self.settings, self._codes
        canvas = self._plan.canvas(self._canvas)
        self._network = build_network(
            self._model, canvas, seed=settings.optimization.seed, codes=codes
        )
        self.weights = self._network.weights.size
        self._average = self._network.weights.copy()
        # With a network of its own: its weights are a painting's, whenever one is looked at.
        self._studio = studio_of(self._model, canvas, seed=settings.optimization.seed, codes=codes)
        self._lesson = _checked(Lesson(subject, settings), codes is not None, settings)
        self._samples: Samples | None = None
        pixels = math.prod(self._lesson.shape)
        count = pixels if codes is None else len(codes)
        usual = pixels if self._model.learns_whole else self._model.cpu_batch
        self.epoch_steps = min(count, -(-pixels // (settings.optimization.batch or usual)))
        rng = np.random.default_rng(settings.optimization.seed)
        self._batches = Batches(count, epoch_steps=self.epoch_steps, rng=rng)
        # The gradient of a mean over all the numbers of an answer, as that of their sum.
        raw = 1.0 if codes is None else 3 * pixels / count
        self._optimizer = build_optimizer(self._plan.optimizer, raw=raw)
        if not self._lesson.is_made:
            self.prepare()

    def prepare(self, look: DoneCallback = ignore) -> None:
        """Make what is learned, if it has to be made."""
        if self._samples is None:
            pixels, codes = self._lesson.pixels(look=look), self._codes
            lesson = self._lesson
            self._samples = Pixels(lesson, pixels) if codes is None else Pages(pixels, codes)

    def advance(self, steps: int) -> None:
        """Train for `steps` steps."""
        self.prepare()
        self._timer.begin()
        self._advancing = True
        # What overflows shows in the loss, and that is looked at.
        with explain_out_of_memory(_ADVICE), np.errstate(over="ignore", invalid="ignore"):
            for _ in range(steps):
                self._timer.losses += self._learn_from(next(self._batches))
        self._advancing = False
        self._timer.end(self.step, advice=self._plan.advice(self.steps))

    def _learn_from(self, batch: NDArray[np.int64]) -> float:
        """Make one step on the samples of these indices and return their loss."""
        network, rate = self._network, self._plan.lr(self.steps) * self._multiplier()
        assert self._samples is not None  # `advance` has seen to it
        colours = self._samples.colours(batch)
        prediction = network.forward(self._samples.given(batch), training=True)
        weights = self._samples.weights(batch, self.step / max(1, self.steps))
        loss = self._loss.value(prediction, colours, weights)
        if self._sketch is not None:
            self._sketch[batch] = np.rint(255 * prediction)
        network.backward(self._loss.gradient(prediction, colours, weights))
        self._restrain()
        self._optimizer.move(network.weights, network.gradients, lr=rate)
        self._renew_average()
        self.step += 1
        self._hear(loss)
        return loss

    def _multiplier(self) -> float:
        return self._plan.annealing.multiplier(
            step=self.step, steps=self.steps, epoch=self.step // self.epoch_steps
        )

    def _restrain(self) -> None:
        """Add the penalties' share to the gradient, then cut it to the longest that is allowed.

        The derivative of l1 |w| + l2 w^2 / 2 is l1 sign w + l2 w.
        """
        settings = self.settings.optimization
        for matrix in self._network.matrices() if settings.l1 or settings.l2 else []:
            matrix.gradient += settings.l1 * np.sign(matrix.value) + settings.l2 * matrix.value
        if settings.clip is not None:
            gradients = self._network.gradients
            norm = float(np.sqrt(np.dot(gradients, gradients)))
            gradients *= min(1.0, settings.clip / (norm + 1e-6))

    def _renew_average(self) -> None:
        renewal = self._plan.renewal(self.step)
        self._average += renewal * (self._network.weights - self._average)

    def _hear(self, loss: float) -> None:
        self._epoch_loss += loss
        if self.step % self.epoch_steps == 0:
            if self._plan.annealing.listens:
                self._plan.annealing.hear(self._epoch_loss / self.epoch_steps)
            self._epoch_loss = 0.0

    def painting(self) -> ScratchPainting:
        """Return a frozen copy of the averaged weights, and of the running statistics."""
        weights = self._network.state(self._average)
        return ScratchPainting(
            self._studio, weights, canvas=self._canvas, settings=self.settings, codes=self._codes
        )

    def begin_sketch(self, frame: NDArray[np.uint8]) -> None:
        """Keep what the network says of each batch, on a canvas that begins as `frame`."""
        if self.step > 0:
            raise RuntimeError("a sketch begins before the training does")
        self._keep_sketch(frame)

    def _keep_sketch(self, frame: NDArray[np.uint8]) -> None:
        self._frame = np.empty((self._canvas.height, self._canvas.width, 3), np.uint8)
        self._frame[...] = frame
        self._sketch = self._frame.reshape(-1, 3)

    def sketch(self) -> NDArray[np.uint8]:
        """Return a copy of that canvas."""
        if self._sketch is None:
            raise RuntimeError("begin_sketch has not been called")
        return self._frame.copy()

    def _state(self) -> State:
        parts = {
            "weights": self._network.state(),
            "average": self._network.state(self._average),
            "optimizer": self._optimizer.state(),
            "batches": self._batches.state(),
            "dropout": {str(i): generator_state(layer.rng) for i, layer in self._dropouts()},
            "annealing": self._plan.annealing.state(),
        }
        numbers = {"steps": np.array(self.steps), "epoch_loss": np.array(self._epoch_loss)}
        sketch = {} if self._sketch is None else {"sketch": self.sketch()}
        return self.newest.state() | numbers | sketch | merge_states(parts)

    def _variable_forms(self, state: State) -> dict[str, State]:
        return {
            "optimizer": self._optimizer.form(substate(state, "optimizer"), weights=self._average),
            "annealing": self._plan.annealing.form(substate(state, "annealing")),
        }

    def _restore(self, state: State) -> None:
        self._batches.restore(substate(state, "batches"))
        self._network.load(substate(state, "average"))
        self._average[...] = self._network.weights
        self._network.load(substate(state, "weights"))
        self._optimizer.restore(substate(state, "optimizer"))
        for i, layer in self._dropouts():
            set_generator_state(layer.rng, state[f"dropout.{i}"])
        self._plan.annealing.restore(substate(state, "annealing"))
        self._epoch_loss, self.steps = state["epoch_loss"].item(), state["steps"].item()
        self._timer.restore(Measurement.of(state))
        self.step = self.newest.step
        self._sketch = None
        if "sketch" in state:
            self._keep_sketch(state["sketch"])

    def _dropouts(self) -> list[tuple[int, Dropout]]:
        layers = enumerate(self._network.layers)
        return [(i, layer) for i, layer in layers if isinstance(layer, Dropout)]


def _checked(lesson: Lesson, is_album: bool, settings: TrainingSettings) -> Lesson:
    """Return a lesson that this engine can learn.

    Raises:
        UsageError: it cannot.
    """
    if is_album and (lesson.weights() is not None or lesson.order() is not None):
        raise UsageError(
            "--engine numpy learns whole pictures by their codes, all pixels alike and at once: "
            "leave --focus, --order and --fill none out, or use --engine torch"
        )
    if is_album and settings.optimization.train_on != "all":
        raise UsageError(
            f"--engine numpy learns whole pictures by their codes, not --train-on "
            f"{settings.optimization.train_on}: leave it out, or use --engine torch"
        )
    return lesson
