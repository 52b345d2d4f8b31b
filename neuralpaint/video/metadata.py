"""The tag in clips: written by ffmpeg where a container has a comment, read back from everything.

mp4, mov, mkv and webm take it as their comment; `neuralpaint.runtime.tags` puts it into all others.
"""

from __future__ import annotations

import re
from pathlib import Path

from neuralpaint.errors import EncodingError, NeuralPaintError, UsageError
from neuralpaint.runtime.tags import read_picture_tag
from neuralpaint.video.ffmpeg import file_url, run_ffmpeg

__all__ = ["read_tag", "tag_arguments"]

_MATROSKA = b"\x1a\x45\xdf\xa3"


def tag_arguments(*, tag: str, title: str) -> list[str]:
    """Return ffmpeg's arguments for a container that holds a comment and a title."""
    texts = {"title": title, "comment": tag}
    return [a for key, text in texts.items() if text for a in ("-metadata", f"{key}={text}")]


def read_tag(path: str | Path) -> str | None:
    """Return the tag of a clip, a folder of PNGs or a still; None when it has none or is neither.

    Raises:
        UsageError: there is no such file, or no frame in the folder.
        NeuralPaintError: it cannot be read.
    """
    path = Path(path)
    try:
        if path.is_dir():
            path = path / "00001.png"
        with path.open("rb") as file:
            magic = file.read(12)
        demuxer = _demuxer(magic)
        return read_picture_tag(path) if demuxer is None else _comment(path, demuxer=demuxer)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # a name with a NUL
        raise UsageError(f"no file {str(path)!r}: give a clip or a still") from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise NeuralPaintError(f"cannot read {str(path)!r}: {reason}") from error


def _demuxer(magic: bytes) -> str | None:
    """Return ffmpeg's name of a container, None for a picture."""
    if magic.startswith(_MATROSKA):
        return "matroska"
    # An AVIF is such a container too, but keeps its tag where pictures do.
    return "mov" if magic[4:8] == b"ftyp" and magic[8:12] not in (b"avif", b"avis") else None


def _comment(path: Path, *, demuxer: str) -> str | None:
    # The demuxer is named so that no other one can be chosen by a crafted file.
    source = ["-protocol_whitelist", "file", "-f", demuxer, "-i", file_url(path)]
    try:
        listing = run_ffmpeg([*source, "-f", "ffmetadata", "pipe:1"])
    except EncodingError:
        return None
    # Sections begin with "["; only the first, unnamed one is about the file.
    for line in re.finditer(rb"((?:[^\\\n]|\\.)*)\n", listing, flags=re.DOTALL):
        key, _, value = line[1].partition(b"=")
        if key.startswith(b"["):
            return None
        if key.lower() == b"comment":
            return re.sub(rb"\\(.)", rb"\1", value, flags=re.DOTALL).decode(errors="replace")
    return None
