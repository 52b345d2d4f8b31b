"""A TIFF of any size, written as its rows come, in 8 or 16 bits a channel.

Strips of rows, each deflated by itself, lie one behind the other; the directory that says where
follows the last one (TIFF 6.0; Adobe's supplement 2 for deflate). Where offsets of 32 bits could be
too short, it is a BigTIFF, with 64.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from neuralpaint.image.srgb import SRGB_PROFILE
from neuralpaint.image.stills.bands import Bands, band_rows, deflated
from neuralpaint.image.stills.encoder import Encoder, Rows, Sheet

__all__ = ["TiffEncoder"]

_LARGEST_CLASSIC = 2**32 - 2**26  # bytes: room for a directory, and for pixels that do not shrink


@dataclass(frozen=True)
class _Layout:
    """What differs between the two kinds; numbers are little-endian."""

    header: bytes  # up to where the directory's offset stands
    offset: str  # `struct`'s letter of an offset and of a count of values
    entries: str  # of the number of entries
    kind: int  # of a field that holds offsets

    @property
    def offset_bytes(self) -> int:
        return struct.calcsize(self.offset)


_CLASSIC = _Layout(b"II*\0", "I", "H", kind=4)
_BIG = _Layout(b"II+\0\x08\0\0\0", "Q", "Q", kind=16)

_ASCII, _SHORT, _LONG, _UNDEFINED = 2, 3, 4, 7
_LETTERS = {_ASCII: "B", _SHORT: "H", _LONG: "I", _UNDEFINED: "B", _BIG.kind: "Q"}

_DEFLATE, _RGB, _CONTIGUOUS, _HORIZONTAL = 8, 2, 1, 2


class TiffEncoder(Encoder):
    """Writes a TIFF, or a BigTIFF where it could become too large for one."""

    def __init__(self, file: BinaryIO, sheet: Sheet) -> None:
        self._file, self._sheet = file, sheet
        size = sheet.height * sheet.row_bytes
        self._layout = _CLASSIC if size <= _LARGEST_CLASSIC else _BIG
        self._bands = Bands(sheet, encode=_encoded, deliver=self._deliver)
        self._offsets: list[int] = []
        self._sizes: list[int] = []
        self._file.write(self._layout.header + bytes(self._layout.offset_bytes))

    def write(self, rows: Rows) -> None:
        """Take the next rows."""
        self._bands.write(rows)

    def finish(self) -> None:
        """Write the last rows and the directory."""
        self._bands.finish()
        self._file.write(bytes(self._file.tell() % 2))  # a directory begins at an even offset
        start = self._file.tell()
        self._file.write(self._directory(start))
        self._file.seek(len(self._layout.header))
        self._file.write(struct.pack(f"<{self._layout.offset}", start))

    def close(self) -> None:
        """Let go of the threads."""
        self._bands.close()

    def _deliver(self, strip: bytes) -> None:
        self._offsets.append(self._file.tell())
        self._sizes.append(len(strip))
        self._file.write(strip)

    def _fields(self) -> dict[int, tuple[int, Sequence[int]]]:
        """Return the kind and values of each field by its number, in ascending order."""
        sheet = self._sheet
        description = sheet.tag.encode() + b"\0" if sheet.tag else b""
        fields: dict[int, tuple[int, Sequence[int]]] = {
            256: (_LONG, [sheet.width]),
            257: (_LONG, [sheet.height]),
            258: (_SHORT, [sheet.depth] * 3),
            259: (_SHORT, [_DEFLATE]),
            262: (_SHORT, [_RGB]),
            270: (_ASCII, description),
            273: (self._layout.kind, self._offsets),
            277: (_SHORT, [3]),  # samples per pixel
            278: (_LONG, [band_rows(sheet)]),  # per strip
            279: (self._layout.kind, self._sizes),
            284: (_SHORT, [_CONTIGUOUS]),
            317: (_SHORT, [_HORIZONTAL]),
            34675: (_UNDEFINED, SRGB_PROFILE),
        }
        return {number: field for number, field in fields.items() if field[1]}

    def _directory(self, start: int) -> bytes:
        """Return the directory, with the values behind it that do not fit into its entries."""
        offset, count = self._layout.offset, self._layout.entries
        fields = self._fields()
        size = struct.calcsize(f"<{count}") + len(fields) * struct.calcsize(f"<HH2{offset}")
        behind = start + size + self._layout.offset_bytes  # of the next directory: there is none
        entries, values = struct.pack(f"<{count}", len(fields)), b""
        for number, (kind, numbers) in fields.items():
            raw = struct.pack(f"<{len(numbers)}{_LETTERS[kind]}", *numbers)
            if len(raw) > self._layout.offset_bytes:
                place = struct.pack(f"<{offset}", behind + len(values))
                values += raw + bytes(len(raw) % 2)
            else:
                place = raw.ljust(self._layout.offset_bytes, b"\0")
            entries += struct.pack(f"<HH{offset}", number, kind, len(numbers)) + place
        return entries + bytes(self._layout.offset_bytes) + values


def _encoded(rows: Rows, _: Rows) -> bytes:
    """Return a strip: each pixel's difference from the one to its left, deflated."""
    differences = rows.copy()
    differences[:, 1:] -= rows[:, :-1]
    raw = differences.astype(rows.dtype.newbyteorder("<"), copy=False)
    return deflated(raw.reshape(-1).view(np.uint8).data)
