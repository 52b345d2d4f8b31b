"""Sound under a finished film: checked before training, then made exactly as long as the film."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from neuralpaint.errors import EncodingError, UsageError
from neuralpaint.video.ffmpeg import file_url, run_ffmpeg
from neuralpaint.video.formats import Format, formats

__all__ = ["check_audio", "sound_arguments"]

_SAMPLE_RATE = 48000  # Hz
# What a user's file may pull in: itself, never the network.
_SAFE = ("-protocol_whitelist", "file,pipe,crypto,data")


def check_audio(path: str | Path, format: Format) -> Path:  # noqa: A002
    """Return `path` when it has sound that ffmpeg can decode and `format` can carry.

    Raises:
        UsageError: there is no such file, no sound in it, or no place for sound in the format.
    """
    if not format.sound:
        able = ", ".join(sorted(name for name in formats if formats[name].sound))
        raise UsageError(
            f"{formats.name_of(format)} cannot carry sound: choose from {able}, or leave it out"
        )
    audio = Path(path)
    if not audio.is_file():
        raise UsageError(f"no audio file {str(path)!r}: check the name")
    first_second = ["-map", "0:a:0", "-t", "1", "-f", "s16le", "pipe:1"]
    try:
        samples = run_ffmpeg([*_SAFE, "-i", file_url(audio), *first_second])
    except EncodingError as error:
        raise UsageError(f"cannot read sound from {str(path)!r}: {error}") from error
    if not samples:
        raise UsageError(f"there is no sound in {str(path)!r}: choose another audio file")
    return audio


def sound_arguments(film: Path, *, audio: Path, format: Format, seconds: Fraction) -> list[str]:  # noqa: A002
    """Return ffmpeg's arguments, but for the output, that lay `audio` under a film of `seconds`."""
    samples = round(seconds * _SAMPLE_RATE)
    # apad and atrim count samples; -shortest would be off by some packets.
    length = f"aresample={_SAMPLE_RATE},apad,atrim=end_sample={samples}"
    inputs = [*_SAFE, "-i", file_url(film), *_SAFE, "-i", file_url(audio)]
    streams = ["-map", "0:v:0", "-map", "1:a:0", "-map_chapters", "-1", "-map_metadata:s:a", "-1"]
    return [*inputs, *streams, "-c:v", "copy", *format.sound, "-af", length]
