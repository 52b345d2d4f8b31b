"""Fixtures for the tests of every command."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from neuralpaint.cli import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a picture in it."""
    pixels = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "in.png")
    return tmp_path


@pytest.fixture(autouse=True)
def restore_process() -> Iterator[None]:
    """Restore the log level and handlers, and the signal handler, of this process."""
    logger = logging.getLogger("neuralpaint")
    level, handlers = logger.level, logger.handlers[:]
    terminate = signal.getsignal(signal.SIGTERM)
    yield
    logger.setLevel(level)
    logger.handlers[:] = handlers
    signal.signal(signal.SIGTERM, terminate)


@pytest.fixture
def typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command line in `tmp_path`, in this process: a start takes no time."""

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["neuralpaint", *words])
        with pytest.raises(SystemExit) as end:
            main()
        stdout, stderr = capsys.readouterr()
        assert isinstance(end.value.code, int)
        return subprocess.CompletedProcess(words, end.value.code, stdout, stderr)

    return run
