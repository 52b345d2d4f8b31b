"""Outputs: whether a file that is to be written is a still or a clip."""

from __future__ import annotations

import os
from pathlib import Path

from neuralpaint.errors import UsageError
from neuralpaint.image.still_files import still_suffixes
from neuralpaint.video.formats import clip_suffixes, formats

__all__ = ["check_is_clip", "check_is_still", "cover_of", "makes_still", "not_preset"]


def makes_still(output: str | Path, *, ambiguous: bool) -> bool:
    """Return whether an output is a still; `ambiguous` if its suffix can be either, as .webp can.

    Raises:
        UsageError: the suffix belongs neither to stills nor to clips.
    """
    suffix, stills, clips = _suffix(output), still_suffixes(), clip_suffixes()
    known = {*stills, *clips}
    if suffix not in known and not _is_folder(output):
        wrong = f"unknown suffix {suffix!r}" if suffix else "no suffix"
        raise UsageError(
            f"{wrong} in {str(output)!r}: choose from {', '.join(sorted(known))}, or end in / "
            "for a folder of PNGs"
        )
    if suffix in stills and suffix in clips:
        return ambiguous
    return suffix in stills


def cover_of(output: str | Path) -> Path:
    """Return the path of the still beside a clip: `clip.cover.jpg` for `clip.mp4`."""
    clip = Path(output)
    name = clip.name if _is_folder(output) else clip.stem
    return clip.with_name(f"{name}.cover.jpg")


def not_preset(output: str | Path) -> set[str]:
    """Return the options that no look, preset or place sets for this output.

    The formats of places are settings of mp4; a file with another suffix has its own format.
    """
    return set() if _suffix(output) in formats["mp4"].suffixes else {"format"}


def _suffix(output: str | Path) -> str:
    """Return the suffix in lower case; "" for the name of a folder, which ends in a slash."""
    return "" if _is_folder(output) else Path(output).suffix.lower()


def _is_folder(output: str | Path) -> bool:
    return str(output).endswith(("/", os.sep))


def check_is_still(output: str | Path) -> None:
    """Raise UsageError if the suffix is that of a clip."""
    suffix = _suffix(output)
    if suffix in clip_suffixes() - set(still_suffixes()):
        raise UsageError(
            f"{str(output)!r} is the name of a clip: use neuralpaint video, or name a still such "
            "as .png"
        )


def check_is_clip(output: str | Path) -> None:
    """Raise UsageError if the suffix is that of a still."""
    suffix = _suffix(output)
    if suffix in set(still_suffixes()) - clip_suffixes():
        raise UsageError(
            f"{str(output)!r} is the name of a still: use neuralpaint paint, or name a clip such "
            "as .mp4"
        )
