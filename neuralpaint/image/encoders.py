"""PNG and TIFF encoders that write rows as they arrive, in files of any size and 8 or 16 bits.

Rows are collected in bands of about a megabyte, which several threads filter and deflate at the
same time. The size of a band does not depend on the strips or the number of threads, so that the
same still always results in the same file. Only the bands being encoded are in memory.
"""

from __future__ import annotations

import struct
import zlib
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, BinaryIO, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from neuralpaint.image.icc_profiles import SRGB_PROFILE
from neuralpaint.image.metadata import png_text
from neuralpaint.runtime.threads import available_cpus

__all__ = ["Depth", "Encoder", "PngEncoder", "Rows", "StillSpec", "TiffEncoder"]

T = TypeVar("T")
Depth = Literal[8, 16]
Rows = NDArray[np.uint8] | NDArray[np.uint16]  # (rows, width, channels)

_BAND_BYTES = 1 << 20
_MOST_THREADS = 8  # each needs about 6 MB for its band
_SAMPLE_BYTES = 1 << 16  # twice the window of deflate

# zlib strategies. The one with the smallest quotient of compressed sample and this number is used.
# Huffman coding alone is best for photographs and smooth paintings, where no sequence repeats;
# run lengths for flat colours. Full matching, for drawings and text, takes ten times as long, so it
# must save at least 15 percent.
_STRATEGIES = {zlib.Z_HUFFMAN_ONLY: 1.0, zlib.Z_RLE: 1.0, zlib.Z_DEFAULT_STRATEGY: 0.85}


@dataclass(frozen=True)
class StillSpec:
    """The properties of a still that are fixed before its first row."""

    height: int
    width: int
    depth: Depth = 8  # bits per channel
    tag: str = ""
    channels: int = 3  # 4 with alpha, which is straight

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of its pixels."""
        return np.dtype(np.uint8 if self.depth == 8 else np.uint16)

    @property
    def row_bytes(self) -> int:
        """The size of an uncompressed row."""
        return self.width * self.channels * self.dtype.itemsize

    @property
    def band_rows(self) -> int:
        """The number of rows per band; the last band may have fewer."""
        return min(self.height, max(1, _BAND_BYTES // self.row_bytes))


class Encoder(ABC):
    """Writes the rows of one still, from top to bottom, into one file."""

    @abstractmethod
    def write(self, rows: Rows) -> None:
        """Write the next rows (n, width, channels); the array may be changed afterwards."""

    @abstractmethod
    def finish(self) -> None:
        """Complete the file, after the last row."""

    def close(self) -> None:  # noqa: B027 - not every encoder has resources
        """Release all resources, after success or failure."""


class _BandEncoder(Encoder, Generic[T]):
    """Encodes bands of rows on several threads, and writes them in order."""

    def __init__(self, file: BinaryIO, spec: StillSpec) -> None:
        self._file, self._spec = file, spec
        self._threads = min(available_cpus(), _MOST_THREADS)
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="neuralpaint-still")
        self._pending: deque[Future[T]] = deque()
        self._band: Rows = np.empty((spec.band_rows, spec.width, spec.channels), spec.dtype)
        self._above: Rows = np.zeros((1, spec.width, spec.channels), spec.dtype)
        self._filled = 0

    @abstractmethod
    def _encode(self, rows: Rows, above: Rows) -> T:
        """Encode a band, on any thread; `above` is the row before it, zeros before the first."""

    @abstractmethod
    def _write_band(self, band: T) -> None:
        """Write an encoded band."""

    @abstractmethod
    def _write_end(self) -> None:
        """Write what follows the last band."""

    def write(self, rows: Rows) -> None:
        taken = 0
        while taken < len(rows):
            some = rows[taken : taken + len(self._band) - self._filled]
            self._band[self._filled : self._filled + len(some)] = some
            self._filled += len(some)
            taken += len(some)
            if self._filled == len(self._band):
                self._submit()

    def finish(self) -> None:
        if self._filled:
            self._submit()
        self._write_pending(leave=0)
        self._write_end()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _submit(self) -> None:
        band = self._band[: self._filled]
        self._pending.append(self._pool.submit(self._encode, band, self._above))
        self._above = band[-1:]
        self._band = np.empty_like(self._band)
        self._filled = 0
        self._write_pending(leave=self._threads)

    def _write_pending(self, *, leave: int) -> None:
        while len(self._pending) > leave:
            self._write_band(self._pending.popleft().result())


def _deflate(raw: memoryview, *, bits: int = zlib.MAX_WBITS, end: int = zlib.Z_FINISH) -> bytes:
    """Return `raw` compressed with the best strategy for a sample of it.

    `bits` is the `wbits` of `zlib.compressobj`; negative omits header and checksum. `end` is
    `Z_FINISH`, or `Z_SYNC_FLUSH` if more of the same stream follows.
    """

    def compressed(piece: memoryview, strategy: int) -> bytes:
        stream = zlib.compressobj(6, zlib.DEFLATED, bits, zlib.DEF_MEM_LEVEL, strategy)
        return stream.compress(piece) + stream.flush(end)

    start = max(0, (len(raw) - _SAMPLE_BYTES) // 2)
    sample = raw[start : start + _SAMPLE_BYTES]
    best = min(_STRATEGIES, key=lambda each: len(compressed(sample, each)) / _STRATEGIES[each])
    return compressed(raw, best)


_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {3: 2, 4: 6}  # truecolour, and truecolour with alpha
_PERCEPTUAL = b"\0"  # the rendering intent in the sRGB chunk
_ZLIB_HEADER = b"\x78\x9c"
_ZLIB_EMPTY_LAST_BLOCK = b"\x03\x00"
_FILTER_BYTES = 1 << 16  # filtered at a time: the size of a processor's cache


class PngEncoder(_BandEncoder[tuple[memoryview, bytes]]):
    """Writes a PNG.

    Each row is stored as differences from the prediction of one of five filters, the one with the
    least sum of absolute differences (W3C, PNG, 12.7). Bands are deflated separately and flushed to
    whole bytes, so that they join into one stream.
    """

    def __init__(self, file: BinaryIO, spec: StillSpec) -> None:
        super().__init__(file, spec)
        self._checksum = zlib.adler32(b"")
        size = struct.pack(">II", spec.width, spec.height)
        self._file.write(_PNG_SIGNATURE)
        kind = _COLOUR_TYPES[spec.channels]
        self._write_chunk(b"IHDR", size + bytes((spec.depth, kind, 0, 0, 0)))
        self._write_chunk(b"sRGB", _PERCEPTUAL)
        self._write_chunk(b"IDAT", _ZLIB_HEADER)

    def _encode(self, rows: Rows, above: Rows) -> tuple[memoryview, bytes]:
        """Return the filtered rows, raw and deflated."""
        pixel = rows.shape[2] * rows.itemsize
        raw = _filtered(_as_bytes(rows), _as_bytes(above), pixel=pixel).reshape(-1).data
        return raw, _deflate(raw, bits=-zlib.MAX_WBITS, end=zlib.Z_SYNC_FLUSH)

    def _write_band(self, band: tuple[memoryview, bytes]) -> None:
        raw, deflated = band
        self._checksum = zlib.adler32(raw, self._checksum)
        self._write_chunk(b"IDAT", deflated)

    def _write_end(self) -> None:
        self._write_chunk(b"IDAT", _ZLIB_EMPTY_LAST_BLOCK + struct.pack(">I", self._checksum))
        self._file.write(png_text(tag=self._spec.tag))
        self._write_chunk(b"IEND", b"")

    def _write_chunk(self, kind: bytes, body: bytes) -> None:
        self._file.write(struct.pack(">I", len(body)) + kind)
        self._file.write(body)
        self._file.write(struct.pack(">I", zlib.crc32(body, zlib.crc32(kind))))


def _as_bytes(rows: Rows) -> NDArray[np.uint8]:
    """Return rows (n, width, channels) as big-endian bytes. (n, bytes)"""
    return (
        rows.astype(rows.dtype.newbyteorder(">"), copy=False).view(np.uint8).reshape(len(rows), -1)
    )


def _filtered(
    rows: NDArray[np.uint8], above: NDArray[np.uint8], *, pixel: int
) -> NDArray[np.uint8]:
    """Return the rows (n, b) with their best filters, each after the filter's number. (n, 1 + b)"""
    count, size = rows.shape
    lines = np.concatenate([above, rows])
    filtered = np.empty((count, 1 + size), np.uint8)
    step = max(1, _FILTER_BYTES // size)
    for top in range(0, count, step):
        tried = _differences(lines[top : top + step + 1], pixel=pixel)  # (5, n, b)
        sums = np.abs(tried.view(np.int8)).view(np.uint8).sum(axis=-1, dtype=np.uint64)
        best = sums.argmin(axis=0)
        filtered[top : top + step, 0] = best
        filtered[top : top + step, 1:] = tried[best, np.arange(len(best))]
    return filtered


def _differences(lines: NDArray[np.uint8], *, pixel: int) -> NDArray[np.uint8]:
    """Return all lines (1 + n, b) except the first with each of the filters. (5, n, b)"""
    here, above = lines[1:], lines[:-1]
    beside = np.zeros_like(lines)
    beside[:, pixel:] = lines[:, :-pixel]
    left, corner = beside[1:], beside[:-1]
    tried = np.empty((5, *here.shape), np.uint8)
    tried[0] = here
    np.subtract(here, left, out=tried[1])
    np.subtract(here, above, out=tried[2])
    # The mean of two bytes, rounded down, without their 9-bit sum.
    np.subtract(here, (left & above) + ((left ^ above) >> 1), out=tried[3])
    np.subtract(here, _paeth(left, above, corner), out=tried[4])
    return tried


def _paeth(
    left: NDArray[np.uint8], above: NDArray[np.uint8], corner: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Return the one of the three that is nearest to left + above - corner (PNG, 9.4)."""
    across = above.astype(np.int16) - corner
    down = left.astype(np.int16) - corner
    to_left, to_above, to_corner = np.abs(across), np.abs(down), np.abs(across + down)
    vertical = np.where(to_above <= to_corner, above, corner)
    return np.where((to_left <= to_above) & (to_left <= to_corner), left, vertical)


_LARGEST_CLASSIC = 2**32 - 2**26  # bytes, less a reserve for the directory and for deflate


@dataclass(frozen=True)
class _TiffLayout:
    """The differences between TIFF and BigTIFF; numbers are little-endian."""

    header: bytes  # up to the offset of the directory
    offset: str  # `struct` format of an offset and of a count of values
    entries: str  # `struct` format of the number of entries
    kind: int  # of a field of offsets

    @property
    def offset_bytes(self) -> int:
        return struct.calcsize(self.offset)


_CLASSIC = _TiffLayout(b"II*\0", "I", "H", kind=4)
_BIG = _TiffLayout(b"II+\0\x08\0\0\0", "Q", "Q", kind=16)

_ASCII, _SHORT, _LONG, _UNDEFINED = 2, 3, 4, 7
_FORMATS = {_ASCII: "B", _SHORT: "H", _LONG: "I", _UNDEFINED: "B", _BIG.kind: "Q"}

_DEFLATE, _RGB, _CONTIGUOUS, _HORIZONTAL = 8, 2, 1, 2
_STRAIGHT = 2  # alpha that is not premultiplied


class TiffEncoder(_BandEncoder[bytes]):
    """Writes a TIFF, or a BigTIFF if 32-bit offsets could be too short.

    Bands are strips, deflated separately (TIFF 6.0; Adobe's supplement 2 for deflate); the
    directory with their offsets follows the last one.
    """

    def __init__(self, file: BinaryIO, spec: StillSpec) -> None:
        super().__init__(file, spec)
        size = spec.height * spec.row_bytes
        self._layout = _CLASSIC if size <= _LARGEST_CLASSIC else _BIG
        self._offsets: list[int] = []
        self._sizes: list[int] = []
        self._file.write(self._layout.header + bytes(self._layout.offset_bytes))

    def _encode(self, rows: Rows, above: Rows) -> bytes:
        """Return the deflated difference of each pixel from the one to its left."""
        differences = rows.copy()
        differences[:, 1:] -= rows[:, :-1]
        raw = differences.astype(rows.dtype.newbyteorder("<"), copy=False)
        return _deflate(raw.reshape(-1).view(np.uint8).data)

    def _write_band(self, band: bytes) -> None:
        self._offsets.append(self._file.tell())
        self._sizes.append(len(band))
        self._file.write(band)

    def _write_end(self) -> None:
        self._file.write(bytes(self._file.tell() % 2))  # a directory starts at an even offset
        start = self._file.tell()
        self._file.write(self._directory(start))
        self._file.seek(len(self._layout.header))
        self._file.write(struct.pack(f"<{self._layout.offset}", start))

    def _fields(self) -> dict[int, tuple[int, Sequence[int]]]:
        """Return (kind, values) of each field by number, in ascending order."""
        spec = self._spec
        description = spec.tag.encode() + b"\0" if spec.tag else b""
        fields: dict[int, tuple[int, Sequence[int]]] = {
            256: (_LONG, [spec.width]),
            257: (_LONG, [spec.height]),
            258: (_SHORT, [spec.depth] * spec.channels),
            259: (_SHORT, [_DEFLATE]),
            262: (_SHORT, [_RGB]),
            270: (_ASCII, description),
            273: (self._layout.kind, self._offsets),
            277: (_SHORT, [spec.channels]),  # samples per pixel
            278: (_LONG, [spec.band_rows]),  # rows per strip
            279: (self._layout.kind, self._sizes),
            284: (_SHORT, [_CONTIGUOUS]),
            317: (_SHORT, [_HORIZONTAL]),
            338: (_SHORT, [_STRAIGHT] * (spec.channels - 3)),  # kinds of the other samples
            34675: (_UNDEFINED, SRGB_PROFILE),
        }
        return {number: field for number, field in fields.items() if field[1]}

    def _directory(self, start: int) -> bytes:
        """Return the directory at offset `start`, followed by the values too long for an entry."""
        offset, count = self._layout.offset, self._layout.entries
        fields = self._fields()
        size = struct.calcsize(f"<{count}") + len(fields) * struct.calcsize(f"<HH2{offset}")
        behind = start + size + self._layout.offset_bytes  # after the offset of a next directory, 0
        entries, values = struct.pack(f"<{count}", len(fields)), b""
        for number, (kind, numbers) in fields.items():
            raw = struct.pack(f"<{len(numbers)}{_FORMATS[kind]}", *numbers)
            if len(raw) > self._layout.offset_bytes:
                place = struct.pack(f"<{offset}", behind + len(values))
                values += raw + bytes(len(raw) % 2)
            else:
                place = raw.ljust(self._layout.offset_bytes, b"\0")
            entries += struct.pack(f"<HH{offset}", number, kind, len(numbers)) + place
        return entries + bytes(self._layout.offset_bytes) + values
