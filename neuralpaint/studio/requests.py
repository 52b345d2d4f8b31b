"""Requests: what the tabs ask for, in a queue that the main thread empties."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from neuralpaint.studio.session_api import Reply

__all__ = ["Request", "Requests"]


class Request(NamedTuple):
    """What a tab asks for."""

    message: Mapping[str, Any]
    reply: Reply

    @property
    def do(self) -> str:
        """The name of the command."""
        return str(self.message["do"])

    def refuse(self, why: str) -> None:
        """Tell the tab why it is not done."""
        self.reply({"event": "error", "message": why, "about": self.do})


class Requests:
    """The queue. `put` can be called from any thread."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Request] = queue.SimpleQueue()

    def put(self, request: Request) -> None:
        """Add a request."""
        self._queue.put(request)

    def __iter__(self) -> Iterator[Request]:
        """Take and yield the requests, until there is none left."""
        while True:
            try:
                yield self._queue.get_nowait()
            except queue.Empty:
                return
