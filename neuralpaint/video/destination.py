"""What can be known about a clip before training starts: its place, its size, its sound."""

from __future__ import annotations

import contextlib
import os
from fractions import Fraction
from pathlib import Path

from neuralpaint.errors import UsageError
from neuralpaint.video.formats import Format, formats
from neuralpaint.video.sound import check_audio

__all__ = ["check_clip", "exact_rate"]


def check_clip(
    path: str | Path,
    format: Format,  # noqa: A002 - the user's word for it
    *,
    height: int | None = None,
    width: int | None = None,
    fps: float | Fraction | None = None,
    audio: str | Path | None = None,
    overwrite: bool = False,
) -> Path:
    """Return the real path that a clip for `path` will have, or say why it cannot be made.

    Links are followed, so that a link stays a link. Size and rate are checked where they are given.

    Raises:
        UsageError: the folder is missing, the target exists and `overwrite` is not set or it must
            not be replaced, or the format cannot hold the size, the rate or the audio.
        EncodingError: the folder cannot be written to, or ffmpeg or its encoder is missing.
    """
    if height is not None and width is not None:
        _check_size(format, height=height, width=width)
    if fps is not None:
        _check_rate(format, exact_rate(fps))
    format.sink().check(Path(path), overwrite=overwrite)
    if audio is not None:
        check_audio(audio, format)
    return Path(os.path.realpath(path))


def exact_rate(fps: float | Fraction) -> Fraction:
    """Return frames per second as the fraction that is meant: 29.97 is 2997/100.

    Raises:
        UsageError: it is not a number above 0.
    """
    with contextlib.suppress(OverflowError, ValueError):
        rate = Fraction(fps).limit_denominator(1001)
        if rate > 0:
            return rate
    raise UsageError(f"fps must be a number above 0, not {fps!r}")


def _check_size(format: Format, *, height: int, width: int) -> None:  # noqa: A002
    if min(height, width) < 1:
        raise UsageError(f"a clip cannot be {width}x{height}: choose at least 1x1")
    if max(height, width) > format.longest_side:
        raise UsageError(
            f"{formats.name_of(format)} cannot hold {width}x{height}: "
            f"choose at most {format.longest_side} pixels a side, or another format"
        )


def _check_rate(format: Format, rate: Fraction) -> None:  # noqa: A002
    if format.fastest is not None and rate > format.fastest:
        raise UsageError(
            f"{formats.name_of(format)} holds at most {format.fastest} frames a second, not "
            f"{float(rate):g}: lower --fps"
        )
