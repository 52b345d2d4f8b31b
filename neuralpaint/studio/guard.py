"""The guard: ASGI middleware that answers nobody but the studio's own page.

The studio listens on a port of this machine, which others can reach too: other programs and users
of the machine, any page in any browser on it (by requests across sites), and a page whose name is
made to mean this address (DNS rebinding). So a request is answered if

1. its path begins with the random token that only the printed address contains; else the answer is
   a 404 without a word;
2. its header Host is an address of this server, which a rebound name is not;
3. its headers Origin and Sec-Fetch-Site, which a browser always sends where they matter and a page
   cannot forge, say that it comes from the studio's own page. A WebSocket needs an Origin.

A body over the limit is refused, and thrown away as far as it comes. Every answer gets headers that
forbid inline scripts, frames, guessing of types, caching and telling the address on. (What is no
HTTP at all is refused by uvicorn, with one fixed line of plain text and without these headers.)
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Collection, Container, MutableMapping
from typing import Any

__all__ = ["MAX_BODY", "SECURITY_HEADERS", "AsgiApp", "Guard", "Send"]

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY = 64 * 2**20
"""The largest body of a request, in bytes."""

SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; media-src 'self'; form-action 'none'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",  # the address contains the token
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}
"""The headers of every answer, unless the app sets them itself."""

_DRAINED, _DRAIN_SECONDS = 2**30, 1.0  # of a body that is thrown away: bytes, and a pause in them

_ELSEWHERE = (
    "This address cannot be reached from here: copy the address that neuralpaint has printed into "
    "the address bar."
)


class _TooLarge(Exception):  # noqa: N818 - not an error: the answer is a 413
    """The body of a request exceeds the limit."""


class Guard:
    """Passes the requests of the studio's own page to an app, without the token in their path."""

    def __init__(
        self, app: AsgiApp, *, token: str, hosts: Container[str], max_body: int = MAX_BODY
    ) -> None:
        """Guard an app.

        Args:
            app: is called with `root_path` set to the token's part of the path.
            token: the first part of each path.
            hosts: what the header Host may be, such as `127.0.0.1:8765`, in lower case.
            max_body: the largest body of a request, in bytes.
        """
        self._app = app
        self._token = token.encode()
        self._hosts = hosts
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or one WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            return
        first, slash, _ = str(scope["path"]).removeprefix("/").partition("/")
        known = hmac.compare_digest(first.encode("utf-8", "replace"), self._token)
        if not known or not str(scope["path"]).startswith("/"):
            await _refuse(scope, send, 404)
        elif not self._is_own(scope):
            await _refuse(scope, send, 403, _ELSEWHERE)
        elif not slash:  # links in the page are relative to the folder
            await _refuse(scope, send, 307, location=f"/{first}/")
        else:
            await self._pass(dict(scope, root_path=f"/{first}"), receive, send)

    def _is_own(self, scope: Scope) -> bool:
        """Return whether a request comes from the page itself, or from the address bar."""
        hosts, origins = _values(scope, b"host"), _values(scope, b"origin")
        sites = _values(scope, b"sec-fetch-site")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return False
        if any(origin.lower() != f"http://{hosts[0].lower()}" for origin in origins):
            return False
        if scope["type"] == "websocket":  # which browsers do not agree to call the same site
            return bool(origins)
        return all(site in ("same-origin", "none") for site in sites)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._app(scope, receive, send)
            return
        started = False
        received = 0
        lengths = _values(scope, b"content-length")

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_body:
                raise _TooLarge
            return message

        async def secured(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message = {**message, "headers": _with_security(message.get("headers", ()))}
            await send(message)

        try:
            if any(_is_over(length, self._max_body) for length in lengths):
                raise _TooLarge
            await self._app(scope, counted, secured)
        except _TooLarge:
            if started:
                raise
            most = f"{self._max_body // 2**20} MB" if self._max_body >= 2**20 else "the limit"
            # Most browsers read no answer before they have sent everything.
            await _drain(receive, lengths)
            await _refuse(scope, send, 413, f"a file over {most}: give a smaller one", close=True)
        except Exception as error:
            logger.error("studio: unexpected %s: %s", type(error).__name__, error)
            logger.debug("", exc_info=error)
            if started:  # the connection is closed
                raise
            await _refuse(scope, send, 500, "the studio failed: its terminal says why", close=True)


async def _drain(receive: Receive, lengths: Collection[str]) -> None:
    """Throw the rest of a body away, unless it is huge or comes no further."""
    left = _DRAINED
    if any(_is_over(length, left) for length in lengths):
        return
    with contextlib.suppress(TimeoutError):
        while left > 0:
            async with asyncio.timeout(_DRAIN_SECONDS):
                message = await receive()
            left -= len(message.get("body", b""))
            if not message.get("more_body", False):
                return


async def _refuse(
    scope: Scope,
    send: Send,
    status: int,
    text: str = "",
    *,
    location: str | None = None,
    close: bool = False,
) -> None:
    """Answer with a status and one line, as JSON; without a text, with an empty body."""
    body = json.dumps({"error": text}).encode() if text else b""
    headers = [(b"content-length", str(len(body)).encode())]
    if text:
        headers.append((b"content-type", b"application/json"))
    if location is not None:
        headers.append((b"location", location.encode()))
    if close:
        headers.append((b"connection", b"close"))
    kind = "http.response"
    if scope["type"] == "websocket":
        kind = "websocket.http.response"
        if kind not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008})
            return
    await send({"type": f"{kind}.start", "status": status, "headers": _with_security(headers)})
    await send({"type": f"{kind}.body", "body": body})


def _values(scope: Scope, name: bytes) -> list[str]:
    """Return all values of a header of a request."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def _is_over(length: str, most: int) -> bool:
    return not length.isascii() or not length.isdigit() or len(length) > 18 or int(length) > most


def _with_security(headers: Collection[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    given = {name.lower() for name, _ in headers}
    added = ((name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items())
    return [*headers, *((name, value) for name, value in added if name not in given)]
