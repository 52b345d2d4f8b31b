"""Fixtures for the tests of every command."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from processes import Typed

from neuralpaint.cli import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a picture in it."""
    pixels = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "in.png")
    return tmp_path


@contextmanager
def process_restored() -> Iterator[None]:
    """Restore the logger and the handlers of signals of this process."""
    logger = logging.getLogger("neuralpaint")
    level, handlers = logger.level, logger.handlers[:]
    signals = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.handlers[:] = handlers
        for number, handler in signals.items():
            signal.signal(number, handler)


@pytest.fixture(autouse=True)
def restore_process() -> Iterator[None]:
    """Undo what a command like `--quiet` changes for the whole process."""
    with process_restored():
        yield


@pytest.fixture
def typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Typed:
    """Run a command line in `tmp_path`, in this process: a start takes no time."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["neuralpaint", *words])
        with process_restored(), pytest.raises(SystemExit) as end:
            main()
        stdout, stderr = capsys.readouterr()
        assert isinstance(end.value.code, int)
        return subprocess.CompletedProcess(words, end.value.code, stdout, stderr)

    return run
