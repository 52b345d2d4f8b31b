"""Patience: an interruption waits until the training is between two steps.

A step that is cut short leaves some weights moved and others not, which no later run could go on
from to the same result. So the first Ctrl-C (or SIGTERM) is kept until somebody gives in to it,
half a second later at most; the second one is not kept.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import TypeVar

__all__ = ["Patience"]

T = TypeVar("T")

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Patience:
    """Keeps one interruption back."""

    def __init__(self) -> None:
        self._interrupted = False

    def wait_for(self, items: Iterator[T]) -> T | None:
        """Return the next item, None at the end; one interruption meanwhile is kept back.

        What works at the item calls `give_in` where it may be interrupted, and so does the caller.
        """
        with self._kept_back():
            return next(items, None)

    def give_in(self) -> None:
        """Raise the KeyboardInterrupt that has been kept back, if there is one."""
        if self._interrupted:
            self._interrupted = False
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def _kept_back(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield  # signals are for the main thread
            return
        before = {number: signal.getsignal(number) for number in _SIGNALS}

        def keep_back(number: int, frame: FrameType | None) -> None:
            if self._interrupted:
                raise KeyboardInterrupt
            self._interrupted = True

        # Only what would interrupt: who ignores Ctrl-C, as under nohup, goes on doing so.
        replaced = {n: handler for n, handler in before.items() if callable(handler)}
        for number in replaced:
            signal.signal(number, keep_back)
        try:
            yield
        finally:
            for number, handler in replaced.items():
                signal.signal(number, handler)
