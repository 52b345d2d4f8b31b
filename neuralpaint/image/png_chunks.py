"""Chunks of PNG files, read without decoding them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import IO

__all__ = ["find_chunk", "without_extras"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Chunks that change the pixels, besides those whose name begins with a capital.
_MEANINGFUL = {b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"cICP", b"eXIf"}
_MEANINGFUL |= {b"acTL", b"fcTL", b"fdAT"}


def find_chunk(file: IO[bytes], name: bytes) -> bytes:
    """Return the content of a chunk before the pixels; empty if there is none."""
    for found, size in _chunks(file):
        if found == name:
            return file.read(size)
        if found == b"IDAT":
            break
    return b""


def without_extras(file: IO[bytes]) -> tuple[io.BytesIO, set[str]]:
    """Return a PNG without chunks that change no pixel or are damaged, and the names of these."""
    kept, left_out = io.BytesIO(), set()
    kept.write(_SIGNATURE)
    for name, size in _chunks(file):
        body, checksum = file.read(size), file.read(4)
        essential = name[:1].isupper()
        intact = checksum == struct.pack(">I", zlib.crc32(name + body))
        if essential or (name in _MEANINGFUL and intact):
            kept.write(struct.pack(">I", size) + name + body + checksum)
        else:
            left_out.add(name.decode("latin-1"))
    kept.seek(0)
    return kept, left_out


def _chunks(file: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    """Yield the name of each chunk and its size in bytes; `file` is at its content."""
    place = len(_SIGNATURE)
    while True:
        file.seek(place)
        head = file.read(8)
        if len(head) < 8:
            return
        size, name = struct.unpack(">I4s", head)
        yield name, size
        place += 12 + size
