from __future__ import annotations

from pathlib import Path

import pytest

from neuralpaint.errors import EncodingError, UsageError
from neuralpaint.video import ffmpeg
from neuralpaint.video.formats import Format, format_for, formats
from neuralpaint.video.sinks import check_clip

MP4 = formats["mp4"]()
PNG = formats["png"]()


def test_a_good_target_is_returned_and_nothing_is_made(tmp_path: Path) -> None:
    assert check_clip(tmp_path / "a.mp4", MP4) == tmp_path.resolve() / "a.mp4"
    assert check_clip(f"{tmp_path}/frames/", PNG) == tmp_path.resolve() / "frames"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format_", [MP4, PNG])
def test_impossible_targets(tmp_path: Path, format_: Format) -> None:
    for path in (tmp_path / "no" / "a", tmp_path / ("x" * 300), tmp_path / "nul\0", "/dev/null"):
        with pytest.raises(UsageError) as caught:
            check_clip(path, format_, overwrite=True)
        assert "\n" not in str(caught.value)


def test_a_film_is_no_folder_and_a_folder_no_film(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        check_clip(tmp_path, MP4, overwrite=True)
    (tmp_path / "file").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(UsageError, match="is not a folder"):
            check_clip(tmp_path / "file", PNG, overwrite=overwrite)


def test_an_empty_folder_needs_no_overwriting(tmp_path: Path) -> None:
    check_clip(tmp_path, PNG)
    (tmp_path / "00001.png").write_bytes(b"")
    with pytest.raises(UsageError, match="-y"):
        check_clip(tmp_path, PNG)
    check_clip(tmp_path, PNG, overwrite=True)


@pytest.mark.parametrize(
    ("name", "height", "width", "fps", "words"),
    [
        ("mp4", 0, 5, 30, "5x0: choose at least 1x1"),
        ("mkv", 9, 70000, 30, "mkv cannot hold 70000x9"),
        ("mp4", 9, 9, 0, "fps must be a number above 0, not 0"),
        ("mp4", 9, 9, float("nan"), "fps"),
        ("gif", 9, 9, 60, "gif holds at most 50 frames a second, not 60: lower --fps"),
    ],
)
def test_sizes_and_rates_that_a_format_cannot_hold(
    tmp_path: Path, name: str, height: int, width: int, fps: float, words: str
) -> None:
    format_ = formats[name]()
    with pytest.raises(UsageError, match=words):
        check_clip(tmp_path / "a", format_, height=height, width=width, fps=fps)
    check_clip(tmp_path / "a", format_, height=9, width=9, fps=50)


def test_an_unwritable_folder(nobodys: Path) -> None:
    nobodys.chmod(0o500)
    with pytest.raises(EncodingError, match="Permission denied"):
        check_clip(nobodys / "a.mp4", MP4)


def fake_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    binary = tmp_path / "ffmpeg"
    binary.write_text(f"#!/bin/sh\n{script}\n")
    binary.chmod(0o755)
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(binary))


def test_an_ffmpeg_without_the_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ffmpeg(tmp_path, monkeypatch, "echo ' V....D libx264 H.264'")
    check_clip(tmp_path / "a.mp4", MP4)
    with pytest.raises(EncodingError, match=r"no encoder libsvtav1.*pip install"):
        check_clip(tmp_path / "a.webm", format_for("a.webm"))


def test_an_ffmpeg_that_cannot_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "nothing"))
    with pytest.raises(EncodingError, match="pip install"):
        check_clip(tmp_path / "a.mp4", MP4)


def test_a_broken_ffmpeg_says_its_first_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_ffmpeg(tmp_path, monkeypatch, "echo '[x @ 0x1] first' >&2; echo second >&2; exit 3")
    with pytest.raises(EncodingError, match=r"ffmpeg reports 'first'$"):
        check_clip(tmp_path / "a.mp4", MP4)
    fake_ffmpeg(tmp_path, monkeypatch, "exit 3")
    with pytest.raises(EncodingError, match="status 3"):
        check_clip(tmp_path / "a.mp4", MP4)


def test_an_ffmpeg_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ffmpeg(tmp_path, monkeypatch, "exec sleep 60")
    with pytest.raises(EncodingError, match="did not finish"):
        ffmpeg.run_ffmpeg(["-version"], seconds=0.2)
