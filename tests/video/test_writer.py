"""ClipWriter with killed processes, signals, full disks and unusual file names."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from clip_probe import Frames, clip_path, decode, pattern, probe
from processes import read_until, start

from neuralpaint.errors import EncodingError, UsageError
from neuralpaint.runtime.files import part_file
from neuralpaint.video.formats import format_for, formats
from neuralpaint.video.sinks import check_clip
from neuralpaint.video.writer import ClipWriter

FRAMES = pattern(6, height=32, width=48)

# In the quick suite, the tests with a child process run with one format of each kind of sink.
FORMATS = [
    pytest.param(name, marks=[] if name in ("mp4", "png") else pytest.mark.slow) for name in formats
]

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def open_writer(path: Path, *, spec: str | None = None, overwrite: bool = False) -> ClipWriter:
    spec = spec or (None if path.suffix else "png")
    return ClipWriter(path, height=32, width=48, fps=30, format=spec, overwrite=overwrite)


def write_all(clip: ClipWriter, frames: Frames, *, then: type[BaseException] | None = None) -> None:
    """Write `frames` in the block of the writer, then raise `then`."""
    with clip:
        for frame in frames:
            clip.write(frame)
        if then is not None:
            raise then


def children() -> set[int]:
    found = set()
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found |= {int(pid) for pid in (task / "children").read_text().split()}
    return found


def wait_for(condition: Callable[[], bool], *, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "timeout"
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def no_process_and_no_thread_is_left() -> Iterator[None]:
    before = children() if sys.platform == "linux" else set()
    yield
    wait_for(lambda: not any(t.name == "neuralpaint clip" for t in threading.enumerate()))
    if sys.platform == "linux":
        assert children() <= before


@pytest.mark.parametrize("name", list(formats))
def test_an_error_leaves_nothing(tmp_path: Path, name: str) -> None:
    clip = open_writer(clip_path(tmp_path, name))
    with pytest.raises(ZeroDivisionError):
        write_all(clip, FRAMES[:1], then=ZeroDivisionError)
    assert not clip.finished
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", list(formats))
def test_an_interrupt_finishes_the_clip(tmp_path: Path, name: str) -> None:
    path = clip_path(tmp_path, name)
    clip = open_writer(path)
    with pytest.raises(KeyboardInterrupt):
        write_all(clip, FRAMES[:4], then=KeyboardInterrupt)
    assert clip.finished
    assert os.listdir(tmp_path) == [path.name]
    assert probe(path).frames == 4


def test_an_interrupt_before_the_first_frame_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_all(open_writer(tmp_path / "a.mp4"), FRAMES[:0], then=KeyboardInterrupt)
    assert os.listdir(tmp_path) == []


def test_a_clip_without_frames_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EncodingError, match="no frames"):
        write_all(open_writer(tmp_path / "a.mp4"), FRAMES[:0])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((32, 48, 3), np.float32),
        np.zeros((48, 32, 3), np.uint8),
        np.zeros((32, 48), np.uint8),
        np.zeros((32, 48, 4), np.uint8),
        np.zeros((32, 96, 3), np.uint8)[:, ::2],
    ],
)
def test_a_frame_of_wrong_type_or_shape_is_refused(tmp_path: Path, frame: np.ndarray) -> None:
    with open_writer(tmp_path / "a.mkv") as clip:
        clip.write(FRAMES[0])
        with pytest.raises(ValueError, match="must be C-contiguous uint8"):
            clip.write(frame)
    assert np.array_equal(decode(tmp_path / "a.mkv"), FRAMES[:1])


def test_a_frame_array_can_be_reused_after_write(tmp_path: Path) -> None:
    frame = np.empty((32, 48, 3), np.uint8)
    with open_writer(tmp_path / "a.mkv") as clip:
        for value in range(100):
            frame[:] = value
            clip.write(frame)
    assert np.array_equal(decode(tmp_path / "a.mkv")[:, 5, 5, 0], np.arange(100))


def test_close_and_abort_can_be_called_again(tmp_path: Path) -> None:
    clip = open_writer(tmp_path / "a.mp4")
    clip.write(FRAMES[0])
    assert clip.close() == clip.close() == tmp_path / "a.mp4"
    clip.abort()
    assert (tmp_path / "a.mp4").exists()
    with pytest.raises(ValueError, match="closed"):
        clip.write(FRAMES[0])


@pytest.mark.parametrize("name", list(formats))
@pytest.mark.parametrize("count", [0, 1, 6])
@pytest.mark.parametrize("pause", [0, 0.1])
def test_abort_leaves_nothing_at_any_time(
    tmp_path: Path, name: str, count: int, pause: float
) -> None:
    clip = open_writer(clip_path(tmp_path, name))
    for frame in FRAMES[:count]:
        clip.write(frame)
    time.sleep(pause)
    clip.abort()
    assert os.listdir(tmp_path) == []
    clip.abort()
    assert not clip.finished
    with pytest.raises(ValueError, match="closed"):
        clip.write(FRAMES[0])


@pytest.mark.parametrize(
    "name",
    [
        "-o.mp4",
        "10:30.mp4",
        'été "x".mp4',
        "http:x.mp4",
        "a%d.mp4",
        "a%03d*?[b].mp4",
        "-i -.gif",
        "pipe:1.webp",
        "it's $HOME;\n.webm",
        "é" * 125 + ".mov",
        "x" * 251 + ".mp4",
        "concat:a|b.apng",
    ],
)
def test_unusual_file_names(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with ClipWriter(name, height=32, width=48, fps=30) as clip:
        for frame in FRAMES:
            clip.write(frame)
    assert os.listdir(tmp_path) == [name]
    assert probe(tmp_path / name).frames == 6


def test_an_existing_file_is_kept_until_the_new_clip_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_text("old")
    with pytest.raises(UsageError, match=r"exists.*-y"):
        open_writer(path)
    with pytest.raises(ZeroDivisionError):
        write_all(open_writer(path, overwrite=True), FRAMES[:1], then=ZeroDivisionError)
    assert path.read_text() == "old"
    with open_writer(path, overwrite=True) as clip:
        clip.write(FRAMES[0])
    assert probe(path).frames == 1


def test_a_folder_of_frames_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "frames"
    for count in (6, 2):
        with open_writer(path, overwrite=True) as clip:
            for frame in FRAMES[:count]:
                clip.write(frame)
    assert sorted(os.listdir(path)) == ["00001.png", "00002.png"]
    assert os.listdir(tmp_path) == ["frames"]
    (path / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="contains other files"):
        open_writer(path, overwrite=True)


def test_old_frames_are_restored_if_the_new_folder_cannot_be_renamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "frames"
    write_all(open_writer(path), FRAMES[:3])
    rename = Path.rename

    def fail(self: Path, target: Path) -> Path:
        if self.name.endswith(".part"):
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(EncodingError, match="Input/output error"):
        write_all(open_writer(path, overwrite=True), FRAMES[:1])
    assert os.listdir(tmp_path) == ["frames"]
    assert len(os.listdir(path)) == 3


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    link = tmp_path / "a.mp4"
    link.symlink_to(tmp_path / "far" / "b.mp4")
    with open_writer(link) as clip:
        clip.write(FRAMES[0])
    assert link.is_symlink()
    assert probe(tmp_path / "far" / "b.mp4").frames == 1


def test_the_same_target_twice_at_once_is_refused(tmp_path: Path) -> None:
    with part_file(tmp_path / "a.mp4") as part:
        with pytest.raises(EncodingError, match="being written already"):
            write_all(open_writer(tmp_path / "a.mp4"), FRAMES)
        assert os.listdir(tmp_path) == [part.path.name]


@pytest.mark.parametrize(("height", "fps"), [(0, 30), (9, 0), (9, 51)])
def test_impossible_sizes_and_rates(tmp_path: Path, height: int, fps: float) -> None:
    with pytest.raises(UsageError):
        ClipWriter(tmp_path / "a.gif", height=height, width=9, fps=fps)


@linux
@pytest.mark.parametrize("name", [name for name in formats if formats[name].muxer])
def test_ffmpeg_killed(tmp_path: Path, name: str) -> None:
    before = children()
    clip = open_writer(clip_path(tmp_path, name))
    clip.write(FRAMES[0])
    wait_for(lambda: bool(children() - before))
    for pid in children() - before:
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(EncodingError, match="SIGKILL"):
        write_all(clip, np.stack([FRAMES[1]] * 1000))
    assert os.listdir(tmp_path) == []


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    with contextlib.suppress(FileNotFoundError):
        if subprocess.run(mount, capture_output=True, check=False, timeout=60).returncode == 0:
            yield folder
            subprocess.run(["umount", str(folder)], check=True, timeout=60)
            return
    pytest.skip("needs the right to mount")


@pytest.mark.parametrize("spec", ["mp4:crf=1,preset=ultrafast", "apng", "mkv", "mov", "png"])
def test_full_disk(tiny_disk: Path, spec: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (160, 160, 3), dtype=np.uint8)
    path = clip_path(tiny_disk, spec.partition(":")[0])
    clip = ClipWriter(path, height=160, width=160, fps=30, format=spec)
    with pytest.raises(EncodingError, match=r"(?i)no space left.*free some space") as caught:
        write_all(clip, np.stack([np.roll(noise, shift * 7, axis=1) for shift in range(100)]))
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)
    assert os.listdir(tiny_disk) == []


def test_a_full_disk_is_detected_before_training(tiny_disk: Path) -> None:
    with contextlib.suppress(OSError):
        (tiny_disk / "ballast").write_bytes(bytes(10**6))
    with pytest.raises(EncodingError, match=r"(?i)no space left"):
        check_clip(tiny_disk / "a.mp4", format_for("a.mp4"))


# A child process that writes frames until it is stopped.
RUN = """
import sys, time
import numpy as np
from neuralpaint.video.writer import ClipWriter

path, spec, limit, frames, patience = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
if limit:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
try:
    with ClipWriter(path, height=240, width=320, fps=30, format=spec, overwrite=True) as clip:
        for number in range(frames):
            clip.write(np.roll(noise, number * 7, axis=1))
            if clip.frames == 40:
                print("writing", flush=True)
        print("closing", flush=True)
        clip.close(patience=patience)
except KeyboardInterrupt:
    print("interrupted", clip.finished, flush=True)
except Exception as error:
    print(type(error).__name__, error, flush=True)
"""


def start_run(
    path: Path, *, spec: str, limit: int = 0, frames: int = 10**9, patience: int = 1
) -> subprocess.Popen[str]:
    return start(
        [sys.executable, "-c", RUN, path, spec, str(limit), str(frames), str(patience)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def interrupt(run: subprocess.Popen[str]) -> None:
    """Press Ctrl-C: a terminal sends SIGINT to the whole process group."""
    os.killpg(run.pid, signal.SIGINT)


def wait_until(run: subprocess.Popen[str], word: str) -> None:
    read_until(run, lambda line: line.startswith(word))


@linux
def test_a_file_size_limit(tmp_path: Path) -> None:
    with start_run(tmp_path / "a.mkv", spec="mkv", limit=2_000_000) as run:
        stdout, _ = run.communicate(timeout=60)
    assert "EncodingError" in stdout.splitlines()[-1]
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_sigint_finishes_the_clip(tmp_path: Path, name: str) -> None:
    path = clip_path(tmp_path, name)
    with start_run(path, spec=name) as run:
        wait_until(run, "writing")
        interrupt(run)
        stdout, _ = run.communicate(timeout=60)
    assert stdout.splitlines()[-1] == "interrupted True"
    assert os.listdir(tmp_path) == [path.name]
    assert probe(path).frames >= 40


SLOW = "mp4:preset=slower,crf=1"


@pytest.mark.slow
def test_sigint_while_closing_still_finishes_the_clip(tmp_path: Path) -> None:
    with start_run(tmp_path / "a.mp4", spec=SLOW, frames=60) as run:
        wait_until(run, "closing")
        interrupt(run)
        stdout, _ = run.communicate(timeout=60)
    assert stdout.splitlines()[-1] == "interrupted True"
    assert probe(tmp_path / "a.mp4").frames == 60


def test_without_patience_the_first_sigint_aborts(tmp_path: Path) -> None:
    with start_run(tmp_path / "a.mp4", spec=SLOW, frames=100, patience=0) as run:
        wait_until(run, "closing")
        time.sleep(0.1)  # the child prints "closing" before it calls `close`
        began = time.monotonic()
        interrupt(run)
        stdout, _ = run.communicate(timeout=60)
    assert stdout.splitlines()[-1] == "interrupted False"
    assert time.monotonic() - began < 2
    assert os.listdir(tmp_path) == []


def test_a_second_sigint_aborts(tmp_path: Path) -> None:
    with start_run(tmp_path / "a.mp4", spec=SLOW, frames=60) as run:
        wait_until(run, "closing")
        for _ in range(2):
            interrupt(run)
            time.sleep(0.1)
        stdout, _ = run.communicate(timeout=60)
    assert stdout.splitlines()[-1] == "interrupted False"
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
@linux
@pytest.mark.parametrize("name", FORMATS)
def test_the_frames_of_a_killed_process_are_recovered(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = clip_path(tmp_path, name)
    with start_run(path, spec=name) as run:
        wait_until(run, "writing")
        run.kill()
    (part,) = tmp_path.iterdir()
    wait_for(lambda: not is_locked(part))
    with caplog.at_level(logging.WARNING), open_writer(path) as clip:
        clip.write(FRAMES[0])
    rescued = path.with_name(f"clip.recovered{path.suffix}")
    assert sorted(tmp_path.iterdir()) == sorted([path, rescued])
    assert str(rescued) in caplog.text
    # The frames in the ring of buffers are lost; every frame in the file is complete.
    assert probe(rescued).frames >= 40 - 16
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    if name in ("apng", "mkv", "png"):
        for number, frame in enumerate(decode(rescued)):
            assert np.array_equal(frame, np.roll(noise, number * 7, axis=1))


def is_locked(part: Path) -> bool:
    import fcntl

    descriptor = os.open(part, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
