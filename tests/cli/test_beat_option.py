"""`--beat` and `--beats` on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from processes import QUICK, Typed
from sounds import clicks, save_wav


@pytest.fixture
def song(folder: Path) -> Path:
    return save_wav(folder / "song.wav", clicks(120, seconds=3, first=0.25)[0])


@pytest.mark.parametrize(
    ("words", "beat"),
    [
        (["--beats", "120", "--beat"], "pacing"),
        (["--beat", "--beats", "120"], "pacing"),
        (["--beats", "120"], None),
        (["--beats=120", "--beat=camera", "--camera", "pan"], "camera"),
        (["--beats", "120", "--beat", "pacing:drift=0.2"], "pacing:drift=0.2"),
    ],
)
def test_a_beat_needs_no_value(folder: Path, typed: Typed, words: list[str], beat: str) -> None:
    done = typed("video", "in.png", "-o", "a.mp4", *QUICK, *words)
    assert done.returncode == 0, done.stderr
    printed = typed("replay", "a.mp4", "--json").stdout
    settings: dict[str, Any] = json.loads(printed)["settings"]
    assert (settings["beat"], settings["beats"]) == (beat, 120)


def test_what_was_found_is_one_line(folder: Path, song: Path, typed: Typed) -> None:
    done = typed(
        "video", "in.png", "-o", "a.mp4", "--dry-run", *QUICK, "--audio", "song.wav", "--beat"
    )
    assert done.stderr == ("neuralpaint: 'song.wav': 2 onsets in 1.0 s, too few for a tempo\n")
    assert "onsets        2\n" in done.stdout


def test_a_take_is_filmed_without_the_sound_it_was_recorded_with(
    folder: Path, song: Path, typed: Typed
) -> None:
    film = ("video", "in.png", "-o", "a.mp4", *QUICK, "--record", "a.take")
    assert typed(*film, "--audio", "song.wav", "--beat").returncode == 0
    done = typed("render", "a.take", "-o", "b.mp4")
    assert done.returncode == 0, done.stderr
    assert (
        "without the sound of the recorded clip, this one does not follow its beat" in done.stderr
    )
    assert "--beat none" in typed("replay", "b.mp4").stdout
    again = typed("render", "a.take", "-o", "c.mp4", "--audio", "song.wav")
    assert "2 onsets in 1.0 s" in again.stderr
    assert "--beat" not in typed("render", "a.take", "-o", "d.mp4", "--beats", "90").stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--beat"], "--beat pacing has no sound to follow: add --audio song.mp3"),
        (["--beat", "in.png", "--beats", "100"], "no beat named 'in.png'"),
        (["--beat", "--audio", "none.mp3"], "no audio file 'none.mp3'"),
        (["--beats", "9"], "--beats must be at least 20 beats per minute, not 9"),
    ],
)
def test_an_error_is_one_line(folder: Path, typed: Typed, words: list[str], message: str) -> None:
    done = typed("video", "in.png", "-o", "a.mp4", *QUICK, *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
