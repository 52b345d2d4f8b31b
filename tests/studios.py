"""A studio without a training, for tests of its server: the session stores what it is told."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from websockets.sync.client import ClientConnection, connect

from neuralpaint.errors import UsageError
from neuralpaint.studio.app import studio_app
from neuralpaint.studio.folder import MadeFolder
from neuralpaint.studio.server import Server
from neuralpaint.studio.session_api import Curve, LiveFrame, Reply
from neuralpaint.studio.view import View

__all__ = ["Answer", "FakeLive", "FakeSession", "Page", "Studio", "open_studio", "serving"]

_SECONDS = 20.0  # that a test waits for an answer, at most


class FakeLive:
    """Returns the frames that a test has set."""

    def __init__(self) -> None:
        self.views: dict[int, View] = {}
        self.frames: dict[int, LiveFrame] = {}
        self.wake: dict[int, Callable[[], None]] = {}
        self.changed = threading.Condition()
        self._count = 0

    def add_view(self, on_frame: Callable[[], None]) -> int:
        with self.changed:
            self._count += 1
            self.views[self._count] = View()
            self.wake[self._count] = on_frame
            self.changed.notify_all()
            return self._count

    def set_view(self, tab: int, view: View) -> None:
        with self.changed:
            self.views[tab] = view
            self.changed.notify_all()

    def frame(self, tab: int) -> LiveFrame | None:
        return self.frames.get(tab)

    def remove_view(self, tab: int) -> None:
        with self.changed:
            for known in (self.views, self.frames, self.wake):
                known.pop(tab, None)
            self.changed.notify_all()

    def wait_for(self, condition: Callable[[dict[int, View]], bool]) -> None:
        """Wait until the views of all tabs fulfil a condition."""
        with self.changed:
            assert self.changed.wait_for(lambda: condition(self.views), _SECONDS), self.views

    def show(self, number: int, *, tab: int, jpeg: bytes = b"jpeg") -> None:
        """Set the newest frame of a tab."""
        self.frames[tab] = LiveFrame(number, self.views[tab].region, 4, 3, 7, True, jpeg)
        self.wake[tab]()


class FakeSession:
    """Stores commands, and returns the state that a test has set."""

    def __init__(self, folder: MadeFolder | None = None) -> None:
        self.live = FakeLive()
        self.folder = folder
        self.fields: dict[str, Any] = {"phase": "empty", "mode": "studio" if folder else "watch"}
        self.curve_now = Curve(0, [])
        self.commands: list[Mapping[str, Any]] = []
        self.callbacks: list[Callable[[], None]] = []
        self.refuse: Exception | None = None

    def state(self) -> Mapping[str, Any]:
        return self.fields

    def curve(self) -> Curve:
        return self.curve_now

    def command(self, message: Mapping[str, Any], reply: Reply) -> None:
        if self.refuse is not None:
            raise self.refuse
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

    def fail(self, message: str | None) -> None:
        """Refuse the next commands with this message, or no longer."""
        self.refuse = None if message is None else UsageError(message)


@dataclass(frozen=True)
class Answer:
    """What the server has answered."""

    status: int
    headers: Mapping[str, str]
    """By their names in lower case."""
    body: bytes

    @property
    def error(self) -> str:
        """The line that says what is wrong."""
        return str(json.loads(self.body)["error"])


class Page:
    """One tab, as a WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def send(self, do: str, **fields: Any) -> None:
        """Send a command."""
        self.socket.send(json.dumps({"do": do, **fields}))

    def look(self, *, visible: bool = True) -> None:
        """Show the whole picture."""
        self.send("view", region=[0, 0, 1, 1], width=40, height=30, visible=visible)

    def receive(self, event: str) -> dict[str, Any]:
        """Return the next event of this name; others before it are skipped."""
        while True:
            received = self.socket.recv(timeout=_SECONDS)
            if isinstance(received, str):
                parsed: dict[str, Any] = json.loads(received)
                if parsed["event"] == event:
                    return parsed

    def frame(self) -> tuple[dict[str, Any], bytes]:
        """Return the header and the JPEG of the next frame."""
        while True:
            received = self.socket.recv(timeout=_SECONDS)
            if isinstance(received, bytes):
                end = 4 + int.from_bytes(received[:4])
                return json.loads(received[4:end]), received[end:]

    def quiet(self) -> bool:
        """Return whether no frame comes, though one would have come before two answers."""
        for _ in range(2):
            self.send("pause")
            answered = False
            while not answered:
                received = self.socket.recv(timeout=_SECONDS)
                if isinstance(received, bytes):
                    return False
                answered = json.loads(received).get("do") == "pause"
        return True


@dataclass(frozen=True)
class Studio:
    """A server that answers, and its session."""

    session: FakeSession
    server: Server

    @property
    def origin(self) -> str:
        """Scheme, host and port of the address."""
        return "http://" + urlsplit(self.server.address).netloc

    @property
    def made(self) -> MadeFolder:
        """The folder of what was made."""
        assert self.session.folder is not None
        return self.session.folder

    def ask(
        self,
        path: str = "choices",
        *,
        method: str = "GET",
        headers: Mapping[str, str | None] | None = None,
        body: bytes | Iterable[bytes] | None = None,
        root: str | None = None,
    ) -> Answer:
        """Send one request and return the answer.

        `path` follows the token, or `root` in its place. A header can be changed, or left out with
        None. An iterable body is sent in chunks without its length.
        """
        parts = urlsplit(self.server.address)
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=_SECONDS)
        target = (f"/{self.server.token}/" if root is None else root) + path
        sent: dict[str, str | None] = {"host": parts.netloc, **(headers or {})}
        if isinstance(body, bytes) and "content-length" not in sent:
            sent["content-length"] = str(len(body))
        chunked = body is not None and not isinstance(body, bytes)
        if chunked:
            sent["transfer-encoding"] = "chunked"
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in sent.items():
                if value is not None:
                    connection.putheader(name, value)
            connection.endheaders(body, encode_chunked=chunked)
            response = connection.getresponse()
            fields = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, fields, response.read())
        finally:
            connection.close()

    def upload(self, kind: str, name: str, content: bytes) -> Answer:
        """Send a picture or a sound."""
        return self.ask(f"{kind}?name={name}", method="POST", body=content)

    @contextlib.contextmanager
    def tab(self, *, origin: str | None = "", token: str | None = None) -> Iterator[Page]:
        """Open a tab. `origin` is the server's own if it is empty; None sends none."""
        address = f"ws://127.0.0.1:{self.server.port}/{token or self.server.token}/live"
        with connect(
            address,
            origin=self.origin if origin == "" else origin,  # type: ignore[arg-type]
            open_timeout=_SECONDS,
            close_timeout=_SECONDS,
            compression=None,
            proxy=None,
        ) as socket:
            yield Page(socket)


@contextlib.contextmanager
def open_studio(folder: MadeFolder | None) -> Iterator[Studio]:
    """Serve a session on a free port of this machine."""
    session = FakeSession(folder)
    with serving(session) as server:
        yield Studio(session, server)


@contextlib.contextmanager
def serving(session: FakeSession) -> Iterator[Server]:
    """Serve a session on a free port of this machine."""
    server = Server(lambda: studio_app(session))
    server.start()
    try:
        yield server
    finally:
        server.stop()
