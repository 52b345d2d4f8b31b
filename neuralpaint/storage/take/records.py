"""Records: what a take is made of, one after another, each whole or not there.

    neuralpaint take 1
    HEAD  settings, planned steps, note, size of the picture
    PICT  the picture, as PNG, with what is unknown of it; of an album one after another
    SNAP  the first snapshot: all weights, in full
    SNAP  another: what differs from the first, and a sketch
    ...
    DONE

A record is a label of fixed size, then arrays and facts as `storage.tensors` packs them. A label
holds the position of the next record and the time of the snapshot, so all snapshots are listed
without reading their weights. Label and content each have a checksum.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from numpy.typing import NDArray

from neuralpaint.errors import SavedError
from neuralpaint.storage.tensors import pack_tensors, unpack_tensors

__all__ = ["MAGIC", "Place", "has_magic", "pack_record", "read_places", "read_record"]

MAGIC = b"neuralpaint take 1\n"
_ANY_VERSION = b"neuralpaint take "
_KIND = "neuralpaint take record"
_MARKS = (b"HEAD", b"PICT", b"SNAP", b"DONE")
_LABEL = struct.Struct("<4sQIqddI")  # the fields of a place, and the checksum of the bytes before
_CHECKSUM = struct.Struct("<I")


@dataclass(frozen=True)
class Place:
    """Where the arrays and facts of a record are, and what its label says of them."""

    mark: bytes
    start: int
    length: int
    checksum: int
    step: int
    seconds: float
    loss: float

    @property
    def end(self) -> int:
        """Where the next record begins."""
        return self.start + self.length


def has_magic(file: BinaryIO, *, name: str) -> bool:
    """Say whether an open file, which is read from its beginning, is a take.

    Raises:
        SavedError: it is one that a newer neuralpaint made.
    """
    found = file.read(len(MAGIC))
    if found == MAGIC:
        return True
    version = found.removeprefix(_ANY_VERSION).rstrip(b"\n")
    if found.startswith(_ANY_VERSION) and version.isdigit() and version != b"0":
        raise SavedError(f"{name} was made by a newer neuralpaint: update it")
    return False


def pack_record(
    mark: bytes,
    tensors: Mapping[str, NDArray[Any]],
    facts: Mapping[str, Any],
    *,
    step: int = 0,
    seconds: float = 0.0,
    loss: float = 0.0,
) -> list[bytes]:
    """Return a record as the label and what follows it."""
    body = pack_tensors(tensors, kind=_KIND, facts=facts)
    label = _LABEL.pack(mark, len(body), zlib.crc32(body), step, seconds, loss, 0)
    label = label[: -_CHECKSUM.size]
    return [label + _CHECKSUM.pack(zlib.crc32(label)), body]


def read_places(file: BinaryIO, *, name: str) -> list[Place]:
    """Return where the records of an open take are, up to the first that is not there whole.

    What a killed writer or a power cut left of the last ones is no record.

    Raises:
        SavedError: it is no take, one that a newer neuralpaint made, or cut short at its head.
    """
    if not has_magic(file, name=name):
        raise SavedError(f"{name} is no take: give a file that was recorded")
    size, at = os.fstat(file.fileno()).st_size, len(MAGIC)
    found: list[Place] = []
    while place := _place(file, at, size=size):
        found.append(place)
        at = place.end
    # Of a file that was cut off by a power cut the labels may be there and the rest not.
    while found and found[-1].mark != b"DONE" and not _is_whole(file, found[-1]):
        found.pop()
    if [place.mark for place in found[:2]] != [b"HEAD", b"PICT"]:
        raise SavedError(f"{name} is cut short before its first snapshot: record it again")
    return found


def read_record(
    file: BinaryIO, place: Place, *, name: str
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays and facts of a record.

    Raises:
        SavedError: they are damaged.
    """
    body = _body(file, place)
    if zlib.crc32(body) != place.checksum:
        what = f"the snapshot at step {place.step}" if place.mark == b"SNAP" else "a record"
        raise SavedError(f"{name} is damaged ({what} does not match its checksum): copy it anew")
    return unpack_tensors(body, kind=_KIND, name=name)


def _place(file: BinaryIO, at: int, *, size: int) -> Place | None:
    file.seek(at)
    label = file.read(_LABEL.size)
    if len(label) < _LABEL.size:
        return None
    mark, length, checksum, step, seconds, loss, own = _LABEL.unpack(label)
    start = at + _LABEL.size
    if zlib.crc32(label[: -_CHECKSUM.size]) != own or mark not in _MARKS or start + length > size:
        return None
    return Place(mark, start, length, checksum, step, seconds, loss)


def _is_whole(file: BinaryIO, place: Place) -> bool:
    return zlib.crc32(_body(file, place)) == place.checksum


def _body(file: BinaryIO, place: Place) -> bytes:
    file.seek(place.start)
    return file.read(place.length)
