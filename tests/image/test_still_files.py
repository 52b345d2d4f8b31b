"""A still can be read back with its tag, or no file exists."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from processes import run

from neuralpaint.errors import EncodingError, UnknownNameError, UsageError
from neuralpaint.image import encoders
from neuralpaint.image.pictures import load_picture
from neuralpaint.image.still_files import (
    StillWriter,
    check_still,
    save_still,
    still_formats,
    still_suffixes,
)
from neuralpaint.video.ffmpeg import file_url, run_ffmpeg
from neuralpaint.video.reader import read_tag

ROWS, COLUMNS = np.mgrid[:48, :64]
SMOOTH = np.stack([4 * COLUMNS, 5 * ROWS, 255 - 2 * (ROWS + COLUMNS)], axis=-1).astype(np.uint8)
WORDS = json.dumps({"command": "neuralpaint paint été.jpg", "seed": 7}, ensure_ascii=False)

NOISE = np.random.default_rng(0).integers(0, 2**16, (48, 64, 3), dtype=np.uint16)
DEEP = NOISE % 1024 + 257 * SMOOTH.astype(np.uint16) // 2

SUFFIXES = still_suffixes()
DEEP_SUFFIXES = [s for name in still_formats for s in still_formats[name].suffixes
                 if 16 in still_formats[name].depths]  # fmt: skip
every_suffix = pytest.mark.parametrize("suffix", SUFFIXES)
every_format = pytest.mark.parametrize(
    "suffix", [still_formats[name].suffixes[0] for name in still_formats]
)
every_deep_suffix = pytest.mark.parametrize("suffix", DEEP_SUFFIXES)
posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX")


def deep_pixels(path: Path, *, like: Any) -> Any:
    """Return a still as ffmpeg decodes it, in 16 bits."""
    source = ["-v", "error", "-i", file_url(path)]
    raw = run_ffmpeg([*source, "-f", "rawvideo", "-pix_fmt", "rgb48le", "pipe:1"])
    return np.frombuffer(raw, "<u2").reshape(like.shape)


def write_strips(path: Path, pixels: Any, *, heights: list[int], **options: Any) -> None:
    height, width, _ = pixels.shape
    depth = 8 * pixels.itemsize
    with StillWriter(path, height=height, width=width, depth=depth, **options) as still:
        for top, rows in zip(np.cumsum([0, *heights]), heights, strict=False):
            still.write(pixels[top : top + rows])


def bad_pixels() -> list[Any]:
    return [SMOOTH[..., 0], SMOOTH / 255, SMOOTH[:0], SMOOTH.astype(np.int16), SMOOTH[:, :, :2]]


@every_suffix
def test_a_still_can_be_read_back(tmp_path: Path, suffix: str) -> None:
    path = save_still(SMOOTH, tmp_path / f"out{suffix}")
    error = np.abs(load_picture(path).pixels.astype(int) - SMOOTH)
    lossy = suffix in (".jpg", ".jpeg", ".avif")
    assert error.max() <= (8 if lossy else 0)
    assert error.mean() < 1.5
    assert os.listdir(tmp_path) == [path.name]


@every_suffix
@pytest.mark.parametrize("tag", [WORDS, json.dumps({"seed": 1}), "✓" * 5000, "x", ""])
def test_the_tag_can_be_read_back(tmp_path: Path, suffix: str, tag: str) -> None:
    path = save_still(SMOOTH, tmp_path / f"out{suffix}", tag=tag)
    assert read_tag(path) == (tag or None)
    assert load_picture(path).height == 48


@every_suffix
def test_the_same_still_is_the_same_file(tmp_path: Path, suffix: str) -> None:
    first = save_still(SMOOTH, tmp_path / f"a{suffix}", tag=WORDS).read_bytes()
    assert save_still(SMOOTH, tmp_path / f"b{suffix}", tag=WORDS).read_bytes() == first


@every_suffix
def test_a_still_is_marked_as_srgb(tmp_path: Path, suffix: str) -> None:
    with Image.open(save_still(SMOOTH, tmp_path / f"out{suffix}")) as image:
        assert "srgb" in image.info if suffix == ".png" else image.info["icc_profile"]


def test_a_jpeg_keeps_its_colours_at_full_size(tmp_path: Path) -> None:
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2] = (255, 0, 0)
    path = save_still(stripes, tmp_path / "out.jpg")
    assert np.abs(load_picture(path).pixels.astype(int) - stripes).mean() < 8


@every_suffix
@pytest.mark.parametrize("tag", ["é" * 40_000, "a\0b"])
def test_an_invalid_tag_is_left_out(
    tmp_path: Path, suffix: str, tag: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = save_still(SMOOTH, tmp_path / f"out{suffix}", tag=tag)
    assert "not stored" in caplog.text
    assert read_tag(path) is None


@every_suffix
def test_a_name_that_is_not_unicode_is_stored(tmp_path: Path, suffix: str) -> None:
    path = save_still(SMOOTH, tmp_path / f"out{suffix}", tag=os.fsdecode(b"caf\xe9.jpg"))
    assert read_tag(path) == "caf\ufffd.jpg"


def test_an_unknown_suffix_lists_those_known(tmp_path: Path) -> None:
    for name in ("out.pgn", "out"):
        with pytest.raises(UnknownNameError) as caught:
            check_still(tmp_path / name)
        assert all(suffix in str(caught.value) for suffix in SUFFIXES)
    with pytest.raises(UnknownNameError, match=r"did you mean '\.png'"):
        check_still(tmp_path / "out.pgn")
    assert check_still(tmp_path / "OUT.PNG")


def test_check_still_reports_errors_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        check_still(tmp_path / "nowhere" / "out.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        check_still(tmp_path / "folder.png", overwrite=True)
    with pytest.raises(UsageError, match="at most 16383 pixels a side, not 20000"):
        check_still(tmp_path / "out.webp", height=4, width=20_000)


def test_an_existing_still_needs_overwrite(tmp_path: Path) -> None:
    path = save_still(SMOOTH, tmp_path / "out.png")
    with pytest.raises(UsageError, match="-y"):
        save_still(SMOOTH[:8], path)
    assert load_picture(path).height == 48
    save_still(SMOOTH[:8], path, overwrite=True)
    assert load_picture(path).height == 8


@pytest.mark.parametrize("pixels", bad_pixels())
def test_pixels_of_another_shape_or_type_are_refused(tmp_path: Path, pixels: Any) -> None:
    with pytest.raises(UsageError, match="uint8"):
        save_still(pixels, tmp_path / "out.png")


def test_an_array_that_is_not_contiguous_is_saved_correctly(tmp_path: Path) -> None:
    path = save_still(SMOOTH[::-1, ::2], tmp_path / "out.png")
    assert (load_picture(path).pixels == SMOOTH[::-1, ::2]).all()


@every_suffix
def test_strips_of_any_height_make_the_same_file(tmp_path: Path, suffix: str) -> None:
    whole = save_still(SMOOTH, tmp_path / f"whole{suffix}", tag=WORDS)
    for number, heights in enumerate([[48], [1] * 48, [7, 0, 40, 1]]):
        path = tmp_path / f"{number}{suffix}"
        write_strips(path, SMOOTH, heights=heights, tag=WORDS)
        assert path.read_bytes() == whole.read_bytes()


@every_suffix
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 37), (37, 1), (31, 33)])
def test_very_narrow_and_very_flat_stills(
    tmp_path: Path, suffix: str, height: int, width: int
) -> None:
    pixels = SMOOTH[:height, :width]
    read = load_picture(save_still(pixels, tmp_path / f"out{suffix}", tag=WORDS)).pixels
    assert read.shape == pixels.shape
    lossy = suffix in (".jpg", ".jpeg", ".avif")
    assert np.abs(read.astype(int) - pixels).max() <= (12 if lossy else 0)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_many_bands_are_lossless_for_every_kind_of_picture(tmp_path: Path, suffix: str) -> None:
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[:400, :1500]
    slope = np.stack([rows // 2, columns // 6, (rows + columns) // 8], axis=-1)
    noise = rng.integers(0, 256, slope.shape)
    flat = np.full(slope.shape, 200)
    letters = np.tile(rng.integers(0, 256, (40, 60, 3)), (10, 25, 1))
    pixels = np.concatenate([slope, slope + noise // 8, noise, flat, letters]).astype(np.uint8)
    path = save_still(pixels, tmp_path / f"out{suffix}")
    with Image.open(path) as image:
        assert (np.asarray(image) == pixels).all()
    assert path.stat().st_size < 0.38 * pixels.nbytes


@every_deep_suffix
@pytest.mark.parametrize(("height", "width"), [(48, 64), (1, 1), (1, 37), (37, 1)])
def test_sixteen_bits_can_be_read_back(
    tmp_path: Path, suffix: str, height: int, width: int
) -> None:
    for pixels in (NOISE[:height, :width], DEEP[:height, :width]):
        path = tmp_path / f"out{suffix}"
        save_still(pixels, path, tag=WORDS, overwrite=True)
        assert (deep_pixels(path, like=pixels) == pixels).all()
        assert read_tag(path) == WORDS
        assert np.abs(load_picture(path).pixels - pixels / 257).max() <= 1
        with Image.open(path) as image:
            assert "srgb" in image.info if suffix == ".png" else image.info["icc_profile"]


@every_suffix
def test_sixteen_bits_are_refused_by_formats_with_eight(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    if suffix in DEEP_SUFFIXES:
        assert check_still(path, depth=16) == path
        return
    refusal = r"8 bits a channel, not 16: save as \.png or \.tiff"
    with pytest.raises(UsageError, match=refusal):
        check_still(path, depth=16)
    with pytest.raises(UsageError, match=refusal):
        save_still(DEEP, path)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("depth", [1, 10, 32])
def test_an_unknown_depth_is_refused(tmp_path: Path, depth: Any) -> None:
    with pytest.raises(UsageError, match=f"8 or 16 bits, not {depth}"):
        check_still(tmp_path / "out.png", depth=depth)


def test_a_still_too_large_for_a_tiff_is_a_bigtiff(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert save_still(SMOOTH, tmp_path / "small.tif").read_bytes()[:4] == b"II*\0"
    monkeypatch.setattr(encoders, "_LARGEST_CLASSIC", SMOOTH.nbytes - 1)
    path = save_still(SMOOTH, tmp_path / "large.tif", tag=WORDS)
    assert path.read_bytes()[:4] == b"II+\0"
    assert (load_picture(path).pixels == SMOOTH).all()
    assert read_tag(path) == WORDS


@every_suffix
@pytest.mark.parametrize("heights", [[], [47], [48, 1], [20, 29]])
def test_too_few_or_too_many_rows_leave_no_file(
    tmp_path: Path, suffix: str, heights: list[int]
) -> None:
    pixels = np.concatenate([SMOOTH, SMOOTH[:1]])
    still = StillWriter(tmp_path / f"out{suffix}", height=48, width=64)

    def write() -> None:
        with still:
            for top, rows in zip(np.cumsum([0, *heights]), heights, strict=False):
                still.write(pixels[top : top + rows])

    with pytest.raises(UsageError, match="has 48 rows"):
        write()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("strip", [DEEP, SMOOTH[:, :63], SMOOTH / 255, SMOOTH[..., 0]])
def test_strips_of_another_shape_or_type_are_refused(tmp_path: Path, strip: Any) -> None:
    with (
        pytest.raises(UsageError, match=r"a strip of this still is uint8 \(rows, 64, 3\)"),
        StillWriter(tmp_path / "out.png", height=48, width=64) as still,
    ):
        still.write(strip)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("height", "width"), [(0, 5), (5, 0), (-1, 5)])
def test_a_still_without_pixels_is_refused(tmp_path: Path, height: int, width: int) -> None:
    with pytest.raises(UsageError, match="at least one row and one column"):
        StillWriter(tmp_path / "out.png", height=height, width=width)


@every_suffix
@pytest.mark.parametrize("failure", [OSError("the painting is gone"), KeyboardInterrupt()])
def test_an_exception_between_strips_is_raised_and_leaves_no_file(
    tmp_path: Path, suffix: str, failure: BaseException
) -> None:
    path = tmp_path / f"out{suffix}"
    path.write_bytes(b"old")

    def write() -> None:
        with StillWriter(path, height=48, width=64, overwrite=True) as still:
            still.write(SMOOTH[:40])
            raise failure

    with pytest.raises(type(failure)) as caught:
        write()
    assert caught.value is failure
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == [path.name]


def test_a_strip_may_change_after_it_was_written(tmp_path: Path) -> None:
    strip = np.empty((3, 64, 3), np.uint8)
    with StillWriter(tmp_path / "out.png", height=48, width=64) as still:
        for top in range(0, 48, 3):
            strip[:] = SMOOTH[top : top + 3]
            still.write(strip)
    assert (load_picture(tmp_path / "out.png").pixels == SMOOTH).all()


ENDED = """
import os, signal, sys
import numpy as np
from neuralpaint.image.still_files import StillWriter
signal.signal(signal.SIGINT, signal.default_int_handler)  # background processes ignore it
strip = np.random.default_rng(0).integers(0, 256, (400, 2000, 3), dtype=np.uint8)
with StillWriter(sys.argv[1], height=800, width=2000) as still:
    still.write(strip)
    os.kill(os.getpid(), int(sys.argv[2]))
    still.write(strip)
"""


@posix
@every_format
def test_an_interrupt_leaves_no_file(tmp_path: Path, suffix: str) -> None:
    command = [sys.executable, "-c", ENDED, str(tmp_path / f"out{suffix}"), str(signal.SIGINT)]
    done = run(command)
    assert done.stderr.strip().endswith("KeyboardInterrupt")
    assert os.listdir(tmp_path) == []


@posix
def test_the_next_still_removes_the_part_file_of_a_killed_run(tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    command = [sys.executable, "-c", ENDED, str(path), str(signal.SIGKILL)]
    run(command)
    (left,) = os.listdir(tmp_path)
    assert left.endswith(".part.png")
    save_still(SMOOTH, path)
    assert os.listdir(tmp_path) == ["out.png"]


PEAK = """
import os, sys
from pathlib import Path
import numpy as np
from neuralpaint.image.still_files import StillWriter
def peak():  # getrusage would include the parent's peak
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])
strip = np.random.default_rng(0).integers(0, 256, (64, 4096, 3), dtype=np.uint8)
before = peak()
with StillWriter(sys.argv[1], height=40 * 64, width=4096) as still:
    for _ in range(40):
        still.write(strip)
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_memory_does_not_grow_with_the_height(tmp_path: Path, suffix: str) -> None:
    command = [sys.executable, "-c", PEAK, str(tmp_path / f"out{suffix}")]
    done = run(command, check=True)
    assert int(done.stdout) < 22_000  # the pixels are 31,457
    assert (tmp_path / f"out{suffix}").stat().st_size > 30e6


@pytest.mark.parametrize("rows", [300, 100])
def test_no_thread_is_left_running(tmp_path: Path, rows: int) -> None:
    still = StillWriter(tmp_path / "out.png", height=300, width=2000)
    with contextlib.suppress(UsageError), still:
        still.write(np.zeros((rows, 2000, 3), np.uint8))
    assert not [t for t in threading.enumerate() if t.name.startswith("neuralpaint-still")]


FULL_DISK = """
import resource, signal, sys
import numpy as np
from neuralpaint.errors import EncodingError
from neuralpaint.image.still_files import save_still
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
noise = np.random.default_rng(0).integers(0, 256, (320, 320, 3), dtype=np.uint8)
try:
    save_still(noise, sys.argv[1], overwrite=True)
except EncodingError as error:
    print(error)
"""


@posix
@every_format
def test_a_full_disk_leaves_no_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    path.write_bytes(b"old")
    command = [sys.executable, "-c", FULL_DISK, str(path)]
    done = run(command)
    assert f"out{suffix}' cannot be written (File too large): free some space" in done.stdout
    assert done.stderr == ""
    assert os.listdir(tmp_path) == [path.name]
    assert path.read_bytes() == b"old"


def test_a_folder_without_write_permission_is_refused(unprivileged_folder: Path) -> None:
    unprivileged_folder.chmod(0o555)
    with pytest.raises(EncodingError, match=r"out\.tiff' cannot be written \(Permission denied\)"):
        StillWriter(unprivileged_folder / "out.tiff", height=4, width=4)


def test_writing_after_a_failed_strip_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    def write() -> None:
        with StillWriter(tmp_path / "out.png", height=48, width=64) as still:
            still.write(SMOOTH[:24])
            with monkeypatch.context() as patch:
                patch.setattr(encoders.PngEncoder, "write", fail)
                with pytest.raises(EncodingError, match="MemoryError"):
                    still.write(SMOOTH[24:])
            still.write(SMOOTH[24:])

    with pytest.raises(EncodingError):
        write()
    assert os.listdir(tmp_path) == []


def test_an_encoder_failure_is_reported_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("encoder error -2")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(EncodingError, match=r"out\.webp' cannot be written as webp"):
        save_still(SMOOTH, tmp_path / "out.webp")
    assert os.listdir(tmp_path) == []
