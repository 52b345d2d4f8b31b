"""Tabs: what each gets, how often, what it may send, and what is left of it when it is closed."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from studios import Page, Studio, open_studio

from neuralpaint.studio.session_api import Curve
from neuralpaint.studio.view import View


def test_a_tab_gets_the_state_when_it_opens_and_when_it_changes(studio: Studio) -> None:
    with studio.tab() as page:
        first = page.receive("state")
        assert first == {"event": "state", "phase": "empty", "mode": "studio"}
        studio.session.change(phase="training", step=3, psnr=float("nan"), left=float("inf"))
        second = page.receive("state")
        assert (second["phase"], second["step"]) == ("training", 3)
        assert (second["psnr"], second["left"]) == (None, None)  # JSON has no NaN


def test_many_changes_are_few_events_and_the_last_one_counts(studio: Studio) -> None:
    with studio.tab() as page:
        page.receive("state")
        for step in range(1, 2001):
            studio.session.change(step=step)
        received = 0
        while (state := page.receive("state")).get("step") != 2000:
            assert state.get("step", 0) <= 2000
            received += 1
        assert received < 200


def test_states_keep_their_distance(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuralpaint.studio.tab._STATE_SECONDS", 1e6)
    with studio.tab() as page:
        page.receive("made")
        studio.session.change(step=1)
        assert events_until_an_answer(page) == []


def test_an_equal_state_is_not_sent_again(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuralpaint.studio.tab._STATE_SECONDS", 0.0)
    with studio.tab() as page:
        page.receive("made")
        studio.session.change()
        studio.session.curve_now = Curve(1, [(1, 9.0)])
        studio.session.change()
        assert events_until_an_answer(page) == ["curve"]


def events_until_an_answer(page: Page) -> list[str]:
    """Return the names of the events that come before the answers to two commands."""
    events: list[str] = []
    for _ in range(2):  # a state that is due when the first is sent comes after it
        page.send("pause")
        while (event := json.loads(page.socket.recv(timeout=20))["event"]) != "stored":
            events.append(event)
    return events


def test_a_curve_is_sent_once_and_again_if_it_begins_anew(studio: Studio) -> None:
    points = [(10, 12.5), (20, 15.0)]
    studio.session.curve_now = Curve(1, points)
    with studio.tab() as page:
        assert page.receive("curve") == {
            "event": "curve",
            "from": 0,
            "points": [[10, 12.5], [20, 15.0]],
        }
        points.append((30, float("nan")))
        studio.session.change()
        assert page.receive("curve") == {"event": "curve", "from": 2, "points": [[30, None]]}
        studio.session.curve_now = Curve(2, [(5, 9.0), (6, 9.5), (7, 9.6), (8, 9.7)])
        studio.session.change()
        again = page.receive("curve")
        assert (again["from"], len(again["points"])) == (0, 4)
        studio.session.curve_now = Curve(3, [])
        studio.session.change()
        assert page.receive("curve") == {"event": "curve", "from": 0, "points": []}


def test_a_frame_is_sent_after_the_one_before_was_seen(studio: Studio) -> None:
    live = studio.session.live
    with studio.tab() as page:
        page.look()
        live.wait_for(lambda views: any(view.visible for view in views.values()))
        (tab,) = live.views
        live.show(1, tab=tab, jpeg=b"first")
        header, jpeg = page.frame()
        assert jpeg == b"first"
        assert header == {
            "frame": 1,
            "region": [0, 0, 1, 1],
            "width": 4,
            "height": 3,
            "step": 7,
            "exact": True,
        }
        for number in (2, 3, 4):
            live.show(number, tab=tab, jpeg=b"%d" % number)
        assert page.quiet()
        page.send("seen", frame=99)  # not the one that was sent
        assert page.quiet()
        page.send("seen", frame=1)
        assert page.frame()[0]["frame"] == 4  # those in between are not sent any more
        page.send("seen", frame=4)
        assert page.quiet()  # none is sent twice


def test_a_frame_that_was_never_reported_as_seen_is_not_waited_for(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuralpaint.studio.tab._UNSEEN_SECONDS", 0.05)
    live = studio.session.live
    with studio.tab() as page:
        page.look()
        live.wait_for(lambda views: any(view.visible for view in views.values()))
        (tab,) = live.views
        live.show(1, tab=tab)
        assert page.frame()[0]["frame"] == 1
        live.show(2, tab=tab)
        assert page.frame()[0]["frame"] == 2


def test_a_hidden_tab_gets_no_frames(studio: Studio) -> None:
    live = studio.session.live
    with studio.tab() as page:
        page.look(visible=False)
        live.wait_for(lambda views: any(view.width == 40 for view in views.values()))
        (tab,) = live.views
        live.show(1, tab=tab)
        assert page.quiet()
        page.look()
        assert page.frame()[0]["frame"] == 1


def test_each_tab_has_its_own_view_and_frames(studio: Studio) -> None:
    live = studio.session.live
    with studio.tab() as one, studio.tab() as two:
        one.send("view", region=[0, 0, 1, 1], width=10, height=10, visible=True)
        two.send("view", region=[0.25, -0.5, 0.1, 2e-9], width=20, height=10, visible=True)
        live.wait_for(lambda views: all(view.visible for view in views.values()))
        by_width = {view.width: tab for tab, view in live.views.items()}
        assert live.views[by_width[20]] == View((0.25, -0.5, 0.1, 2e-9), 20, 10, True)
        live.show(1, tab=by_width[10], jpeg=b"one")
        live.show(1, tab=by_width[20], jpeg=b"two")
        assert one.frame()[1] == b"one"
        assert two.frame()[1] == b"two"


def test_a_tab_that_reads_nothing_delays_no_other(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuralpaint.studio.tab._UNSEEN_SECONDS", 0.0)
    live = studio.session.live
    with studio.tab() as stuck, studio.tab() as page:
        for each in (stuck, page):
            each.look()
        live.wait_for(lambda views: all(view.visible for view in views.values()))
        for number in range(1, 60):
            studio.session.change(step=number)
            for tab in [*live.views]:
                live.show(number, tab=tab, jpeg=bytes(2**19))
            assert page.frame()[0]["frame"] == number
        stuck.socket.socket.shutdown(socket.SHUT_RDWR)  # it would read no farewell either


def test_a_closed_tab_leaves_nothing(studio: Studio) -> None:
    session = studio.session
    with studio.tab() as kept:
        with studio.tab() as page:
            page.look()
            page.receive("state")
            assert len(session.live.views) == 2
        session.live.wait_for(lambda views: len(views) == 1)
        with studio.tab() as page:
            page.look()
            page.receive("state")
            page.socket.socket.close()  # without a word
        session.live.wait_for(lambda views: len(views) == 1)
        session.change(step=5)
        while kept.receive("state").get("step") != 5:
            pass
    session.live.wait_for(lambda views: not views)
    assert not session.callbacks


def test_a_tab_that_answers_no_ping_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuralpaint.studio.server._PING_SECONDS", 0.1)
    with open_studio(None) as studio:
        port = studio.server.port
        with socket.create_connection(("127.0.0.1", port), timeout=20) as dead:
            dead.sendall(
                f"GET /{studio.server.token}/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                f"Origin: {studio.origin}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c3R1ZGlvc3R1ZGlvc3R1ZA==\r\n"
                "\r\n".encode()
            )
            assert dead.recv(12) == b"HTTP/1.1 101"
            studio.session.live.wait_for(lambda views: len(views) == 1)
            studio.session.live.wait_for(lambda views: not views)


def test_the_number_of_tabs_is_limited(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuralpaint.studio.app._MOST_TABS", 1)
    with studio.tab() as page:
        page.receive("state")
        with pytest.raises(Exception, match="403"), studio.tab():
            pytest.fail("one tab too many")
    studio.session.live.wait_for(lambda views: not views)


WRONG: dict[str, str | bytes] = {
    "no JSON": "{",
    "nothing": "",
    "bytes": b'{"do":"pause"}',
    "a list": "[]",
    "a text": '"pause"',
    "null": "null",
    "deeply nested": "[" * 30_000,
    "NaN": '{"do":"rate","factor":NaN}',
    "infinity": '{"do":"rate","factor":1e999}',
    "a huge integer": '{"do":"steps","steps":%s}' % ("9" * 5000),
    "no command": "{}",
    "a command that is a number": '{"do":1}',
    "an unknown command": '{"do":"shutdown"}',
    "a method": '{"do":"__class__"}',
    "a missing field": '{"do":"steps"}',
    "a text as number": '{"do":"steps","steps":"100"}',
    "true as number": '{"do":"steps","steps":true}',
    "a fraction as whole number": '{"do":"steps","steps":1.5}',
    "a negative number": '{"do":"steps","steps":-1}',
    "a number as text": '{"do":"open","made":1}',
    "a moment after the end": '{"do":"moment","fraction":1.5}',
    "a region of three": '{"do":"view","region":[0,0,1],"width":9,"height":9,"visible":true}',
    "an empty region": '{"do":"view","region":[0,0,0,1],"width":9,"height":9,"visible":true}',
    "a region of texts": '{"do":"view","region":"0011","width":9,"height":9,"visible":true}',
    "a stage of no pixels": '{"do":"view","region":[0,0,1,1],"width":0,"height":9,"visible":true}',
    "a huge stage": '{"do":"view","region":[0,0,1,1],"width":99999,"height":9,"visible":true}',
    "visible as number": '{"do":"view","region":[0,0,1,1],"width":9,"height":9,"visible":1}',
    "settings as list": '{"do":"start","picture":"sample","settings":[],"sound":null}',
    "a setting as number": '{"do":"start","picture":"a","settings":{"steps":1},"sound":null}',
    "a long setting": '{"do":"start","picture":"a","settings":{"a":"%s"},"sound":null}'
    % ("x" * 20_000),
    "a command of another tool": '{"do":"check","command":"export","settings":{},"picture":null,'
    '"sound":null,"made":null,"suffix":null}',
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_message_is_answered_and_changes_nothing(shared: Studio, case: str) -> None:
    with shared.tab() as page:
        page.socket.send(WRONG[case])
        error = page.receive("error")
        assert error["message"]
        assert "\n" not in error["message"]
        assert "unexpected" not in error["message"]
        assert not shared.session.commands
        assert all(view == View() for view in shared.session.live.views.values())


COMMANDS: dict[str, dict[str, Any]] = {
    "start": {"picture": "sample", "settings": {"steps": "60"}, "sound": None},
    "pause": {},
    "go": {},
    "stop": {},
    "rate": {"factor": 0.5},
    "steps": {"steps": 3000},
    "open": {"made": "2026-11-30-rocket"},
    "moment": {"fraction": 0.4},
    "resume": {"made": "2026-11-30-rocket"},
    "close": {},
    "film": {"made": "x", "suffix": ".mp4", "settings": {}, "sound": None},
    "still": {"made": "x", "suffix": ".png", "settings": {}},
    "page": {"made": "x"},
    "cancel": {},
}


def test_commands_are_passed_on_without_anything_else(studio: Studio) -> None:
    with studio.tab() as page:
        for name, fields in COMMANDS.items():
            page.send(name, **fields, unknown=[1])
            assert page.receive("stored")["do"] == name
    assert studio.session.commands == [{"do": n, **f} for n, f in COMMANDS.items()]


def test_a_command_that_cannot_be_carried_out_is_one_line(studio: Studio) -> None:
    with studio.tab() as page, studio.tab() as other:
        studio.session.fail("nothing is training: press Start")
        page.send("pause")
        assert page.receive("error") == {
            "event": "error",
            "message": "nothing is training: press Start",
            "about": "pause",
        }
        studio.session.fail(None)
        other.send("go")
        assert other.receive("stored")["do"] == "go"


def test_a_bug_in_a_command_is_reported_and_the_tab_stays_open(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    with studio.tab() as page:
        studio.session.refuse = ZeroDivisionError("division")
        page.send("pause")
        assert page.receive("error")["message"] == "unexpected ZeroDivisionError: division"
        studio.session.fail(None)
        page.send("go")
        page.receive("stored")
    assert "unexpected ZeroDivisionError" in caplog.text


def test_who_watches_changes_nothing() -> None:
    with open_studio(None) as studio:
        for path in ("choices", "sample", "picture/sample", "made/a/b"):
            assert studio.ask(path).status == 404
        assert studio.upload("picture", "a.png", b"x").status == 404
        with studio.tab() as page:
            for name, fields in COMMANDS.items():
                page.send(name, **fields)
                error = page.receive("error")
                assert "only watches" in error["message"]
                assert error["about"] == name
            page.look()
            studio.session.live.wait_for(lambda views: any(v.visible for v in views.values()))
            (tab,) = studio.session.live.views
            studio.session.live.show(1, tab=tab)
            assert page.frame()[0]["frame"] == 1
        assert not studio.session.commands
