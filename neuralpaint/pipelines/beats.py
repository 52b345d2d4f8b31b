"""The rhythm of a clip: found in its sound, or beats at a fixed tempo."""

from __future__ import annotations

import logging
from pathlib import Path

from neuralpaint.errors import UsageError
from neuralpaint.pipelines.settings import ClipSettings
from neuralpaint.rendering.rhythm import BeatMorph, Rhythm
from neuralpaint.video.onsets import find_first_beat, find_rhythm, read_sound

__all__ = ["bar_seconds", "check_beat", "read_rhythm"]

logger = logging.getLogger(__name__)

_LEAST_SECONDS = 30.0  # of a sound that are analysed, at least: a short clip has few beats
_FEW = 8  # onsets, of which the tempo is not certain
_REGULAR, _FAIRLY = 0.7, 0.4
_UNPACED = "so the clip has its usual pacing"


def check_beat(video: ClipSettings, *, audio: Path | None, has_path: bool) -> None:
    """Check that there is something for `--beat` to follow, and something that follows.

    `has_path` is whether the clip follows a path through several pictures.

    Raises:
        UsageError: there is a beat without a sound or a tempo, or `morph` without a path.
    """
    if video.follows is None:
        return
    if isinstance(video.follows, BeatMorph) and not has_path:
        raise UsageError(
            "--beat morph needs a path through several pictures: use morph, or render --path, or "
            "choose --beat pacing"
        )
    if audio is None and video.beats is None:
        raise UsageError(
            f"--beat {video.beat} has no sound to follow: add --audio song.mp3, or a tempo such as "
            "--beats 120"
        )


def read_rhythm(video: ClipSettings, *, audio: Path | None, seconds: float) -> Rhythm | None:
    """Return the rhythm of a clip of that length, and log it; None if it has none.

    Raises:
        UsageError: the sound cannot be read.
    """
    if video.follows is None:
        return None
    whole = _read(video, audio=audio, seconds=seconds)
    rhythm = None if whole is None else whole.within(seconds)
    if audio is not None and video.beats is None:
        found = "no onsets" if rhythm is None else f"{len(rhythm.onsets)} onsets"
        words = _UNPACED if whole is None or rhythm is None else _tempo(whole)
        logger.info("%r: %s in %.1f s, %s", audio.name, found, seconds, words)
    return rhythm


def bar_seconds(video: ClipSettings, *, audio: Path | None) -> float | None:
    """Return the length of the bars on which each picture of a path is reached; None without.

    Raises:
        UsageError: the sound cannot be read.
    """
    if not isinstance(video.follows, BeatMorph):
        return None
    rhythm = _read(video, audio=audio, seconds=_LEAST_SECONDS)
    return None if rhythm is None else video.follows.bar * rhythm.period


def _read(video: ClipSettings, *, audio: Path | None, seconds: float) -> Rhythm | None:
    seconds = max(seconds, _LEAST_SECONDS)
    sound = None if audio is None else read_sound(audio, seconds=seconds)
    if video.beats is not None:
        first = 0.0 if sound is None else find_first_beat(sound, tempo=video.beats)
        return Rhythm.steady(video.beats, seconds=seconds, first=first)
    return None if sound is None else find_rhythm(sound)


def _tempo(rhythm: Rhythm) -> str:
    """Return the tempo in words."""
    percent = f"{100 * rhythm.regularity:.0f} %"
    if len(rhythm.onsets) < _FEW:
        return "too few for a tempo"
    if rhythm.regularity < _FAIRLY:
        return f"no steady tempo (regular to {percent})"
    words = "regular" if rhythm.regularity > _REGULAR else "fairly regular"
    return f"{rhythm.tempo:.1f} beats a minute, {words} ({percent})"
