"""Every kind of PNG is read right: colour types, depths, transparency and colour spaces."""

from __future__ import annotations

import io
import itertools
import logging
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import PngImagePlugin
from pngs import DEPTHS, Array, chunk, write_png
from profiles import ADOBE_RGB, DISPLAY_P3, SRGB, gamma, profile, rgb_profile, to_linear, xyz

from neuralpaint.errors import PictureError
from neuralpaint.image.pictures import load_picture

HEIGHT, WIDTH = 13, 21
KINDS = [(colour_type, depth) for colour_type, depths in DEPTHS.items() for depth in depths]
PALETTE, GREY_ALPHA, RGB_ALPHA = 3, 4, 6
GAMMAS = (None, 1.0, 1 / 2.2, 1 / 1.8, 0.9)


def load(encoded: bytes) -> Array:
    return load_picture(io.BytesIO(encoded)).pixels.astype(float)


def encode(linear: Array) -> Array:
    """Return levels of sRGB of linear light."""
    linear = linear.clip(0, 1)
    curve = 1.055 * linear ** (1 / 2.4) - 0.055
    levels: Array = 255 * np.where(linear <= 0.0031308, 12.92 * linear, curve)
    return levels


def gama(value: float) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", round(value * 100_000)))


def chrm(*values: float) -> bytes:
    return chunk(b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in values)))


def iccp(icc: bytes) -> bytes:
    return chunk(b"iCCP", b"name\0\0" + zlib.compress(icc))


def picture(colour_type: int, depth: int, *, clear: bool) -> tuple[dict[str, Any], Array, Any]:
    """Return a picture for `write_png`, its colours (h, w, 3) and its alpha, both in [0, 1]."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    top = 2**depth - 1
    if colour_type == PALETTE:
        palette = np.random.default_rng(0).integers(0, 256, (2**depth, 3))
        indices = (7 * x + 3 * y) % 2**depth
        chunks, alpha = b"", None
        if clear:
            opacities = np.random.default_rng(1).integers(0, 256, max(1, 2**depth - 1))
            chunks = chunk(b"tRNS", bytes(opacities.tolist()))
            every = np.append(opacities, [255] * (2**depth - len(opacities)))
            alpha = every[indices][..., None] / 255
        pixels = {"values": indices[..., None], "palette": palette, "chunks": chunks}
        return pixels, palette[indices] / 255, alpha
    ramps = np.stack([x / (WIDTH - 1), y / (HEIGHT - 1), (x + y) / (WIDTH + HEIGHT - 2)], -1)
    channels = 3 if colour_type in (2, RGB_ALPHA) else 1
    values, alpha, chunks = np.rint(ramps[..., -channels:] * top).astype(int), None, b""
    colours = values / top
    if colour_type in (GREY_ALPHA, RGB_ALPHA):
        opacity = np.where((x + y) % 5 == 0, 0.25, 1.0)[..., None]
        opacity[4:6] = 0
        stored = np.rint(opacity * top).astype(int)
        values, alpha = np.concatenate([values, stored], -1), stored / top
    elif clear:
        key = values[HEIGHT // 2, WIDTH // 2]
        chunks = chunk(b"tRNS", struct.pack(f">{channels}H", *key))
        alpha = 1.0 - (values == key).all(-1, keepdims=True)
    return {"values": values, "chunks": chunks}, np.broadcast_to(colours, (*x.shape, 3)), alpha


@pytest.mark.parametrize(("colour_type", "depth"), KINDS)
@pytest.mark.parametrize("interlaced", [False, True])
def test_every_colour_type_depth_and_gamma(colour_type: int, depth: int, interlaced: bool) -> None:
    for clear, exponent in itertools.product((False, True), GAMMAS):
        pixels, colours, alpha = picture(colour_type, depth, clear=clear)
        if exponent is not None:
            pixels["chunks"] += gama(exponent)
            colours = colours ** (1 / (2.2 * exponent))
        if alpha is not None:
            colours = colours * alpha + 1 - alpha
        seen = load(
            write_png(colour_type=colour_type, depth=depth, interlaced=interlaced, **pixels)
        )
        assert np.abs(seen - 255 * colours).max() <= 1.01, (clear, exponent)


RAMP = np.linspace(0, 65535, 16 * 27).round().reshape(16, 27, 1).repeat(3, 2)
P3 = (0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)
BT709 = (0.3127, 0.3290, 0.640, 0.330, 0.300, 0.600, 0.150, 0.060)
NOISE = np.random.default_rng(2).integers(0, 65536, (16, 16, 3))


def rgb16(values: Array, chunks: bytes = b"") -> bytes:
    return write_png(values, colour_type=2, depth=16, chunks=chunks)


def rgb8(values: Array, chunks: bytes = b"") -> bytes:
    return write_png(values, colour_type=2, depth=8, chunks=chunks)


def test_16_bits_stay_16_until_the_gamma_is_applied() -> None:
    seen = load(rgb16(RAMP / 50, gama(1.0)))  # in 8 bits, these would be six levels
    assert np.abs(seen - 255 * (RAMP / 50 / 65535) ** (1 / 2.2)).max() <= 1.01


@pytest.mark.parametrize(
    ("primaries", "exponent"), [(SRGB, 1.0), (ADOBE_RGB, 2.2), (DISPLAY_P3, 2.2), (DISPLAY_P3, 1.0)]
)
@pytest.mark.parametrize("brightest", [1.0, 0.02])
def test_16_bits_stay_16_until_the_profile_is_applied(
    primaries: Array, exponent: float, brightest: float
) -> None:
    stored = np.rint(NOISE * brightest)
    icc = rgb_profile(primaries, exponent)
    seen = load(rgb16(stored, iccp(icc)))
    exponent = round(exponent * 256) / 256  # as stored in the profile
    linear = (stored / 65535) ** exponent @ (np.linalg.inv(SRGB) @ primaries).T
    assert np.abs(seen - encode(linear)).max() <= 1.01


def test_a_deep_grey_picture_with_a_profile_of_each_kind() -> None:
    grey = RAMP[..., :1] / 50
    levels = encode(grey / 65535).repeat(3, 2)
    kinds = [
        rgb_profile(SRGB, 1.0),
        profile(b"GRAY", {b"wtpt": xyz(0.9642, 1, 0.8249), b"kTRC": gamma(1.0)}),
    ]
    for icc in kinds:
        seen = load(write_png(grey, colour_type=0, depth=16, chunks=iccp(icc)))
        assert np.abs(seen - levels).max() <= 1.01


def test_chromaticities_are_used_with_a_gamma_only() -> None:
    stored = NOISE // 257
    assert (load(rgb8(stored, chrm(*P3))) == stored).all()
    seen = load(rgb8(stored, chrm(*P3) + gama(1 / 2.2)))
    linear = (stored / 255) ** 2.2 @ (np.linalg.inv(SRGB) @ DISPLAY_P3).T
    errors = np.abs(seen - 255 * linear.clip(0, 1) ** (1 / 2.2))
    assert errors.mean() < 0.6
    assert np.abs(seen - stored).mean() > 5


@pytest.mark.parametrize("exponent", [0.45455, 0.45454, 0.45])
def test_the_gamma_of_srgb_changes_no_pixel(exponent: float) -> None:
    stored = NOISE // 257
    for chunks in (gama(exponent), gama(exponent) + chrm(*BT709)):
        assert (load(rgb8(stored, chunks)) == stored).all()


@pytest.mark.parametrize("chunks", [gama(0), gama(3000), gama(0.00001), chrm(*[0] * 8) + gama(1)])
def test_numbers_that_make_no_sense_are_reported(
    chunks: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    load(rgb8(NOISE // 257, chunks))
    assert "sense" in caplog.text


LINEAR_CICP = chunk(b"cICP", bytes((1, 8, 0, 1)))
SRGB_CICP = chunk(b"cICP", bytes((1, 13, 0, 1)))
STANDARD = chunk(b"sRGB", b"\0")
LINEAR_ICC = iccp(rgb_profile(SRGB, 1.0))


@pytest.mark.parametrize(
    ("chunks", "linear"),
    [
        (STANDARD + gama(1.0), False),
        (gama(1.0) + STANDARD, False),
        (LINEAR_ICC + STANDARD, True),
        (STANDARD + LINEAR_ICC + gama(1 / 2.2), True),
        (SRGB_CICP + LINEAR_ICC + gama(1.0), False),
        (LINEAR_CICP + STANDARD + gama(1 / 2.2), True),
        (gama(1 / 2.2) + iccp(rgb_profile(DISPLAY_P3, 2.2)) + LINEAR_CICP, True),
    ],
)
@pytest.mark.parametrize("depth", [8, 16])
def test_cicp_precedes_iccp_precedes_srgb_precedes_gama(
    chunks: bytes, linear: bool, depth: int
) -> None:
    stored = np.full((4, 4, 3), 128 * (257 if depth == 16 else 1))
    seen = load(write_png(stored, colour_type=2, depth=depth, chunks=chunks))
    assert np.abs(seen - (188 if linear else 128)).max() <= 1


@pytest.mark.parametrize("depth", [8, 16])
def test_cicp_of_display_p3(depth: int) -> None:
    stored = NOISE // 257
    linear = to_linear(stored) @ (np.linalg.inv(SRGB) @ DISPLAY_P3).T
    chunks = chunk(b"cICP", bytes((12, 13, 0, 1)))
    scale = 257 if depth == 16 else 1
    seen = load(write_png(stored * scale, colour_type=2, depth=depth, chunks=chunks))
    assert np.abs(seen - encode(linear)).mean() < 0.6


@pytest.mark.parametrize("depth", [8, 16])
def test_video_range(depth: int) -> None:
    unit = 256 if depth == 16 else 1
    stored = np.array([0, 16, 16 + 219 // 3, 235, 255])[None, :, None].repeat(3, 2) * unit
    chunks = chunk(b"cICP", bytes((1, 1, 0, 0)))
    seen = load(write_png(stored, colour_type=2, depth=depth, chunks=chunks))
    assert seen[0, :, 0].tolist() == [0, 0, 85, 255, 255]


@pytest.mark.parametrize("depth", [8, 16])
def test_alpha_has_the_full_range_in_video_range_too(depth: int) -> None:
    unit = 257 if depth == 16 else 1
    stored = np.array([[[235, 235, 235, 64 * i] for i in range(4)]]) * unit
    chunks = chunk(b"cICP", bytes((1, 1, 0, 0)))
    encoded = write_png(stored, colour_type=6, depth=depth, chunks=chunks)
    seen = load_picture(io.BytesIO(encoded), background="black").pixels[0, :, 0].astype(int)
    assert seen.tolist() == pytest.approx([0, 64, 128, 192], abs=1)


def pq(light: Array) -> Array:
    """Return the signal, in [0, 1], of light in cd/m2: SMPTE ST 2084, inverse EOTF."""
    power = (light / 10_000) ** 0.1593017578125
    signal: Array = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    return signal


def hlg(light: Array) -> Array:
    """Return the signal of grey light in cd/m2 on a display of 1000 cd/m2: ITU-R BT.2100."""
    scene = (light / 1000) ** (1 / 1.2)
    logarithm = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    signal: Array = np.where(scene <= 1 / 12, np.sqrt(3 * scene), logarithm)
    return signal


@pytest.mark.parametrize(("transfer", "signal"), [(16, pq), (18, hlg)])
@pytest.mark.parametrize("primaries", [1, 9, 12])
def test_hdr_is_tone_mapped(transfer: int, signal: Any, primaries: int) -> None:
    light = np.array([0.5, 2, 5, 10, 25, 50, 100, 180, 203, 400, 1000])
    stored = np.rint(65535 * signal(light))[None, :, None].repeat(3, 2)
    seen = load(rgb16(stored, chunk(b"cICP", bytes((primaries, transfer, 0, 1)))))[0]
    assert np.ptp(seen, axis=1).max() <= 1  # grey stays grey
    dark = light <= 180  # up to 0.9 of white, 203 cd/m2, nothing is changed
    assert np.abs(seen[dark, 0] - encode(light[dark] / 203)).max() <= 1.5
    assert (np.diff(seen[:, 0]) > 0).all()
    assert seen[-1, 0] == 255
    assert 245 < seen[8, 0] < 255


def test_hdr_keeps_the_hue_and_the_primaries() -> None:
    # Linear BT.2020
    light = np.array([[40.0, 80.0, 20.0], [500.0, 800.0, 400.0]])
    stored = np.rint(65535 * pq(light))[None]
    dark, bright = load(rgb16(stored, chunk(b"cICP", bytes((9, 16, 0, 1)))))[0]
    # ITU-R BT.2087, from BT.2020 to BT.709
    matrix = np.array(
        [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
    )
    assert np.abs(dark - encode(matrix @ light[0] / 203)).max() <= 1.01
    red, green, _ = to_linear(bright)
    assert green / red == pytest.approx((matrix @ light[1])[1] / (matrix @ light[1])[0], rel=0.03)


def test_unknown_numbers_of_a_colour_space_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    stored = NOISE // 257
    seen = load(rgb8(stored, chunk(b"cICP", bytes((99, 98, 1, 1)))))
    assert (seen == stored).all()
    for word in ("primaries 99", "transfer 98", "matrix 1"):
        assert word in caplog.text


LARGE = zlib.compress(bytes(100_000_000), 9)


@pytest.mark.parametrize(
    ("chunks", "warning"),
    [
        (chunk(b"iTXt", b"workflow\0\1\0\0\0" + zlib.compress(b"x" * 3_000_000)), None),
        (chunk(b"zTXt", b"workflow\0\0" + zlib.compress(b"x" * 3_000_000)), None),
        (chunk(b"tEXt", b"workflow\0" + b"x" * 3_000_000), None),
        (chunk(b"zTXt", b"workflow\0\0" + LARGE), "zTXt"),
        (chunk(b"zTXt", b"workflow\0\3abc"), "zTXt"),
        (struct.pack(">I", 3) + b"tEXta\0bCRC?", "tEXt"),
        (struct.pack(">I", 4) + b"gAMA\0\1\x86\xa0CRC?", "gAMA"),
    ],
)
def test_texts_do_not_stop_the_reading(
    chunks: bytes, warning: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    limits = PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY
    assert (load(rgb8(NOISE // 257, chunks)) == NOISE // 257).all()
    assert (warning or "not read") in caplog.text or warning is None
    assert bool(caplog.text) == (warning is not None)
    assert limits == (PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY)


def test_a_large_profile_is_used() -> None:
    icc = bytearray(rgb_profile(SRGB, 1.0) + bytes(3_000_000))
    icc[:4] = struct.pack(">I", len(icc))
    noise = np.random.default_rng(0).bytes(3_000_000)
    icc[-len(noise) :] = noise
    seen = load(rgb8(np.full((4, 4, 3), 128), iccp(bytes(icc))))
    assert np.abs(seen - 188).max() <= 1


def test_a_png_without_its_last_chunk_is_read() -> None:
    encoded = rgb8(NOISE // 257)
    for cut in (1, 5, 12):
        assert (load(encoded[:-cut]) == NOISE // 257).all()


def test_an_animation_of_16_bits_and_a_gamma(caplog: pytest.LogCaptureFixture) -> None:
    control = chunk(b"acTL", struct.pack(">II", 1, 0))
    frame = chunk(b"fcTL", struct.pack(">5I2H2B", 0, 16, 16, 0, 0, 1, 10, 0, 0))
    with caplog.at_level(logging.INFO):
        seen = load(rgb16(NOISE, gama(1.0) + control + frame))
    assert np.abs(seen - 255 * (NOISE / 65535) ** (1 / 2.2)).max() <= 13  # from 8 bits


def test_a_damaged_16_bit_picture_is_refused() -> None:
    for cut in (100, 600):
        with pytest.raises(PictureError):
            load(rgb16(NOISE)[:-cut])
