from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from clip_probe import ask_ffmpeg, clip_path, pattern, probe, source

from neuralpaint.errors import UsageError
from neuralpaint.video.formats import format_for, formats
from neuralpaint.video.reader import read_tag
from neuralpaint.video.sinks import check_clip
from neuralpaint.video.writer import ClipWriter

ABLE = [name for name in formats if formats[name].audio_codec]
SILENT = [name for name in formats if not formats[name].audio_codec]


def make_sound(path: Path, *, seconds: float) -> Path:
    tone = f"sine=frequency=440:sample_rate=44100:duration={seconds}"
    ask_ffmpeg("-f", "lavfi", "-i", tone, "-metadata", "comment=of the song", "-y", str(path))
    return path


def write_with_sound(path: Path, audio: Path, *, fps: float = 30, frames: int = 20) -> Path:
    with ClipWriter(path, height=32, width=32, fps=fps, tag="the tag", audio=audio) as clip:
        for frame in pattern(frames, height=32, width=32):
            clip.write(frame)
    return path


def hear(path: Path) -> np.ndarray:
    """Return the samples of the sound, at 48000 Hz, mono."""
    raw, _ = ask_ffmpeg(
        *source(path), "-map", "0:a:0", "-ac", "1", "-ar", "48000", "-f", "s16le", "-"
    )
    return np.frombuffer(raw, np.int16)


@pytest.mark.parametrize("name", ABLE)
@pytest.mark.parametrize("seconds", [0.2, 3])
def test_sound_is_as_long_as_the_film(tmp_path: Path, name: str, seconds: float) -> None:
    audio = make_sound(tmp_path / "song.wav", seconds=seconds)
    path = write_with_sound(clip_path(tmp_path, name), audio)
    silent = tmp_path / "silent"
    silent.mkdir()
    with ClipWriter(clip_path(silent, name), height=32, width=32, fps=30) as clip:
        for frame in pattern(20, height=32, width=32):
            clip.write(frame)
    film = probe(path)
    assert film == probe(clip_path(silent, name))
    samples = hear(path)
    packet = 0 if name in ("mkv", "mov") else 2 * 1024  # lossy codecs add what fills their packets
    assert abs(len(samples) - 48000 * 20 / 30) <= packet
    loud = np.abs(samples) > 500
    assert loud[:4800].any()
    assert loud[-4800:].any() == (seconds > 1)
    assert read_tag(path) == "the tag"
    assert sorted(os.listdir(tmp_path)) == sorted(["silent", "song.wav", path.name])


def test_the_sound_starts_with_the_film(tmp_path: Path) -> None:
    audio = make_sound(tmp_path / "song.wav", seconds=1)
    for name in ABLE:
        samples = hear(write_with_sound(clip_path(tmp_path, name), audio))
        first = int(np.argmax(np.abs(samples) > 500))
        assert first < 48000 * 0.03, name


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_the_index_stays_first_and_the_colours_stay(tmp_path: Path, suffix: str) -> None:
    audio = make_sound(tmp_path / "song.wav", seconds=1)
    raw = write_with_sound(tmp_path / f"a{suffix}", audio).read_bytes()
    assert raw.index(b"moov") < raw.index(b"mdat")
    assert b"colr" in raw


@pytest.mark.parametrize("suffix", [".mp3", ".flac", ".ogg", ".m4a"])
def test_every_usual_kind_of_sound_file(tmp_path: Path, suffix: str) -> None:
    audio = make_sound(tmp_path / f"-i été:{suffix}", seconds=1)
    assert len(hear(write_with_sound(tmp_path / "a.mp4", audio)))


@pytest.mark.parametrize("name", SILENT)
def test_silent_formats_say_so_early(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=rf"{name} cannot carry sound: choose from mkv, mov, mp4"):
        check_clip(tmp_path / "x", formats[name](), audio=tmp_path / "song.wav")


def test_what_is_no_sound_is_refused_early(tmp_path: Path) -> None:
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
    with pytest.raises(UsageError, match="cannot read sound"):
        check_clip(tmp_path / "a.mp4", write, audio=tmp_path / "mute.mp4")
    make_sound(tmp_path / "empty.wav", seconds=1)
    (tmp_path / "empty.wav").write_bytes((tmp_path / "empty.wav").read_bytes()[:78])
    with pytest.raises(UsageError, match="sound"):
        check_clip(tmp_path / "a.mp4", write, audio=tmp_path / "empty.wav")
