"""The tag: one text that says how a clip was made, written into every kind of file and read back.

mp4, mov, mkv and webm take it through ffmpeg as their comment. The other formats get it here, by
appending to the finished file in place: a comment extension (GIF89a), an iTXt chunk (PNG) or an
EXIF ImageDescription (WebP). What is read is data: nothing here acts on it.
"""

from __future__ import annotations

import os
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from neuralpaint.errors import EncodingError, NeuralPaintError
from neuralpaint.video.ffmpeg import file_url, run_ffmpeg

__all__ = ["check_tag", "embed_tag", "png_text_chunks", "read_tag", "tag_arguments"]

_LONGEST_TAG = 60_000  # bytes: QuickTime counts its comment with 16 bits
_PNG, _GIF, _RIFF = b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF"
_IEND = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_GIF_END = b"\x3b"
_VP8X_EXIF = 0x08
_IMAGE_DESCRIPTION = 0x010E


def check_tag(text: str) -> str:
    """Return `text` when every format can hold it.

    Raises:
        ValueError: it is too long, holds a NUL, or is not Unicode (`json.dumps` avoids both).
    """
    if "\0" in text:
        raise ValueError("a tag or title must not hold NUL characters")
    if len(text.encode()) > _LONGEST_TAG:  # a lone surrogate is a ValueError already
        raise ValueError(f"a tag or title must not be longer than {_LONGEST_TAG} bytes")
    return text


def tag_arguments(*, tag: str, title: str) -> list[str]:
    """Return ffmpeg's arguments for a container that holds a comment and a title."""
    texts = {"title": title, "comment": tag}
    return [a for key, text in texts.items() if text for a in ("-metadata", f"{key}={text}")]


def embed_tag(path: Path, *, tag: str, title: str = "") -> None:
    """Write `tag` into a complete GIF, PNG, APNG or WebP; `title` too where it has a place.

    Raises:
        EncodingError: the file is none of these, or is cut short.
    """
    with path.open("r+b") as file:
        magic = file.read(16)
        if magic.startswith(_GIF):
            _replace_end(file, _GIF_END, _gif_comment(tag))
        elif magic.startswith(_PNG):
            _replace_end(file, _IEND, png_text_chunks(tag=tag, title=title))
        elif magic.startswith(_RIFF) and magic[8:12] == b"WEBP":
            _append_exif(file, tag)
        else:
            raise EncodingError(f"{str(path)!r} is no GIF, PNG or WebP: it cannot be tagged")


def read_tag(path: str | Path) -> str | None:
    """Return the tag of a clip or of a folder of PNGs; None when it has none or is no clip.

    Raises:
        NeuralPaintError: the file cannot be read.
    """
    path = Path(path)
    try:
        if path.is_dir():
            path = path / "00001.png"
        with path.open("rb") as file:
            raw = _read_raw(file, path)
    except (OSError, ValueError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise NeuralPaintError(f"cannot read {str(path)!r}: {reason}") from error
    except (EOFError, struct.error):  # it was cut short
        return None
    return raw.decode(errors="replace") if raw else None


def _read_raw(file: BinaryIO, path: Path) -> bytes | None:
    magic = file.read(16)
    if magic.startswith(_GIF):
        return _last_gif_comment(file)
    if magic.startswith(_PNG):
        return _png_comment(file)
    if magic.startswith(_RIFF) and magic[8:12] == b"WEBP":
        return _webp_description(file)
    if magic[4:8] == b"ftyp":
        return _container_comment(path, demuxer="mov")
    if magic.startswith(b"\x1a\x45\xdf\xa3"):
        return _container_comment(path, demuxer="matroska")
    return None


def _container_comment(path: Path, *, demuxer: str) -> bytes | None:
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
            return re.sub(rb"\\(.)", rb"\1", value, flags=re.DOTALL)
    return None


def _replace_end(file: BinaryIO, end: bytes, addition: bytes) -> None:
    file.seek(-len(end), os.SEEK_END)
    if file.read() != end:
        raise EncodingError("the encoded file is cut short: it cannot be tagged")
    file.seek(-len(end), os.SEEK_END)
    file.write(addition + end)


def _gif_comment(text: str) -> bytes:
    raw = text.encode()
    blocks = [raw[start : start + 255] for start in range(0, len(raw), 255)]
    return b"\x21\xfe" + b"".join(bytes([len(block)]) + block for block in blocks) + b"\x00"


def _last_gif_comment(file: BinaryIO) -> bytes | None:
    found = None
    file.seek(10)
    _skip_colors(file, file.read(3)[0:1])
    while (kind := file.read(1)) not in (b"", _GIF_END):
        if kind == b"\x21":
            label = file.read(1)
            blocks = _gif_blocks(file, keep=label == b"\xfe")
            found = blocks if label == b"\xfe" else found
        elif kind == b"\x2c":
            _skip_colors(file, file.read(9)[8:9])
            file.seek(1, os.SEEK_CUR)
            _gif_blocks(file, keep=False)
        else:
            break
    return found


def _skip_colors(file: BinaryIO, flags: bytes) -> None:
    (bits,) = struct.unpack("B", flags)
    if bits & 0x80:
        file.seek(3 * 2 ** ((bits & 7) + 1), os.SEEK_CUR)


def _gif_blocks(file: BinaryIO, *, keep: bool) -> bytes:
    raw = bytearray()
    while size := _read_exactly(file, 1)[0]:
        block = _read_exactly(file, size)
        if keep and len(raw) < _LONGEST_TAG:
            raw += block
    return bytes(raw)


def _read_exactly(file: BinaryIO, size: int) -> bytes:
    raw = file.read(size)
    if len(raw) < size:
        raise EOFError
    return raw


def png_text_chunks(*, tag: str, title: str = "") -> bytes:
    """Return iTXt chunks with the title and, as Comment, the tag."""
    texts = {b"Title": title, b"Comment": tag}
    return b"".join(_png_text(key, text) for key, text in texts.items() if text)


def _png_text(key: bytes, text: str) -> bytes:
    # keyword, not compressed, no language, no translated keyword
    body = b"iTXt" + key + b"\0" + b"\0\0" + b"\0" + b"\0" + text.encode()
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


def _png_comment(file: BinaryIO) -> bytes | None:
    file.seek(len(_PNG))
    while len(head := file.read(8)) == 8:
        size, kind = struct.unpack(">I4s", head)
        if kind == b"iTXt" and size <= 2 * _LONGEST_TAG:
            key, _, rest = _read_exactly(file, size).partition(b"\0")
            if key == b"Comment" and rest[:1] == b"\0":
                return rest[2:].split(b"\0", 2)[-1]
            size = 0
        file.seek(size + 4, os.SEEK_CUR)
    return None


def _append_exif(file: BinaryIO, text: str) -> None:
    file.seek(0)
    if file.read(16)[12:16] != b"VP8X":
        _extend_webp(file)
    file.seek(20)
    flags = file.read(1)[0]
    file.seek(20)
    file.write(bytes([flags | _VP8X_EXIF]))
    file.seek(0, os.SEEK_END)
    body = _exif(text)
    file.write(b"EXIF" + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2))
    size = file.tell()
    file.seek(4)
    file.write(struct.pack("<I", size - 8))


def _extend_webp(file: BinaryIO) -> None:
    """Give a single, plain WebP frame the header that a file with metadata must have."""
    from PIL import Image

    file.seek(0)
    with Image.open(file) as picture:
        width, height = picture.size
    file.seek(12)
    frame = file.read()
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    file.seek(12)
    file.write(b"VP8X" + struct.pack("<I", 10) + bytes(4) + canvas + frame)


def _exif(text: str) -> bytes:
    # One directory with one entry; up to four bytes would have to stand in the entry itself.
    raw = (text.encode() + b"\0").ljust(5, b"\0")
    entry = struct.pack("<HHII", _IMAGE_DESCRIPTION, 2, len(raw), 26)
    return b"II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4) + raw


def _webp_description(file: BinaryIO) -> bytes | None:
    file.seek(12)
    while len(head := file.read(8)) == 8:
        kind, size = struct.unpack("<4sI", head)
        if kind == b"EXIF" and size <= 2 * _LONGEST_TAG:
            return next(_image_descriptions(_read_exactly(file, size)), None)
        file.seek(size + size % 2, os.SEEK_CUR)
    return None


def _image_descriptions(exif: bytes) -> Iterator[bytes]:
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return
    (start,) = struct.unpack_from(f"{order}I", exif, 4)
    (count,) = struct.unpack_from(f"{order}H", exif, start)
    for index in range(count):
        at = start + 2 + 12 * index
        key, kind, length, value = struct.unpack_from(f"{order}HHII", exif, at)
        if key == _IMAGE_DESCRIPTION and kind == 2:
            begin = value if length > 4 else at + 8
            yield exif[begin : begin + length].rstrip(b"\0")
