"""Reading a clip back, with the real ffmpeg."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import numpy as np
import pytest
from clip_probe import pattern

from neuralpaint.errors import NeuralPaintError
from neuralpaint.video.reader import read_frames
from neuralpaint.video.writer import ClipWriter


def write(path: Path, *, count: int = 5, height: int = 34, width: int = 50) -> Path:
    frames = pattern(count, height=height, width=width)
    with ClipWriter(path, height=height, width=width, fps=10) as clip:
        for frame in frames:
            clip.write(frame)
    return path


@pytest.mark.parametrize("size", [(34, 50), (1, 1), (7, 13)])
def test_a_lossless_clip_comes_back_to_the_last_bit(tmp_path: Path, size: tuple[int, int]) -> None:
    height, width = size
    path = write(tmp_path / "clip.mkv", height=height, width=width)
    frames = list(read_frames(path))
    assert np.array_equal(frames, pattern(5, height=height, width=width))


def test_a_lossy_clip_comes_back_nearly(tmp_path: Path) -> None:
    frames = list(read_frames(write(tmp_path / "10:30 %d.mp4")))
    away = np.abs(np.stack(frames).astype(int) - pattern(5, height=34, width=50))
    assert len(frames) == 5
    assert away.mean() < 3


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[subprocess.Popen[bytes]]:
    """The processes that are started."""
    started: list[subprocess.Popen[bytes]] = []

    class Noted(subprocess.Popen[bytes]):
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, **options)  # type: ignore[call-overload]
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    return started


def test_a_clip_is_decoded_by_one_thread(
    tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    path = write(tmp_path / "clip.mkv")
    started.clear()
    list(read_frames(path))
    (decoder,) = started
    assert isinstance(decoder.args, list)
    words = decoder.args[: decoder.args.index("-i")]
    assert words[words.index("-threads") + 1] == "1"


def test_whoever_stops_early_leaves_no_ffmpeg(
    tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    path = write(tmp_path / "clip.mkv", count=60, height=200, width=300)
    started.clear()
    with contextlib.closing(read_frames(path)) as frames:
        next(frames)
        assert started[0].poll() is None
    assert [process.returncode is not None for process in started] == [True]


def test_what_is_no_clip_gets_one_line(tmp_path: Path) -> None:
    with pytest.raises(NeuralPaintError, match=r"no clip .*there\.mkv"):
        next(read_frames(tmp_path / "there.mkv"))
    (tmp_path / "text.mkv").write_text("hello")
    with pytest.raises(NeuralPaintError, match=r"cannot be read .*make it again") as caught:
        next(read_frames(tmp_path / "text.mkv"))
    assert len(str(caught.value).splitlines()) == 1


def test_a_clip_that_was_cut_off_says_so(tmp_path: Path) -> None:
    path = write(tmp_path / "clip.mkv", count=20, height=120, width=200)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(NeuralPaintError, match="cannot be read"):
        list(read_frames(path))
