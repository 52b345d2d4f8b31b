"""A replacement of the functions of `torch.cuda` that neuralpaint uses, for tests without a GPU.

Work runs immediately, or is stored in the graph that is being recorded. Events are reached when
they are waited for, or by `catch_up`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch

from neuralpaint.training.step import StepGraphs

__all__ = ["FakeGpu", "waiting_is_an_error"]


@contextmanager
def waiting_is_an_error() -> Iterator[None]:
    """Let every operation that waits for a real GPU raise an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the first use warns that the mode is a prototype
        torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


class FakeGpu:
    """Replaces `torch.cuda`; the time between two events is one second."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stream: object = _Stream()
        self.fails_to_record = False
        self.waits_in_step = False
        self.mode: str | int = 0  # of sync debugging
        self.pool_is_open = False  # a failed recording leaves it so
        monkeypatch.setattr(StepGraphs, "fault", "")
        self.graphs: list[_Graph] = []
        self.recording = False
        self.events = self.reached = self.waits = 0
        for name, stand_in in {
            "CUDAGraph": lambda: _Graph(),
            "Event": lambda **_: _Event(self),
            "Stream": lambda: _Stream(),
            "current_stream": lambda: self.stream,
            "graph": self._record,
            "graph_pool_handle": lambda: None,
            "get_sync_debug_mode": lambda: self.mode,
            "set_sync_debug_mode": self._set_mode,
            "current_device": lambda: 0,
            "get_rng_state": torch.get_rng_state,
            "set_rng_state": torch.set_rng_state,
            "set_stream": self._set_stream,
            "stream": self._on,
        }.items():
            monkeypatch.setattr(torch.cuda, name, stand_in)
        monkeypatch.setattr(torch._C, "_cuda_endAllocateToPool", self._close_pool)

    def do(self, work: Callable[[], None]) -> None:
        """Run some work, or add it to the graph that is being recorded."""
        if self.waits_in_step and self.mode == "warn":
            warnings.warn("called a synchronizing CUDA operation (Triggered ...)", stacklevel=1)
        if self.recording:
            self.graphs[-1].works.append(work)
        else:
            work()

    def catch_up(self) -> None:
        """Mark all events as reached."""
        self.reached = self.events

    def _set_mode(self, mode: str | int) -> None:
        if mode == "warn":
            warnings.warn("Synchronization debug mode is a prototype feature", stacklevel=1)
        self.mode = mode

    def _close_pool(self, device: int, pool: object) -> None:
        if not self.pool_is_open:
            raise RuntimeError("the pool is not open")
        self.pool_is_open = False

    def _set_stream(self, stream: object) -> None:
        self.stream = stream

    @contextmanager
    def _on(self, stream: object) -> Iterator[None]:
        before, self.stream = self.stream, stream
        yield
        self.stream = before

    @contextmanager
    def _record(self, graph: _Graph, *, stream: object, **_: object) -> Iterator[None]:
        before, self.stream = self.stream, stream
        self.graphs.append(graph)
        if self.fails_to_record:  # like torch, without restoring the stream and the allocator
            self.pool_is_open = True
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nmore")
        self.recording = True
        yield
        self.recording, self.stream = False, before


class _Graph:
    def __init__(self) -> None:
        self.works: list[Callable[[], None]] = []

    def replay(self) -> None:
        for work in self.works:
            work()


class _Stream:
    def wait_stream(self, other: object) -> None:
        """Do nothing: work runs immediately."""


class _Event:
    def __init__(self, gpu: FakeGpu) -> None:
        self._gpu = gpu
        self._number = 0

    def record(self) -> None:
        self._gpu.events += 1
        self._number = self._gpu.events

    def query(self) -> bool:
        return self._number <= self._gpu.reached

    def synchronize(self) -> None:
        self._gpu.waits += not self.query()
        self._gpu.reached = max(self._gpu.reached, self._number)

    def elapsed_time(self, later: _Event) -> float:
        return 1000.0 * (later._number - self._number)
