"""A session without a training, for tests of the studio's server: it stores what it is told."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from neuralpaint.errors import UsageError
from neuralpaint.studio.app import studio_app
from neuralpaint.studio.folder import MadeFolder
from neuralpaint.studio.server import Server
from neuralpaint.studio.session_api import Curve, LiveFrame, Reply
from neuralpaint.studio.view import View

__all__ = ["FakeLive", "FakeSession", "serving"]


class FakeLive:
    """Returns the frames that a test has set."""

    def __init__(self) -> None:
        self.views: dict[int, View] = {}
        self.frames: dict[int, LiveFrame] = {}
        self.wake: dict[int, Callable[[], None]] = {}
        self._count = 0

    def add_view(self, on_frame: Callable[[], None]) -> int:
        self._count += 1
        self.views[self._count] = View()
        self.wake[self._count] = on_frame
        return self._count

    def set_view(self, tab: int, view: View) -> None:
        self.views[tab] = view

    def frame(self, tab: int) -> LiveFrame | None:
        return self.frames.get(tab)

    def remove_view(self, tab: int) -> None:
        for known in (self.views, self.frames, self.wake):
            known.pop(tab, None)

    def show(self, number: int, *, tab: int, jpeg: bytes = b"jpeg") -> None:
        """Set the newest frame of a tab."""
        self.frames[tab] = LiveFrame(number, self.views[tab].region, 4, 3, 7, True, jpeg)
        self.wake[tab]()


class FakeSession:
    """Stores commands, and sends the state that a test has set."""

    def __init__(self, folder: MadeFolder | None = None) -> None:
        self.live = FakeLive()
        self.folder = folder
        self.fields: dict[str, Any] = {"phase": "empty", "mode": "studio" if folder else "watch"}
        self.curve_now = Curve(0, [])
        self.commands: list[Mapping[str, Any]] = []
        self.callbacks: list[Callable[[], None]] = []
        self.refuse: str | None = None

    def state(self) -> Mapping[str, Any]:
        return self.fields

    def curve(self) -> Curve:
        return self.curve_now

    def command(self, message: Mapping[str, Any], reply: Reply) -> None:
        if self.refuse is not None:
            raise UsageError(self.refuse)
        self.commands.append(message)
        reply({"event": "stored", "do": message["do"]})

    def on_change(self, callback: Callable[[], None]) -> Callable[[], None]:
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)

    def change(self, **fields: Any) -> None:
        """Change the state."""
        self.fields = self.fields | fields
        for callback in [*self.callbacks]:
            callback()


@contextlib.contextmanager
def serving(session: FakeSession) -> Iterator[Server]:
    """Serve a session on a free port of this machine."""
    server = Server(lambda: studio_app(session))
    server.start()
    try:
        yield server
    finally:
        server.stop()
