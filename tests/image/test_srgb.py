"""Colours are right for every mode, depth, profile, transparency and orientation of a file."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageCms
from profiles import (
    ADOBE_RGB,
    DISPLAY_P3,
    SRGB,
    cmyk_profile,
    encoded,
    gamma,
    profile,
    rgb_profile,
    to_linear,
    xyz,
)

from neuralpaint.image.pictures import load_picture

Array = npt.NDArray[Any]

PATCHES = np.array(
    [[200, 60, 50], [60, 160, 70], [50, 70, 190], [128, 128, 128], [240, 220, 200], [20, 30, 40]],
    dtype=np.uint8,
)
RAMP = np.arange(65536, dtype=np.uint16).reshape(256, 256)


def read(image: Image.Image | bytes, path: Path, **options: Any) -> Array:
    """Save an image, or the bytes of a file, and load it."""
    if isinstance(image, bytes):
        path.write_bytes(image)
    else:
        image.save(path, **options)
    return load_picture(path).pixels


def flat(colour: Any, mode: str, size: tuple[int, int] = (8, 8)) -> Image.Image:
    return Image.new(mode, size, colour)


def png16(values: Array, colour_type: int, extra: bytes = b"") -> bytes:
    """Return a PNG of 16 bits per channel, which Pillow writes for grey only."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    height, width = values.shape[:2]
    head = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    clear = chunk(b"tRNS", extra) if extra else b""
    body = chunk(b"IHDR", head) + clear + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tiff", ".webp", ".avif"])
@pytest.mark.parametrize(
    ("primaries", "exponent"), [(ADOBE_RGB, 2.199), (DISPLAY_P3, 2.2)], ids=["adobe", "p3"]
)
def test_wide_gamut_profiles_are_converted_to_srgb(
    tmp_path: Path, suffix: str, primaries: Array, exponent: float
) -> None:
    icc = rgb_profile(primaries, exponent)
    best: dict[str, dict[str, Any]] = {
        ".jpg": {"quality": 100, "subsampling": 0},
        ".webp": {"lossless": True},
        ".avif": {"quality": 100},
    }
    options = best.get(suffix, {})
    levels = encoded(PATCHES, primaries, exponent)
    blocks = levels.reshape(1, -1, 3).repeat(16, 0).repeat(16, 1)
    pixels = read(Image.fromarray(blocks), tmp_path / f"p{suffix}", icc_profile=icc, **options)
    seen = pixels[8, 8::16].astype(int)
    assert np.abs(levels.astype(int) - PATCHES).max() > 8  # the profile has an effect
    assert np.abs(seen - PATCHES).max() <= 3


@pytest.mark.parametrize(
    "icc",
    [
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        # Rounded as in old profiles, which changes some levels by one.
        rgb_profile(SRGB.round(4), 65535 * to_linear(np.linspace(0, 255, 1024))),
    ],
    ids=["formula", "table"],
)
def test_an_srgb_profile_changes_no_pixel(tmp_path: Path, icc: bytes) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert (read(Image.fromarray(noise), tmp_path / "p.png", icc_profile=icc) == noise).all()


def test_alpha_is_not_converted_by_the_profile(tmp_path: Path) -> None:
    icc = rgb_profile(ADOBE_RGB, 2.199)
    levels = encoded(PATCHES[:1], ADOBE_RGB, 2.199)[0]
    image = flat((*levels.tolist(), 255), "RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 4, 8))
    pixels = read(image, tmp_path / "p.png", icc_profile=icc)
    assert np.abs(pixels[0, 5].astype(int) - PATCHES[0]).max() <= 2
    assert pixels[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_a_grey_profile(tmp_path: Path, mode: str) -> None:
    icc = profile(b"GRAY", {b"wtpt": xyz(0.9642, 1, 0.8249), b"kTRC": gamma(1.0)})
    colour = {"L": 128, "LA": (128, 255), "I;16": 128 * 257}[mode]
    pixels = read(flat(colour, mode), tmp_path / "p.png", icc_profile=icc)
    assert np.abs(pixels.astype(int) - 188).max() <= 1  # linear 128/255 in sRGB


def test_an_rgb_profile_on_a_grey_picture(tmp_path: Path) -> None:
    icc = rgb_profile(SRGB, 1.0)
    pixels = read(flat(128, "L"), tmp_path / "p.png", icc_profile=icc)
    assert np.abs(pixels.astype(int) - 188).max() <= 1


@pytest.mark.parametrize("suffix", [".jpg", ".tiff"])
def test_a_cmyk_profile(tmp_path: Path, suffix: str) -> None:
    icc = cmyk_profile({(1, 0, 0, 0): (50, 0, 0)})
    pixels = read(flat((255, 0, 0, 0), "CMYK"), tmp_path / f"p{suffix}", icc_profile=icc)
    assert np.abs(pixels.astype(int) - 119).max() <= 2  # L* = 50


@pytest.mark.parametrize("suffix", [".jpg", ".tiff"])
def test_cmyk_without_a_profile(tmp_path: Path, suffix: str) -> None:
    pixels = read(flat((255, 0, 0, 0), "CMYK"), tmp_path / f"p{suffix}")
    assert np.abs(pixels[0, 0].astype(int) - (0, 255, 255)).max() <= 2


@pytest.mark.parametrize(
    "icc", [b"not a profile at all", rgb_profile(ADOBE_RGB, 2.2)[:200], cmyk_profile({})]
)
def test_a_profile_that_cannot_be_used_is_logged(
    tmp_path: Path, icc: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    pixels = read(flat((200, 60, 50), "RGB"), tmp_path / "p.png", icc_profile=icc)
    assert (pixels == (200, 60, 50)).all()
    assert "profile" in caplog.text


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tiff", ".webp", ".avif"])
def test_every_orientation_is_turned_upright(tmp_path: Path, suffix: str, orientation: int) -> None:
    upright = np.zeros((32, 48, 3), np.uint8)
    upright[:16, :16] = (250, 20, 20)  # top left red, bottom left blue: all orientations differ
    upright[16:, :16] = (20, 20, 250)
    stored = {
        1: upright,
        2: np.fliplr(upright),
        3: np.rot90(upright, 2),
        4: np.flipud(upright),
        5: np.transpose(upright, (1, 0, 2)),
        6: np.rot90(upright, 1),
        7: np.rot90(np.transpose(upright, (1, 0, 2)), 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.fromarray(np.ascontiguousarray(stored))
    seen = read(image, tmp_path / f"p{suffix}", exif=exif.tobytes())
    assert seen.shape == upright.shape
    assert np.abs(seen[8::16, 8::16].astype(int) - upright[8::16, 8::16]).max() < 40


def test_strips_join_without_a_seam(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuralpaint.image.srgb._STRIP_PIXELS", 100)
    noise = np.random.default_rng(0).integers(0, 256, (37, 23, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    seen = read(Image.fromarray(noise), tmp_path / "p.png", exif=exif)
    assert (seen == np.rot90(noise, -1)).all()
    assert seen.flags.c_contiguous


@pytest.mark.parametrize("exif", [b"MM\0*", b"MM\0*\0\0\0\x08\xff\xff", b"hello, hello"])
@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_broken_exif_leaves_the_picture_unchanged(tmp_path: Path, exif: bytes, suffix: str) -> None:
    path = tmp_path / f"p{suffix}"
    pixels = read(flat((9, 8, 7), "RGB"), path, exif=b"Exif\0\0" + exif, lossless=True)
    assert (pixels == (9, 8, 7)).all()


@pytest.mark.parametrize(
    ("mode", "suffix"), [("I;16", ".png"), ("I;16", ".tiff"), ("I;16B", ".tiff"), ("I", ".pgm")]
)
def test_deep_grey_is_scaled_not_clipped(tmp_path: Path, mode: str, suffix: str) -> None:
    kind = {"I;16": "<u2", "I;16B": ">u2", "I": "i4"}[mode]
    image = Image.frombytes(mode, (256, 256), RAMP.astype(kind).tobytes())
    seen = read(image, tmp_path / f"p{suffix}")
    assert np.abs(seen[..., 0] - RAMP / 257).max() <= 0.501
    assert (seen == seen[..., :1]).all()


@pytest.mark.parametrize(("colour_type", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_a_16_bit_png_of_several_channels(tmp_path: Path, colour_type: int, channels: int) -> None:
    values = np.repeat(RAMP[..., None], channels, axis=2)
    if channels in (2, 4):
        values[..., -1] = 65535
    seen = read(png16(values, colour_type), tmp_path / "p.png")
    assert np.abs(seen[..., 0] - RAMP / 257).max() < 1
    assert abs((seen[..., 0] - RAMP / 257).mean()) < 0.01


def test_a_16_bit_png_with_one_transparent_value(tmp_path: Path) -> None:
    grey = read(png16(RAMP, 0, struct.pack(">H", 300)), tmp_path / "grey.png")
    assert grey.reshape(-1, 3)[300].tolist() == [255, 255, 255]
    assert grey.reshape(-1, 3)[301].tolist() == [1, 1, 1]


@pytest.mark.parametrize("peak", [1.0, 200.0])
def test_an_infinite_float_is_white_and_changes_no_other(tmp_path: Path, peak: float) -> None:
    values = np.linspace(0, peak, 64 * 64, dtype=np.float32).reshape(64, 64)
    expected = read(Image.fromarray(values), tmp_path / "p.tiff").copy()
    values[0, 0], expected[0, 0] = np.inf, 255
    seen = read(Image.fromarray(values), tmp_path / "q.tiff")
    assert (seen == expected).all()


@pytest.mark.parametrize(("peak", "white"), [
    (1.0, 1.0), (2.5, 1.0), (213.0, 255.0), (6e4, 65535), (1e5, 1e5),
])  # fmt: skip
def test_floats_are_scaled_by_their_maximum(tmp_path: Path, peak: float, white: float) -> None:
    values = np.linspace(0, peak, 64 * 64, dtype=np.float32).reshape(64, 64)
    values[0, :3] = (np.nan, -1, -np.inf)
    seen = read(Image.fromarray(values), tmp_path / "p.tiff")
    expected = (np.nan_to_num(values, nan=0, neginf=0) * 255 / white).clip(0, 255)
    assert np.abs(seen[..., 0] - expected).max() <= 0.51


def test_black_and_white_and_palettes(tmp_path: Path) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    palette = Image.fromarray(photo).quantize(32)
    assert (read(palette, tmp_path / "p.png") == np.asarray(palette.convert("RGB"))).all()
    assert (read(palette, tmp_path / "p.gif") == np.asarray(palette.convert("RGB"))).all()
    bits = Image.fromarray(photo).convert("1")
    assert (read(bits, tmp_path / "b.png")[..., 0] == 255 * np.asarray(bits)).all()


def test_a_palette_with_a_transparent_entry(tmp_path: Path) -> None:
    image = flat(0, "P")
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.paste(1, (0, 0, 4, 8))
    for suffix in (".png", ".gif"):
        seen = read(image, tmp_path / f"p{suffix}", transparency=1)
        assert seen[0, 0].tolist() == [255, 255, 255]
        assert seen[0, 7].tolist() == [10, 20, 30]
    half = read(image, tmp_path / "half.png", transparency=bytes((255, 128)))
    assert np.abs(half[0, 0].astype(int) - (147, 152, 157)).max() <= 1


@pytest.mark.parametrize(("mode", "colour"), [("L", 7), ("RGB", (7, 8, 9)), ("1", 0)])
def test_one_transparent_colour(tmp_path: Path, mode: str, colour: Any) -> None:
    other: Any = {"L": 50, "RGB": (50, 50, 50), "1": 1}[mode]
    image = flat(colour, mode)
    image.paste(other, (0, 0, 4, 8))
    seen = read(image, tmp_path / "p.png", transparency=colour)
    assert seen[0, 7].tolist() == [255, 255, 255]
    assert seen[0, 0].tolist() == ([255] * 3 if mode == "1" else [50] * 3)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tiff", ".avif", ".jp2"])
def test_opaque_and_transparent_pixels_are_exact(tmp_path: Path, suffix: str) -> None:
    image = flat((40, 90, 200, 255), "RGBA", (64, 64))
    image.paste((40, 90, 200, 0), (0, 0, 32, 64))
    path = tmp_path / f"p{suffix}"
    image.save(path, lossless=True)
    seen = load_picture(path, background="#102030").pixels
    assert seen[5, 5].tolist() == [16, 32, 48]
    assert np.abs(seen[5, 60].astype(int) - (40, 90, 200)).max() <= (3 if suffix == ".avif" else 0)


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_grey_with_alpha(tmp_path: Path, suffix: str) -> None:
    image = flat((100, 255), "LA")
    image.paste((100, 0), (0, 0, 4, 8))
    image.paste((100, 51), (0, 0, 4, 4))
    seen = read(image, tmp_path / f"p{suffix}")
    assert seen[7, 7].tolist() == [100] * 3
    assert seen[7, 0].tolist() == [255] * 3
    assert seen[0, 0].tolist() == [224] * 3  # a fifth of 100, four fifths of 255


@pytest.mark.parametrize(("mode", "colour"), [("LA", (50, 128)), ("RGBA", (50, 25, 0, 128))])
def test_premultiplied_alpha(tmp_path: Path, mode: str, colour: tuple[int, ...]) -> None:
    path = tmp_path / "p.tiff"
    flat(colour, mode).save(path)
    raw = bytearray(path.read_bytes())
    extra_samples = raw.index(struct.pack("<HHI", 338, 3, 1))
    raw[extra_samples + 8 : extra_samples + 10] = struct.pack("<H", 1)  # premultiplied
    path.write_bytes(raw)
    seen = load_picture(path).pixels[0, 0].astype(int)
    expected = np.array(colour[:-1]) + 127  # the colour is premultiplied already
    assert np.abs(seen - expected).max() <= 1


def test_ycbcr_and_lab(tmp_path: Path) -> None:
    red = flat((200, 60, 50), "RGB")
    seen = read(red.convert("YCbCr"), tmp_path / "y.tiff")
    assert np.abs(seen.astype(int) - (200, 60, 50)).max() <= 2
    lab = flat((128, 128, 128), "LAB")
    assert np.abs(read(lab, tmp_path / "l.tiff").astype(int) - 119).max() <= 2  # L* = 50, no colour


def test_jpeg_2000_and_bmp_keep_every_pixel(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (24, 40, 3), dtype=np.uint8)
    for suffix in (".jp2", ".bmp", ".ppm"):
        assert (read(Image.fromarray(noise), tmp_path / f"p{suffix}") == noise).all()
