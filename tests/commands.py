"""The command line as it is typed: a real process, its exit status, stdout and stderr."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

__all__ = ["MODEL", "QUICK", "neuralpaint"]

MODEL = "fourier:order=4,hidden_size=8,hidden_layers=1"
QUICK = ("--model", MODEL, "--steps", "8", "--duration", "1", "--fps", "6", "--threads", "1",
         "--device", "cpu")  # fmt: skip


def neuralpaint(
    *words: str | Path, cwd: Path, stdin: bytes | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder."""
    command = [sys.executable, "-m", "neuralpaint", *map(str, words)]
    done = subprocess.run(
        command, cwd=cwd, input=stdin or b"", capture_output=True, timeout=120, check=False
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )
