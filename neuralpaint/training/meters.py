"""Meters: how long a training took and what its losses add up to."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from neuralpaint.errors import DivergedError
from neuralpaint.training.readings import Reading, diverged

__all__ = ["CudaMeter", "HostMeter", "Meter"]

_AHEAD = 2  # advances that may be on their way while the host prepares another


class Meter(ABC):
    """Measures advances: `begin` before each, `end` after it.

    Every step in between adds its loss to `losses`, a scalar on the device.
    """

    def __init__(self, losses: Tensor) -> None:
        self.losses = losses
        self.newest = self._before = Reading(0)

    @property
    def loss(self) -> float:
        """Mean loss of the newest advance; NaN before the first."""
        return self.newest.mean_since(self._before)

    @property
    @abstractmethod
    def seconds(self) -> float:
        """Time that the training so far takes."""

    @property
    @abstractmethod
    def known(self) -> Reading:
        """The newest reading that needs no waiting."""

    @abstractmethod
    def begin(self) -> None:
        """Begin an advance."""

    @abstractmethod
    def end(self, step: int, *, advice: str) -> None:
        """End an advance that comes to `step`; `advice` is for when its loss is no number."""

    def restore(self, reading: Reading) -> None:
        """Go on from a reading, before the first advance."""
        self.newest = self._before = reading

    def _note(self, reading: Reading) -> None:
        self._before, self.newest = self.newest, reading


class HostMeter(Meter):
    """Waits for the device at the end of every advance and looks at the host's clock."""

    def __init__(self, device: torch.device) -> None:
        # In double precision, which float32 losses add up to without rounding: their mean is the
        # same however a training is cut into advances.
        precise = torch.float32 if device.type == "mps" else torch.float64
        super().__init__(torch.zeros((), device=device, dtype=precise))
        self._began = 0.0

    @property
    def seconds(self) -> float:
        """Time that the training so far took."""
        return self.newest.seconds

    @property
    def known(self) -> Reading:
        """The newest reading."""
        return self.newest

    def begin(self) -> None:
        """Begin an advance."""
        self._began = time.perf_counter()
        self.losses.zero_()

    def end(self, step: int, *, advice: str) -> None:
        """End an advance that has come to `step`.

        Raises:
            DivergedError: its loss is NaN or infinite.
        """
        losses = float(self.losses)  # the one synchronisation
        before, seconds = self.newest, time.perf_counter() - self._began
        self._note(Reading(step, seconds=before.seconds + seconds, total=before.total + losses))
        if not math.isfinite(losses):
            raise diverged(step, losses / max(1, step - before.step), advice=advice)


class CudaMeter(Meter):
    """Lets a GPU take the time itself and tell of the losses when it has come to them."""

    def __init__(self, device: torch.device) -> None:
        super().__init__(torch.zeros((), device=device, dtype=torch.float64))
        self._began = _now()
        self._flights: deque[_Flight] = deque()
        self._known = self.newest
        self._total = self._pace = 0.0  # of what has arrived: losses, seconds per step of late
        self._error: DivergedError | None = None  # for good: no later loss mends it

    @property
    def seconds(self) -> float:
        """Time that the training so far takes; of steps on their way, at the newest known pace."""
        if self.known.step == 0 and self._flights:
            self._receive()
        return self._known.seconds + (self.newest.step - self._known.step) * self._pace

    @property
    def known(self) -> Reading:
        """The newest reading that has arrived."""
        while self._flights and self._flights[0].ended.query():
            self._receive()
        return self._known

    def begin(self) -> None:
        """Begin an advance, once not too many are on their way.

        Raises:
            DivergedError: the loss of an advance that has arrived is NaN or infinite.
        """
        while len(self._flights) >= _AHEAD:
            self._receive()
        _ = self.known.total
        self._began = _now()
        self.losses.zero_()

    def end(self, step: int, *, advice: str) -> None:
        """End an advance that comes to `step`, as far as the host has to do with it."""
        # Into pinned memory, or the host would wait for the copy.
        losses = torch.empty_like(self.losses, device="cpu", pin_memory=self.losses.is_cuda)
        losses.copy_(self.losses, non_blocking=True)
        reading = _Awaited(step, self._receive_until)
        self._flights.append(_Flight(reading, losses, advice, self._began, _now()))
        self._note(reading)

    def restore(self, reading: Reading) -> None:
        """Go on from a reading, before the first advance."""
        super().restore(reading)
        self._known, self._total = reading, reading.total
        self._pace = reading.seconds / max(1, reading.step)

    def _receive(self) -> None:
        """Wait for the oldest reading on its way."""
        reading, losses, advice, began, ended = self._flights.popleft()
        ended.synchronize()
        before, self._known = self._known, reading
        seconds, steps = began.elapsed_time(ended) / 1000, reading.step - before.step
        self._total += float(losses)
        self._pace = seconds / max(1, steps)
        if self._error is None and not math.isfinite(self._total):
            self._error = diverged(reading.step, float(losses) / max(1, steps), advice=advice)
        reading.arrive(seconds=before.seconds + seconds, total=self._total, error=self._error)

    def _receive_until(self, step: int) -> None:
        while self._flights and self._flights[0].reading.step <= step:
            self._receive()


class _Awaited(Reading):
    """A reading that a GPU may not have come to yet; asked for its numbers, it waits."""

    def __init__(self, step: int, wait: Callable[[int], None]) -> None:
        super().__init__(step)
        self._wait = wait
        self._error: DivergedError | None = None

    def arrive(self, *, seconds: float, total: float, error: DivergedError | None) -> None:
        """Take in what the GPU has told."""
        self._seconds, self._total, self._error = seconds, total, error

    @property
    def seconds(self) -> float:
        self._wait(self.step)
        return self._seconds

    @property
    def total(self) -> float:
        self._wait(self.step)
        if self._error is not None:
            raise self._error
        return self._total


class _Flight(NamedTuple):
    """A reading on its way, with what it will be read from."""

    reading: _Awaited
    losses: Tensor  # on the host
    advice: str
    began: torch.cuda.Event
    ended: torch.cuda.Event


def _now() -> torch.cuda.Event:
    """Return the moment at which the GPU will have done all that it was asked for so far."""
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event
