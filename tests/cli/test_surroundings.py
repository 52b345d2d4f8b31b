"""Unusual surroundings: closed and full streams, no temporary folder, another encoding of names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from processes import QUICK, command, run

from neuralpaint.runtime.standard_streams import open_streams

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell"),
]

FILM = ("video", "in.png", "-o", "out.mp4", *QUICK)
STILL = ("paint", "in.png", "-o", "out.png", *QUICK[:4])


def in_shell(
    redirection: str, *words: str, cwd: Path, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command with a redirection of the shell, such as `<&-`."""
    script = f'"$@" {redirection}'
    environment = os.environ | (environment or {})
    return run(["bash", "-c", script, "bash", *command(*words)], cwd=cwd, env=environment)


@pytest.mark.parametrize(
    ("words", "redirection"),
    [
        (FILM, "<&-"),
        (FILM, "<&- >&- 2>&-"),
        ((*FILM, "--json"), ">&-"),
        (STILL, "<&- 2>&-"),
        ((*FILM, "--json"), "| head -1 >first; exit ${PIPESTATUS[0]}"),
        (FILM, "2>/dev/full"),
    ],
)
def test_a_file_is_made_whatever_the_streams_are(
    folder: Path, words: tuple[str, ...], redirection: str
) -> None:
    done = in_shell(redirection, *words, cwd=folder)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert (folder / words[3]).exists()
    if "head" in redirection:
        assert json.loads((folder / "first").read_text())["event"] == "start"


@pytest.mark.parametrize("words", [("list",), (*FILM, "--json"), ("--help",)])
def test_output_that_is_lost_is_reported(folder: Path, words: tuple[str, ...]) -> None:
    done = in_shell(">/dev/full", *words, cwd=folder)
    assert done.returncode == 1
    assert done.stderr == (
        "neuralpaint: stdout is not complete (No space left on device): write it to another disk\n"
    )
    assert (folder / "out.mp4").exists() == (words[0] == "video")


def test_a_closed_pipe_is_no_error(folder: Path) -> None:
    done = in_shell("| head -1; exit ${PIPESTATUS[0]}", "list", cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "models\n", "")


# Python looks for a temporary folder only once.
NOWHERE = """
import tempfile
tempfile._candidate_tempdir_list = lambda: ["/nowhere"]
from neuralpaint.cli import main
main()
"""


@pytest.mark.parametrize("words", [
    (*FILM, "--boomerang"), STILL, (*STILL, "--optimizer", "sgd"),
])  # fmt: skip
def test_no_folder_for_temporary_files_is_needed(folder: Path, words: tuple[str, ...]) -> None:
    done = run([sys.executable, "-c", NOWHERE, *words], cwd=folder)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in folder.iterdir()) == sorted(["in.png", words[3]])


def test_the_bench_asks_for_a_temporary_folder(folder: Path) -> None:
    done = run([sys.executable, "-c", NOWHERE, "bench", "in.png"], cwd=folder)
    assert (done.returncode, done.stderr) == (1, (
        "neuralpaint: there is no folder for temporary files: set TMPDIR to one that you can write "
        "to\n"
    ))  # fmt: skip


@pytest.mark.parametrize("words", [FILM, STILL])
def test_names_of_any_encoding_are_written_and_printed(
    folder: Path, words: tuple[str, ...]
) -> None:
    (folder / "in.png").rename(folder / "é.png")
    given = [words[0], "é.png", *words[2:]]
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0"}
    done = in_shell("", *given, cwd=folder, environment=ascii_only)
    assert done.returncode == 0, done.stderr
    again = in_shell("", "replay", words[3], cwd=folder, environment=ascii_only)
    assert again.returncode == 0, again.stderr
    assert again.stdout.startswith(f"neuralpaint {words[0]} ")
    if words is FILM:
        assert "é, learned by" in (folder / "out.mp4").read_bytes().decode("utf-8", "replace")


def test_streams_that_are_not_the_process_s_own_stay(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr
    open_streams()
    assert (sys.stdout, sys.stderr) == before
