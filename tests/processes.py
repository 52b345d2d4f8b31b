"""Child processes of the tests: default signal handlers, an own process group, a time limit.

Children inherit ignored signals. Background jobs of a script, and commands under `nohup`, ignore
SIGINT, so a test that interrupts a child would wait for ever.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

__all__ = [
    "MODEL",
    "QUICK",
    "Typed",
    "command",
    "kill_children",
    "neuralpaint",
    "read_until",
    "run",
    "start",
]

MODEL = "fourier:order=4,hidden_size=8,hidden_layers=1"
QUICK = ("--model", MODEL, "--steps", "8", "--duration", "1", "--fps", "6", "--threads", "1",
         "--device", "cpu")  # fmt: skip

Typed = Callable[..., subprocess.CompletedProcess[str]]
"""Runs a command line in the test's own process; see the fixture `typed`."""

_LIMIT = 300.0  # seconds that a child may run: far more than it needs on a slow machine

_children: list[tuple[subprocess.Popen[Any], threading.Timer]] = []


def command(*words: str | Path) -> list[str]:
    """Return the command line of `neuralpaint` with this interpreter."""
    return [sys.executable, "-m", "neuralpaint", *map(str, words)]


def neuralpaint(
    *words: str | Path, cwd: Path, stdin: bytes = b""
) -> subprocess.CompletedProcess[str]:
    """Run a command of `neuralpaint` in a folder."""
    return run(command(*words), cwd=cwd, stdin=stdin)


def run(
    command: Sequence[str | Path],
    *,
    stdin: bytes | IO[bytes] = b"",
    check: bool = False,
    **options: Any,
) -> subprocess.CompletedProcess[str]:
    """Run a child to its end; return its status and what it wrote. `options` are those of `Popen`.

    `stdin` is what it reads, or an open file.
    """
    pipe = subprocess.PIPE
    given = stdin if isinstance(stdin, bytes) else None
    source = stdin if given is None else pipe
    process = _begin(command, **{"stdin": source, "stdout": pipe, "stderr": pipe} | options)
    stdout, stderr = process.communicate(given, timeout=2 * _LIMIT)
    done = subprocess.CompletedProcess(
        process.args, process.returncode, (stdout or b"").decode(), (stderr or b"").decode()
    )
    if check:
        assert done.returncode == 0, done.stderr
    return done


def start(
    command: Sequence[str | Path], *, for_one_test: bool = True, **options: Any
) -> subprocess.Popen[str]:
    """Start a child whose stdout and stderr are text pipes; `options` are those of `Popen`.

    It is killed after the test, or if it is not `for_one_test`, by its caller.
    """
    pipe = subprocess.PIPE
    pipes = {"stdin": subprocess.DEVNULL, "stdout": pipe, "stderr": pipe}
    process: subprocess.Popen[str] = _begin(
        command, for_one_test=for_one_test, encoding="utf-8", **pipes | options
    )
    return process


def read_until(process: subprocess.Popen[str], found: Callable[[str], object]) -> str:
    """Return the first line of the child's stdout for which `found` is true."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        if found(line):
            return line
        lines.append(line)
    raise AssertionError(f"the child ended (status {process.wait()}) after {lines[-3:]}")


def kill_children() -> None:
    """Kill every child and its descendants; called after each test."""
    while _children:
        process, timer = _children.pop()
        timer.cancel()
        _kill(process)
        process.wait(timeout=10)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()


def _begin(
    command: Sequence[str | Path], *, for_one_test: bool = True, **options: Any
) -> subprocess.Popen[Any]:
    with _default_signals():
        process = subprocess.Popen(
            [str(word) for word in command], start_new_session=True, **options
        )
    limit = _LIMIT if for_one_test else 4 * _LIMIT
    timer = threading.Timer(limit, _kill, [process])
    timer.daemon = True
    timer.start()
    if for_one_test:
        _children.append((process, timer))
    return process


@contextlib.contextmanager
def _default_signals() -> Iterator[None]:
    """Restore default handlers of ignored signals, so that children do not inherit them."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    ignored = [number for number in numbers if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)


def _kill(process: subprocess.Popen[Any]) -> None:
    if os.name == "nt":
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # an ffmpeg that the child started as well
