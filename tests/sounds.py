"""Sounds made with NumPy: click tracks, a song, speech-like syllables; and WAV files of them."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["RATE", "Sound", "clicks", "noise", "save_wav", "song", "speech"]

RATE = 44_100
Sound = NDArray[np.float64]


def save_wav(path: Path, sound: Sound) -> Path:
    """Write a mono sound (samples,) in [-1, 1] as 16 bits."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.int16(np.clip(sound, -1, 1) * 32767).tobytes())
    return path


def clicks(
    tempo: float, *, seconds: float, first: float = 0.0, loud: tuple[float, ...] = (1.0,)
) -> tuple[Sound, NDArray[np.float64]]:
    """Return a click track and the times of its clicks; `loud` are the amplitudes in turn."""
    times = np.arange(first, seconds - 0.05, 60 / tempo)
    sound = np.zeros(round(seconds * RATE))
    t = np.arange(round(0.03 * RATE)) / RATE
    for number, time in enumerate(times):
        click = 0.8 * loud[number % len(loud)] * np.sin(2 * np.pi * 1500 * t) * np.exp(-t / 0.006)
        _add(sound, click, time)
    return sound, times


def song(tempo: float, *, seconds: float, seed: int = 0) -> tuple[Sound, NDArray[np.float64]]:
    """Return drums, a bass and a melody, and the times at which any of them begins.

    Kick on 1 and 3, snare on 2 and 4, hi-hat on every eighth, bass on every beat, and notes of a
    melody on some eighths.
    """
    generator = np.random.default_rng(seed)
    sound = np.zeros(round(seconds * RATE))
    beat = 60 / tempo
    times = np.arange(0.2, seconds - beat, beat / 2)
    for number, time in enumerate(times):
        on, place = number % 2 == 0, number // 2 % 4
        if on and place in (0, 2):
            t = np.arange(round(0.25 * RATE)) / RATE
            sweep = 2 * np.pi * (50 * t + 100 * 0.03 * (1 - np.exp(-t / 0.03)))
            _add(sound, 0.6 * np.sin(sweep) * np.exp(-t / 0.08), time)
        if on and place in (1, 3):
            t = np.arange(round(0.2 * RATE)) / RATE
            _add(sound, 0.35 * generator.standard_normal(len(t)) * np.exp(-t / 0.05), time)
        t = np.arange(round(0.06 * RATE)) / RATE
        hiss = np.diff(generator.standard_normal(len(t)), prepend=0)
        _add(sound, 0.08 * hiss * np.exp(-t / 0.015), time)
        if on:
            _add(sound, _note(55 * 2 ** (place * 5 / 12), beat * 0.9, 0.2, decay=0.5), time)
        if generator.random() < 0.4:
            pitch = 440 * 2 ** (generator.choice([0, 2, 4, 7, 9]) / 12)
            _add(sound, _note(pitch, beat * 0.45, 0.15, decay=0.2), time)
    return sound, times


def speech(*, seconds: float, seed: int = 0) -> Sound:
    """Return syllables of irregular length and pitch, with gaps."""
    generator = np.random.default_rng(seed)
    sound = np.zeros(round(seconds * RATE))
    time = 0.3
    while time < seconds - 0.5:
        length = generator.uniform(0.08, 0.3)
        t = np.arange(round(length * RATE)) / RATE
        pitch = generator.uniform(90, 160) * (1 - 0.2 * t / length)
        voice = sum(np.sin(2 * np.pi * k * pitch * t) / k for k in range(1, 12))
        _add(sound, 0.15 * voice * np.sin(np.pi * t / length) ** 0.7, time)
        time += length + generator.choice([0.0, 0.02, 0.05, 0.4], p=[0.4, 0.2, 0.2, 0.2])
    return sound


def noise(*, seconds: float, amplitude: float = 0.1, seed: int = 0) -> Sound:
    """Return steady white noise."""
    return amplitude * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


def _note(pitch: float, seconds: float, amplitude: float, *, decay: float) -> Sound:
    t = np.arange(round(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * k * pitch * t) / k for k in (1, 2, 3))
    shape = np.minimum(1, t / 0.005) * np.exp(-t / decay) * np.minimum(1, (seconds - t) / 0.02)
    return amplitude * tone * shape


def _add(sound: Sound, part: Sound, time: float) -> None:
    start = round(time * RATE)
    part = part[: len(sound) - start]
    sound[start : start + len(part)] += part
