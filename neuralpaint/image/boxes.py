"""Boxes: the nested structure of JPEG 2000, HEIF and AVIF files."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO

__all__ = ["boxes", "child", "find_box"]

_LARGEST = 16 << 20  # bytes of a box with metadata


def find_box(file: IO[bytes], kind: bytes) -> bytes:
    """Return the content of the first box of that type in a file; empty if there is none."""
    place = 0
    while True:
        file.seek(place)
        size, name, head = _header(file.read(16))
        if size < head:  # 0: up to the end of the file
            file.seek(place + head)
            return file.read(_LARGEST) if name == kind and size == 0 else b""
        if name == kind:
            file.seek(place + head)
            return file.read(min(size - head, _LARGEST))
        place += size


def boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the type and content of each box in `content`."""
    place = 0
    while place < len(content):
        size, name, head = _header(content[place : place + 16])
        if size < head:
            break
        yield name, content[place + head : place + size]
        place += size


def child(content: bytes, *path: bytes) -> bytes:
    """Return the content of the first box of each type inside the other; empty if there is none."""
    for kind in path:
        content = next((inner for name, inner in boxes(content) if name == kind), b"")
    return content


def _header(start: bytes) -> tuple[int, bytes, int]:
    """Return the size of a box, its type, and the size of its header; (0, b"", 8) at the end."""
    if len(start) < 8:
        return 0, b"", 8
    size, name = struct.unpack_from(">I4s", start)
    if size == 1 and len(start) == 16:
        return *struct.unpack_from(">Q", start, 8), name, 16
    return size, name, 8
