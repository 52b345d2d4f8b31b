"""The formats: their names and settings, and clips of each, encoded and decoded by ffmpeg."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clip_probe import Frames, clip_path, decode, pattern, probe, run_ffmpeg, source
from PIL import Image

from neuralpaint.errors import UnknownNameError, UsageError
from neuralpaint.video.ffmpeg import list_encoders
from neuralpaint.video.formats import exact_fps, format_for, formats
from neuralpaint.video.writer import ClipWriter


@pytest.mark.parametrize("name", list(formats))
def test_a_suffix_in_any_case_selects_its_format(name: str) -> None:
    for suffix in formats[name].suffixes:
        assert type(format_for(f"a.b{suffix}")) is formats[name]
        assert type(format_for(f"a{suffix.upper()}")) is formats[name]


def test_a_slash_or_the_format_selects_a_folder_of_pngs() -> None:
    assert formats.name_of(format_for("frames/")) == "png"
    assert formats.name_of(format_for("frames", "png")) == "png"


@pytest.mark.parametrize("path", ["out", "out.avi", "out.png", ".mp4", "out.mp4.txt"])
def test_the_error_for_an_unknown_suffix_lists_the_known_ones(path: str) -> None:
    with pytest.raises(UsageError, match=r"suffix.*\.apng, \.gif, .*\.mp4.*end in /"):
        format_for(path)


def test_a_format_is_parsed_with_its_settings() -> None:
    assert format_for("out.mp4", "mp4:crf=30").to_dict()["crf"] == 30
    assert formats.name_of(format_for("out.bin", "webm")) == "webm"


def test_a_suffix_of_another_format_is_refused() -> None:
    with pytest.raises(UsageError, match="the mp4 suffix, but --format is gif"):
        format_for("out.mp4", "gif")


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("mp5", "mp4"),
        ("mp4:crf=0", "at least 1"),
        ("mp4:preset=fats", "fast"),
        ("gif:colors=300", "at most 256"),
        ("webm:codec=vp9,speed=9", "at most 8"),
    ],
)
def test_the_error_for_a_wrong_setting_lists_the_choices(spec: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        format_for("out", spec)


def test_an_unknown_name_is_an_unknown_name_error() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean 'web[mp]'"):
        format_for("out", "webn")


@pytest.mark.parametrize("name", list(formats))
def test_the_spec_of_a_format_parses_to_the_same_format(name: str) -> None:
    entry = formats[name]()
    assert formats.parse(formats.spec(entry)) == entry
    assert entry.__doc__


@pytest.mark.parametrize("name", [name for name in formats if formats[name].muxer])
def test_this_ffmpeg_has_the_encoder(name: str) -> None:
    assert formats[name]().encoder(height=1080, width=1920) in list_encoders()


def test_only_formats_with_even_sizes_are_padded() -> None:
    assert formats["mp4"]().padded(height=427, width=641) == (428, 642)
    assert formats["mkv"]().padded(height=427, width=641) == (427, 641)


LOSSLESS = {"webp:lossless=yes", "apng", "mkv", "png"}
# codec, and pixel format with range and colours, as ffmpeg reports them
LABELS = {
    "mp4": ("h264 (High)", "yuv420p(tv, bt709, progressive)"),
    "mp4:crf=1": ("h264 (High)", "yuv420p(tv, bt709, progressive)"),
    "webm": ("av1", "yuv420p10le(tv, bt709, progressive)"),
    "webm:codec=vp9": ("vp9 (Profile 0)", "yuv420p(tv, bt709, progressive)"),
    "mov": ("prores (HQ)", "yuv422p10le(tv, bt709, progressive)"),
    "mov:profile=4444": ("prores (4444)", "yuv444p12le(tv, bt709, progressive)"),
    "gif": ("gif", "bgra"),
    "gif:palette=frame": ("gif", "bgra"),
    "webp": ("webp_anim", "argb"),
    "apng": ("apng", "rgb24"),
    "mkv": ("ffv1", "bgr0"),
}


def write_clip(path: Path, frames: Frames, *, fps: float = 30, spec: str | None = None) -> Path:
    _, height, width, _ = frames.shape
    spec = spec or (None if path.suffix else "png")
    with ClipWriter(path, height=height, width=width, fps=fps, format=spec) as clip:
        for frame in frames:
            clip.write(frame)
    assert clip.finished
    assert clip.frames == len(frames)
    return path


def name_of(spec: str) -> str:
    return spec.partition(":")[0]


def test_every_format_is_tested() -> None:
    assert {name_of(spec) for spec in LABELS} | {"png"} == set(formats)


@pytest.mark.parametrize("name", list(formats))
@pytest.mark.parametrize(("height", "width"), [(36, 64), (31, 41), (1, 1), (80, 66), (97, 121)])
def test_size_and_frame_count(tmp_path: Path, name: str, height: int, width: int) -> None:
    path = write_clip(clip_path(tmp_path, name), pattern(7, height=height, width=width))
    seen = probe(path)
    assert (seen.height, seen.width) == formats[name]().padded(height=height, width=width)
    assert seen.frames == 7


@pytest.mark.parametrize("name", list(formats))
def test_a_clip_can_have_one_frame(tmp_path: Path, name: str) -> None:
    frames = pattern(1, height=24, width=24)
    shown = decode(write_clip(clip_path(tmp_path, name), frames))
    assert len(shown) == 1
    assert np.abs(shown[0].astype(int) - frames[0]).mean() < 8


@pytest.mark.parametrize("name", [name for name in formats if name != "png"])
@pytest.mark.parametrize("fps", [30, 12.5, 29.97, 24, 50])
def test_rate_and_duration(tmp_path: Path, name: str, fps: float) -> None:
    seen = probe(write_clip(clip_path(tmp_path, name), pattern(25, height=24, width=32), fps=fps))
    exact = 25 / fps
    # gif rounds to 1/100 s, webp, mkv and webm to 1/1000 s; the errors must not add up
    unit = {"gif": 0.01, "webp": 0.001, "webm": 0.001, "mkv": 0.001}.get(name, 0.0001)
    last = 1 / fps  # ffmpeg reports the average for the last frame
    assert seen.seconds == pytest.approx(exact, abs=unit + last * 0.15)
    assert seen.fps == pytest.approx(fps, rel=0.15 if name == "gif" else 0.02)


@pytest.mark.parametrize(("given", "rate"), [
    (29.97, (30000, 1001)), (23.976, (24000, 1001)), (23.98, (24000, 1001)),
    (59.94, (60000, 1001)), (119.88, (120000, 1001)), (30000 / 1001, (30000, 1001)),
    (Fraction(30000, 1001), (30000, 1001)), (30, (30, 1)), (12.5, (25, 2)), (0.1, (1, 10)),
    (29.9, (299, 10)), (24.0, (24, 1)), (Fraction(2997, 100), (2997, 100)),
])  # fmt: skip
def test_rates_are_exact(given: float | Fraction, rate: tuple[int, int]) -> None:
    assert exact_fps(given) == Fraction(*rate)


def durations(path: Path) -> list[float]:
    """Return the duration of each frame in milliseconds."""
    with Image.open(path) as clip:
        shown = []
        for index in range(int(getattr(clip, "n_frames", 1))):
            clip.seek(index)
            clip.load()  # sets the duration of a WebP frame
            shown.append(float(clip.info["duration"]))
    return shown


@pytest.mark.parametrize(("name", "unit"), [("gif", 10), ("webp", 1), ("apng", 0.001)])
def test_the_rounded_delays_of_an_animation_add_up(tmp_path: Path, name: str, unit: float) -> None:
    frames = pattern(31, height=24, width=32)
    shown = durations(write_clip(clip_path(tmp_path, name), frames, fps=30))
    assert len(shown) == 31
    assert sum(shown) == pytest.approx(31 / 30 * 1000, abs=unit)
    assert max(shown) - min(shown) <= unit


def test_the_writer_reports_the_size_and_rate_of_the_clip(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with ClipWriter(path, height=31, width=41, fps=23.976) as clip:
        clip.write(pattern(1, height=31, width=41)[0])
    seen = probe(path)
    assert (clip.height, clip.width, clip.frames) == (seen.height, seen.width, seen.frames)
    assert clip.fps == 24000 / 1001


@pytest.mark.parametrize("spec", LABELS)
def test_codec_and_colour_labels(tmp_path: Path, spec: str) -> None:
    frames = pattern(5, height=64, width=96)
    seen = probe(write_clip(clip_path(tmp_path, name_of(spec)), frames, spec=spec))
    codec, pixels = LABELS[spec]
    assert codec in seen.codec
    assert seen.pixels.startswith(pixels)


@pytest.mark.parametrize("spec", sorted(LOSSLESS))
@pytest.mark.parametrize(("height", "width"), [(31, 41), (1, 1), (64, 64)])
def test_lossless_formats_are_exact(tmp_path: Path, spec: str, height: int, width: int) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (4, height, width, 3), dtype=np.uint8)
    path = write_clip(clip_path(tmp_path, name_of(spec)), frames, spec=spec)
    if spec.startswith("webp"):  # ffmpeg's decoder of animations goes through yuv
        with Image.open(path) as clip:
            shown = []
            for index in range(4):
                clip.seek(index)
                shown.append(np.asarray(clip.convert("RGB")))
        assert np.array_equal(np.stack(shown), frames)
    else:
        assert np.array_equal(decode(path), frames)


@pytest.mark.parametrize("spec", ["mp4", "webm", "webm:codec=vp9", "mov", "mov:profile=4444"])
def test_flat_colours_are_decoded_within_two_levels(tmp_path: Path, spec: str) -> None:
    colours = np.random.default_rng(1).integers(0, 256, (32, 3), dtype=np.uint8)
    colours[:8] = [[r, g, b] for r in (0, 255) for g in (0, 255) for b in (0, 255)]
    patches = colours.reshape(4, 8, 3).repeat(32, axis=0).repeat(32, axis=1)
    frames = np.stack([patches] * 3)
    shown = decode(write_clip(clip_path(tmp_path, name_of(spec)), frames, spec=spec))
    inside = shown[:, 16::32, 16::32].astype(int) - frames[:, 16::32, 16::32]
    assert np.abs(inside).max() <= 2


def test_flat_colours_of_webp(tmp_path: Path) -> None:
    patches = np.full((64, 64, 3), (200, 40, 90), np.uint8)
    path = write_clip(tmp_path / "a.webp", np.stack([patches, patches // 2]))
    with Image.open(path) as clip:
        assert (
            np.abs(np.asarray(clip.convert("RGB"))[32, 32].astype(int) - patches[32, 32]).max() < 4
        )


def test_the_padding_of_odd_sizes_repeats_the_edge(tmp_path: Path) -> None:
    frames = np.full((2, 31, 41, 3), 230, np.uint8)
    shown = decode(write_clip(tmp_path / "a.mp4", frames))
    assert shown.shape == (2, 32, 42, 3)
    assert shown.min() >= 228


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_the_index_is_at_the_beginning_of_the_file(tmp_path: Path, suffix: str) -> None:
    raw = write_clip(tmp_path / f"a{suffix}", pattern(5, height=32, width=32)).read_bytes()
    assert 0 < raw.index(b"moov") < raw.index(b"mdat")
    assert b"colr" in raw
    assert b"elst" not in raw


@pytest.mark.parametrize("name", list(formats))
def test_the_same_frames_make_the_same_file(tmp_path: Path, name: str) -> None:
    frames = pattern(6, height=72, width=80)
    both = []
    for run in ("one", "two"):
        (tmp_path / run).mkdir()
        path = write_clip(clip_path(tmp_path / run, name), frames)
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        both.append([file.read_bytes() for file in files])
    assert both[0] == both[1]


@pytest.mark.parametrize("name", ["gif", "webp", "apng"])
def test_animations_loop_forever(tmp_path: Path, name: str) -> None:
    path = write_clip(clip_path(tmp_path, name), pattern(3, height=24, width=24))
    with Image.open(path) as clip:
        assert clip.info["loop"] == 0


def test_a_fractional_rate_is_kept_exactly(tmp_path: Path) -> None:
    frames = pattern(4, height=32, width=32)
    path = tmp_path / "a.mp4"
    with ClipWriter(path, height=32, width=32, fps=Fraction(30000, 1001)) as clip:
        for frame in frames:
            clip.write(frame)
    raw, _ = run_ffmpeg(*source(path), "-map", "0:v:0", "-f", "framecrc", "-")
    assert b"#tb 0: 1001/30000" in raw


def test_key_frames_do_not_make_slow_changes_jump(tmp_path: Path) -> None:
    # A textured picture that changes by about a level in four seconds, as late in a training.
    rng = np.random.default_rng(0)
    texture, drift = rng.integers(60, 190, (96, 128, 3)), rng.normal(0, 2, (96, 128, 3))
    frames = np.stack([np.uint8(texture + drift * i / 119) for i in range(120)])
    decoded = decode(write_clip(tmp_path / "slow.mp4", frames)).astype(float)
    change = np.abs(np.diff(decoded, axis=0)).mean((1, 2, 3))
    assert change[30:].max() < 0.5


def test_the_time_to_encode_depends_on_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {}
    for cores in (1, 2, 4, 64):
        monkeypatch.setattr("neuralpaint.video.formats.available_cpus", lambda n=cores: n)
        seconds[cores] = {name: formats[name]().encoding_seconds(10**6) for name in formats}
    assert seconds[1]["mp4"] == 2 * seconds[2]["mp4"] == 4 * seconds[4]["mp4"]
    assert seconds[64]["mp4"] == seconds[2]["mp4"] / 4
    assert seconds[1]["gif"] == seconds[64]["gif"]  # one thread
