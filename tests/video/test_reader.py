"""Reading clips and tags that ffmpeg and Pillow wrote."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from clip_probe import clip_path, decode, pattern, probe, run_ffmpeg, source
from PIL import Image
from processes import run

from neuralpaint.errors import EncodingError, NeuralPaintError, UsageError
from neuralpaint.image.metadata import embed_tag
from neuralpaint.video.formats import formats
from neuralpaint.video.reader import read_frames, read_tag
from neuralpaint.video.writer import ClipWriter


def write(path: Path, *, count: int = 5, height: int = 34, width: int = 50) -> Path:
    frames = pattern(count, height=height, width=width)
    with ClipWriter(path, height=height, width=width, fps=10) as clip:
        for frame in frames:
            clip.write(frame)
    return path


@pytest.mark.parametrize("size", [(34, 50), (1, 1), (7, 13)])
def test_a_lossless_clip_is_read_bit_for_bit(tmp_path: Path, size: tuple[int, int]) -> None:
    height, width = size
    path = write(tmp_path / "clip.mkv", height=height, width=width)
    frames = list(read_frames(path))
    assert np.array_equal(frames, pattern(5, height=height, width=width))


def test_a_lossy_clip_is_read_approximately(tmp_path: Path) -> None:
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


def test_closing_the_generator_ends_ffmpeg(
    tmp_path: Path, started: list[subprocess.Popen[bytes]]
) -> None:
    path = write(tmp_path / "clip.mkv", count=60, height=200, width=300)
    started.clear()
    with contextlib.closing(read_frames(path)) as frames:
        next(frames)
        assert started[0].poll() is None
    assert [process.returncode is not None for process in started] == [True]


def test_the_error_for_a_file_that_is_not_a_clip_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(NeuralPaintError, match=r"no clip .*there\.mkv"):
        next(read_frames(tmp_path / "there.mkv"))
    (tmp_path / "text.mkv").write_text("hello")
    with pytest.raises(NeuralPaintError, match=r"cannot be read .*make it again") as caught:
        next(read_frames(tmp_path / "text.mkv"))
    assert len(str(caught.value).splitlines()) == 1


def test_a_truncated_clip_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "clip.mkv", count=20, height=120, width=200)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(NeuralPaintError, match="cannot be read"):
        list(read_frames(path))


NASTY = [
    "x",
    json.dumps({"command": ["video", "été.jpg", "-o", "a=b;c#d.mp4"], "seed": 7}),
    "quotes \" ' back\\slash \\\\ =;#[STREAM]\n;comment=other\n[CHAPTER]\ntab\tend",
    "漢字 🎨 \u202e\u0301 \x01\x7f",
    "ends in a backslash\\",
    "\n=starts oddly and ends in lines\n\n",
    "$(rm -rf ~) `id` %s %n &&amp; <xml/> -y -i /etc/passwd",
    "z" * 255,
    "é" * 5000 + "!",
]


def write_tagged(path: Path, tag: str, *, count: int = 3, title: str = "") -> Path:
    spec = None if path.suffix else "png"
    with ClipWriter(
        path, height=24, width=32, fps=30, format=spec, tag=tag, title=title, overwrite=True
    ) as clip:
        for frame in pattern(count, height=24, width=32):
            clip.write(frame)
    return path


@pytest.mark.parametrize("name", list(formats))
def test_any_text_can_be_a_tag(tmp_path: Path, name: str) -> None:
    for tag in NASTY:
        assert read_tag(write_tagged(clip_path(tmp_path, name), tag, title="é=;\\")) == tag


@pytest.mark.parametrize("name", list(formats))
@pytest.mark.parametrize("count", [1, 5])
def test_a_tag_does_not_change_the_frames(tmp_path: Path, name: str, count: int) -> None:
    path = write_tagged(clip_path(tmp_path, name), "odd", count=count)
    assert read_tag(path) == "odd"
    assert probe(path).frames == count
    if name in ("gif", "webp", "apng"):
        with Image.open(path) as picture:
            assert getattr(picture, "n_frames", 1) == count
            picture.seek(count - 1)
            picture.load()
    untagged = write_tagged(clip_path(tmp_path, name), "", count=count)
    assert np.array_equal(decode(untagged), decode(write_tagged(path, "odd", count=count)))


@pytest.mark.parametrize("name", list(formats))
def test_the_tag_of_a_clip_without_one_is_none(tmp_path: Path, name: str) -> None:
    assert read_tag(write_tagged(clip_path(tmp_path, name), "")) is None


def test_other_programs_can_read_the_tag(tmp_path: Path) -> None:
    with Image.open(write_tagged(tmp_path / "a.webp", "naïve")) as picture:
        assert picture.getexif()[0x010E].encode("latin-1").decode() == "naïve"
    with Image.open(write_tagged(tmp_path / "frames", "naïve", title="t") / "00001.png") as picture:
        assert picture.text == {"Title": "t", "Comment": "naïve"}  # type: ignore[attr-defined]
    _, log = run_ffmpeg(
        *source(write_tagged(tmp_path / "a.mp4", "naïve", title="The title")), "-f", "null", "-"
    )
    assert "The title" in log
    assert "naïve" in log


@pytest.mark.parametrize("tag", ["a\0b", "x" * 70_000])
def test_a_tag_that_cannot_be_stored_is_refused_before_encoding(tmp_path: Path, tag: str) -> None:
    with pytest.raises(UsageError, match=r"NUL|at most 60000 bytes"):
        write_tagged(tmp_path / "a.mp4", tag)
    with pytest.raises(UsageError, match=r"NUL|at most 60000 bytes"):
        write_tagged(tmp_path / "a.mp4", "tag", title=tag)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", list(formats))
def test_invalid_unicode_in_a_tag_is_replaced(tmp_path: Path, name: str) -> None:
    odd = os.fsdecode(b"caf\xe9.jpg")
    path = write_tagged(clip_path(tmp_path, name), f"{odd} \U0001f3a8", title=odd)
    assert read_tag(path) == "caf\ufffd.jpg \U0001f3a8"


FOREIGN = [
    b"",
    b"hello",
    b"GIF89a",
    b"GIF89a\x01\x00\x01\x00\xf7",
    b"\x89PNG\r\n\x1a\n",
    b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffiTXt",
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\x07iTXtComment",
    b"RIFF\x00\x00\x00\x00WEBPEXIF\xff\xff\xff\xff",
    b"RIFF\x00\x00\x00\x00WEBPEXIF\x0a\x00\x00\x00II*\x00\xff\xff\xff\x7f\x00\x00",
    b"RIFF\x00\x00\x00\x00WEBPEXIF\x08\x00\x00\x00XXXXXXXX",
    b"\x00\x00\x00\x20ftypisom" + b"\xff" * 40,
    b"\x1a\x45\xdf\xa3" + b"\xff" * 40,
    b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/x.mp4\n",
    b"ffconcat version 1.0\nfile /etc/passwd\n",
]


@pytest.mark.parametrize("raw", FOREIGN)
def test_other_files_have_no_tag(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(raw)
    assert read_tag(tmp_path / "a.mp4") is None


@pytest.mark.parametrize("name", list(formats))
def test_damaged_files_raise_only_documented_errors(tmp_path: Path, name: str) -> None:
    path = write_tagged(clip_path(tmp_path, name), "a tag that may be cut")
    file = path / "00001.png" if path.is_dir() else path
    whole = file.read_bytes()
    broken = tmp_path / f"broken{file.suffix}"
    step = max(1, len(whole) // 12)
    for end in [*range(0, len(whole), step), len(whole) - 1, len(whole) - 30]:
        broken.write_bytes(whole[:end])
        assert read_tag(broken) in (None, "a tag that may be cut")
    noise = np.random.default_rng(0)
    for _ in range(10):
        damaged = bytearray(whole)
        for at in noise.integers(12, len(whole), 20):
            damaged[at] ^= 255
        broken.write_bytes(damaged)
        assert isinstance(read_tag(broken), str | None)


@pytest.mark.parametrize("name", ["missing.mp4", "a.mp4/in.mp4", "empty", "nul\0.mp4"])
def test_the_error_for_a_missing_file_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.mp4").touch()
    with pytest.raises(UsageError, match="no file") as caught:
        read_tag(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_file_without_read_permission(unprivileged_folder: Path) -> None:
    (unprivileged_folder / "a.mp4").touch(mode=0)
    with pytest.raises(NeuralPaintError, match=r"cannot read .*permission denied") as caught:
        read_tag(unprivileged_folder / "a.mp4")
    assert caught.value.exit_status == 1


def test_the_comment_of_a_stream_is_not_a_tag(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    run_ffmpeg(
        *["-f", "lavfi", "-i", "color=s=16x16:d=0.1", "-c:v", "ffv1"],
        *["-metadata:s:v", "comment=of the stream", str(path)],
    )
    assert read_tag(path) is None


@pytest.mark.parametrize("suffix", [".webp", ".jpg", ".tif", ".png", ".avif"])
def test_the_tag_of_other_pictures_is_their_description(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.new("RGB", (16, 16)).save(path)
    assert read_tag(path) is None
    if suffix != ".png":
        data = Image.Exif()
        data.endian = ">"
        data[0x010E] = "hi"
        Image.new("RGB", (16, 16)).save(path, exif=data)
        assert read_tag(path) == "hi"


def test_only_complete_files_of_known_formats_can_be_tagged(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for raw in (b"hello", b"GIF89a cut short", b"\x89PNG\r\n\x1a\n cut short"):
        path.write_bytes(raw)
        with pytest.raises(EncodingError, match="cannot be tagged"):
            embed_tag(path, tag="t")


def test_listing_the_formats_imports_neither_torch_nor_numpy() -> None:
    code = (
        "import sys, neuralpaint.video.formats; print({'torch', 'numpy', 'PIL'} & {*sys.modules})"
    )
    done = run([sys.executable, "-c", code], check=True)
    assert done.stdout.strip() == "set()"
