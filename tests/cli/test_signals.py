"""Signals, kills and full disks, with real processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import processes
import pytest
from PIL import Image
from processes import command, read_until, run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals"),
]

# More steps than a test waits for, each so short that a signal is handled at once.
SMALL = ("--model", "fourier:order=4,hidden_size=8,hidden_layers=1", "--threads", "1",
         "--device", "cpu")  # fmt: skip
ENDLESS = ("--steps", "10000000", "--every", "3", "--fps", "10", "--hold", "0.5", *SMALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a picture in it."""
    pixels = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "in.png")
    return tmp_path


def start(*words: str, cwd: Path) -> subprocess.Popen[str]:
    film = command("video", "in.png", "-o", "out.mp4", "--json", *words)
    return processes.start(film, cwd=cwd)


def wait_for_filming(process: subprocess.Popen[str], *, shots: int = 3) -> None:
    def filming(line: str) -> bool:
        event = json.loads(line)
        return bool(event.get("shot", 0) >= shots and event.get("step", 0) > 0)

    read_until(process, filming)


def count_frames(path: Path) -> int:
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    words = [ffmpeg, "-v", "error", "-i", f"file:{path}", "-f", "framehash", "-"]
    done = run(words, check=True)
    return sum(not line.startswith("#") for line in done.stdout.splitlines())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_finishes_the_clip(folder: Path, number: signal.Signals) -> None:
    process = start(*ENDLESS, cwd=folder)
    wait_for_filming(process)
    process.send_signal(number)
    if number == signal.SIGHUP:  # the shell sends one, and so does the kernel
        time.sleep(0.05)
        process.send_signal(number)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert '"event": "interrupted"' in stdout.splitlines()[-1]
    assert count_frames(folder / "out.mp4") >= 6  # a frame or more, and half a second held
    assert sorted(p.name for p in folder.iterdir()) == ["in.png", "out.mp4"]


def test_an_interrupted_clip_that_trains_first_is_filmed_so_far(folder: Path) -> None:
    words = (
        "--pacing",
        "even",
        "--duration",
        "1",
        "--steps",
        "10000000",
        *ENDLESS[:2],
        *ENDLESS[6:8],
    )
    process = start(*words, "--device", "cpu", "--threads", "1", cwd=folder)
    wait_for_filming(process, shots=0)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert count_frames(folder / "out.mp4") > 0


@pytest.mark.parametrize("how", [(), ("--reverse",), ("--pacing", "even")])
def test_two_signals_stop_at_once_and_leave_no_part(folder: Path, how: tuple[str, ...]) -> None:
    # So large that finishing takes seconds: the second signal comes in the middle of it.
    words = ("--steps", "10000000", "--duration", "20", "--size", "1500x1000", *how, *SMALL)
    process = start(*words, cwd=folder)
    wait_for_filming(process, shots=0)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    time.sleep(0.5)
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert time.monotonic() - began < 10
    assert len(stderr.splitlines()) <= 1
    assert "Traceback" not in stderr
    assert not [p.name for p in folder.iterdir() if ".part" in p.name]


def test_the_clip_of_a_killed_run_is_recovered_by_the_next(folder: Path) -> None:
    process = start(*ENDLESS, cwd=folder)
    wait_for_filming(process)
    time.sleep(0.5)
    process.kill()
    process.communicate(timeout=60)
    assert not (folder / "out.mp4").exists()

    done = start("--steps", "4", "--duration", "1", "--fps", "5", *SMALL, cwd=folder)
    _, stderr = done.communicate(timeout=120)
    assert done.returncode == 0, stderr
    assert count_frames(folder / "out.mp4") == 5
    assert count_frames(folder / "out.recovered.mp4") >= 1
    assert "recovered" in stderr


def test_a_full_disk_is_one_line(folder: Path) -> None:
    # A limit on file size fails a write as a full disk does, without a disk to fill.
    limited = (
        f"ulimit -f 8; trap '' XFSZ; exec {sys.executable} -m neuralpaint video in.png -o out.mkv "
        f"--size 400x300 {' '.join(ENDLESS)}"
    )
    done = run(["bash", "-c", limited], cwd=folder)
    assert done.returncode == 1
    assert done.stderr.startswith("neuralpaint: ")
    assert len(done.stderr.splitlines()) == 1
    assert [p.name for p in folder.iterdir()] == ["in.png"]


def test_a_diverging_training_keeps_the_clip_and_advises(folder: Path) -> None:
    model = ("--model", "skipconn:activation=relu,hidden_layers=40,hidden_size=64")
    rate = ("--lr", "100", "--schedule", "constant", "--optimizer", "adam:beta1=0,beta2=0")
    words = ("--steps", "400", "--every", "1", "--device", "cpu")
    process = start(*model, *rate, *words, cwd=folder)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "lower --lr" in stderr
    assert "the clip so far is in 'out.mp4'" in stderr
    assert count_frames(folder / "out.mp4") >= 1


def test_a_command_under_nohup_goes_on_without_its_terminal(folder: Path) -> None:
    film = command("video", "in.png", "-o", "out.mp4", "--json", "--seconds", "4", *SMALL)
    process = processes.start(["nohup", *film], cwd=folder)
    wait_for_filming(process, shots=0)
    process.send_signal(signal.SIGHUP)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert '"event": "done"' in stdout.splitlines()[-1]
