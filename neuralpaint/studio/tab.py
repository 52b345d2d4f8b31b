"""A tab: one open WebSocket, which gets every change, and whose commands are passed on.

Nothing queues up for a slow tab: it gets the newest state, at most ten times a second, and the next
frame only after it has reported that the one before is drawn, or after two seconds. Each tab has
its own task, so it delays no other one; when its connection ends, everything about it is removed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from neuralpaint.errors import NeuralPaintError, UsageError
from neuralpaint.studio.messages import WATCHING, parse_message, plain, view_of
from neuralpaint.studio.session_api import LiveFrame, Session
from neuralpaint.studio.view import View

__all__ = ["Tab"]

logger = logging.getLogger(__name__)

Checker = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]

_STATE_SECONDS = 0.1  # from one state to the next
_UNSEEN_SECONDS = 2.0  # after which a frame is sent though the one before was not reported as seen
_MOST_REPLIES = 256  # that wait for a slow tab; older ones are dropped
_NOW = 0.0


class Tab:
    """Sends changes of a session to one WebSocket, and its commands to the session."""

    def __init__(self, socket: WebSocket, session: Session, check: Checker) -> None:
        """Serve a socket that is not accepted yet; `check` answers the command of that name."""
        self._socket, self._session, self._check = socket, session, check
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._is_waking = False
        self._closed = False
        self._replies: deque[Mapping[str, Any]] = deque(maxlen=_MOST_REPLIES)
        self._is_stale = True  # whether the state may differ from the one that was sent
        self._state = ""  # the state that was sent last
        self._items: object = None  # what was made, as it was sent last
        self._curve: tuple[int, int] | None = None  # number and length of the curve that was sent
        self._view = View()
        self._sent = -1  # the number of the newest frame that was sent
        self._next_frame = _NOW  # when the next one may be sent

    async def run(self) -> None:
        """Serve the socket until it is closed."""
        await self._socket.accept()
        self._number = self._session.live.add_view(self._wake)
        forget = self._session.on_change(self._on_change)
        sending = asyncio.create_task(self._send())
        receiving = asyncio.create_task(self._receive())
        try:
            await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._closed = True
            forget()
            self._session.live.remove_view(self._number)
            for task in (sending, receiving):
                task.cancel()
            ended = await asyncio.gather(sending, receiving, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception) and not isinstance(error, WebSocketDisconnect):
                logger.error("studio: unexpected %s: %s", type(error).__name__, error)
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await self._socket.close(1011)

    # From any thread.

    def _wake(self) -> None:
        if self._is_waking or self._closed:
            return
        self._is_waking = True
        with contextlib.suppress(RuntimeError):  # the server has stopped
            self._loop.call_soon_threadsafe(self._changed.set)

    def _on_change(self) -> None:
        self._is_stale = True
        self._wake()

    def _reply(self, event: Mapping[str, Any]) -> None:
        if not self._closed:
            self._replies.append(event)
            self._wake()

    # In the server's thread.

    async def _send(self) -> None:
        """Send what has changed, again and again."""
        next_state = _NOW
        while True:
            self._changed.clear()
            self._is_waking = False  # from here on, a change wakes again
            while self._replies:
                await self._send_text(self._replies.popleft())
            if self._is_stale and self._loop.time() >= next_state:
                self._is_stale = False
                await self._send_state()
                next_state = self._loop.time() + _STATE_SECONDS
            if self._view.visible and self._loop.time() >= self._next_frame:
                await self._send_frame()
            due = [next_state] if self._is_stale else []
            due += [self._next_frame] if self._next_frame > self._loop.time() else []
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(min(due) if due else None):
                    await self._changed.wait()

    async def _send_state(self) -> None:
        state = _text({"event": "state", **self._session.state()})
        if state != self._state:
            self._state = state
            await self._socket.send_text(state)
        curve, points = self._session.curve()
        known, length = self._curve or (None, 0)
        first = length if curve == known and length <= len(points) else 0
        added = [list(point) for point in points[first:]]
        if added or curve != known:
            self._curve = curve, first + len(added)
            await self._send_text({"event": "curve", "from": first, "points": added})
        items = None if self._session.folder is None else self._session.folder.items()
        if items is not self._items:  # it can be long, and changes with a scan only
            self._items = items
            await self._send_text({"event": "made", "items": items})

    async def _send_frame(self) -> None:
        frame = self._session.live.frame(self._number)
        if frame is None or frame.number == self._sent:
            return
        self._sent = frame.number
        await self._socket.send_bytes(_packed(frame))
        self._next_frame = self._loop.time() + _UNSEEN_SECONDS

    async def _send_text(self, event: Mapping[str, Any]) -> None:
        await self._socket.send_text(_text(event))

    async def _receive(self) -> None:
        """Carry out what the tab sends, until it is closed."""
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            about = None
            try:
                command = parse_message(message.get("text"))
                about = command["do"]
                await self._carry_out(command)
            except NeuralPaintError as error:
                self._reply({"event": "error", "message": str(error), "about": about})
            except Exception as error:
                what = f"unexpected {type(error).__name__}: {error}"
                logger.error("studio: %s, at the command %s", what, about)
                logger.debug("", exc_info=error)
                self._reply({"event": "error", "message": what, "about": about})

    async def _carry_out(self, command: Mapping[str, Any]) -> None:
        name = command["do"]
        if name == "view":
            self._view = view_of(command)
            self._session.live.set_view(self._number, self._view)
            self._wake()
        elif name == "seen":
            if command["frame"] == self._sent:
                self._next_frame = _NOW
                self._wake()
        elif name not in WATCHING and self._session.folder is None:
            raise UsageError("this page only watches: change the training where it was started")
        elif name == "check":
            self._reply(await self._check(command))
        else:
            self._session.command(command, self._reply)


def _text(event: Mapping[str, Any]) -> str:
    return json.dumps(plain(event), allow_nan=False, separators=(",", ":"))


def _packed(frame: LiveFrame) -> bytes:
    """Return a frame as it is sent: the length of the header, the header, the JPEG."""
    header = {
        "frame": frame.number,
        "region": frame.region,
        "width": frame.width,
        "height": frame.height,
        "step": frame.step,
        "exact": frame.exact,
    }
    encoded = _text(header).encode()
    return struct.pack(">I", len(encoded)) + encoded + frame.jpeg
