"""Interruption: the first Ctrl-C (or SIGTERM, SIGHUP) ends a job at the next safe point.

An interrupted training step leaves some weights updated and others not, and an interrupted frame is
lost. So while a job runs, the first signal is only recorded; `check`, which the job calls between
two steps and between two frames, raises it. The second signal ends the job at once.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any, Self, TypeVar

from neuralpaint.errors import DeviceError, DivergedError
from neuralpaint.runtime.progress import ignore

__all__ = ["STOPS", "Interruption", "Stop"]

T = TypeVar("T")

STOPS = (KeyboardInterrupt, DivergedError, DeviceError)
"""The exceptions that end a training early; the results up to then are kept."""
Stop = KeyboardInterrupt | DivergedError | DeviceError

_HANGUP = getattr(signal, "SIGHUP", None)  # Windows has none
_SIGNALS = tuple(n for n in (signal.SIGINT, signal.SIGTERM, _HANGUP) if n is not None)


class Interruption:
    """Defers the first signal in a `with` block, and records the exception that ended the job."""

    def __init__(self, on_stop: Callable[[Stop], None] = ignore) -> None:
        """Set `on_stop`, which is called with the exception that ends the job early."""
        self._on_stop = on_stop
        self.stop: Stop | None = None
        """The exception that ended the job early."""
        self._pending: tuple[int, FrameType | None] | None = None
        self._handlers: dict[int, Any] = {}

    @property
    def requested(self) -> bool:
        """Whether the user has interrupted the job, even if no exception was raised yet."""
        return self._pending is not None or isinstance(self.stop, KeyboardInterrupt)

    def check(self) -> None:
        """Run the original handler for a deferred signal; it normally raises KeyboardInterrupt."""
        pending, self._pending = self._pending, None
        if pending is not None:
            self._handlers[pending[0]](*pending)

    def record(self, stop: Stop) -> None:
        """Record the exception that ends the job; raise a second KeyboardInterrupt again."""
        if isinstance(self.stop, KeyboardInterrupt) and isinstance(stop, KeyboardInterrupt):
            raise stop
        self.stop = stop
        self._on_stop(stop)

    def until_stopped(self, items: Iterator[T]) -> Iterator[T]:
        """Yield the items up to an exception of `STOPS`, which is recorded in `stop`."""
        try:
            while True:
                self.check()
                item = next(items, None)
                if item is None:
                    return
                yield item
        except STOPS as stop:
            self.record(stop)

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():  # other threads get no signals
            # An ignored signal, as under nohup, stays ignored.
            self._handlers = {n: h for n in _SIGNALS if callable(h := signal.getsignal(n))}
            for number in self._handlers:
                signal.signal(number, self._defer)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _defer(self, number: int, frame: FrameType | None) -> None:
        if self.requested and number == _HANGUP:
            return  # the shell and the kernel send one each
        if self.requested:
            # Set first, so that `record` raises the exception as the second one.
            self.stop, self._pending = KeyboardInterrupt(), None
            self._handlers[number](number, frame)
        self._pending = (number, frame)
