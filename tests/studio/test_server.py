"""The server: its socket, its address, and its end."""

from __future__ import annotations

import importlib.util
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from studios import FakeSession, Studio, open_studio
from websockets.exceptions import ConnectionClosed

from neuralpaint.errors import NeuralPaintError, UsageError
from neuralpaint.studio.app import studio_app
from neuralpaint.studio.folder import MadeFolder
from neuralpaint.studio.server import Server


def _threads() -> set[threading.Thread]:
    """Return the threads of servers; others end later, or belong to other tests."""
    return {thread for thread in threading.enumerate() if thread.name == "studio server"}


@pytest.fixture
def busy_port() -> Iterator[int]:
    """A port on which something else listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def test_the_address_is_new_each_time_and_cannot_be_guessed(shared: Studio) -> None:
    with open_studio(None) as other:
        tokens = {shared.server.token, other.server.token}
    assert len(tokens) == 2
    assert all(len(token) == 32 for token in tokens)  # 24 random bytes
    parts = urlsplit(shared.server.address)
    assert (parts.scheme, parts.hostname, parts.port) == ("http", "127.0.0.1", shared.server.port)
    assert parts.path == f"/{shared.server.token}/"


def test_only_this_machine_can_connect_by_default(shared: Studio) -> None:
    with socket.create_connection(("127.0.0.1", shared.server.port), timeout=10) as mine:
        assert mine.getpeername()[0] == "127.0.0.1"
    with pytest.raises(OSError), socket.create_connection(("::1", shared.server.port), timeout=10):  # noqa: PT011
        pytest.fail("it listens on another address too")


def test_a_port_that_is_taken_is_one_line(busy_port: int) -> None:
    with pytest.raises(UsageError, match=f"--port {busy_port} is taken: choose another"):
        Server(lambda: studio_app(FakeSession()), port=busy_port)


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        ("127.0.0.1", 70_000, "--port must be from 0 to 65535, not 70000"),
        ("192.0.2.1", 0, "--host '192.0.2.1' cannot be listened on"),
        ("no such name.invalid", 0, "--host 'no such name.invalid' is no address of this machine"),
        ("a..b", 0, "--host 'a..b' is no address of this machine"),
    ],
)
def test_an_address_that_cannot_be_used_is_one_line(host: str, port: int, message: str) -> None:
    with pytest.raises(UsageError) as wrong:
        Server(lambda: studio_app(FakeSession()), host, port)
    assert str(wrong.value).startswith(message)
    assert "\n" not in str(wrong.value)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "uvicorn" else find(name)
    )
    with pytest.raises(NeuralPaintError, match=r"pip install 'neuralpaint\[studio\]'") as missing:
        Server(lambda: pytest.fail("the app may not be made"))
    assert "uvicorn" in str(missing.value)


def test_a_server_for_all_addresses_knows_digits_and_own_names() -> None:
    server = Server(lambda: studio_app(FakeSession()), "0.0.0.0")
    try:
        server.start()
        studio = Studio(FakeSession(), server)
        port = server.port
        assert server.address.startswith(f"http://127.0.0.1:{port}/")
        name = socket.gethostname()
        for host in ("localhost", name, f"{name}.local", "192.0.2.1", "[2001:db8::1]"):
            assert studio.ask("", headers={"host": f"{host}:{port}"}).status != 403
        for host in ("evil.example", "192.0.2.1.evil.example", "localhost.", "[evil]", "1.2.3"):
            assert studio.ask("", headers={"host": f"{host}:{port}"}).status == 403
        assert studio.ask("", headers={"host": "192.0.2.1:1"}).status == 403
    finally:
        server.stop()


def test_stopping_closes_every_tab_and_ends_the_thread() -> None:
    before = _threads()
    with open_studio(None) as studio, studio.tab() as page:
        page.receive("state")
        assert _threads() - before
        studio.server.stop()
        with pytest.raises(ConnectionClosed):
            page.receive("nothing that ever comes")
        assert not studio.session.live.views
        assert not studio.session.callbacks
        assert _threads() <= before
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", studio.server.port), timeout=10)
        studio.session.change(step=1)  # a change after the end is no error
        studio.server.stop()  # nor is a second end


def test_a_server_that_was_not_started_can_be_stopped() -> None:
    server = Server(lambda: studio_app(FakeSession()))
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.port), timeout=10)


@pytest.mark.parametrize("part", ["a header", "a body"])
def test_a_request_that_never_ends_does_not_hold_the_end_up(
    part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuralpaint.studio.server._GRACE_SECONDS", 0)
    before = _threads()
    with (
        MadeFolder(tmp_path) as folder,
        open_studio(folder) as studio,
        socket.create_connection(("127.0.0.1", studio.server.port), timeout=10) as silent,
    ):
        silent.sendall(
            f"POST /{studio.server.token}/picture HTTP/1.1\r\ncontent-length: 5\r\n"
            f"host: 127.0.0.1:{studio.server.port}\r\n".encode()
        )
        if part == "a body":
            silent.sendall(b"\r\nhalf")
            while not [*tmp_path.glob(".uploads*/*")]:
                assert studio.ask("sample").status == 200
        assert studio.ask("", root="/").status == 404
        studio.server.stop()
        assert _threads() <= before
