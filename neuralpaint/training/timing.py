"""Timing: how many seconds the training took and the sum of its losses, measured per `advance`.

On the CPU a `HostTimer` waits for the result of every advance. On CUDA the host queues work faster
than the GPU does it, so a `CudaTimer` records events and a copy of the loss in the GPU's stream and
reads them later, which keeps the GPU busy.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import DivergedError
from neuralpaint.runtime.state import State

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["CudaTimer", "HostTimer", "Measurement", "Timer"]

_MAX_QUEUED = 2  # advances in the GPU's queue while the host prepares another


class Measurement:
    """Duration and sum of losses from the start of a training to one step.

    Reading the numbers waits for the device. Reading the losses raises DivergedError if they have
    become NaN or infinite.
    """

    def __init__(self, step: int, *, seconds: float = 0.0, total: float = 0.0) -> None:
        self.step = step
        self._seconds = seconds
        self._total = total

    @classmethod
    def of(cls, state: State) -> Self:
        """Return the measurement in a `state`, which may contain other names."""
        step, seconds, total = (state[name].item() for name in ("step", "seconds", "total"))
        return cls(step, seconds=seconds, total=total)

    def state(self) -> State:
        """Return the three numbers as arrays."""
        numbers = {"step": self.step, "seconds": float(self.seconds), "total": float(self.total)}
        return {name: np.array(number) for name, number in numbers.items()}

    @property
    def seconds(self) -> float:
        """Seconds of training."""
        return self._seconds

    @property
    def total(self) -> float:
        """Sum of the losses of all steps."""
        return self._total

    def mean_since(self, earlier: Measurement) -> float:
        """Return the mean loss of the steps since an earlier measurement; NaN if there are none."""
        steps = self.step - earlier.step
        return (self.total - earlier.total) / steps if steps else math.nan


class Timer(ABC):
    """Measures advances: call `begin` before and `end` after each.

    Every step in between adds its loss to `losses`, a 0-dimensional float64 array on the device
    (float32 on MPS). In double precision the sum of float32 losses is exact, so the mean does not
    depend on how the steps are divided into advances.
    """

    def __init__(self, losses: Tensor | NDArray[Any]) -> None:
        self.losses = losses
        self.newest = self._before = Measurement(0)

    @property
    def loss(self) -> float:
        """Mean loss of the newest advance; NaN before the first. Waits for the device."""
        return self.newest.mean_since(self._before)

    @property
    def seconds(self) -> float:
        """Seconds of training up to the newest step; estimated for steps in a GPU's queue."""
        return self.newest.seconds

    @property
    def finished(self) -> Measurement:
        """The newest measurement that can be read without waiting for the device."""
        return self.newest

    @abstractmethod
    def begin(self) -> None:
        """Start the measurement of an advance.

        Raises:
            DivergedError: the loss of an earlier advance is NaN or infinite.
        """

    @abstractmethod
    def end(self, step: int, *, advice: str) -> None:
        """End the measurement of an advance that ends at `step`.

        `advice` is appended to the error message if its loss is NaN or infinite.
        """

    def restore(self, measurement: Measurement) -> None:
        """Continue from a measurement. Must be called before the first advance."""
        self.newest = self._before = measurement

    def _append(self, measurement: Measurement) -> None:
        self._before, self.newest = self.newest, measurement


class HostTimer(Timer):
    """Waits for the device at the end of every advance and reads the host's clock."""

    _began = 0.0

    def begin(self) -> None:
        """Start the measurement of an advance."""
        self._began = time.perf_counter()
        self.losses[...] = 0

    def end(self, step: int, *, advice: str) -> None:
        """End the measurement of an advance that ends at `step`.

        Raises:
            DivergedError: its loss is NaN or infinite.
        """
        losses = float(self.losses)  # the only synchronisation
        before, seconds = self.newest, time.perf_counter() - self._began
        self._append(
            Measurement(step, seconds=before.seconds + seconds, total=before.total + losses)
        )
        if not math.isfinite(losses):
            raise _diverged(step, losses / max(1, step - before.step), advice=advice)


class CudaTimer(Timer):
    """Measures with CUDA events; losses are read when the GPU has computed them."""

    losses: Tensor

    def __init__(self, losses: Tensor) -> None:
        super().__init__(losses)
        self._began = _record_event()
        self._queue: deque[_Queued] = deque()
        self._finished = self.newest
        self._total = self._pace = 0.0  # finished advances: sum of losses, newest seconds per step
        self._error: DivergedError | None = None  # stays set: no later loss can be trusted

    @property
    def seconds(self) -> float:
        """Seconds of training; steps in the queue are estimated from the newest known pace."""
        if self.finished.step == 0 and self._queue:
            self._receive()
        return self._finished.seconds + (self.newest.step - self._finished.step) * self._pace

    @property
    def finished(self) -> Measurement:
        """The newest measurement that the GPU has reached."""
        while self._queue and self._queue[0].ended.query():
            self._receive()
        return self._finished

    def begin(self) -> None:
        """Start the measurement of an advance; waits while the queue is full."""
        while len(self._queue) >= _MAX_QUEUED:
            self._receive()
        _ = self.finished.total  # may raise DivergedError
        self._began = _record_event()
        self.losses.zero_()

    def end(self, step: int, *, advice: str) -> None:
        """Queue the end of the measurement of an advance that ends at `step`."""
        import torch

        # A copy to unpinned memory would make the host wait.
        losses = torch.empty_like(self.losses, device="cpu", pin_memory=self.losses.is_cuda)
        losses.copy_(self.losses, non_blocking=True)
        measurement = _QueuedMeasurement(step, self._receive_until)
        self._queue.append(_Queued(measurement, losses, advice, self._began, _record_event()))
        self._append(measurement)

    def restore(self, measurement: Measurement) -> None:
        """Continue from a measurement. Must be called before the first advance."""
        super().restore(measurement)
        self._finished, self._total = measurement, measurement.total
        self._pace = measurement.seconds / max(1, measurement.step)

    def _receive(self) -> None:
        """Wait for the oldest measurement in the queue."""
        measurement, losses, advice, began, ended = self._queue.popleft()
        ended.synchronize()
        before, self._finished = self._finished, measurement
        seconds, steps = began.elapsed_time(ended) / 1000, measurement.step - before.step
        self._total += float(losses)
        self._pace = seconds / max(1, steps)
        if self._error is None and not math.isfinite(self._total):
            self._error = _diverged(measurement.step, float(losses) / max(1, steps), advice=advice)
        measurement.finish(seconds=before.seconds + seconds, total=self._total, error=self._error)

    def _receive_until(self, step: int) -> None:
        while self._queue and self._queue[0].measurement.step <= step:
            self._receive()


class _QueuedMeasurement(Measurement):
    """A measurement that the GPU may not have reached yet; reading its numbers waits for it."""

    def __init__(self, step: int, wait_for: Callable[[int], None]) -> None:
        super().__init__(step)
        self._wait_for = wait_for
        self._error: DivergedError | None = None

    def finish(self, *, seconds: float, total: float, error: DivergedError | None) -> None:
        self._seconds, self._total, self._error = seconds, total, error

    @property
    def seconds(self) -> float:
        self._wait_for(self.step)
        return self._seconds

    @property
    def total(self) -> float:
        self._wait_for(self.step)
        if self._error is not None:
            raise self._error
        return self._total


class _Queued(NamedTuple):
    """A queued measurement and its sources."""

    measurement: _QueuedMeasurement
    losses: Tensor  # on the host, valid after `ended`
    advice: str
    began: torch.cuda.Event
    ended: torch.cuda.Event


def _record_event() -> torch.cuda.Event:
    """Return an event that the GPU reaches after all work queued so far."""
    import torch

    event = torch.cuda.Event(enable_timing=True, blocking=True)  # the host sleeps while it waits
    event.record()
    return event


def _diverged(step: int, loss: float, *, advice: str) -> DivergedError:
    return DivergedError(f"the loss became {loss} by step {step}: {advice}")
