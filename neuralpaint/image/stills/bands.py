"""Bands: the rows of a still, which come in strips of any height, cut anew and worked on at once.

A band is about a megabyte, however the strips were cut and however many threads there are, so that
the same still gives the same file. Only the bands in work are in memory.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

import numpy as np

from neuralpaint.image.stills.encoder import Rows, Sheet
from neuralpaint.runtime.threads import available_cpus

__all__ = ["Bands", "band_rows", "deflated"]

T = TypeVar("T")

_BAND = 1 << 20  # bytes
_MOST_THREADS = 8  # with its band, each has some 6 MB in work
_SAMPLE = 1 << 16  # bytes, twice as far as deflate looks back

# What deflate looks for, and how far its sample must shrink, against the others', to be worth it:
# nothing in a photograph or the slopes of a painting, where only some bytes are more frequent than
# others; runs, in flat colours; whatever has been there before, in drawings and letters, at a tenth
# of the pace.
_STRATEGIES = {zlib.Z_HUFFMAN_ONLY: 1.0, zlib.Z_RLE: 1.0, zlib.Z_DEFAULT_STRATEGY: 0.85}


def band_rows(sheet: Sheet) -> int:
    """Return how many rows a band has; the last one may have fewer."""
    return min(sheet.height, max(1, _BAND // sheet.row_bytes))


class Bands(Generic[T]):
    """Cuts rows into bands, has them encoded on several threads, and hands them on in order.

    Args:
        sheet: the still.
        encode: called on a thread with the rows (n, width, 3) of a band and the row (1, width, 3)
            above it, zeros above the first.
        deliver: called with what `encode` returned, by the thread that writes.
    """

    def __init__(
        self, sheet: Sheet, *, encode: Callable[[Rows, Rows], T], deliver: Callable[[T], None]
    ) -> None:
        self._encode, self._deliver = encode, deliver
        self._ahead = min(available_cpus(), _MOST_THREADS)
        self._pool = ThreadPoolExecutor(self._ahead, thread_name_prefix="neuralpaint-still")
        self._coming: deque[Future[T]] = deque()
        self._band: Rows = np.empty((band_rows(sheet), sheet.width, 3), sheet.dtype)
        self._above: Rows = np.zeros((1, sheet.width, 3), sheet.dtype)
        self._filled = 0

    def write(self, rows: Rows) -> None:
        """Take the next rows (n, width, 3)."""
        taken = 0
        while taken < len(rows):
            some = rows[taken : taken + len(self._band) - self._filled]
            self._band[self._filled : self._filled + len(some)] = some
            self._filled += len(some)
            taken += len(some)
            if self._filled == len(self._band):
                self._send()

    def finish(self) -> None:
        """Return when the last band is delivered."""
        if self._filled:
            self._send()
        self._receive(leaving=0)

    def close(self) -> None:
        """Return when no thread is at work any more; bands that nobody has begun are dropped."""
        self._pool.shutdown(cancel_futures=True)

    def _send(self) -> None:
        band = self._band[: self._filled]
        self._coming.append(self._pool.submit(self._encode, band, self._above))
        self._above = band[-1:]
        self._band = np.empty_like(self._band)
        self._filled = 0
        self._receive(leaving=self._ahead)

    def _receive(self, *, leaving: int) -> None:
        while len(self._coming) > leaving:
            self._deliver(self._coming.popleft().result())


def deflated(raw: memoryview, *, bits: int = zlib.MAX_WBITS, end: int = zlib.Z_FINISH) -> bytes:
    """Return `raw` compressed in the way that suits it, which a sample of it tells.

    Args:
        raw: bytes, such as the differences between neighbouring pixels.
        bits: as of `zlib.compressobj`; negative without header and checksum.
        end: `Z_FINISH`, or `Z_SYNC_FLUSH` where another piece is going to follow.
    """

    def compressed(piece: memoryview, strategy: int) -> bytes:
        stream = zlib.compressobj(6, zlib.DEFLATED, bits, zlib.DEF_MEM_LEVEL, strategy)
        return stream.compress(piece) + stream.flush(end)

    start = max(0, (len(raw) - _SAMPLE) // 2)
    sample = raw[start : start + _SAMPLE]
    best = min(_STRATEGIES, key=lambda each: len(compressed(sample, each)) / _STRATEGIES[each])
    return compressed(raw, best)
