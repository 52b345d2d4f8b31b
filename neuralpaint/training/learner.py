"""The base class of both engines' learners, with everything that does not depend on the engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, SupportsFloat

import numpy as np
from numpy.typing import NDArray

from neuralpaint.image.canvas import Canvas
from neuralpaint.runtime.progress import DoneCallback, PhaseCallback, ignore
from neuralpaint.runtime.state import State, check_state, merge_states, substate
from neuralpaint.training.settings import Plan, TrainingSettings
from neuralpaint.training.timing import Measurement, Timer

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting
    from neuralpaint.training.target import Target

__all__ = ["Learner"]


class Learner(ABC):
    """Fits a model to a target.

    `advance(n)` trains several steps at once, so that the data stays on the device and the host
    synchronises with the device at most once per call.
    """

    settings: TrainingSettings
    """The settings of the training."""
    step: int
    """Steps trained so far, including those in a GPU's queue."""
    steps: int
    """The step at which the schedule ends. May be changed during the training."""
    device: str
    """The kind of device that trains, such as "cuda"."""
    weights: int
    """Number of trained parameters."""
    epoch_steps: int
    """Number of steps in which every pixel is used once."""
    _target: Target
    _canvas: Canvas  # of the picture
    _plan: Plan
    _timer: Timer
    _epoch_loss: SupportsFloat  # sum over the steps of this epoch
    _advancing = False  # stays True when an `advance` is interrupted

    @property
    def makes_target(self) -> bool:
        """Whether `prepare` takes time."""
        return self._target.is_restored

    @property
    def seconds(self) -> float:
        """Seconds of training up to `step`; estimated while a GPU is behind."""
        return self._timer.seconds

    @property
    def loss(self) -> float:
        """Mean loss of the newest `advance`; NaN before the first. Waits for the device.

        Raises:
            DivergedError: the loss is NaN or infinite.
        """
        return self._timer.loss

    @property
    def newest(self) -> Measurement:
        """The measurement at `step`. Reading its numbers waits for the device."""
        return self._timer.newest

    @property
    def finished(self) -> Measurement:
        """The newest measurement that can be read without waiting for the device."""
        return self._timer.finished

    @abstractmethod
    def prepare(self, look: DoneCallback = ignore, on_phase: PhaseCallback = ignore) -> None:
        """Compute the target now if that takes time; without this call the first `advance` does it.

        `look` is called with the fraction that is done, in [0, 1], `on_phase` with "fill" or
        "enhance" when filling holes or enlarging the picture begins.

        Raises:
            DeviceError: the device is out of memory.
        """

    @abstractmethod
    def advance(self, steps: int) -> None:
        """Train for `steps` steps. A GPU may still be computing them on return.

        Raises:
            DivergedError: the loss is NaN or infinite. On a GPU this can be the loss of an earlier
                call; read `loss` to check this one.
            DeviceError: the device is out of memory.
        """

    def scale_rate(self, factor: float) -> None:
        """Multiply the learning rate of all later steps by a factor; `state` contains it."""
        self._plan.schedule.scale(factor)

    @abstractmethod
    def painting(self) -> Painting:
        """Return a frozen copy of the model with its averaged weights."""

    def begin_sketch(self, frame: NDArray[np.uint8]) -> None:
        """Begin a sketch: a copy of `frame` into which the predictions of every batch are written.

        `frame` is uint8 (height, width, channels), of the picture's size. Must be called before
        `advance`.
        """
        if self.step > 0:
            raise RuntimeError("a sketch can only begin before the first advance")
        self._set_sketch(frame)

    def sketch(self) -> NDArray[np.uint8]:
        """Return a copy of the sketch. Its pixels are less than 2 `epoch_steps` steps old."""
        sketch = self._get_sketch()
        if sketch is None:
            raise RuntimeError("begin_sketch has not been called")
        return sketch

    def state(self) -> State:
        """Return a copy of everything that another learner needs to continue, bit for bit.

        Waits for the device. `step`, `seconds` and `total` are taken from `newest`.

        Raises:
            DivergedError: the loss is NaN or infinite.
            RuntimeError: an `advance` was interrupted between two steps.
        """
        if self._advancing:
            raise RuntimeError("an advance was interrupted: the learner has no consistent state")
        numbers = {"steps": self.steps, "epoch_loss": float(self._epoch_loss)}
        state = self.newest.state() | {name: np.array(value) for name, value in numbers.items()}
        if (sketch := self._get_sketch()) is not None:
            state["sketch"] = sketch
        parts = self._parts() | {"annealing": self._plan.schedule.state()}
        return state | merge_states(parts)

    def restore(self, state: State) -> None:
        """Continue from the `state` of a learner of the same picture and settings.

        Must be called before `advance`. Also restores the sketch, without `begin_sketch`.

        Raises:
            SavedError: the state does not fit; the learner is unchanged.
        """
        if self.step > 0:
            raise RuntimeError("a state can only be restored before the first advance")
        check_state(state, like=self._form(state))
        self._restore_parts(state)
        self._plan.schedule.restore(substate(state, "annealing"))
        measurement = Measurement.of(state)
        self._timer.restore(measurement)
        self.step, self.steps = measurement.step, state["steps"].item()
        self._set_sketch(state.get("sketch"))

    def _form(self, state: State) -> State:
        """Return arrays with the names, types and shapes that `state` must have to fit."""
        varying = {
            "optimizer": self._optimizer_form(substate(state, "optimizer")),
            "annealing": self._plan.schedule.form(substate(state, "annealing")),
        }
        form = {
            name: array
            for name, array in self.state().items()
            if name.partition(".")[0] not in {"sketch", *varying}
        }
        if "sketch" in state:
            size = self._canvas.height, self._canvas.width, self._canvas.channels
            form["sketch"] = np.zeros(size, np.uint8)
        return form | merge_states(varying)

    @abstractmethod
    def _parts(self) -> dict[str, State]:
        """Return the engine's parts of the state by prefix, including "optimizer"."""

    @abstractmethod
    def _optimizer_form(self, state: State) -> State:
        """Return the form of the optimizer's state, which depends on whether it has made steps."""

    @abstractmethod
    def _restore_parts(self, state: State) -> None:
        """Restore the engine's parts from a state of the right form.

        Raises:
            SavedError: its values are impossible; nothing has changed.
        """

    @abstractmethod
    def _set_sketch(self, frame: NDArray[np.uint8] | None) -> None:
        """Begin a sketch as a copy of `frame`, or end it."""

    @abstractmethod
    def _get_sketch(self) -> NDArray[np.uint8] | None:
        """Return a copy of the sketch, if there is one."""
