"""A PNG of any size, written as its rows come, in 8 or 16 bits a channel.

Each row is stored as the differences from what one of five filters predicts of it, chosen by the
least sum of absolute differences, as the specification advises (W3C, PNG, 12.7). Bands of rows are
deflated by themselves, on several threads; flushed to whole bytes, they join into one stream.
"""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from neuralpaint.image.stills.bands import Bands, deflated
from neuralpaint.image.stills.encoder import Encoder, Rows, Sheet
from neuralpaint.runtime.tags import png_text

__all__ = ["PngEncoder"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_TRUECOLOUR = 2
_PERCEPTUAL = b"\0"  # the rendering intent of the sRGB chunk
_ZLIB_HEADER = b"\x78\x9c"
_ZLIB_LAST_BLOCK = b"\x03\x00"  # an empty one
_AT_ONCE = 1 << 16  # bytes whose filters are tried together: they stay in the processor's cache


class PngEncoder(Encoder):
    """Writes a PNG."""

    def __init__(self, file: BinaryIO, sheet: Sheet) -> None:
        self._file, self._tag = file, sheet.tag
        self._bands = Bands(sheet, encode=_encoded, deliver=self._deliver)
        self._checksum = zlib.adler32(b"")
        size = struct.pack(">II", sheet.width, sheet.height)
        self._file.write(_SIGNATURE)
        self._write_chunk(b"IHDR", size + bytes((sheet.depth, _TRUECOLOUR, 0, 0, 0)))
        self._write_chunk(b"sRGB", _PERCEPTUAL)
        self._write_chunk(b"IDAT", _ZLIB_HEADER)

    def write(self, rows: Rows) -> None:
        """Take the next rows."""
        self._bands.write(rows)

    def finish(self) -> None:
        """Write the last rows, the tag and the end."""
        self._bands.finish()
        self._write_chunk(b"IDAT", _ZLIB_LAST_BLOCK + struct.pack(">I", self._checksum))
        self._file.write(png_text(tag=self._tag))
        self._write_chunk(b"IEND", b"")

    def close(self) -> None:
        """Let go of the threads."""
        self._bands.close()

    def _deliver(self, band: tuple[memoryview, bytes]) -> None:
        plain, packed = band
        self._checksum = zlib.adler32(plain, self._checksum)
        self._write_chunk(b"IDAT", packed)

    def _write_chunk(self, kind: bytes, body: bytes) -> None:
        self._file.write(struct.pack(">I", len(body)) + kind)
        self._file.write(body)
        self._file.write(struct.pack(">I", zlib.crc32(body, zlib.crc32(kind))))


def _encoded(rows: Rows, above: Rows) -> tuple[memoryview, bytes]:
    """Return a band's filtered rows, and these as a piece of a deflate stream."""
    pixel = 3 * rows.itemsize
    plain = _filtered(_as_bytes(rows), _as_bytes(above), pixel=pixel).reshape(-1).data
    return plain, deflated(plain, bits=-zlib.MAX_WBITS, end=zlib.Z_SYNC_FLUSH)


def _as_bytes(rows: Rows) -> NDArray[np.uint8]:
    """Return the rows (n, width, 3) as a PNG has them, the high byte first. (n, bytes)"""
    return (
        rows.astype(rows.dtype.newbyteorder(">"), copy=False).view(np.uint8).reshape(len(rows), -1)
    )


def _filtered(
    rows: NDArray[np.uint8], above: NDArray[np.uint8], *, pixel: int
) -> NDArray[np.uint8]:
    """Return the rows (n, b), each with its best filter's number before it. (n, 1 + b)"""
    count, size = rows.shape
    lines = np.concatenate([above, rows])
    filtered = np.empty((count, 1 + size), np.uint8)
    step = max(1, _AT_ONCE // size)
    for top in range(0, count, step):
        tried = _differences(lines[top : top + step + 1], pixel=pixel)  # (5, n, b)
        sums = np.abs(tried.view(np.int8)).view(np.uint8).sum(axis=-1, dtype=np.uint64)
        best = sums.argmin(axis=0)
        filtered[top : top + step, 0] = best
        filtered[top : top + step, 1:] = tried[best, np.arange(len(best))]
    return filtered


def _differences(lines: NDArray[np.uint8], *, pixel: int) -> NDArray[np.uint8]:
    """Return all lines (1 + n, b) but the first as each filter has them. (5, n, b)"""
    here, above = lines[1:], lines[:-1]
    beside = np.zeros_like(lines)
    beside[:, pixel:] = lines[:, :-pixel]
    left, corner = beside[1:], beside[:-1]
    tried = np.empty((5, *here.shape), np.uint8)
    tried[0] = here
    np.subtract(here, left, out=tried[1])
    np.subtract(here, above, out=tried[2])
    # Of bytes: the mean, rounded down, without the ninth bit of their sum.
    np.subtract(here, (left & above) + ((left ^ above) >> 1), out=tried[3])
    np.subtract(here, _paeth(left, above, corner), out=tried[4])
    return tried


def _paeth(
    left: NDArray[np.uint8], above: NDArray[np.uint8], corner: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Return whichever of the three is nearest to left + above - corner (PNG, 9.4)."""
    across = above.astype(np.int16) - corner
    down = left.astype(np.int16) - corner
    to_left, to_above, to_corner = np.abs(across), np.abs(down), np.abs(across + down)
    vertical = np.where(to_above <= to_corner, above, corner)
    return np.where((to_left <= to_above) & (to_left <= to_corner), left, vertical)
