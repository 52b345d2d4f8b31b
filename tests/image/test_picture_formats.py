"""Every format that Pillow can write is read right, or refused by name."""

from __future__ import annotations

import io
import logging
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from profiles import ADOBE_RGB, DISPLAY_P3, SRGB, Array, encoded, rgb_profile, to_linear

from neuralpaint.errors import PictureError, UsageError
from neuralpaint.image.picture_formats import picture_suffixes
from neuralpaint.image.pictures import load_picture

Image.init()

SIDE = 48
RNG = np.random.default_rng(0)
MODES = ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "HSV", "I", "I;16", "F"]
READ = {"AVIF", "BMP", "GIF", "ICO", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "QOI", "TIFF", "WEBP"}
# These save a picture of another kind as what it looks like, or not: then it is not the reader's.
CLIPPED = {(form, mode) for form in ("AVIF", "WEBP", "GIF") for mode in ("I", "I;16", "F")}
BEST: dict[str, dict[str, Any]] = {
    "AVIF": {"quality": 100},
    "JPEG": {"quality": 100, "subsampling": 0},
    "MPO": {"quality": 100, "subsampling": 0},
    "WEBP": {"lossless": True},
}
OPAQUE = {(form, mode) for form in ("BMP", "PPM", "GIF") for mode in ("RGBA", "LA")}


def rgb() -> Array:
    """Return smooth colours, (SIDE, SIDE, 3)."""
    y, x = np.mgrid[:SIDE, :SIDE] / (SIDE - 1)
    levels: Array = np.rint(255 * np.stack([x, y, (x + y) / 2], -1)).astype(np.uint8)
    return levels


def picture(mode: str) -> tuple[Image.Image, Array]:
    """Return an image in that mode, and the levels that it means over white, (SIDE, SIDE, 3)."""
    colours = rgb()
    image = Image.fromarray(colours)
    grey = colours[..., 2].astype(np.float64)
    if mode in ("I", "I;16", "F"):
        dtype, scale = {"I": ("i4", 257.0), "I;16": ("u2", 257.0), "F": ("f4", 1 / 255)}[mode]
        return Image.fromarray((grey * scale).astype(dtype)), grey[..., None].repeat(3, 2)
    if mode == "P":
        image = image.quantize(64)
        return image, np.asarray(image.convert("RGB")).astype(float)
    if mode == "LAB":
        srgb, space = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        lab = ImageCms.profileToProfile(image, srgb, space, outputMode="LAB")
        assert lab is not None
        return lab, colours.astype(float)
    if mode in ("RGBA", "LA", "PA"):
        opacity = np.full((SIDE, SIDE), 255, np.uint8)
        opacity[8:20] = 0
        if mode != "PA":
            opacity[30:36] = 128
        image.putalpha(Image.fromarray(opacity))
        image = image.convert(mode)
        values = np.asarray(image.convert("RGBA")).astype(float)
        share = values[..., 3:] / 255
        return image, values[..., :3] * share + 255 * (1 - share)
    if mode == "CMYK":
        image = image.convert(mode)
        inks = np.asarray(image) / 255
        return image, 255 * (1 - inks[..., :3]) * (1 - inks[..., 3:])
    image = image.convert(mode)
    return image, np.asarray(image.convert("RGB")).astype(float)


def load(data: bytes, **options: Any) -> Array:
    return load_picture(io.BytesIO(data), **options).pixels.astype(float)


@pytest.mark.filterwarnings("ignore:IM image format:DeprecationWarning")
@pytest.mark.parametrize("form", sorted(Image.SAVE))
def test_every_format_and_mode_of_pillow(form: str, tmp_path: Path) -> None:
    suffixes = [suffix for suffix, name in Image.EXTENSION.items() if name == form]
    path = tmp_path / f"picture{suffixes[0] if suffixes else ''}"
    tried = 0
    for mode in MODES:
        image, expected = picture(mode)
        try:
            image.save(path, form, **BEST.get(form, {}))
        except (OSError, ValueError, KeyError, TypeError, SystemError):
            continue
        tried += 1
        if form not in READ:
            with pytest.raises((PictureError, UsageError)) as caught:
                load_picture(path)
            message = str(caught.value)
            assert path.name in message
            assert "\n" not in message
            assert form in message or not suffixes
            assert "convert" in message
        elif (form, mode) not in CLIPPED | OPAQUE:
            seen = load_picture(path).pixels.astype(float)
            assert seen.shape == expected.shape
            # GIF has fewer colours, and AVIF loses those of a palette.
            limit = 4 if form == "GIF" or mode == "P" else 2
            assert np.abs(seen - expected).mean() <= limit, mode
    assert tried or form in ("BUFR", "GRIB", "HDF5", "WMF")


def test_suffixes_of_folders_are_those_of_formats_that_are_read() -> None:
    assert {".png", ".jpg", ".tif", ".avif", ".jp2", ".heic"} <= picture_suffixes()
    assert not {".tga", ".eps", ".pdf", ".mp4"} & picture_suffixes()


# --- JPEG


def jpeg(mode: str = "RGB", **options: Any) -> bytes:
    buffer = io.BytesIO()
    noise = RNG.integers(0, 256, (96, 128, 3), dtype=np.uint8)
    Image.fromarray(noise).convert(mode).save(buffer, "JPEG", quality=90, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
@pytest.mark.parametrize("cut", [1, 2])
def test_a_jpeg_without_its_end_is_read(
    mode: str, options: dict[str, Any], cut: int, caplog: pytest.LogCaptureFixture
) -> None:
    whole = jpeg(mode, **options)
    assert (load(whole[:-cut]) == load(whole)).all()
    assert "lacks its end" in caplog.text or cut == 1  # then libjpeg may not notice


@pytest.mark.parametrize("cut", [4, 12, 40, 100])
def test_a_jpeg_that_lacks_its_last_pixels_is_read(
    cut: int, caplog: pytest.LogCaptureFixture
) -> None:
    whole = jpeg()
    differences = (load(whole[:-cut]) != load(whole)).any(axis=2)
    assert differences.sum() <= 18 * 18
    assert not differences[:-17].any()
    assert "pixels are missing at the bottom" in caplog.text


@pytest.mark.parametrize("kept", [0.5, 0.9, 0.97])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_a_jpeg_that_lacks_more_is_refused(kept: float, options: dict[str, Any]) -> None:
    whole = jpeg(**options)
    with pytest.raises(PictureError, match="truncated"):
        load(whole[: int(len(whole) * kept)])


def test_a_jpeg_of_12_bits_is_refused_by_name() -> None:
    data = bytearray(jpeg())
    data[data.index(b"\xff\xc0") + 4] = 12
    with pytest.raises(PictureError, match="12-bit"):
        load(bytes(data))


@pytest.mark.parametrize("keep_rgb", [False, True])
def test_colours_of_a_jpeg_with_and_without_transform(keep_rgb: bool) -> None:
    buffer = io.BytesIO()
    Image.fromarray(rgb()).save(buffer, "JPEG", quality=100, subsampling=0, keep_rgb=keep_rgb)
    assert np.abs(load(buffer.getvalue()) - rgb()).max() <= 4


# --- Photoshop

GREY, INDEXED, RGB, CMYK, MULTICHANNEL, DUOTONE, LAB = 1, 2, 3, 4, 7, 8, 9


def psd(
    mode: int,
    *channels: int,
    bits: int = 8,
    version: int = 1,
    layers: int = 0,
    colours: bytes = b"",
) -> bytes:
    """Return a flat picture; `layers` is the number of layers, negative with transparency."""
    size = 8
    head = struct.pack(">4sH6xHIIHH", b"8BPS", version, len(channels), size, size, bits, mode)
    info = b"" if layers == 0 else struct.pack(">IhH", 4, layers, 0)
    parts = [struct.pack(">I", len(part)) + part for part in (colours, b"", info)]
    planes = b"".join(bytes([value]) * (size * size * bits // 8) for value in channels)
    return head + b"".join(parts) + b"\0\0" + planes


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (psd(0, 0b11110000, bits=1), None),
        (psd(GREY, 90), (90, 90, 90)),
        (psd(DUOTONE, 90, colours=bytes(8)), (90, 90, 90)),
        (psd(INDEXED, 3, colours=b"\x09" * 256 + b"\x08" * 256 + b"\x07" * 256), (9, 8, 7)),
        (psd(RGB, 200, 100, 50), (200, 100, 50)),
        (psd(CMYK, 0, 255, 255, 255), (0, 255, 255)),  # 255 is no ink
        (psd(LAB, 128, 128, 128), (119, 119, 119)),  # L* = 50
        # A fourth channel is a stored selection, or transparency if the layers say so.
        (psd(RGB, 200, 100, 50, 0), (200, 100, 50)),
        (psd(RGB, 200, 100, 50, 0, layers=1), (200, 100, 50)),
        (psd(RGB, 255, 255, 255, 0, layers=-1), (10, 20, 30)),
        (psd(RGB, 200, 177, 152, 128, layers=-1), (77, 59, 39)),  # blended with white
    ],
)
def test_modes_of_photoshop(data: bytes, expected: tuple[int, int, int] | None) -> None:
    seen = load(data, background="#0a141e")
    if expected is None:  # 1 is black
        assert (seen[..., 0] == [0, 0, 0, 0, 255, 255, 255, 255]).all()
    else:
        assert np.abs(seen - expected).max() <= 1


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (psd(RGB, 1, 2, 3, bits=16), "16 bits"),
        (psd(GREY, 1, bits=32), "32 bits"),
        (psd(MULTICHANNEL, 1, 2, 3), "multichannel"),
        (psd(RGB, 1, 2, 3, version=2), "PSB"),
    ],
)
def test_files_of_photoshop_that_are_refused(data: bytes, word: str) -> None:
    with pytest.raises(PictureError, match=word):
        load(data)


# --- Portable maps


@pytest.mark.parametrize("largest", [1, 7, 100, 254, 255, 256, 1000, 4095, 65535])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("plain", [False, True])
def test_every_maximum_of_a_portable_map(largest: int, channels: int, plain: bool) -> None:
    values = RNG.integers(0, largest + 1, (9, 7, channels))
    kind = {(1, False): 5, (3, False): 6, (1, True): 2, (3, True): 3}[channels, plain]
    data = f"P{kind}\n# comment\n7 9\n{largest}\n".encode()
    if plain:
        data += " ".join(map(str, values.ravel())).encode()
    else:
        data += values.astype("u1" if largest < 256 else ">u2").tobytes()
    assert np.abs(load(data) - 255 * values / largest).max() <= 0.51
    if not plain:
        with pytest.raises(PictureError):
            load(data[:-1])


# --- JPEG 2000


def box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def jp2(values: Array, *, colours: bytes | int = 16, extra: bytes = b"") -> bytes:
    """Return a JP2 file with an enumerated colour space, or with the content of the box colr."""
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "JPEG2000", no_jp2=True)
    height, width, channels = (*values.shape, 1)[:3]
    if isinstance(colours, int):
        colours = struct.pack(">BBBI", 1, 0, 0, colours)
    head = box(b"ihdr", struct.pack(">IIHBBBB", height, width, channels, 7, 7, 0, 0))
    head += box(b"colr", colours) + extra
    start = box(b"jP  ", b"\r\n\x87\n") + box(b"ftyp", b"jp2 \0\0\0\0jp2 ")
    return start + box(b"jp2h", head) + box(b"jp2c", stream.getvalue())


def channel_kinds(*kinds: tuple[int, int, int]) -> bytes:
    content = b"".join(struct.pack(">3H", *kind) for kind in kinds)
    return box(b"cdef", struct.pack(">H", len(kinds)) + content)


FLAT = np.full((32, 32, 3), (200, 60, 50), np.uint8)
ORDER = [(0, 0, 1), (1, 0, 2), (2, 0, 3)]


def test_the_profile_of_a_jpeg_2000_is_used() -> None:
    stored = encoded(FLAT, ADOBE_RGB, 2.199)
    data = jp2(stored, colours=b"\2\0\0" + rgb_profile(ADOBE_RGB, 2.199))
    assert np.abs(load(data) - FLAT).max() <= 2


@pytest.mark.parametrize("kind", [1, 2])
def test_alpha_of_a_jpeg_2000_is_straight_or_premultiplied(kind: int) -> None:
    alpha = np.full((32, 32, 1), 128, np.uint8)
    stored = FLAT if kind == 1 else np.rint(FLAT * (128 / 255)).astype(np.uint8)
    data = jp2(np.dstack([stored, alpha]), extra=channel_kinds(*ORDER, (3, kind, 0)))
    expected = FLAT * (128 / 255) + 255 * (1 - 128 / 255)
    assert np.abs(load(data) - expected).max() <= 1


def test_colour_spaces_of_a_jpeg_2000() -> None:
    assert (load(jp2(FLAT)) == FLAT).all()


def test_the_last_box_of_a_jpeg_2000_may_have_no_length() -> None:
    alpha = np.full((32, 32, 1), 128, np.uint8)
    data = jp2(np.dstack([FLAT // 2, alpha]), extra=channel_kinds(*ORDER, (3, 2, 0)))
    place = data.index(b"jp2c") - 4
    endless = data[:place] + bytes(4) + data[place + 4 :]
    assert load(endless).tolist() == load(data).tolist()
    assert (load(jp2(FLAT[..., 0], colours=17)) == 200).all()
    red, green, blue = 200 + 1.402 * -78, 200 + 0.344136 * 68 + 0.714136 * 78, 200 + 1.772 * -68
    expected = np.clip([red, green, blue], 0, 255)
    assert np.abs(load(jp2(FLAT, colours=18)) - expected).max() <= 1  # YCbCr
    for number in (1, 14, 20, 21, 24):
        with pytest.raises(PictureError, match=f"colour space {number}"):
            load(jp2(FLAT, colours=number))
    with pytest.raises(PictureError, match="another order"):
        load(jp2(FLAT, extra=channel_kinds((0, 0, 3), (1, 0, 2), (2, 0, 1))))


def with_depth(data: bytes, depth: int) -> bytes:
    """Return a JPEG 2000 that claims another depth of its samples."""
    changed = bytearray(data)
    place = changed.index(b"\xff\x4f\xff\x51")
    for channel in range(changed[place + 41]):
        changed[place + 42 + 3 * channel] = depth - 1
    return bytes(changed)


@pytest.mark.parametrize("depth", [9, 12, 16])
def test_deep_jpeg_2000_is_refused_unless_it_is_grey(depth: int) -> None:
    # Of several channels Pillow makes 8 bits, and white becomes black.
    with pytest.raises(PictureError, match=f"3 channels of {depth} bits"):
        load(with_depth(jp2(FLAT), depth))
    buffer = io.BytesIO()
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    Image.fromarray(ramp).save(buffer, "JPEG2000")
    assert np.abs(load(buffer.getvalue())[..., 0] - ramp / 257).max() <= 0.51


@pytest.mark.parametrize("depth", [1, 2, 4, 7])
def test_shallow_jpeg_2000_reaches_white(depth: int) -> None:
    # Claiming fewer bits moves the middle: samples are stored relative to half of their range.
    middle = 2 ** (depth - 1)
    for offset in (0, middle - 1):
        stored = np.full((32, 32), 128 + offset, np.uint8)
        seen = load(with_depth(jp2(stored, colours=17), depth))
        assert np.abs(seen - 255 * (middle + offset) / (2**depth - 1)).max() <= 0.51


# --- AVIF and HEIF


def avif(values: Array, primaries: int, transfer: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "AVIF", quality=100, subsampling="4:4:4")
    data = bytearray(buffer.getvalue())
    place = data.index(b"colrnclx") + 8
    data[place : place + 4] = struct.pack(">HH", primaries, transfer)
    return bytes(data)


def to_p3(levels: Array) -> Array:
    """Return levels of Display P3 of levels of sRGB."""
    linear = to_linear(levels) @ (np.linalg.inv(DISPLAY_P3) @ SRGB).T
    curve = 1.055 * linear ** (1 / 2.4) - 0.055
    coded: Array = np.rint(255 * np.where(linear <= 0.0031308, 12.92 * linear, curve))
    return coded.astype(np.uint8)


def heif(values: Array, mode: str = "RGB;16", **options: Any) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif")
    file = pillow_heif.from_bytes(
        mode=mode, size=values.shape[1::-1], data=np.ascontiguousarray(values).tobytes()
    )
    buffer = io.BytesIO()
    file.save(buffer, quality=-1, chroma=444, **options)
    data: bytes = buffer.getvalue()
    return data


def with_codes(data: bytes, primaries: int, transfer: int) -> bytes:
    place = data.index(b"colrnclx") + 8
    return data[:place] + struct.pack(">HH", primaries, transfer) + data[place + 4 :]


def test_primaries_of_an_avif_are_used() -> None:
    assert np.abs(load(avif(FLAT, 1, 13)) - FLAT).max() <= 2
    assert np.abs(load(avif(to_p3(FLAT), 12, 13)) - FLAT).max() <= 4


def test_primaries_of_a_heif_are_used() -> None:
    assert np.abs(load(with_codes(heif(FLAT, "RGB"), 1, 13)) - FLAT).max() <= 3
    assert np.abs(load(with_codes(heif(to_p3(FLAT), "RGB"), 12, 13)) - FLAT).max() <= 5


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
def test_hdr_of_avif_and_heif_is_tone_mapped(kind: str) -> None:
    light = np.array([25.0, 50.0, 100.0, 203.0, 1000.0])
    power = (light / 10_000) ** 0.1593017578125
    signal = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    blocks = signal.repeat(16)[None, :, None].repeat(32, 0).repeat(3, 2)
    if kind == "AVIF":
        data = avif(np.rint(255 * blocks).astype(np.uint8), 9, 16)
    else:
        data = with_codes(heif(np.rint(65535 * blocks).astype(np.uint16)), 9, 16)
    seen = load(data)[16, 8::16]
    linear = light[:3] / 203
    expected = 255 * (1.055 * linear ** (1 / 2.4) - 0.055)
    assert np.abs(seen[:3] - expected[:, None]).max() <= (6 if kind == "AVIF" else 3)
    assert 240 < seen[3, 0] <= 253 <= seen[4, 0]


def test_10_bits_of_a_heif_are_kept() -> None:
    ramp = np.rint(np.linspace(0, 1023, 512)).astype(np.uint16) << 6
    values = ramp[None, :, None].repeat(16, 0).repeat(3, 2)
    seen = load(heif(values))
    assert np.abs(seen - 255 / 1023 * (values >> 6)).max() <= 1.01


def test_heic_without_its_package_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    data = box(b"ftyp", b"heic\0\0\0\0mif1heic") + box(b"mdat", bytes(100))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(PictureError, match=r"HEIC.*install pillow-heif .*pip install '\.\[heif\]'"):
        load(data)


# --- Icons


def test_a_picture_in_an_icon_is_limited_too() -> None:
    inside = io.BytesIO()
    Image.new("L", (3000, 3000)).save(inside, "PNG")
    content = inside.getvalue()
    entry = struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(content), 22)
    icon = struct.pack("<HHH", 0, 1, 1) + entry + content
    with pytest.raises(PictureError):
        load(icon, max_pixels=1000)


def test_an_icon_keeps_its_transparency(caplog: pytest.LogCaptureFixture) -> None:
    image, expected = picture("RGBA")
    buffer = io.BytesIO()
    image.save(buffer, "ICO", sizes=[(SIDE, SIDE)])
    with caplog.at_level(logging.WARNING):
        assert np.abs(load(buffer.getvalue()) - expected).max() <= 1
    assert not caplog.text
