"""PNG files of every kind, written from their specification, with no help from Pillow."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
# First row and column, and their steps, of the passes of an interlaced picture.
_PASSES = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2)]
_PASSES.append((1, 0, 2, 1))


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def write_png(
    values: Array,
    *,
    colour_type: int,
    depth: int,
    interlaced: bool = False,
    chunks: bytes = b"",
    palette: Array | None = None,
) -> bytes:
    """Return a PNG of samples (height, width, channels); `chunks` precede the pixels."""
    height, width = values.shape[:2]
    head = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, int(interlaced))
    body = chunk(b"IHDR", head)
    if palette is not None:
        body += chunk(b"PLTE", palette.astype(np.uint8).tobytes())
    parts = [values]
    if interlaced:
        parts = [values[row::down, column::right] for row, column, down, right in _PASSES]
    rows = b"".join(_rows(part, depth) for part in parts if part.size)
    body += chunks + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _rows(values: Array, depth: int) -> bytes:
    flat = values.reshape(len(values), -1)
    if depth == 16:
        packed = [row.astype(">u2").tobytes() for row in flat]
    else:
        places = np.arange(depth - 1, -1, -1)
        bits = (flat.astype(int)[..., None] >> places & 1).astype(np.uint8)
        packed = [row.tobytes() for row in np.packbits(bits.reshape(len(flat), -1), axis=1)]
    return b"".join(b"\0" + row for row in packed)
