"""A tab without a browser: a real studio in a child process, and a WebSocket to it."""

from __future__ import annotations

import contextlib
import io
import json
import signal
import struct
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image
from processes import command, start
from websockets.sync.client import connect
from websockets.typing import Origin

__all__ = ["Studio", "Tab", "studio"]

LIMIT = 45.0  # seconds that anything may take, on a slow machine


class Tab:
    """One WebSocket; it answers frames as a page does."""

    def __init__(self, address: str) -> None:
        origin = Origin(address[: address.index("/", len("http://"))])
        self._closing = contextlib.ExitStack()
        self._socket = self._closing.enter_context(
            connect(address.replace("http", "ws", 1) + "live", origin=origin, max_size=None)
        )
        self.state: dict[str, Any] = {}
        self.made: list[dict[str, Any]] = []
        self.curve: list[list[float]] = []
        self.errors: list[str] = []
        self.wait(lambda: self.state)

    def close(self) -> None:
        self._closing.close()

    def do(self, what: str, **fields: Any) -> None:
        """Ask for something."""
        self._socket.send(json.dumps({"do": what, **fields}))

    def look(self, *region: float, width: int = 96, height: int = 64, visible: bool = True) -> None:
        """Show a region."""
        self.do("view", region=region or (0, 0, 1, 1), width=width, height=height, visible=visible)

    def receive(self) -> tuple[dict[str, Any], Image.Image | None]:
        """Return the next event, or the header of the next frame and its picture."""
        got = self._socket.recv(timeout=LIMIT)
        if isinstance(got, bytes):
            (length,) = struct.unpack(">I", got[:4])
            header = json.loads(got[4 : 4 + length])
            self.do("seen", frame=header["frame"])
            return {"event": "frame", **header}, Image.open(io.BytesIO(got[4 + length :]))
        event = json.loads(got)
        if event["event"] == "state":
            self.state = event
        elif event["event"] == "made":
            self.made = event["items"]
        elif event["event"] == "error":
            self.errors.append(event["message"])
        elif event["event"] == "curve":
            self.curve[event["from"] :] = event["points"]
        return event, None

    def wait(self, met: Callable[[], object]) -> None:
        """Receive events until a condition is met."""
        end = time.monotonic() + LIMIT
        while not met():
            assert time.monotonic() < end, f"it did not happen: {self.state}"
            self.receive()

    def wait_for(self, **fields: Any) -> None:
        """Receive events until the state has these fields."""
        self.wait(lambda: self.state.items() >= fields.items())

    def frame(
        self, met: Callable[[dict[str, Any]], object] = lambda header: True
    ) -> tuple[dict[str, Any], Image.Image]:
        """Return the first frame whose header meets a condition."""
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            header, picture = self.receive()
            if picture is not None and met(header):
                return header, picture
        raise AssertionError("no such frame")

    def refusal(self) -> str:
        """Return the message of the next error."""
        self.wait(lambda: self.errors)
        return self.errors.pop(0)


class Studio:
    """A running `neuralpaint studio`, or another command that serves a page.

    `address` returns the address in a line of its stdout, or "".
    """

    def __init__(self, *words: str | Path, address: Callable[[str], str], cwd: Path) -> None:
        self.folder = cwd / "made"
        self.process = start(command(*words), cwd=cwd, for_one_test=False)
        pipe = self.process.stdout
        assert pipe is not None
        self.address = next(found for line in pipe if (found := address(line)))

    def tab(self) -> Tab:
        return Tab(self.address)

    def get(self, path: str) -> bytes:
        """Return what an address answers."""
        with urllib.request.urlopen(self.address + path, timeout=LIMIT) as answer:
            content: bytes = answer.read()
        return content

    def upload(self, path: Path) -> dict[str, Any]:
        """Upload a picture; return the answer, also to one that is refused."""
        request = urllib.request.Request(
            f"{self.address}picture?name={path.name}", data=path.read_bytes(), method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=LIMIT) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            return dict(json.load(error)) | {"status": error.code}

    def end(self) -> tuple[int, str, str]:
        """Press Ctrl-C; return the exit status, the rest of stdout, and stderr."""
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=LIMIT)
        return self.process.returncode, out, err


@contextlib.contextmanager
def studio(*words: str | Path, cwd: Path) -> Iterator[Studio]:
    """Run a studio in a folder, whose things are in `made`."""
    running = Studio(
        "studio", "--no-browser", "--folder", "made", *words, address=str.strip, cwd=cwd
    )
    try:
        yield running
    finally:
        running.process.kill()
        running.process.communicate()
