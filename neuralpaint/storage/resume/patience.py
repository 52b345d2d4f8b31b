"""Patience: an interruption waits until the training is between two steps.

A step that is cut short leaves some weights moved and others not, which no later run could go on
from to the same result. So the first Ctrl-C (or SIGTERM) is kept until somebody gives in to it: at
the next look, about half a second later at most. The second one is not kept.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TypeVar

__all__ = ["Patience"]

T = TypeVar("T")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Patience:
    """Keeps one interruption back."""

    def __init__(self) -> None:
        self._pending: Callable[[], object] | None = None

    def wait_for(self, items: Iterator[T]) -> T | None:
        """Return the next item, None at the end; one interruption meanwhile is kept back.

        What works at the item calls `give_in` where it may be interrupted, and so does the caller.
        """
        with self._kept_back():
            return next(items, None)

    def give_in(self) -> None:
        """Do what the interruption that has been kept back would have done: as a rule, raise."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending()

    @contextlib.contextmanager
    def _kept_back(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield  # signals are for the main thread
            return
        # Only what would interrupt: who ignores Ctrl-C, as under nohup, goes on doing so.
        handlers = {n: h for n in _SIGNALS if callable(h := signal.getsignal(n))}

        def keep_back(number: int, frame: FrameType | None) -> None:
            if self._pending is not None:
                handlers[signal.Signals(number)](number, frame)
            self._pending = lambda: handlers[signal.Signals(number)](number, frame)

        try:
            for number in handlers:
                signal.signal(number, keep_back)
            yield
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
