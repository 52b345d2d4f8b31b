"""Runs that were killed, interrupted or short of disk, and resumed, in real processes."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import imageio_ffmpeg
import pytest
from processes import command, neuralpaint, run, start

from neuralpaint.storage.checkpoint import load_checkpoint
from neuralpaint.storage.take import load_take

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals"),
]

MODEL = ("--model", "fourier:order=4,hidden_size=8,hidden_layers=1", "--threads", "1",
         "--device", "cpu")  # fmt: skip
FILM = ("--steps", "1200", "--fps", "20", "--duration", "2", *MODEL)


def interrupt(
    *words: str, cwd: Path, number: signal.Signals, ready: Callable[[], bool]
) -> subprocess.CompletedProcess[str]:
    """Run a command and send a signal once it is ready for it."""
    process = start(command(*words), cwd=cwd)
    deadline = time.monotonic() + 60
    while not ready() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


def digest(path: Path) -> str:
    """Return the MD5 of what a clip decodes to."""
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    words = [ffmpeg, "-v", "error", "-i", f"file:{path}", "-f", "md5", "-"]
    return run(words, check=True).stdout


def test_a_killed_run_resumes_to_an_identical_clip(folder: Path) -> None:
    assert neuralpaint("video", "in.png", "-o", "whole.mp4", *FILM, cwd=folder).returncode == 0
    words = ("video", "in.png", "-o", "out.mp4", *FILM, "--checkpoint", "0.1")
    checkpoint = folder / "out.mp4.checkpoint"

    def has_trained() -> bool:
        return checkpoint.exists() and bool(load_checkpoint(checkpoint)[0]["step"] > 0)

    killed = interrupt(*words, cwd=folder, number=signal.SIGKILL, ready=has_trained)
    assert killed.returncode == -signal.SIGKILL
    assert not (folder / "out.mp4").exists()
    assert has_trained()
    assert len(load_take(folder / "out.mp4.rushes")) > 0

    refused = neuralpaint(*words, cwd=folder)
    assert refused.returncode == 2
    assert "--resume continues it, -y starts over" in refused.stderr

    # The settings are those of the run that was killed.
    done = neuralpaint("video", "in.png", "-o", "out.mp4", "--resume", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "resuming at step" in done.stderr
    assert digest(folder / "out.mp4") == digest(folder / "whole.mp4")
    assert sorted(p.name for p in folder.iterdir()) == ["in.png", "out.mp4", "whole.mp4"]

    again = neuralpaint(*words, "--resume", cwd=folder)
    assert again.returncode == 2
    assert "nothing to resume" in again.stderr


def test_ctrl_c_leaves_a_clip_and_a_checkpoint(folder: Path) -> None:
    words = ("video", "in.png", "-o", "out.mp4", *FILM, "--checkpoint", "20")
    take = folder / "out.mp4.rushes"
    stopped = interrupt(
        *words,
        cwd=folder,
        number=signal.SIGINT,
        ready=lambda: take.exists() and take.stat().st_size > 50_000,
    )
    assert stopped.returncode == 130
    assert "to continue from here, add --resume" in stopped.stderr
    digest(folder / "out.mp4")  # it plays
    refused = neuralpaint(*words, "--resume", "--steps", "10", cwd=folder)
    assert "--steps 1200, not 10" in refused.stderr
    assert neuralpaint(*words, "--resume", cwd=folder).returncode == 0
    assert not (folder / "out.mp4.checkpoint").exists()


def test_a_killed_still_resumes(folder: Path) -> None:
    still = ("--steps", "3000", *MODEL)
    words = ("paint", "in.png", "-o", "out.png", *still, "--checkpoint", "0.1")
    interrupt(
        *words, cwd=folder, number=signal.SIGKILL, ready=(folder / "out.png.checkpoint").exists
    )
    assert neuralpaint("paint", "in.png", "-o", "out.png", "--resume", cwd=folder).returncode == 0
    assert sorted(p.name for p in folder.iterdir()) == ["in.png", "out.png"]


def test_a_full_disk_leaves_a_take_and_a_checkpoint_that_load(folder: Path) -> None:
    words = ("video", "in.png", "-o", "out.mp4", *FILM, "--duration", "4", "--checkpoint", "0.05")
    limited = f"ulimit -f 100; trap '' XFSZ; exec {shlex.join(command(*words))} --record out.take"
    done = run(["bash", "-c", limited], cwd=folder)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) <= 2
    assert "out.take' cannot be written" in done.stderr
    take = load_take(folder / "out.take")
    assert len(take) > 1
    assert take[-1].painting(0.0, 0.0).shape == (3,)
    assert load_checkpoint(folder / "out.mp4.checkpoint")[0]["step"] > 0
    assert neuralpaint(*words, "--record", "out.take", "--resume", cwd=folder).returncode == 0
    assert load_take(folder / "out.take").finished
