"""The tag of a picture file: one text, such as the settings of the command that made the picture.

It is stored in the iTXt chunk "Comment" of a PNG, in the comment extension of a GIF, and in the
EXIF ImageDescription, in UTF-8, of all other files. `neuralpaint.video.reader` covers the
containers that ffmpeg tags; its `read_tag` reads every kind of file.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

from PIL import Image

from neuralpaint.errors import EncodingError, PictureError, UsageError
from neuralpaint.image.picture_files import open_image

__all__ = ["check_tag", "embed_tag", "exif", "png_text", "read_picture_tag"]

_LONGEST_TAG = 60_000  # bytes: QuickTime and JPEG store the length in 16 bits
_PNG, _GIF, _RIFF = b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF"
_IEND = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_GIF_END = b"\x3b"
_VP8X_EXIF = 0x08
_IMAGE_DESCRIPTION = 0x010E


def check_tag(text: str) -> str:
    """Return `text` without unpaired surrogates, which stand for bytes in names of files.

    The bytes are decoded as UTF-8, whatever the encoding of the file system is, or become U+FFFD.

    Raises:
        UsageError: it is too long or contains a NUL.
    """
    with contextlib.suppress(UnicodeEncodeError):  # a surrogate that is not a byte
        text = text.encode(errors="surrogateescape").decode(errors="replace")
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if "\0" in text:
        raise UsageError("a tag or title must not contain NUL characters: leave them out")
    size = len(text.encode())
    if size > _LONGEST_TAG:
        raise UsageError(f"a tag or title has at most {_LONGEST_TAG} bytes, not {size}: shorten it")
    return text


def embed_tag(path: Path, *, tag: str, title: str = "") -> None:
    """Write `tag` into a complete GIF, PNG, APNG or WebP file, and `title` into a PNG.

    Raises:
        EncodingError: the file is of another kind, or is truncated.
    """
    with path.open("r+b") as file:
        magic = file.read(16)
        if magic.startswith(_GIF):
            _replace_end(file, _GIF_END, _gif_comment(tag))
        elif magic.startswith(_PNG):
            _replace_end(file, _IEND, png_text(tag=tag, title=title))
        elif magic.startswith(_RIFF) and magic[8:12] == b"WEBP":
            _append_exif(file, tag)
        else:
            raise EncodingError(f"{str(path)!r} is no GIF, PNG or WebP: it cannot be tagged")


def exif(tag: str) -> Image.Exif:
    """Return EXIF data with `tag` as the ImageDescription."""
    data = Image.Exif()
    data[_IMAGE_DESCRIPTION] = tag.encode()
    return data


def png_text(*, tag: str, title: str = "") -> bytes:
    """Return iTXt chunks with the title and the tag, to be inserted before IEND (12 bytes)."""
    texts = {b"Title": title, b"Comment": tag}
    return b"".join(_png_chunk(key, text) for key, text in texts.items() if text)


def read_picture_tag(path: Path) -> str | None:
    """Return the tag of a picture file; None if it has none or is not a picture.

    Raises:
        UsageError, OSError: there is no such file, or it cannot be read.
    """
    with path.open("rb") as file:
        magic = file.read(16)
        try:
            if magic.startswith(_GIF):
                return _text(_last_gif_comment(file))
            if magic.startswith(_PNG):
                return _text(_png_comment(file))
        except (EOFError, struct.error):  # truncated
            return None
    return _image_description(path)


def _text(raw: bytes | None) -> str | None:
    return raw.decode(errors="replace") if raw else None


def _image_description(path: Path) -> str | None:
    try:
        with open_image(path) as image:
            description = image.getexif().get(_IMAGE_DESCRIPTION)
    except PictureError:
        return None
    # Pillow decodes EXIF texts as Latin-1.
    return _text(description.encode("latin-1", "replace")) if isinstance(description, str) else None


def _replace_end(file: BinaryIO, end: bytes, addition: bytes) -> None:
    file.seek(-len(end), os.SEEK_END)
    if file.read() != end:
        raise EncodingError("the encoded file is truncated: it cannot be tagged")
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


def _png_chunk(key: bytes, text: str) -> bytes:
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


def _append_exif(file: BinaryIO, tag: str) -> None:
    file.seek(0)
    if file.read(16)[12:16] != b"VP8X":
        _extend_webp(file)
    file.seek(20)
    flags = file.read(1)[0]
    file.seek(20)
    file.write(bytes([flags | _VP8X_EXIF]))
    file.seek(0, os.SEEK_END)
    body = exif(tag).tobytes().removeprefix(b"Exif\0\0")  # a prefix for JPEG only
    file.write(b"EXIF" + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2))
    size = file.tell()
    file.seek(4)
    file.write(struct.pack("<I", size - 8))


def _extend_webp(file: BinaryIO) -> None:
    """Insert the VP8X header that a file with metadata needs into a simple WebP file."""
    file.seek(0)
    with Image.open(file) as picture:
        width, height = picture.size
    file.seek(12)
    frame = file.read()
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    file.seek(12)
    file.write(b"VP8X" + struct.pack("<I", 10) + bytes(4) + canvas + frame)
