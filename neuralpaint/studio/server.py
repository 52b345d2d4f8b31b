"""The server: a socket of this machine, and a thread in which uvicorn answers its requests.

server = Server(lambda: studio_app(session), port=0)
server.start()
print(server.address)  # http://127.0.0.1:41234/EvA8.../
...
server.stop()
"""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import ipaddress
import os
import re
import secrets
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from neuralpaint.errors import NeuralPaintError, UsageError
from neuralpaint.studio.guard import AsgiApp, Guard

if TYPE_CHECKING:
    import uvicorn

__all__ = ["Server"]

_START_SECONDS, _STOP_SECONDS = 10.0, 5.0
_GRACE_SECONDS = 2  # for requests that are being answered when the server stops
_MAX_MESSAGE = 64 * 2**10  # bytes of a message from the page
_PING_SECONDS = 20.0  # a tab that does not answer a ping for as long is closed
_NEEDED = ("starlette", "uvicorn", "websockets")  # uvicorn has no WebSockets of its own
_LAST_PORT = 65_535
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]+))(?::(\d{1,5}))?", re.ASCII)
_DEFAULT_PORT = 80  # a browser leaves it out of an address


class Server:
    """Serves an ASGI app under a random address of this machine."""

    def __init__(
        self, app_factory: Callable[[], AsgiApp], host: str = "127.0.0.1", port: int = 0
    ) -> None:
        """Bind the socket; requests are answered after `start`.

        Args:
            app_factory: returns the app. It is called here, when the packages that it needs are
                known to be installed, so it may import them.
            host: the address to listen on; 0.0.0.0 or :: for all of this machine.
            port: 0 for a free one.

        Raises:
            UsageError: the address or port cannot be used.
            NeuralPaintError: starlette, uvicorn or websockets is missing.
        """
        _check_installed()
        self._socket = _bound(host, port)
        self.port: int = self._socket.getsockname()[1]
        """The port that is listened on."""
        self.token = secrets.token_urlsafe(24)
        """The first part of each path: 192 random bits, which only `address` contains."""
        self.address = f"http://{_in_address(_shown(host), self.port)}/{self.token}/"
        """Where the app is found with a browser of this machine."""
        self._guarded = Guard(app_factory(), token=self.token, hosts=_OwnHosts(host, self.port))
        self._thread: threading.Thread | None = None
        self._server: uvicorn.Server | None = None

    def start(self) -> None:
        """Answer requests in a thread; return when the first one would be answered.

        Raises:
            NeuralPaintError: the thread does not start.
        """
        import uvicorn

        answers = threading.Event()

        class Announced(uvicorn.Server):
            async def startup(self, sockets: list[socket.socket] | None = None) -> None:
                await super().startup(sockets)
                answers.set()

        config = uvicorn.Config(
            self._guarded,
            loop="asyncio",
            http="h11",
            ws="websockets-sansio",
            ws_max_size=_MAX_MESSAGE,
            ws_ping_interval=_PING_SECONDS,
            ws_ping_timeout=_PING_SECONDS,
            ws_per_message_deflate=False,  # most bytes are JPEGs
            lifespan="off",
            log_config=None,
            log_level="critical",  # the guard reports what an app raises
            access_log=False,
            proxy_headers=False,  # there is no proxy, and anybody could send them
            server_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        self._server = Announced(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="studio server", daemon=True
        )
        self._thread.start()
        if not answers.wait(_START_SECONDS):
            raise NeuralPaintError("the studio's server does not start: try another --port")

    def stop(self) -> None:
        """Close all connections and end the thread, within about 5 seconds."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(_STOP_SECONDS)
            if self._thread.is_alive():
                self._server.force_exit = True
        self._socket.close()


def _check_installed() -> None:
    for name in _NEEDED:
        if importlib.util.find_spec(name) is None:
            raise NeuralPaintError(f"the studio needs {name}: pip install 'neuralpaint[studio]'")


def _bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        UsageError: that is not possible.
    """
    if not 0 <= port <= _LAST_PORT:  # getaddrinfo would take it for another one
        raise UsageError(f"--port must be from 0 to {_LAST_PORT}, not {port}")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family)
    except (socket.gaierror, UnicodeError):
        raise UsageError(f"--host {host!r} is no address of this machine: leave it out") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            why = f"--port {port} is taken: choose another, or leave it out for a free one"
        elif error.errno == errno.EACCES:
            why = f"--port {port} is reserved for the system: choose one above 1023"
        else:
            reason = os.strerror(error.errno) if error.errno else str(error)
            why = f"--host {host!r} cannot be listened on ({reason}): leave it out"
        raise UsageError(why) from None


def _shown(host: str) -> str:
    """Return the address that a browser of this machine uses; a server on all has many."""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
        if address.is_unspecified:
            return "127.0.0.1" if address.version == 4 else "::1"
    return host


class _OwnHosts:
    """What the header Host of a request may be.

    These are addresses in digits and the machine's own names: no name that somebody else controls,
    which could be made to mean this machine. A server on all addresses takes any in digits, because
    it cannot know those behind which it is found, for example as a container.
    """

    def __init__(self, host: str, port: int) -> None:
        self._port = port
        self._names = {host.lower()}
        self._all = _is(host, "is_unspecified")
        if self._all or host == "localhost" or _is(host, "is_loopback"):
            self._names |= {"127.0.0.1", "localhost", "::1"}
        if self._all:
            own = socket.gethostname().lower()
            self._names |= {own, f"{own}.local"}

    def __contains__(self, host: object) -> bool:
        found = _HOST.fullmatch(str(host))
        if found is None:
            return False
        digits, name, port = found.groups()
        known = (digits or name) in self._names or (self._all and _is(digits or name, "version"))
        return known and int(port or _DEFAULT_PORT) == self._port


def _is(host: str, what: str) -> bool:
    """Return whether a host is an address in digits that has a property of `ipaddress`."""
    with contextlib.suppress(ValueError):
        return bool(getattr(ipaddress.ip_address(host), what))
    return False


def _in_address(host: str, port: int) -> str:
    """Return host and port as in a URL."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
