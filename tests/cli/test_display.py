"""What is printed on a terminal and into a pipe."""

from __future__ import annotations

import io
import json
import os
import re
import sys
from pathlib import Path

import pytest
from processes import QUICK, command, start

from neuralpaint.cli.display import Display, FileDisplay, print_table
from neuralpaint.pipelines.job import Result
from neuralpaint.runtime.progress import Progress

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX terminal")


def screen(text: str) -> str:
    """Return text without the control sequences of a terminal."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def on_terminal(*words: str, cwd: Path, **environment: str) -> str:
    """Return everything that a command prints on a terminal of 100 columns."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    given = {"TERM": "xterm-256color", **environment}
    start(
        command(*words), cwd=cwd, env=os.environ | given, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    text = b""
    with open(ours, "rb", buffering=0) as terminal:
        try:
            while part := terminal.read(4096):
                text += part
        except OSError:  # Linux reports the end of a terminal in this way
            pass
    return text.decode()


@pytest.mark.slow
@posix
def test_a_terminal_shows_a_live_line_that_is_removed_at_the_end(folder: Path) -> None:
    text = on_terminal("video", "in.png", "-o", "out.mp4", *QUICK, cwd=folder)
    *live, last, end = re.split(r"[\r\n]+", screen(text))
    assert last.startswith("wrote out.mp4  24x16, 6 frames, 1.0 s")
    assert end == ""
    assert any(re.match(r"(training|filming) +[━╸╺ ]+ +\d+%", line) for line in live), live
    assert any("step " in line and " dB" in line for line in live)
    assert all(len(line) <= 100 for line in live)
    assert "\x1b[2K" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # the cursor is visible again


@posix
def test_without_colour_there_are_no_colour_codes(folder: Path) -> None:
    text = on_terminal("list", "models", cwd=folder)
    assert re.search(r"\x1b\[36m", text)
    text = on_terminal("list", "models", cwd=folder, NO_COLOR="1")
    assert not re.search(r"\x1b\[3\d", text)


def test_a_piped_table_is_aligned_and_shortens_no_name(capsys: pytest.CaptureFixture[str]) -> None:
    name = "model:" + ",".join(f"setting{number}=value" for number in range(40))
    print_table([("1", name, "30.5"), ("2", "b", "4")], headings=("", "name", "dB"), left=(1,))
    heading, first, second = capsys.readouterr().out.splitlines()
    assert first.split() == ["1", name, "30.5"]
    assert second.split() == ["2", "b", "4"]
    assert len(first) == len(second) == len(heading)
    assert heading.index("name") == first.index(name) == second.index("b")


def test_a_table_has_no_spaces_at_the_ends_of_lines(capsys: pytest.CaptureFixture[str]) -> None:
    print_table([("key", "a long text"), ("k", "text [with] :brackets:")], widths=(12,), indent=2)
    assert capsys.readouterr().out == (
        "  key           a long text\n  k             text [with] :brackets:\n"
    )
    print_table([])
    assert capsys.readouterr().out == ""


class Plain(Display[Result]):
    fields = ("phase", "done", "subject")

    def show(self, result: Result) -> None:
        raise NotImplementedError


def test_json_has_the_fields_of_the_command_and_a_line_at_every_change_of_phase(
    capsys: pytest.CaptureFixture[str],
) -> None:
    display = Plain(quiet=False, as_json=True)
    for phase in ("train", "train", "film"):
        display.update(Progress(phase, 0.5, details={"subject": "a", "other": 1}))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    events = [{"event": "progress", "phase": phase, "done": 0.5, "subject": "a"}
              for phase in ("train", "film")]  # fmt: skip
    assert lines == events


def test_json_has_null_for_numbers_that_it_cannot_represent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    FileDisplay(quiet=False, as_json=True).update(Progress("train", 0.0))
    event = json.loads(capsys.readouterr().out)
    assert list(event) == ["event", *FileDisplay.fields]
    assert event["loss"] is None


def test_neither_a_pipe_nor_quiet_gets_a_live_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    FileDisplay(quiet=False, as_json=False).update(Progress("train", 0.5))
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    FileDisplay(quiet=True, as_json=False).update(Progress("train", 0.5))
    assert terminal.getvalue() == ""
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""
