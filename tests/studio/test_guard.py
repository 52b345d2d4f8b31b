"""The guard: who gets an answer, how large a request may be, and the headers of every answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, MutableMapping
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote

import pytest
from studios import Answer, Studio
from websockets.exceptions import ConnectionClosed, InvalidStatus

from neuralpaint.studio.guard import MAX_BODY, SECURITY_HEADERS, Guard, Send

TOKENS = {
    "missing": "/",
    "empty": "//",
    "wrong": "/{other}/",
    "a prefix": "/{start}/",
    "a suffix": "/{end}/",
    "longer": "/{token}x/",
    "upper case": "/{upper}/",
    "second": "/x/{token}/",
    "after dots": "/x/../{token}/",
    "after encoded dots": "/x%2f..%2f{token}/",
    "in the query": "/?token={token}&x=/",
    "with a space": "/%20{token}/",
    "with a NUL": "/{token}%00/",
    "not in UTF-8": "/%ff{token}/",
    "of a proxy": "http://evil.example/{token}/",
}


@pytest.mark.parametrize("case", TOKENS)
def test_without_the_token_there_is_nothing(shared: Studio, case: str) -> None:
    token = shared.server.token
    other = "A" * len(token)
    root = TOKENS[case].format(
        token=token, other=other, start=token[:-1], end=token[1:], upper=token.swapcase()
    )
    answer = shared.ask(root=root)
    assert (answer.status, answer.body) == (404, b"")
    assert "content-type" not in answer.headers


FOREIGN: dict[str, Mapping[str, str | None]] = {
    "no host": {"host": None},
    "an empty host": {"host": ""},
    "a rebound name": {"host": "evil.example:{port}"},
    "the name without a port": {"host": "127.0.0.1"},
    "another port": {"host": "127.0.0.1:1"},
    "another address": {"host": "192.168.1.2:{port}"},
    "a name that begins like ours": {"host": "localhost.evil.example:{port}"},
    "a name that ends like ours": {"host": "evil-localhost:{port}"},
    "user and host": {"host": "evil@127.0.0.1:{port}"},
    "two hosts in one": {"host": "127.0.0.1:{port}, evil.example"},
    "a null origin": {"origin": "null"},
    "an empty origin": {"origin": ""},
    "another origin": {"origin": "https://evil.example"},
    "an origin with another port": {"origin": "http://127.0.0.1:1"},
    "an origin without a port": {"origin": "http://127.0.0.1"},
    "an origin with another scheme": {"origin": "https://127.0.0.1:{port}"},
    "an origin under another own name": {"origin": "http://localhost:{port}"},
    "another site": {"sec-fetch-site": "cross-site"},
    "another port of this site": {"sec-fetch-site": "same-site"},
    "a site that is no word": {"sec-fetch-site": "same-origin, none"},
}


@pytest.mark.parametrize("case", FOREIGN)
def test_what_does_not_come_from_the_page_is_refused(shared: Studio, case: str) -> None:
    port = str(shared.server.port)
    headers = {k: v and v.replace("{port}", port) for k, v in FOREIGN[case].items()}
    answer = shared.ask(headers=headers)
    assert answer.status in (400, 403)  # h11 itself refuses a request without a host
    assert b"registries" not in answer.body
    if answer.status == 403:
        assert "copy the address" in answer.error


def test_two_hosts_are_refused(shared: Studio) -> None:
    connection = HTTPConnection("127.0.0.1", shared.server.port, timeout=20)
    connection.putrequest("GET", f"/{shared.server.token}/choices", skip_host=True)
    for host in (f"127.0.0.1:{shared.server.port}", "evil.example"):
        connection.putheader("Host", host)
    connection.endheaders()
    assert connection.getresponse().status in (400, 403)
    connection.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_own_names_are_answered(shared: Studio, host: str) -> None:
    at = f"{host}:{shared.server.port}"
    assert shared.ask(headers={"host": at}).status == 200
    own = {"host": at, "origin": f"http://{at}", "sec-fetch-site": "same-origin"}
    assert shared.ask(headers=own).status == 200
    assert shared.ask(headers={"host": at, "sec-fetch-site": "none"}).status == 200


def test_an_address_without_its_slash_leads_to_the_page(shared: Studio) -> None:
    root = f"/{shared.server.token}"
    answer = shared.ask("", root=root)
    assert (answer.status, answer.headers["location"]) == (307, f"{root}/")
    assert shared.ask("", root=root, headers={"host": "evil.example"}).status == 403


SOCKETS: dict[str, dict[str, str | None]] = {
    "no origin": {"origin": None},
    "a null origin": {"origin": "null"},
    "another origin": {"origin": "https://evil.example"},
    "another port": {"origin": "http://127.0.0.1:1"},
    "another scheme": {"origin": "ws://127.0.0.1:{port}"},
    "a wrong token": {"token": "A" * 32},
    "a shorter token": {"token": "A"},
}


@pytest.mark.parametrize("case", SOCKETS)
def test_a_websocket_of_another_page_is_refused(shared: Studio, case: str) -> None:
    port = str(shared.server.port)
    given = {k: v and v.replace("{port}", port) for k, v in SOCKETS[case].items()}
    with pytest.raises(InvalidStatus) as refused, shared.tab(**given):
        pytest.fail("the WebSocket was accepted")
    response = refused.value.response
    assert response.status_code == (404 if "token" in given else 403)
    assert response.headers["x-content-type-options"] == "nosniff"
    assert not shared.session.live.views


PATHS = [
    "page/../server.py",
    "page/..%2fserver.py",
    "page/%2e%2e/server.py",
    "page/%2e%2e%2fserver.py",
    "page/..%5cserver.py",
    "page/%252e%252e%252fserver.py",
    "page/....//server.py",
    "page//etc/passwd",
    "page/%2fetc%2fpasswd",
    "page/C:%5cwindows%5cwin.ini",
    "page/file:%2f%2f%2fetc%2fpasswd",
    "page/index.html%00.js",
    "page/%00",
    "page/",
    "page/.",
    "page/__init__.py",
    "page/app.py",
    "made/../../etc/passwd",
    "made/%2e%2e/%2e%2e",
    "made/..%2f..%2f..%2fetc/passwd",
    "made/%2fetc/passwd",
    "made/./training.json",
    "made/unknown/film.mp4",
    "made/unknown/thumbnail",
    "made/%00/%00",
    "made/%ff%fe/film.mp4",
    "picture/unknown",
    "picture/..%2ffile.png",
    "picture/%2fetc%2fpasswd",
    "sample/../../setup.cfg",
    "unknown",
    "choices/",
    "made/x/",
    "live",
    "%2e%2e/",
    "../",
]


@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_anywhere(shared: Studio, path: str) -> None:
    answer = shared.ask(path)
    assert answer.status == 404
    assert b"root:" not in answer.body
    assert b"import" not in answer.body


METHODS = [
    ("choices", "POST"),
    ("choices", "DELETE"),
    ("choices", "OPTIONS"),
    ("picture", "GET"),
    ("picture", "PUT"),
    ("sound", "PATCH"),
    ("sample", "POST"),
    ("choices", "TRACE"),
]


@pytest.mark.parametrize(("path", "method"), METHODS)
def test_other_methods_are_not_allowed(shared: Studio, path: str, method: str) -> None:
    answer = shared.ask(path, method=method)
    assert answer.status == 405
    assert "access-control-allow-origin" not in answer.headers


def _zeros(size: int, part: int = 2**20) -> Iterator[bytes]:
    for _ in range(size // part):
        yield bytes(part)


def _check_413(answer: Answer, studio: Studio) -> None:
    assert answer.status == 413
    assert answer.error == "a file over 64 MB: give a smaller one"
    assert studio.ask().status == 200


@pytest.mark.parametrize("kind", ["picture", "sound"])
def test_a_body_that_says_it_is_too_large_is_not_read(shared: Studio, kind: str) -> None:
    headers = {"content-length": str(2**40)}
    answer = shared.ask(f"{kind}?name=a.png", method="POST", headers=headers, body=bytes(10))
    _check_413(answer, shared)


def test_nothing_is_read_of_a_body_that_says_it_is_huge() -> None:
    answers: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        answers.append(message)

    async def unused(*_: object) -> Any:
        pytest.fail("the body was read")

    headers = [(b"host", b"localhost:1"), (b"content-length", str(2**40).encode())]
    scope = {"type": "http", "method": "POST", "path": "/token/picture", "headers": headers}
    asyncio.run(Guard(unused, token="token", hosts={"localhost:1"})(scope, unused, send))
    assert answers[0]["status"] == 413


def test_a_body_that_is_too_large_is_refused_after_it_was_sent(shared: Studio) -> None:
    content = bytes(MAX_BODY + 1)
    _check_413(shared.upload("picture", "a.png", content), shared)


def test_a_body_without_a_length_is_counted(shared: Studio) -> None:
    answer = shared.ask("picture?name=a.png", method="POST", body=_zeros(MAX_BODY + 2**20))
    _check_413(answer, shared)
    assert not [*shared.made.path.glob(".uploads*/*")]


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "0x10", "9" * 30])
def test_a_length_that_is_no_number_is_refused(shared: Studio, length: str) -> None:
    answer = shared.ask("picture", method="POST", headers={"content-length": length}, body=b"x")
    assert answer.status == 400


@pytest.mark.parametrize("case", ["a header", "the path"])
def test_huge_headers_are_refused(shared: Studio, case: str) -> None:
    large = "x" * 2**17
    with contextlib.suppress(ConnectionError):  # closed before all of it was sent
        answer = shared.ask(large) if case == "the path" else shared.ask(headers={"x": large})
        assert answer.status == 400
    assert shared.ask().status == 200


def test_a_huge_message_ends_its_tab_only(shared: Studio) -> None:
    with shared.tab() as other, shared.tab() as page:
        page.socket.send("x" * (64 * 2**10 + 1))
        with pytest.raises(ConnectionClosed) as closed:
            page.receive("nothing that ever comes")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009
        other.send("pause")
        assert other.receive("stored")["do"] == "pause"


def test_every_answer_forbids_what_the_page_does_not_need(shared: Studio) -> None:
    answers = {
        "a page": shared.ask(),
        "a file": shared.ask("sample"),
        "nothing": shared.ask("unknown"),
        "no token": shared.ask(root="/"),
        "another page": shared.ask(headers={"origin": "null"}),
        "another method": shared.ask(method="PUT"),
        "a redirect": shared.ask("", root=f"/{shared.server.token}"),
        "no picture": shared.upload("picture", "a.txt", b"text"),
        "too large": shared.ask("picture", method="POST", headers={"content-length": str(2**40)}),
    }
    for what, answer in answers.items():
        for name, value in SECURITY_HEADERS.items():
            assert answer.headers.get(name) == value, (what, name)
        assert "server" not in answer.headers, what
        assert "set-cookie" not in answer.headers, what
    policy = SECURITY_HEADERS["content-security-policy"]
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none';")


def test_a_failure_in_the_middle_of_an_answer_ends_it(caplog: pytest.LogCaptureFixture) -> None:
    sent: list[str] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message["type"])

    async def app(scope: object, receive: object, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ZeroDivisionError("too late")

    async def receive() -> Any:
        pytest.fail("nothing is to be read")

    scope = {"type": "http", "path": "/token/", "headers": [(b"host", b"localhost:1")]}
    guard = Guard(app, token="token", hosts={"localhost:1"})
    with pytest.raises(ZeroDivisionError):
        asyncio.run(guard(scope, receive, send))
    assert sent == ["http.response.start"]
    assert "too late" in caplog.text


def test_a_failure_is_answered_and_reported(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(studio.made, "file", fail)
    answer = studio.ask(f"made/x/{quote('film.mp4')}")
    assert answer.status == 500
    assert "secret" not in answer.error
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "studio: unexpected ZeroDivisionError: secret" in caplog.text
    assert studio.ask().status == 200
