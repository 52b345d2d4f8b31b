"""Sinks: the checks before the first frame, audio, and clips that killed processes left behind."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from clip_probe import clip_path, pattern, probe, run_ffmpeg, source
from PIL import Image

from neuralpaint.errors import EncodingError, UsageError
from neuralpaint.runtime.files import remove_stale_parts
from neuralpaint.video import ffmpeg
from neuralpaint.video.formats import Format, format_for, formats
from neuralpaint.video.reader import read_tag
from neuralpaint.video.sinks import check_clip, sink_for
from neuralpaint.video.writer import ClipWriter

MP4 = formats["mp4"]()
PNG = formats["png"]()


def test_checking_returns_the_real_path_and_creates_nothing(tmp_path: Path) -> None:
    assert check_clip(tmp_path / "a.mp4", MP4) == tmp_path.resolve() / "a.mp4"
    assert check_clip(f"{tmp_path}/frames/", PNG) == tmp_path.resolve() / "frames"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format_", [MP4, PNG])
def test_impossible_targets(tmp_path: Path, format_: Format) -> None:
    for path in (tmp_path / "no" / "a", tmp_path / ("x" * 300), tmp_path / "nul\0", "/dev/null"):
        with pytest.raises(UsageError) as caught:
            check_clip(path, format_, overwrite=True)
        assert "\n" not in str(caught.value)


def test_a_clip_cannot_replace_a_folder_nor_a_folder_of_frames_a_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        check_clip(tmp_path, MP4, overwrite=True)
    (tmp_path / "file").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(UsageError, match="is not a folder"):
            check_clip(tmp_path / "file", PNG, overwrite=overwrite)


def test_an_empty_folder_can_be_used_without_overwrite(tmp_path: Path) -> None:
    check_clip(tmp_path, PNG)
    (tmp_path / "00001.png").write_bytes(b"")
    with pytest.raises(UsageError, match="-y"):
        check_clip(tmp_path, PNG)
    check_clip(tmp_path, PNG, overwrite=True)


@pytest.mark.parametrize(
    ("name", "height", "width", "fps", "words"),
    [
        ("mp4", 0, 5, 30, "5x0: choose at least 1x1"),
        ("mkv", 9, 70000, 30, "mkv does not support 70000x9"),
        ("mp4", 9, 9, 0, "fps must be a number above 0, not 0"),
        ("mp4", 9, 9, float("nan"), "fps"),
        ("gif", 9, 9, 60, "gif supports at most 50 frames a second, not 60: lower --fps"),
    ],
)
def test_sizes_and_rates_that_a_format_does_not_support(
    tmp_path: Path, name: str, height: int, width: int, fps: float, words: str
) -> None:
    format_ = formats[name]()
    with pytest.raises(UsageError, match=words):
        check_clip(tmp_path / "a", format_, height=height, width=width, fps=fps)
    check_clip(tmp_path / "a", format_, height=9, width=9, fps=50)


def test_an_unwritable_folder(unprivileged_folder: Path) -> None:
    unprivileged_folder.chmod(0o500)
    with pytest.raises(EncodingError, match="Permission denied"):
        check_clip(unprivileged_folder / "a.mp4", MP4)


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
    with pytest.raises(EncodingError, match=r"IMAGEIO_FFMPEG_EXE is '.*nothing': correct it"):
        check_clip(tmp_path / "a.mp4", MP4)


def test_the_first_error_of_ffmpeg_is_reported(
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


ABLE = [name for name in formats if formats[name].audio_codec]
SILENT = [name for name in formats if not formats[name].audio_codec]


def make_audio(path: Path, *, seconds: float) -> Path:
    tone = f"sine=frequency=440:sample_rate=44100:duration={seconds}"
    run_ffmpeg("-f", "lavfi", "-i", tone, "-metadata", "comment=of the song", "-y", str(path))
    return path


def write_with_audio(path: Path, audio: Path, *, fps: float = 30, frames: int = 20) -> Path:
    with ClipWriter(path, height=32, width=32, fps=fps, tag="the tag", audio=audio) as clip:
        for frame in pattern(frames, height=32, width=32):
            clip.write(frame)
    return path


def decode_audio(path: Path) -> np.ndarray:
    """Return the audio samples, at 48000 Hz, mono."""
    raw, _ = run_ffmpeg(
        *source(path), "-map", "0:a:0", "-ac", "1", "-ar", "48000", "-f", "s16le", "-"
    )
    return np.frombuffer(raw, np.int16)


@pytest.mark.parametrize("name", ABLE)
@pytest.mark.parametrize("seconds", [0.2, 3])
def test_the_audio_is_as_long_as_the_clip(tmp_path: Path, name: str, seconds: float) -> None:
    audio = make_audio(tmp_path / "song.wav", seconds=seconds)
    path = write_with_audio(clip_path(tmp_path, name), audio)
    silent = tmp_path / "silent"
    silent.mkdir()
    with ClipWriter(clip_path(silent, name), height=32, width=32, fps=30) as clip:
        for frame in pattern(20, height=32, width=32):
            clip.write(frame)
    assert probe(path) == probe(clip_path(silent, name))
    samples = decode_audio(path)
    packet = 0 if name in ("mkv", "mov") else 2 * 1024  # lossy codecs fill their last packet
    assert abs(len(samples) - 48000 * 20 / 30) <= packet
    loud = np.abs(samples) > 500
    assert loud[:4800].any()
    assert loud[-4800:].any() == (seconds > 1)
    assert read_tag(path) == "the tag"
    assert sorted(os.listdir(tmp_path)) == sorted(["silent", "song.wav", path.name])


def test_the_audio_starts_with_the_clip(tmp_path: Path) -> None:
    audio = make_audio(tmp_path / "song.wav", seconds=1)
    for name in ABLE:
        samples = decode_audio(write_with_audio(clip_path(tmp_path, name), audio))
        first = int(np.argmax(np.abs(samples) > 500))
        assert first < 48000 * 0.03, name


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_audio_does_not_change_the_index_and_the_colour_labels(tmp_path: Path, suffix: str) -> None:
    audio = make_audio(tmp_path / "song.wav", seconds=1)
    raw = write_with_audio(tmp_path / f"a{suffix}", audio).read_bytes()
    assert raw.index(b"moov") < raw.index(b"mdat")
    assert b"colr" in raw


# All layouts with a name whose channels ffmpeg can mix, and some without a name.
LAYOUTS = [
    "mono", "stereo", "2.1", "3.0", "3.0(back)", "4.0", "quad", "quad(side)", "3.1", "5.0",
    "5.0(side)", "4.1", "5.1", "5.1(side)", "6.0", "6.0(front)", "3.1.2", "hexagonal", "6.1",
    "6.1(back)", "6.1(front)", "7.0", "7.0(front)", "7.1", "7.1(wide)", "7.1(wide-side)", "5.1.2",
    "5.1.2(back)", "octagonal", "cube", "5.1.4", "7.1.2", "7.1.4", "7.2.3", "9.1.4", "9.1.6",
    "hexadecagonal", "downmix", "22.2", "1 channels", "3 channels", "4 channels", "12 channels",
]  # fmt: skip


def make_noise(path: Path, layout: str) -> Path:
    """Write half a second of loud noise in every channel of a layout."""
    raw = path.with_suffix(".raw")
    raw.write_bytes(np.random.default_rng(0).bytes(24 * 48000))
    given = ["-f", "s16le", "-ar", "48000", "-ch_layout", layout, "-i", str(raw), "-t", "0.5"]
    run_ffmpeg(*given, "-c:a", "pcm_s16le", "-y", str(path))
    raw.unlink()
    return path


@pytest.mark.slow
@pytest.mark.parametrize("name", ABLE)
def test_every_layout_of_channels_is_accepted_or_refused(tmp_path: Path, name: str) -> None:
    for layout in LAYOUTS:
        noise = make_noise(tmp_path / "noise.caf", layout)
        check_clip(clip_path(tmp_path, name), formats[name](), audio=noise)
    noise = make_noise(tmp_path / "noise.wav", "FL+FC")  # no layout that ffmpeg can mix
    with pytest.raises(UsageError, match=r"noise\.wav.* cannot be encoded .*: convert it to"):
        check_clip(clip_path(tmp_path, name), formats[name](), audio=noise)


@pytest.mark.parametrize("name", ABLE)
@pytest.mark.parametrize(("layout", "channels"), [("5.1(side)", 6), ("22.2", 8), ("quad", 6)])
def test_channels_are_mixed_to_a_layout_that_players_know(
    tmp_path: Path, name: str, layout: str, channels: int
) -> None:
    audio = make_noise(tmp_path / "noise.wav", layout)
    path = write_with_audio(clip_path(tmp_path, name), audio)
    raw, _ = run_ffmpeg(*source(path), "-map", "0:a:0", "-f", "s16le", "-")
    samples = np.frombuffer(raw, np.int16).reshape(-1, channels)
    assert len(samples) == pytest.approx(48000 * 20 / 30, abs=2 * 1024)
    assert np.abs(samples[:, :2]).max() > 5000


@pytest.mark.parametrize("name", ABLE)
def test_a_clip_is_kept_when_its_audio_cannot_be_added(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    audio = make_audio(tmp_path / "song.wav", seconds=1)
    path = clip_path(tmp_path, name)
    with ClipWriter(path, height=32, width=32, fps=30, tag="the tag", audio=audio) as clip:
        for frame in pattern(20, height=32, width=32):
            clip.write(frame)
        audio.unlink()
    assert probe(path).frames == 20
    assert read_tag(path) == "the tag"
    assert [path.name] == os.listdir(tmp_path)
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    assert "the clip has no sound" in record.message


@pytest.mark.parametrize("suffix", [".mp3", ".flac", ".ogg", ".m4a"])
def test_common_audio_formats(tmp_path: Path, suffix: str) -> None:
    audio = make_audio(tmp_path / f"-i été:{suffix}", seconds=1)
    assert len(decode_audio(write_with_audio(tmp_path / "a.mp4", audio)))


@pytest.mark.parametrize("name", SILENT)
def test_audio_for_a_format_without_audio_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        UsageError, match=rf"{name} does not support sound: choose from mkv, mov, mp4"
    ):
        check_clip(tmp_path / "x", formats[name](), audio=tmp_path / "song.wav")


def test_files_without_audio_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.mp3").write_text("hello, hello")
    write = format_for("a.mp4")
    with pytest.raises(UsageError, match=r"cannot read sound from .*text\.mp3"):
        check_clip(tmp_path / "a.mp4", write, audio=tmp_path / "text.mp3")
    with pytest.raises(UsageError, match="no audio file"):
        check_clip(tmp_path / "a.mp4", write, audio=tmp_path / "missing.mp3")
    with pytest.raises(UsageError, match="no audio file"):
        check_clip(tmp_path / "a.mp4", write, audio=tmp_path)
    with ClipWriter(tmp_path / "mute.mp4", height=32, width=32, fps=30) as clip:
        clip.write(pattern(1, height=32, width=32)[0])
    Image.new("RGB", (8, 8)).save(tmp_path / "picture.png")
    for name in ("mute.mp4", "picture.png"):
        with pytest.raises(UsageError, match=f"there is no sound in .*{name}"):
            check_clip(tmp_path / "a.mp4", write, audio=tmp_path / name)
    make_audio(tmp_path / "empty.wav", seconds=1)
    (tmp_path / "empty.wav").write_bytes((tmp_path / "empty.wav").read_bytes()[:78])
    with pytest.raises(UsageError, match="sound"):
        check_clip(tmp_path / "a.mp4", write, audio=tmp_path / "empty.wav")


def abandon(path: Path, *, kind: str = "part", complete: bool = True) -> Path:
    """Create the file that a killed process leaves behind for `path`."""
    with ClipWriter(path, height=32, width=32, fps=30) as clip:
        for frame in pattern(3, height=32, width=32):
            clip.write(frame)
    part = path.with_name(f".{path.stem}.1.{kind}{path.suffix}")
    raw = path.read_bytes()
    path.unlink()
    part.write_bytes(raw if complete else raw[: len(raw) // 3])
    return part


def recover(target: Path, name: str) -> list[Path]:
    return remove_stale_parts(target, keep=sink_for(formats[name]()).make_playable)


@pytest.mark.parametrize("kind", ["part", "sound"])
def test_a_complete_part_file_is_recovered(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "a.mp4"
    abandon(target, kind=kind)
    (kept,) = recover(target, "mp4")
    assert os.listdir(tmp_path) == [kept.name] == ["a.recovered.mp4"]
    assert probe(kept).frames == 3


@pytest.mark.parametrize("name", ["mp4", "gif"])
def test_a_part_file_that_cannot_be_played_is_deleted(tmp_path: Path, name: str) -> None:
    abandon(tmp_path / "a.mp4", complete=False).rename(tmp_path / f".a.1.part.{name}")
    (tmp_path / f".a.2.part.{name}").touch()
    assert recover(tmp_path / f"a.{name}", name) == []
    assert os.listdir(tmp_path) == []


def test_the_complete_frames_of_a_folder_are_recovered(tmp_path: Path) -> None:
    part = tmp_path / ".frames.1.part"
    part.mkdir()
    for name in ("00001.png", "00002.png", "00003.part"):
        (part / name).write_bytes(b"frame")
    (tmp_path / ".frames.2.part").mkdir()
    assert recover(tmp_path / "frames", "png") == [tmp_path / "frames.recovered"]
    assert sorted(os.listdir(tmp_path / "frames.recovered")) == ["00001.png", "00002.png"]
    assert os.listdir(tmp_path) == ["frames.recovered"]


@pytest.mark.parametrize("name", [*formats])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (2, 300), (65, 33), (9, 1)])
def test_what_passes_the_check_can_be_written(
    tmp_path: Path, name: str, height: int, width: int
) -> None:
    path = clip_path(tmp_path, name)
    if (name, width) == ("mkv", 1) and height > 1:  # FFV1 has no slices for it
        with pytest.raises(UsageError, match=r"mkv cannot be encoded at 1x9 and 30 .*: choose"):
            check_clip(path, formats[name](), height=height, width=width, fps=30)
        return
    with ClipWriter(path, height=height, width=width, fps=30, format=name) as clip:
        for frame in pattern(3, height=height, width=width):
            clip.write(frame)
    assert path.exists()
