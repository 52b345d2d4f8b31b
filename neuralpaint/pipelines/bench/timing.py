"""How long something takes: warmed up, repeated, the median."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

__all__ = ["Stopwatch", "median_seconds", "synchronize", "torch_threads"]

_LEAST = 0.02  # seconds that one measurement lasts: far above the clock's own grain
_REPEATS = 15


def synchronize(device: str) -> None:
    """Wait until a device has done all that it was given."""
    if device == "cuda":
        torch.cuda.synchronize()
    elif device == "mps":
        torch.mps.synchronize()


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Let torch spread each operation over so many CPU threads, whatever a learner has it do."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def median_seconds(work: Callable[[int], object], *, device: str) -> float:
    """Return the seconds of one unit of work; `work(n)` does n of them.

    n is doubled until `work(n)` lasts long enough to be timed, which is the warm-up; then the
    median of several measurements is taken.
    """
    _seconds(work, 1, device)  # what is set up on first use
    count = 1
    while (seconds := _seconds(work, count, device)) < _LEAST:
        count *= 2
    again = [_seconds(work, count, device) for _ in range(_REPEATS - 1)]
    return statistics.median([seconds, *again]) / count


def _seconds(work: Callable[[int], object], count: int, device: str) -> float:
    synchronize(device)
    began = time.perf_counter()
    work(count)
    synchronize(device)
    return time.perf_counter() - began


class Stopwatch:
    """Seconds of work; it stands still while somebody looks at the result."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._before = 0.0
        self.go_on()

    def go_on(self) -> None:
        """Let it run again."""
        self._began = time.perf_counter()

    def stop(self) -> float:
        """Let it stand, and return the seconds so far."""
        synchronize(self._device)
        self._before += time.perf_counter() - self._began
        return self._before

    @property
    def seconds(self) -> float:
        """The seconds so far, while it runs; a device may still be busy."""
        return self._before + time.perf_counter() - self._began
