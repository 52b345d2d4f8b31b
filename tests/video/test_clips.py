"""Clips of many kinds: their frames, times and colours are those that were written."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from clip_probe import run_ffmpeg
from colour_cards import CURVES, MATRICES, PRIMARIES, card, linear, planes, signal
from numbered import encode, number_of, numbered, psnr
from numpy.typing import NDArray
from PIL import Image

import neuralpaint.video.reader
from neuralpaint.errors import EncodingError, PictureError
from neuralpaint.image.picture_files import CLIP_SUFFIXES
from neuralpaint.image.pictures import load_picture
from neuralpaint.video.frames import Frames, load_frames

RATE = 25
SMALL = numbered(21, height=48, width=64)


def numbers(frames: Frames) -> list[int]:
    return [number_of(picture.pixels) for picture in frames.pictures]


def seconds(frames: Frames) -> list[float]:
    """Return the time of each frame, from the first one."""
    return [float(time) * frames.seconds for time in frames.times]


# Codecs, with several frames between key frames, and B-frames where they have them.
CODECS = {
    "mpeg4": "mpeg4 -q:v 3 -g 8",
    "mpeg4-b": "mpeg4 -bf 2 -q:v 3 -g 8",
    "mpeg2": "mpeg2video -q:v 3 -g 8",
    "mpeg2-b": "mpeg2video -bf 2 -q:v 3 -g 8",
    "mpeg1-b": "mpeg1video -bf 2 -q:v 3 -g 8",
    "h264": "libx264 -bf 0 -g 8 -pix_fmt yuv420p -crf 18",
    "h264-b": "libx264 -bf 3 -g 8 -pix_fmt yuv420p -crf 18",
    "h264-open": "libx264 -bf 3 -g 8 -x264-params open-gop=1 -pix_fmt yuv420p -crf 18",
    "hevc-b": "libx265 -x265-params log-level=none:bframes=4:keyint=8 -pix_fmt yuv420p",
    "hevc": "libx265 -x265-params log-level=none -pix_fmt yuv420p",
    "vp9": "libvpx-vp9 -deadline realtime -cpu-used 8 -crf 20 -b:v 0",
    "theora": "libtheora -q:v 9",
    "wmv2": "wmv2 -q:v 3",
    "mjpeg": "mjpeg -q:v 3",
    "ffv1": "ffv1",
}
CONTAINERS = {
    ".avi": "mpeg4 mpeg4-b mpeg2-b mpeg1-b h264-b ffv1",
    ".mpg": "mpeg4-b mpeg2 mpeg2-b mpeg1-b h264-b hevc hevc-b",
    ".vob": "mpeg2-b",
    ".ts": "mpeg4-b mpeg2-b h264-open hevc-b",
    ".m2ts": "h264-b",
    ".mp4": "mpeg4-b mpeg2-b h264-b hevc-b",
    ".mov": "mpeg4-b h264-open mjpeg",
    ".mkv": "mpeg2-b h264-b vp9 ffv1",
    ".webm": "vp9",
    ".nut": "mpeg4-b h264-b",
    ".flv": "h264-b",
    ".mxf": "mpeg2-b h264-b",
    ".asf": "mpeg4-b h264-b",
    ".wmv": "wmv2",
    ".ogv": "theora",
    ".3gp": "h264-b",
    ".wtv": "mpeg2-b",
    ".h264": "h264-b",
    ".hevc": "hevc-b",
    ".m2v": "mpeg2-b",
    ".ivf": "vp9",
    ".mjpeg": "mjpeg",
}


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [(suffix, codec) for suffix, codecs in CONTAINERS.items() for codec in codecs.split()],
)
def test_frames_come_in_order_at_their_times(tmp_path: Path, suffix: str, codec: str) -> None:
    path = encode(tmp_path / f"a{suffix}", SMALL, "-c:v", *CODECS[codec].split())
    frames = load_frames(path, count=21)
    assert numbers(frames) == list(range(21))
    assert seconds(frames) == pytest.approx(np.arange(21) / RATE, abs=0.002)
    for picture, source in zip(frames.pictures, SMALL, strict=True):
        assert psnr(picture.pixels, source) > 25
    assert numbers(load_frames(path, count=5)) == [0, 5, 10, 15, 20]


LONG = numbered(200, height=48, width=64)


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        (".ts", "mpeg4 -q:v 3 -g 60"),  # entered between key frames, it decodes to garbage
        (".ts", "mpeg4 -bf 2 -q:v 3 -g 60"),
        (".wtv", "mpeg4 -q:v 3 -g 60"),
        (".ts", "libx264 -bf 3 -g 60 -x264-params open-gop=1 -pix_fmt yuv420p"),
        (".mp4", "libx264 -bf 3 -g 60 -pix_fmt yuv420p"),
        (".mkv", "libx264 -bf 3 -g 250 -pix_fmt yuv420p"),
        (".mpg", "libx264 -bf 3 -g 60 -pix_fmt yuv420p"),
        (".flv", "libx264 -bf 3 -g 60 -pix_fmt yuv420p"),
        (".nut", "ffv1"),
    ],
)
def test_frames_far_from_each_other(tmp_path: Path, suffix: str, codec: str) -> None:
    path = encode(tmp_path / f"a{suffix}", LONG, "-c:v", *codec.split(), rate="2")
    frames = load_frames(path, count=6)
    assert numbers(frames) == [0, 40, 80, 119, 159, 199]
    assert frames.seconds == pytest.approx(99.5, abs=0.01)


@pytest.mark.parametrize("suffix", [".mkv", ".h264"])  # with times, and without
def test_a_thousand_frames(tmp_path: Path, suffix: str) -> None:
    bits = np.arange(1001)[:, None] >> np.arange(10) & 1  # a bar for each binary digit
    frames = (bits * 255).astype(np.uint8)[:, None, :, None].repeat(16, axis=1).repeat(8, axis=2)
    codec = "libx264 -qp 1 -preset ultrafast -pix_fmt yuv444p"
    path = encode(tmp_path / f"a{suffix}", frames, "-c:v", *codec.split(), pixels="gray")
    loaded = load_frames(path, count=1000)
    shown = np.array([picture.pixels[8, 4::8, 1] > 128 for picture in loaded.pictures])
    assert (shown << np.arange(10)).sum(axis=1).tolist() == [*range(500), *range(501, 1001)]


VARIABLE = [0, 1, 2, 3, 8, 9, 10, 30, 31, 32, 33, 34, 40, 60, 61, 62, 63, 64, 90, 91, 95]  # 1/25 s


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".mov", ".nut", ".ts", ".flv", ".wmv"])
def test_a_variable_rate_is_kept(tmp_path: Path, suffix: str) -> None:
    codec = {".webm": "vp9", ".wmv": "wmv2"}.get(suffix, "h264-b")
    uneven = "+".join(f"{time}*eq(N,{n})" for n, time in enumerate(VARIABLE))
    path = encode(
        tmp_path / f"a{suffix}",
        SMALL,
        *("-fps_mode", "vfr", "-c:v", *CODECS[codec].split()),
        filters=[f"setpts='({uneven})/25/TB'"],
    )
    frames = load_frames(path, count=21)
    assert numbers(frames) == list(range(21))
    assert seconds(frames) == pytest.approx(np.array(VARIABLE) / RATE, abs=0.002)


ODD_TIMES = {
    "they wrap": (".ts", "-output_ts_offset 95443.3"),
    "they begin late": (".mkv", "-output_ts_offset 1000000"),
    "they begin late, in a program stream": (".mpg", "-output_ts_offset 5000"),
    "they begin below zero": (".ts", "-output_ts_offset -2"),
    "one is far away": (".mkv", r"-bsf:v setts=pts=PTS+eq(N\,20)*1e9:dts=DTS+eq(N\,20)*1e9"),
    "all are equal": (".mkv", "-bsf:v setts=pts=0:dts=0"),
}


@pytest.mark.parametrize("case", list(ODD_TIMES))
def test_odd_times(tmp_path: Path, case: str) -> None:
    suffix, options = ODD_TIMES[case]
    codec = ("-c:v", *CODECS["h264"].split())
    path = encode(tmp_path / f"a{suffix}", SMALL, *codec, *options.split())
    frames = load_frames(path, count=21)
    assert numbers(frames) == list(range(21))
    assert seconds(frames) == pytest.approx(np.arange(21) / RATE, abs=0.003)


def test_frames_that_are_edited_out_are_not_shown(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", SMALL, "-c:v", *CODECS["h264-b"].split())
    cut, late = tmp_path / "cut.mp4", tmp_path / "late.mp4"
    run_ffmpeg("-ss", "0.2", "-i", str(path), "-c", "copy", str(cut))
    frames = load_frames(cut, count=21)
    assert numbers(frames) == list(range(5, 21))
    assert frames.seconds == pytest.approx(15 / RATE, abs=0.002)
    sound = ("-f", "lavfi", "-i", "sine=duration=2")
    run_ffmpeg("-itsoffset", "0.7", "-i", str(path), *sound, "-c:v", "copy", str(late))
    assert numbers(load_frames(late, count=3)) == [0, 10, 20]


def test_frames_that_cannot_be_decoded_are_left_out(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.ts", SMALL, "-c:v", *CODECS["mpeg2-b"].split())
    packets = path.read_bytes()
    path.write_bytes(packets[len(packets) // 2 // 188 * 188 :])
    frames = load_frames(path, count=5)
    shown = numbers(frames)
    assert len(shown) == 5
    assert shown == sorted(shown)
    assert shown[0] > 5
    expected = np.array(shown) - shown[0]
    assert seconds(frames) == pytest.approx(expected / RATE, abs=0.003)


@pytest.mark.parametrize("suffix", [".avi", ".mov", ".mkv", ".nut"])
def test_missing_frames_do_not_shift_others(tmp_path: Path, suffix: str) -> None:
    path = encode(tmp_path / f"a{suffix}", SMALL, "-c:v", "png")
    pictures = path.read_bytes().split(b"IHDR")
    pictures[17] = bytes(8) + pictures[17][8:]  # the size of a picture
    path.write_bytes(b"IHDR".join(pictures))
    frames = load_frames(path, count=21)
    assert numbers(frames) == [n for n in range(21) if n != 16]
    assert np.array(seconds(frames)) * RATE == pytest.approx(np.array(numbers(frames)), abs=0.1)


def test_the_times_of_a_divided_program_stream(tmp_path: Path) -> None:
    # Two packets have the same time of decoding, where the stream is divided between them.
    codec = "libx264 -bf 0 -g 12 -pix_fmt yuv420p -crf 18"
    path = encode(tmp_path / "a.mpg", numbered(40), "-c:v", *codec.split())
    frames = load_frames(path, count=40)
    assert numbers(frames) == list(range(40))
    assert seconds(frames) == pytest.approx(np.arange(40) / RATE, abs=0.002)


# Transparency

BEHIND = np.array([30, 200, 90])


def transparent() -> NDArray[np.uint8]:
    """Return RGBA frames: hidden magenta, half transparent red, opaque blue and a changing one."""
    frames = np.zeros((4, 48, 64, 4), np.uint8)
    frames[...] = (255, 0, 255, 0)
    frames[:, :, 16:32] = (200, 40, 30, 128)
    frames[:, :, 32:] = (40, 60, 220, 255)
    frames[:, :, 48:] = [[[(60 * n, 180, 60, 255)]] for n in range(4)]
    return frames


TRANSPARENT = {
    "prores.mov": "prores_ks -profile:v 4444 -pix_fmt yuva444p10le",
    "prores.mkv": "prores_ks -profile:v 4444 -pix_fmt yuva444p10le",
    "qtrle.mov": "qtrle -pix_fmt argb",
    "png.mov": "png -pix_fmt rgba",
    "png16.mkv": "png -pix_fmt rgba64be",
    "png.avi": "png -pix_fmt rgba",
    "ffv1.mkv": "ffv1 -pix_fmt yuva420p",
    "ffv1.avi": "ffv1 -pix_fmt yuva444p10le",
    "ffv1.nut": "ffv1 -pix_fmt bgra",
    "ffv1.mov": "ffv1 -pix_fmt gbrap12le",
    "raw.avi": "rawvideo -pix_fmt bgra",
    "raw.nut": "rawvideo -pix_fmt rgba",
    "raw.mov": "rawvideo -pix_fmt argb",
    "utvideo.avi": "utvideo -pix_fmt gbrap",
    "magicyuv.mkv": "magicyuv -pix_fmt yuva444p",
    "huffyuv.avi": "huffyuv -pix_fmt bgra",
    "ffvhuff.mkv": "ffvhuff -pix_fmt yuva444p",
    "vp8.webm": "libvpx -pix_fmt yuva420p -auto-alt-ref 0 -b:v 2M",
    "vp9.webm": "libvpx-vp9 -pix_fmt yuva420p -auto-alt-ref 0 -crf 5 -b:v 0 -cpu-used 8",
    "vp9.mkv": "libvpx-vp9 -pix_fmt yuva420p -auto-alt-ref 0 -crf 5 -b:v 0 -cpu-used 8",
    "hevc.mp4": "libx265 -pix_fmt yuva420p -x265-params log-level=none:crf=5",
    "jpeg2000.mov": "jpeg2000 -pix_fmt rgba",
    "cineform.mov": "cfhd -pix_fmt gbrap12le",
    "hap.mov": "hap -format hap_alpha",
    "tiff.mov": "tiff -pix_fmt rgba",
    "targa.mov": "targa -pix_fmt bgra",
}


@pytest.mark.parametrize("name", list(TRANSPARENT))
def test_a_transparent_clip_is_composed_over_the_background(tmp_path: Path, name: str) -> None:
    frames = transparent()
    path = encode(
        tmp_path / name, frames, "-c:v", *TRANSPARENT[name].split(), pixels="rgba", rate="10"
    )
    loaded = load_frames(path, count=4, background="#1ec85a")
    alpha = frames[..., 3:] / 255
    expected = frames[..., :3] * alpha + BEHIND * (1 - alpha)
    middles = np.s_[24, 8::16]
    for picture, frame in zip(loaded.pictures, expected, strict=True):
        assert np.abs(picture.pixels[middles] - frame[middles]).max() <= 4


def test_a_clip_without_any_opaque_pixel_is_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Programs that write 32-bit AVI often leave the fourth byte at 0.
    frames = transparent()
    frames[..., 3] = 0
    path = encode(tmp_path / "a.avi", frames, "-c:v", "rawvideo", "-pix_fmt", "bgra", pixels="rgba")
    loaded = load_frames(path, count=4)
    assert np.array_equal([picture.pixels for picture in loaded.pictures], frames[..., :3])
    assert "transparent" in caplog.text


def test_premultiplied_alpha_is_straightened(tmp_path: Path) -> None:
    # An EXR has linear light and premultiplied alpha.
    light = linear(transparent()[..., :3])
    alpha = transparent()[..., 3:] / 255
    stored = np.concatenate([light[..., [1, 2, 0]] * alpha, alpha], axis=-1)
    path = encode(
        tmp_path / "a.mkv",
        stored.transpose(0, 3, 1, 2).astype("<f4"),
        *("-c:v", "exr", "-pix_fmt", "gbrapf32le"),
        pixels="gbrapf32le",
        filters=["setparams=alpha_mode=premultiplied"],
    )
    pixels = load_frames(path, count=2, background="#1ec85a").pictures[0].pixels
    expected = transparent()[0, ..., :3] * alpha[0] + BEHIND * (1 - alpha[0])
    assert np.abs(pixels[24, 8::16] - expected[24, 8::16]).max() <= 2


@pytest.mark.parametrize("transfer", ["bt709", "bt470bg", "arib-std-b67"])
def test_colours_are_converted_whatever_their_alpha(tmp_path: Path, transfer: str) -> None:
    frame = np.full((48, 64, 4), (150, 110, 70, 128), np.uint8)
    light = linear(frame[..., :3])
    matrix, primaries = ("bt709", "bt709") if transfer != "arib-std-b67" else ("bt2020nc", "bt2020")
    rgb = signal(light, primaries=primaries, transfer=transfer, matrix=matrix)
    colour = planes(rgb, matrix=matrix, full=False, bits=16)
    alpha = np.full((1, 48, 64), 128 * 257, "<u2")
    named = f"range=tv:colorspace={matrix}:color_primaries={primaries}:color_trc={transfer}"
    path = encode(
        tmp_path / "a.mkv",
        np.stack([np.concatenate([colour, alpha])] * 2),
        *("-c:v", "ffv1", "-strict", "-2"),
        pixels="yuva444p16le",
        filters=[f"setparams={named}"],
    )
    pixels = load_frames(path, count=2, background="#1ec85a").pictures[0].pixels
    expected = np.array([150, 110, 70]) * 128 / 255 + BEHIND * 127 / 255
    assert np.abs(pixels - expected).max() <= 2


# Fields


def moving(time: float) -> NDArray[np.float64]:
    """Return a picture on which a disc is at a place that depends on the time, in fields."""
    y, x = np.mgrid[0:96, 0:128]
    disc = 1 / (1 + np.exp((np.hypot(y - 48, x - 20 - 2.5 * time) - 16) / 1.5))
    return np.stack([200 * disc + 30, 60 + 0.8 * x, 90 + 0.7 * y], axis=-1)


def interlaced(order: str, *, count: int = 6) -> NDArray[np.uint8]:
    frames = np.stack([moving(2 * n) for n in range(count)])
    later = np.stack([moving(2 * n + 1) for n in range(count)])
    rows = np.s_[:, 1::2] if order == "tff" else np.s_[:, 0::2]
    frames[rows] = later[rows]
    return frames.round().astype(np.uint8)


INTERLACED = {
    "mpeg2.ts": "mpeg2video -flags +ildct+ilme -q:v 2 -bf 2",
    "mpeg2.mpg": "mpeg2video -flags +ildct+ilme -q:v 2 -bf 2",
    "mpeg2.mxf": "mpeg2video -flags +ildct+ilme -q:v 2",
    "h264.mp4": "libx264 -flags +ildct+ilme -crf 10 -pix_fmt yuv420p",
    "h264.ts": "libx264 -flags +ildct+ilme -crf 10 -pix_fmt yuv420p",
    "mpeg4.avi": "mpeg4 -flags +ildct+ilme -q:v 2",
    "prores.mov": "prores_ks -flags +ildct",
    "ffv1.mkv": "ffv1",
    "v210.mov": "v210",
    "raw.mov": "rawvideo -pix_fmt uyvy422",
    "huffyuv.mkv": "huffyuv -pix_fmt yuv422p",
    "utvideo.mkv": "utvideo",
    "mjpeg.mov": "mjpeg -q:v 2",
    "png.mov": "png",
    "cineform.mov": "cfhd",
    "jpeg2000.mkv": "jpeg2000 -pix_fmt yuv422p",
    "raw.y4m": "wrapped_avframe -pix_fmt yuv420p -strict -1",
}


@pytest.mark.parametrize("name", list(INTERLACED))
@pytest.mark.parametrize("order", ["tff", "bff"])
def test_fields_become_frames_at_the_time_of_the_first(
    tmp_path: Path, name: str, order: str
) -> None:
    path = encode(
        tmp_path / name,
        interlaced(order),
        *("-c:v", *INTERLACED[name].split()),
        *("-field_order", "tt" if order == "tff" else "bb"),
        filters=[f"setfield={order}"],
    )
    frames = load_frames(path, count=6)
    assert frames.seconds == pytest.approx(5 / RATE, abs=0.002)
    combed = min(psnr(interlaced(order)[n], moving(2 * n)) for n in range(6))
    for n, picture in enumerate(frames.pictures):
        assert psnr(picture.pixels, moving(2 * n)) > combed + 1.5
        assert psnr(picture.pixels, moving(2 * n)) > psnr(picture.pixels, moving(2 * n + 1)) + 2


def test_progressive_frames_are_not_deinterlaced(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, 32, 48, 3), dtype=np.uint8)
    path = encode(tmp_path / "a.mkv", frames, "-c:v", "ffv1", "-pix_fmt", "bgr0")
    assert np.array_equal([each.pixels for each in load_frames(path, count=3).pictures], frames)


# Colours

INNER = card([70, 110, 150, 190])  # inside the gamut of all primaries


def colour_clip(
    path: Path,
    light: NDArray[np.float64],
    *,
    matrix: str = "bt709",
    primaries: str = "bt709",
    transfer: str = "bt709",
    full: bool = False,
    bits: int = 12,
) -> Path:
    """Write a clip of two frames of light, of which 1 is white."""
    rgb = signal(light, primaries=primaries, transfer=transfer, matrix=matrix)
    frame = planes(rgb, matrix=matrix, full=full, bits=bits)
    span = "pc" if full else "tv"
    named = f"range={span}:colorspace={matrix}:color_primaries={primaries}:color_trc={transfer}"
    return encode(
        path,
        np.stack([frame, frame]),
        *("-c:v", "ffv1", "-strict", "-2"),
        pixels=f"{'gbrp' if matrix == 'gbr' else 'yuv444p'}{bits}le",
        filters=[f"setparams={named}"],
    )


def errors(path: Path, expected: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the errors of the first frame, in levels."""
    pixels = load_frames(path, count=2).pictures[0].pixels
    return np.abs(pixels.astype(int) - expected)


ODD_CURVES = ("log100", "log316", "arib-std-b67")
SIGNALS = [
    *[("bt709", "bt709", curve) for curve in CURVES if curve not in ODD_CURVES],
    *[("bt709", primaries, "bt709") for primaries in PRIMARIES],
    *[(matrix, "bt709", "bt709") for matrix in MATRICES],
    *[("gbr", "bt2020", curve) for curve in ("smpte2084", "log100", "log316", "linear")],
    ("bt2020nc", "bt2020", "bt2020-10"),
    ("bt2020nc", "bt2020", "smpte2084"),
    ("bt2020nc", "bt2020", "arib-std-b67"),
    ("ictcp", "bt2020", "smpte2084"),
    ("ycgco", "bt709", "bt709"),
    ("smpte170m", "smpte170m", "smpte170m"),
    ("bt470bg", "bt470bg", "bt470bg"),
    ("fcc", "bt470m", "bt470m"),
    ("bt709", "smpte432", "smpte2084"),
    ("bt709", "smpte432", "iec61966-2-1"),
]


@pytest.mark.parametrize(("matrix", "primaries", "transfer"), SIGNALS)
@pytest.mark.parametrize("full", [False, True])
def test_colours_become_srgb(
    tmp_path: Path, matrix: str, primaries: str, transfer: str, full: bool
) -> None:
    spans = {"gbr": (True,), **dict.fromkeys(["ycgco", "ictcp", "chroma-derived-nc"], (False,))}
    if full not in spans.get(matrix, (True, False)):
        pytest.skip("ffmpeg does not write this range")
    path = colour_clip(
        tmp_path / "a.mkv",
        linear(INNER),
        matrix=matrix,
        primaries=primaries,
        transfer=transfer,
        full=full,
    )
    away = errors(path, INNER)
    assert away.max() <= 2
    assert away.mean() < 0.7


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
@pytest.mark.parametrize("bits", [10, 12])
def test_ordinary_colours_of_hdr_are_those_of_sdr(tmp_path: Path, transfer: str, bits: int) -> None:
    pixels = card([0, 40, 128, 192, 235])
    path = colour_clip(
        tmp_path / "a.mkv",
        linear(pixels),
        matrix="bt2020nc",
        primaries="bt2020",
        transfer=transfer,
        bits=bits,
    )
    away = errors(path, pixels)
    # The error of 10 bits is that of the format: dark levels of PQ and HLG are far apart.
    assert away.mean() < {10: 0.7, 12: 0.1}[bits]
    assert np.percentile(away, 99) <= {10: 8, 12: 2}[bits]


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_highlights_are_distinguished(tmp_path: Path, transfer: str) -> None:
    light = np.repeat([0.5, 0.8, 1.0, 1.5, 2.0, 3.0, 4.9], 8)[None, :, None] * np.ones((8, 1, 3))
    path = colour_clip(
        tmp_path / "a.mkv", light, matrix="bt2020nc", primaries="bt2020", transfer=transfer
    )
    row = load_frames(path, count=2).pictures[0].pixels[4, 4::8].astype(int)
    assert np.ptp(row, axis=1).max() <= 1
    greys = row[:, 1]
    assert greys[:2] == pytest.approx([188, 231], abs=1)
    assert 245 < greys[2] < greys[3] <= greys[4] <= greys[6] <= 255


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("colorspace=ycgco-re", "matrix 'ycgco-re'"),
        ("color_trc=smpte428", "'smpte428'"),
        ("color_primaries=smpte428", "primaries"),
    ],
)
def test_colours_that_cannot_be_converted_are_named(tmp_path: Path, name: str, words: str) -> None:
    path = encode(
        tmp_path / "a.mkv", SMALL, "-c:v", "ffv1", "-pix_fmt", "yuv444p",
        filters=[f"format=yuv444p,setparams={name}"],
    )  # fmt: skip
    with pytest.raises(PictureError, match=words):
        load_frames(path, count=2)


def test_dolby_vision_without_a_compatible_base_is_refused(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", SMALL, "-c:v", *CODECS["hevc-b"].split(), "-tag:v", "hvc1")
    record = bytes([1, 0, 5 << 1, 1 << 3 | 0b101, 0]) + bytes(19)  # profile 5, level 1
    box = (8 + len(record)).to_bytes(4, "big") + b"dvcC" + record
    path.write_bytes(with_box(path.read_bytes(), box, b"moov trak mdia minf stbl stsd hvc1"))
    with pytest.raises(PictureError, match="Dolby Vision of profile 5"):
        load_frames(path, count=2)


def with_box(raw: bytes, box: bytes, places: bytes) -> bytes:
    """Return an MP4, whose `moov` is last, with a box added at the end of a box inside others."""
    begin, end = 0, len(raw)
    sizes = []
    for name in places.split():
        begin = raw.index(name, begin, end) - 4
        sizes.append(begin)
        end = begin + int.from_bytes(raw[begin : begin + 4], "big")
    longer = bytearray(raw[:end] + box + raw[end:])
    for at in sizes:
        size = int.from_bytes(longer[at : at + 4], "big") + len(box)
        longer[at : at + 4] = size.to_bytes(4, "big")
    return bytes(longer)


PIXELS = (
    *("yuv420p", "yuv410p", "yuv411p", "yuv440p", "nv12", "uyvy422", "yuv420p10le"),
    *("yuv422p12le", "yuv444p16le", "gray", "gray10le", "gray16le", "ya8", "rgb24", "bgr0"),
    *("0rgb", "gbrp", "gbrp10le", "gbrp16le", "rgb48be", "rgb565le", "rgba64le", "gbrpf32le"),
    *("xyz12le", "y210le", "vuya"),
)


@pytest.mark.parametrize("pixels", PIXELS)
def test_every_layout_of_pixels_is_read(tmp_path: Path, pixels: str) -> None:
    grey = pixels.startswith(("gray", "ya"))
    frame = INNER if not grey else np.repeat(INNER[..., :1], 3, axis=-1)
    large = frame.repeat(4, axis=0).repeat(4, axis=1)  # for subsampled colours
    path = encode(
        tmp_path / "a.nut", np.stack([large, large]), "-c:v", "rawvideo", "-pix_fmt", pixels
    )
    middles = np.s_[8::16, 8::16]
    away = errors(path, large)[middles]
    assert away.max() <= (9 if pixels == "rgb565le" else 3)


def test_grey_of_limited_range(tmp_path: Path) -> None:
    levels = np.arange(16, 236, dtype=np.uint8).reshape(1, 1, 220).repeat(16, axis=1)
    path = encode(
        tmp_path / "a.mkv",
        np.concatenate([levels, levels])[..., None],
        *("-c:v", "ffv1"),
        pixels="gray",
        filters=["setparams=range=tv"],
    )
    row = load_frames(path, count=2).pictures[0].pixels[8, :, 0]
    assert row == pytest.approx((np.arange(220) * 255 / 219).round(), abs=1)


# Shapes and streams


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("turned", [90, 180, 270])
@pytest.mark.parametrize("wide", [1, 2])
def test_a_clip_is_upright_with_square_pixels(
    tmp_path: Path, suffix: str, turned: int, wide: int
) -> None:
    path = encode(
        tmp_path / "a.mp4", SMALL, "-c:v", *CODECS["h264-b"].split(), filters=[f"setsar={wide}"]
    )
    other = tmp_path / f"turned{suffix}"
    run_ffmpeg("-display_rotation", str(turned), "-i", str(path), "-c", "copy", str(other))
    pixels = load_frames(other, count=2).pictures[1].pixels
    stretched = SMALL[20].repeat(wide, axis=1)
    upright = np.rot90(stretched, turned // 90)
    assert pixels.shape == upright.shape
    assert psnr(pixels, upright) > 25


@pytest.mark.parametrize(("height", "width"), [(47, 63), (1, 1), (17, 5), (5, 200)])
@pytest.mark.parametrize("pixels", ["yuv420p", "yuv420p10le", "yuva420p"])
def test_odd_sizes(tmp_path: Path, height: int, width: int, pixels: str) -> None:
    frames = np.full((2, height, width, 3), (200, 60, 30), np.uint8)
    path = encode(tmp_path / "a.mkv", frames, "-c:v", "ffv1", "-pix_fmt", pixels)
    for hdr in (False, True):
        if hdr:
            named = "setparams=colorspace=bt2020nc:color_primaries=bt2020:color_trc=arib-std-b67"
            encode(path, frames, "-c:v", "ffv1", "-pix_fmt", pixels, filters=[named])
        read = load_frames(path, count=2).pictures[1].pixels
        assert read.shape == frames[1].shape
        assert np.ptp(read, axis=(0, 1)).max() <= 4
        assert hdr or np.abs(read.astype(int) - frames[1]).max() <= 3


@pytest.mark.parametrize("suffix", [".ts", ".h264"])
def test_frames_of_another_size_are_scaled(tmp_path: Path, suffix: str) -> None:
    codec = ("-c:v", *CODECS["h264"].split())
    parts = [
        encode(tmp_path / f"1{suffix}", SMALL[:10], *codec),
        encode(tmp_path / f"2{suffix}", SMALL[10:], *codec, filters=["scale=96:96"]),
    ]
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    frames = load_frames(path, count=21)
    assert {picture.pixels.shape for picture in frames.pictures} == {(48, 64, 3)}
    assert numbers(frames) == list(range(21))


@pytest.mark.parametrize("late", [50, 51])  # with 50 s, the times of decoding overlap
def test_parts_of_different_sizes_with_distant_frames(tmp_path: Path, late: int) -> None:
    codec = ("-c:v", "libx264", "-g", "10", "-pix_fmt", "yuv420p")
    second = ("-output_ts_offset", str(late))
    parts = [
        encode(tmp_path / "1.ts", LONG[:100], *codec, rate="2"),
        encode(tmp_path / "2.ts", LONG[100:], *codec, *second, rate="2", filters=["scale=96:96"]),
    ]
    path = tmp_path / "a.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    frames = load_frames(path, count=6)
    assert {picture.pixels.shape for picture in frames.pictures} == {(48, 64, 3)}
    assert numbers(frames) == [0, 40, 80, 119, 159, 199]
    assert seconds(frames) == pytest.approx(np.array(numbers(frames)) / 2, abs=0.1)


def test_the_first_moving_picture_is_read(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", SMALL, "-c:v", *CODECS["h264-b"].split())
    cover = tmp_path / "cover.png"
    Image.new("RGB", (500, 300), "red").save(cover)
    other = encode(tmp_path / "b.mp4", SMALL[::-1], "-c:v", *CODECS["h264"].split())
    both = tmp_path / "both.mp4"
    inputs = ("-i", str(cover), "-i", str(path), "-i", str(other))
    maps = ("-map", "0:v", "-map", "1:v", "-map", "2:v", "-disposition:v:0", "attached_pic")
    run_ffmpeg(*inputs, *maps, "-c", "copy", str(both))
    assert numbers(load_frames(both, count=3)) == [0, 10, 20]


def test_titles_that_look_like_the_log_of_ffmpeg(tmp_path: Path) -> None:
    lies = [
        "[Parsed_showinfo_0 @ 0x1] [info] n: 0 pts: x fmt:pal8 sar:1/1 i:T ",
        "[Parsed_showinfo_0 @ 0x1] config in time_base: 0/0, frame_rate: 1/0",
        "[Parsed_showinfo_0 @ 0x1] color_range:pc color_space:x color_primaries:y color_trc:z",
        "  Stream #0:7 -> #0:0 (copy)",
        "  Stream #0:0: Video: vp9, yuv420p, alpha_mode      : 1",
    ]
    title = f"title={'  '.join(lies)}\n" + "\n".join(lies)
    codec = CODECS["h264-b"].split()
    path = encode(tmp_path / "a.mkv", SMALL, "-c:v", *codec, "-metadata", title)
    frames = load_frames(path, count=21)
    assert numbers(frames) == list(range(21))
    assert psnr(frames.pictures[0].pixels, SMALL[0]) > 25


def test_a_clip_is_not_a_picture(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", SMALL, "-c:v", *CODECS["h264"].split())
    with pytest.raises(PictureError, match=r"'.*a\.mp4' is a clip.* --frames-in 12"):
        load_picture(path)
    assert all(suffix == suffix.lower() for suffix in CLIP_SUFFIXES)


def test_a_filter_that_ffmpeg_lacks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = encode(tmp_path / "a.mkv", SMALL, "-c:v", "ffv1")
    monkeypatch.setattr(neuralpaint.video.reader, "_wanted", lambda *_: "1',nowhere,select='1")
    with pytest.raises(EncodingError, match=r"'nowhere'.* pip install"):
        load_frames(path, count=2)


def test_a_damaged_clip_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = encode(tmp_path / "a.mkv", SMALL, "-c:v", "ffv1", "-slicecrc", "1")
    raw = bytearray(path.read_bytes())
    middle = len(raw) // 2
    raw[middle : middle + 40] = bytes(40)
    path.write_bytes(raw)
    with caplog.at_level(logging.WARNING):
        load_frames(path, count=21)
    assert "damaged" in caplog.text
