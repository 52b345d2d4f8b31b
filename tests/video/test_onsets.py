"""Onsets and tempo of sounds whose beginnings are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sounds import Sound, clicks, noise, save_wav, song, speech

from neuralpaint.errors import UsageError
from neuralpaint.rendering.rhythm import Rhythm
from neuralpaint.video.onsets import RATE, find_first_beat, find_onsets, find_rhythm, read_sound


def decoded(folder: Path, sound: Sound, *, seconds: float = 60.0) -> NDArray[np.float32]:
    return read_sound(save_wav(folder / "sound.wav", sound), seconds=seconds)


def rhythm_of(folder: Path, sound: Sound) -> Rhythm:
    rhythm = find_rhythm(decoded(folder, sound))
    assert rhythm is not None
    return rhythm


def found_and_false(found: NDArray[np.float64], true: NDArray[np.float64]) -> tuple[float, float]:
    """Return which part of the true onsets was found within 30 ms, and which part is false."""
    near = np.abs(true[:, None] - found) <= 0.03
    return float(near.any(1).mean()), float((~near.any(0)).mean())


SOUNDS = {
    "clicks at 120": clicks(120, seconds=12),
    "clicks at 93": clicks(93, seconds=12, first=0.3),
    "a song at 112": song(112, seconds=12),
}


@pytest.mark.parametrize("name", SOUNDS)
def test_every_onset_is_found_and_nothing_else(tmp_path: Path, name: str) -> None:
    sound, times = SOUNDS[name]
    rhythm = rhythm_of(tmp_path, sound)
    found, false = found_and_false(rhythm.onsets, times)
    assert found >= 0.95
    assert false <= 0.05
    assert rhythm.tempo == pytest.approx(float(name.split()[-1]), abs=0.2)
    assert rhythm.regularity > 0.95


def test_louder_onsets_have_larger_amplitudes(tmp_path: Path) -> None:
    sound, _ = clicks(120, seconds=6, first=0.2, loud=(1.0, 0.5, 0.25))
    _, amplitudes = find_onsets(decoded(tmp_path, sound))
    expected = [1.0, 0.5, 0.25] * 4
    np.testing.assert_allclose(amplitudes, expected[: len(amplitudes)], rtol=0.1)


def test_a_quiet_sound_has_the_onsets_of_a_loud_one(tmp_path: Path) -> None:
    sound, times = clicks(93, seconds=8, first=0.3)
    found, false = found_and_false(find_onsets(decoded(tmp_path, 0.02 * sound))[0], times)
    assert (found, false) == (1, 0)


STEADY = {
    "silence": np.zeros(88_200),
    "noise": noise(seconds=8),
    "faint noise": noise(seconds=8, amplitude=2e-4),
    "rumble": np.convolve(noise(seconds=8, seed=1), np.ones(200) / 40, "same"),
    "a tone": 0.3 * np.sin(np.arange(220_500) * 0.06),
}


@pytest.mark.parametrize("name", STEADY)
def test_a_steady_sound_has_none(tmp_path: Path, name: str) -> None:
    assert find_rhythm(decoded(tmp_path, STEADY[name])) is None


def test_no_sound_at_all_has_none() -> None:
    assert find_rhythm(np.zeros(0, np.float32)) is None
    assert find_rhythm(np.full(7, 0.5, np.float32)) is None


def test_the_end_of_a_tone_is_not_an_onset(tmp_path: Path) -> None:
    t = np.arange(44_100 * 6) / 44_100
    beeps = 0.5 * np.sin(2 * np.pi * 1000 * t) * (t % 0.5 < 0.1)
    found, false = found_and_false(find_onsets(decoded(tmp_path, beeps))[0], np.arange(0, 6, 0.5))
    assert (found, false) == (1, 0)


def test_speech_has_onsets_but_no_steady_tempo(tmp_path: Path) -> None:
    rhythm = rhythm_of(tmp_path, speech(seconds=15))
    assert len(rhythm.onsets) > 15
    assert rhythm.regularity < 0.4


def test_a_song_begins_on_the_first_beat_of_a_bar(tmp_path: Path) -> None:
    sound, _ = clicks(120, seconds=12, first=0.4, loud=(0.3, 0.3, 1.0, 0.3))
    np.testing.assert_allclose(rhythm_of(tmp_path, sound).bars(4), np.arange(1.4, 12, 2), atol=0.02)
    even, _ = clicks(120, seconds=12)
    np.testing.assert_allclose(rhythm_of(tmp_path, even).bars(4), np.arange(0, 12, 2), atol=0.02)


def test_beats_follow_a_tempo_that_slows_down(tmp_path: Path) -> None:
    times = np.cumsum(np.linspace(0.485, 0.515, 40))
    sound = np.zeros(round(44_100 * (times[-1] + 1)))
    click = clicks(60, seconds=0.1)[0][:2000]
    for time in times:
        sound[round(44_100 * time) :][:2000] += click
    beats = rhythm_of(tmp_path, sound).beats
    found, false = found_and_false(beats[beats > times[0] - 0.1], times)
    assert found > 0.9
    assert false < 0.1


def test_beats_of_a_given_tempo_are_where_the_sound_is(tmp_path: Path) -> None:
    sound, _ = clicks(120, seconds=6, first=0.2)
    assert find_first_beat(decoded(tmp_path, sound), tempo=120) == pytest.approx(0.2, abs=0.02)
    assert find_first_beat(decoded(tmp_path, sound), tempo=60) == pytest.approx(0.2, abs=0.51)
    assert find_first_beat(np.zeros(RATE, np.float32), tempo=120) == 0


def test_only_the_beginning_is_read(tmp_path: Path) -> None:
    assert len(decoded(tmp_path, clicks(120, seconds=8)[0], seconds=2.5)) == 2.5 * RATE
    assert len(decoded(tmp_path, clicks(120, seconds=2)[0], seconds=9)) == 2 * RATE


def test_a_file_without_sound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no audio file"):
        read_sound(tmp_path / "none.mp3", seconds=1)
    (tmp_path / "text.mp3").write_text("no sound")
    with pytest.raises(UsageError, match="cannot read sound"):
        read_sound(tmp_path / "text.mp3", seconds=1)
