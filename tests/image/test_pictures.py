"""Pictures are read from a path, stdin or a file; every problem is an error of one line."""

from __future__ import annotations

import io
import logging
import os
import random
import struct
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from processes import run

from neuralpaint.errors import NeuralPaintError, PictureError, UsageError
from neuralpaint.image.pictures import (
    Picture,
    PictureSettings,
    TrainOn,
    held_out,
    load_picture,
    pixels_to_learn,
)

NOISE = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
SUFFIXES = [".png", ".jpg", ".webp", ".avif", ".tiff", ".gif", ".bmp", ".jp2"]


def encoded(suffix: str = ".png", array: Any = NOISE, **options: Any) -> bytes:
    buffer = io.BytesIO()
    form = Image.registered_extensions()[suffix]
    Image.fromarray(array).save(buffer, form, **options)
    return buffer.getvalue()


def bomb(width: int, height: int) -> bytes:
    """Return a PNG of a few kB with width x height black pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        checked = name + data
        return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + width // 8)) for _ in range(height))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows + packer.flush()) + chunk(b"IEND", b"")


@contextmanager
def one_line(kind: type[NeuralPaintError], *words: str) -> Iterator[None]:
    with pytest.raises(kind) as caught:
        yield
    assert type(caught.value) is kind
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def test_a_path_is_a_text_or_a_path(tmp_path: Path) -> None:
    path = tmp_path / 'été "x".png'
    path.write_bytes(encoded())
    for source in (path, str(path)):
        picture = load_picture(source)
        assert (picture.pixels == NOISE).all()
        assert (picture.height, picture.width, picture.name) == (40, 60, path.name)
        assert picture.pixels.flags.c_contiguous
        assert picture.pixels.flags.writeable


def test_an_open_file_is_read_and_left_open(tmp_path: Path) -> None:
    path = tmp_path / "p.png"
    path.write_bytes(encoded())
    with path.open("rb") as file:
        assert load_picture(file).name == "p.png"
        assert not file.closed
    assert load_picture(io.BytesIO(encoded())).height == 40


def test_a_file_open_in_text_mode_or_closed_is_refused() -> None:
    with one_line(UsageError, "binary", "rb"):
        load_picture(io.StringIO("text"))  # type: ignore[arg-type]
    closed = io.BytesIO(encoded())
    closed.close()
    with one_line(PictureError, "closed file"):
        load_picture(closed)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(encoded(),))
    writer.start()
    assert (load_picture(pipe).pixels == NOISE).all()
    writer.join()
    writer = threading.Thread(target=pipe.write_bytes, args=(b"",))
    writer.start()
    with one_line(PictureError, "pipe.png", "empty"):
        load_picture(pipe)
    writer.join()


READ_STDIN = """
import sys
from neuralpaint.errors import NeuralPaintError
from neuralpaint.image.pictures import load_picture
try:
    picture = load_picture("-")
    print(picture.height, picture.width, picture.name, int(picture.pixels.sum()))
except NeuralPaintError as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        (encoded(), f"40 60 stdin {NOISE.sum()}"),
        (b"", "PictureError 'stdin' is empty"),
        (b"hello", "PictureError 'stdin' is not a picture"),
    ],
)
def test_a_picture_from_stdin(given: bytes, answer: str) -> None:
    done = run([sys.executable, "-c", READ_STDIN], stdin=given)
    assert done.stdout.startswith(answer)
    assert done.stderr == ""


def test_a_closed_stdin_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with one_line(UsageError, "stdin"):
        load_picture("-")


def test_a_path_named_dash_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("-").write_bytes(encoded())
    assert load_picture(Path("-")).name == "-"


def test_an_error_about_a_missing_file_names_the_closest(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpeg").touch()
    with one_line(UsageError, "holiday.jpg", "did you mean", "holiday.jpeg"):
        load_picture(tmp_path / "holiday.jpg")
    with one_line(UsageError, "no folder"):
        load_picture(tmp_path / "nowhere" / "x.jpg")
    with one_line(UsageError, "no folder"):
        load_picture(tmp_path / "holiday.jpeg" / "x.jpg")
    with one_line(UsageError, "check the name"):
        load_picture(tmp_path / "x.jpg")


def test_folders_and_devices_are_refused(tmp_path: Path) -> None:
    with one_line(UsageError, "folder"):
        load_picture(tmp_path)
    with one_line(UsageError, "device"):
        load_picture(os.devnull)
    with one_line(UsageError, "cannot be opened"):
        load_picture("a\0b.png")


def test_empty_files_and_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.jpg"
    path.touch()
    with one_line(PictureError, "notes.jpg", "empty"):
        load_picture(path)
    path.write_text("Dear diary,\n" * 100)
    with one_line(PictureError, "notes.jpg", "not a picture", "PNG"):
        load_picture(path)
    with one_line(PictureError, "empty"):
        load_picture(io.BytesIO())


def test_postscript_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "p.eps"
    Image.fromarray(NOISE).save(path)
    with one_line(PictureError, "not a picture"):
        load_picture(path)


def test_a_file_without_read_permission_is_refused(unprivileged_folder: Path) -> None:
    path = unprivileged_folder / "p.png"
    path.write_bytes(encoded())
    path.chmod(0)
    with one_line(PictureError, "may not be read", "permissions"):
        load_picture(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.6, 0.9])
def test_a_truncated_file(tmp_path: Path, suffix: str, kept: float) -> None:
    path = tmp_path / f"p{suffix}"
    whole = encoded(suffix)
    path.write_bytes(whole[: int(len(whole) * kept)])
    with one_line(PictureError, path.name):
        load_picture(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_damaged_files_raise_only_picture_errors(suffix: str) -> None:
    whole, chance = encoded(suffix), random.Random(7)
    for _ in range(40):
        damaged = bytearray(whole)
        for _ in range(chance.randrange(1, 12)):
            damaged[chance.randrange(min(len(damaged), 400))] = chance.randrange(256)
        with suppress(PictureError):  # some damage is not detected
            load_picture(io.BytesIO(damaged), max_pixels=1_000_000)


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(bomb(40_000, 10_000))
    assert path.stat().st_size < 100_000
    with one_line(PictureError, "bomb.png", "40000x10000", "--max-pixels 400000000"):
        load_picture(path)


def test_pillows_pixel_limit_is_not_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)  # Pillow would warn at 11 and refuse 21
    assert load_picture(io.BytesIO(encoded()), max_pixels=2400).height == 40
    with one_line(PictureError, "2,400 pixels", "2,399"):
        load_picture(io.BytesIO(encoded()), max_pixels=2399)
    assert Image.MAX_IMAGE_PIXELS == 10


@pytest.mark.parametrize("form", ["GIF", "BMP", "PPM", "PNG", "QOI"])
def test_a_picture_without_pixels(form: str) -> None:
    head = {
        "GIF": b"GIF89a" + bytes(7) + b"," + bytes(9) + b"\x02\0;",
        "BMP": b"BM" + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, 0, 0, 1, 24, *[0] * 6),
        "PPM": b"P6 0 0 255\n",
        "PNG": bomb(0, 0),
        "QOI": b"qoif" + struct.pack(">IIBB", 0, 0, 3, 0) + bytes(7) + b"\1",
    }[form]
    with one_line(PictureError):
        load_picture(io.BytesIO(head))


OUT_OF_MEMORY = """
import resource, sys
from pathlib import Path
from neuralpaint.errors import PictureError
from neuralpaint.image.pictures import load_picture
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 150_000_000,) * 2)
try:
    load_picture(sys.argv[1])
except PictureError as error:
    print(error)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_picture_larger_than_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(bomb(10_000, 10_000))
    done = run([sys.executable, "-c", OUT_OF_MEMORY, path])
    assert done.stdout.endswith("large.png' does not fit into memory: give a smaller one\n")
    assert done.stderr == ""


def test_a_tile_larger_than_the_picture_is_refused() -> None:
    tiles = {322: (4, 20_000), 323: (4, 20_000), 324: (4, 0), 325: (4, 0)}
    tags = {256: (4, 16), 257: (4, 16), 258: (3, 8), 259: (3, 1), 262: (3, 1), 277: (3, 1), **tiles}
    entries = b"".join(struct.pack("<HHII", n, t, 1, v) for n, (t, v) in sorted(tags.items()))
    tiff = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)
    with one_line(PictureError, "tiles of 400,000,000 pixels"):
        load_picture(io.BytesIO(tiff), max_pixels=1000)


def test_the_first_frame_of_an_animation_is_read(caplog: pytest.LogCaptureFixture) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    for form in ("GIF", "PNG", "WEBP", "TIFF", "AVIF"):
        buffer = io.BytesIO()
        frames[0].save(buffer, form, save_all=True, append_images=frames[1:], lossless=True)
        caplog.clear()
        with caplog.at_level(logging.INFO):
            pixels = load_picture(io.BytesIO(buffer.getvalue())).pixels
        assert np.abs(pixels.astype(int) - (255, 0, 0)).max() <= 4
        assert "the first is used" in caplog.text


def test_warnings_of_pillow_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    whole, chunk = encoded(), b"acTL" + bytes(8)  # an animation without frames
    checked = struct.pack(">I", 8) + chunk + struct.pack(">I", zlib.crc32(chunk))
    assert load_picture(io.BytesIO(whole[:33] + checked + whole[33:])).height == 40
    assert "APNG" in caplog.text


def test_threads_can_read_at_the_same_time() -> None:
    limit, results = Image.MAX_IMAGE_PIXELS, []
    whole = encoded()

    def read() -> None:
        results.append(load_picture(io.BytesIO(whole)).pixels.sum())

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [NOISE.sum()] * 8
    assert limit == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("background", ["", "blau", "#12345", "#ffffff80", "rgb(1, 2, 300)"])
def test_a_background_that_is_not_a_colour_is_refused(background: str) -> None:
    with one_line(UsageError, "background"):
        PictureSettings(background=background)
    with one_line(UsageError, "background"):
        load_picture("not opened.png", background=background)


def test_settings_are_checked_and_have_the_same_defaults() -> None:
    with pytest.raises(UsageError, match="max_pixels"):
        PictureSettings(max_pixels=0)
    assert PictureSettings.from_dict(PictureSettings().to_dict()) == PictureSettings()


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 1), (4, 6, 3), (4, 6, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_a_picture_from_an_array(shape: tuple[int, ...], dtype: type) -> None:
    levels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    if shape[-1] == 4:
        levels[..., 3] = 255
    array = levels if dtype is np.uint8 else (levels / 255).astype(dtype)
    picture = Picture.from_array(array, name="mine")
    colours = levels.reshape(4, 6, -1)[..., :3]
    assert (picture.pixels == np.broadcast_to(colours, (4, 6, 3))).all()
    assert (picture.height, picture.width, picture.name) == (4, 6, "mine")


def test_floats_are_rounded_not_truncated() -> None:
    pixels = Picture.from_array(np.array([[0.0, 0.001, 0.499, 0.999, 1.0]])).pixels
    assert pixels[0, :, 0].tolist() == [0, 0, 127, 255, 255]


def test_an_array_with_alpha_is_composited() -> None:
    array = np.zeros((2, 2, 4), np.uint8)
    array[0, 0] = (200, 100, 0, 51)
    pixels = Picture.from_array(array, background="#0a0a0a").pixels
    assert pixels[1, 1].tolist() == [10, 10, 10]
    assert pixels[0, 0].tolist() == [48, 28, 8]


def test_pixels_are_shared_if_possible() -> None:
    assert np.shares_memory(Picture.from_array(NOISE).pixels, NOISE)
    turned = Picture(NOISE.swapaxes(0, 1))
    assert turned.pixels.flags.c_contiguous
    fixed = NOISE.copy()
    fixed.flags.writeable = False
    assert Picture.from_array(fixed).pixels.flags.writeable


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 6, 2), np.uint8),
        np.zeros((0, 6, 3), np.uint8),
        np.zeros((4, 6, 3), np.uint16),
        np.zeros((4, 6, 3), bool),
        np.full((4, 6, 3), np.nan),
        np.full((4, 6, 3), 1.5),
        np.zeros(6, np.uint8),
    ],
)
def test_an_array_of_another_shape_is_refused(array: Any) -> None:
    with one_line(UsageError):
        Picture.from_array(array)
    with one_line(UsageError, "from_array"):
        Picture(array)


def test_an_input_size_is_covered_and_centred(tmp_path: Path) -> None:
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, 20:40] = 200  # the middle third
    Image.fromarray(pixels).save(tmp_path / "thirds.png")

    def load(size: str) -> Picture:
        return PictureSettings(input_size=size).load(tmp_path / "thirds.png")

    assert np.array_equal(load("20x40").pixels, pixels[:, 20:40])  # nothing is resampled
    half = load("30x20")
    assert (half.height, half.width, half.name) == (20, 30, "thirds.png")
    assert abs(int(half.pixels[10, 15, 0]) - 200) < 2
    assert half.pixels[10, 3, 0] < 2
    tall = load("10x20")
    assert (tall.height, tall.width) == (20, 10)
    assert tall.pixels[:, 2:8].min() > 190
    assert load("120x80").pixels.shape == (80, 120, 3)


def test_an_invalid_input_size_is_refused() -> None:
    with pytest.raises(UsageError, match="WIDTHxHEIGHT"):
        PictureSettings(input_size="big")


@pytest.mark.parametrize("name", ["unknown", "weights", "order"])
def test_a_plane_has_the_size_of_the_picture(name: str) -> None:
    pixels = np.zeros((4, 6, 3), np.uint8)
    plane = np.zeros((4, 6), np.float32)
    assert Picture(pixels, **{name: plane}).planes.keys() == {name}  # type: ignore[arg-type]
    for wrong in (plane[:3], plane.astype(np.float64)):
        with pytest.raises(UsageError, match=f"{name} of a Picture"):
            Picture(pixels, **{name: wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize(("height", "width"), [(20, 20), (40, 60), (7, 13)])
def test_planes_are_cropped_and_scaled_like_the_pixels(height: int, width: int) -> None:
    ramp = np.broadcast_to(np.linspace(0, 1, 30, dtype=np.float32), (20, 30)).copy()
    pixels = np.rint(255 * ramp[..., None].repeat(3, 2)).astype(np.uint8)
    covering = Picture(pixels, unknown=ramp).covering(height=height, width=width)
    assert covering.unknown is not None
    assert covering.unknown.shape == (height, width)
    np.testing.assert_allclose(255 * covering.unknown, covering.pixels[..., 0], atol=4)


def with_hole(truth: int | None) -> Picture:
    """Return a black picture of 4 x 6, unknown on the left, whose truth is one grey level."""
    unknown = np.tile(np.array([1, 1, 0.7, 0.5, 0, 0], np.float32), (4, 1))
    pixels = np.zeros((4, 6, 3), np.uint8)
    real = None if truth is None else np.full((4, 6, 3), truth, np.uint8)
    return Picture(pixels, unknown=unknown, truth=real)


def test_the_reference_is_the_truth_or_the_known_pixels() -> None:
    known = [False, False, False, True, True, True]
    for picture in (with_hole(None).reference, with_hole(7)):
        assert picture.known is not None
        assert picture.known[0].tolist() == known
        assert not picture.pixels.any()
    judged = with_hole(7).reference
    assert judged.known is None
    assert (judged.pixels == 7).all()
    whole = Picture(np.zeros((4, 6, 3), np.uint8))
    assert whole.reference is whole
    assert whole.known is None


def test_the_truth_is_cropped_and_scaled_like_the_pixels() -> None:
    for size in ((2, 6), (8, 8)):
        smaller = with_hole(7).covering(height=size[0], width=size[1])
        assert smaller.truth is not None
        assert smaller.truth.shape == smaller.pixels.shape
        assert (smaller.truth == 7).all()
    with pytest.raises(UsageError, match="the truth of a Picture is uint8"):
        Picture(np.zeros((4, 6, 3), np.uint8), truth=np.zeros((4, 5, 3), np.uint8))


@pytest.mark.parametrize("train_on", ["all", "every-other"])
def test_learned_and_held_out_pixels_make_the_whole(train_on: TrainOn) -> None:
    picture = Picture(np.arange(5 * 8 * 3, dtype=np.uint8).reshape(5, 8, 3))
    pixels, grid = pixels_to_learn(picture, train_on)
    out = held_out(picture, train_on)
    np.testing.assert_array_equal(pixels.reshape(-1, 3), picture.pixels[~out])
    assert pixels.shape[:2] == (grid.y.shape[0], grid.x.shape[1])


def test_every_other_pixel_keeps_its_coordinates() -> None:
    picture = Picture(np.zeros((4, 6, 3), np.uint8))
    whole = picture.canvas.grid()
    pixels, grid = pixels_to_learn(picture, "every-other")
    assert pixels.shape == (2, 3, 3)
    np.testing.assert_array_equal(grid.x[0], whole.x[0, [0, 2, 4]])
    np.testing.assert_array_equal(grid.y[:, 0], whole.y[[0, 2], 0])


def test_all_pixels_are_shared_not_copied() -> None:
    picture = Picture(np.zeros((4, 6, 3), np.uint8))
    assert np.shares_memory(pixels_to_learn(picture, "all")[0], picture.pixels)


def test_covering_a_square_with_a_side_that_rounds_up() -> None:
    picture = Picture(np.zeros((214, 320, 3), np.uint8))  # 512 / (512 / 214) > 214
    assert picture.covering(height=512, width=512).pixels.shape == (512, 512, 3)


def test_a_notebook_shows_the_pixels() -> None:
    shown = Image.open(io.BytesIO(Picture(NOISE)._repr_png_()))
    np.testing.assert_array_equal(np.asarray(shown), NOISE)
    huge = Picture(np.zeros((300, 3000, 3), np.uint8))
    assert Image.open(io.BytesIO(huge._repr_png_())).size == (1024, 102)
