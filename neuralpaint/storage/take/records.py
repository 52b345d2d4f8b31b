"""Records: a take is a file that grows by whole records.

    neuralpaint take 1
    HEAD  settings, planned steps, note, size of the picture
    PICT  a picture as PNG, with its mask; several for an album
    SNAP  the first snapshot: all weights, in full precision
    SNAP  a later snapshot: the weights that differ from the first, and a sketch
    ...
    DONE

A record is a label of fixed size, then arrays and facts in the format of `storage.tensors`. A label
contains the length of the record and the time of the snapshot, so all snapshots can be listed
without reading their weights. Both the label and the contents have a checksum.
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from numpy.typing import NDArray

from neuralpaint.errors import EncodingError, SavedError
from neuralpaint.runtime.files import write_error
from neuralpaint.storage.tensors import pack_tensors, unpack_tensors

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None  # type: ignore[assignment]

__all__ = ["MAGIC", "Place", "RecordFile", "has_magic", "pack_record", "read_places", "read_record"]

MAGIC = b"neuralpaint take 1\n"
_ANY_VERSION = b"neuralpaint take "
_KIND = "neuralpaint take record"
_MARKS = (b"HEAD", b"PICT", b"SNAP", b"DONE")
_LABEL = struct.Struct("<4sQIqddI")  # the fields of a place, and the checksum of the bytes before
_CHECKSUM = struct.Struct("<I")


@dataclass(frozen=True)
class Place:
    """The position of the contents of a record, and the fields of its label."""

    mark: bytes
    start: int
    length: int
    checksum: int
    step: int
    seconds: float
    loss: float

    @property
    def end(self) -> int:
        """Byte offset of the next record."""
        return self.start + self.length


def has_magic(file: BinaryIO, *, name: str) -> bool:
    """Return whether an open file begins like a take.

    Raises:
        SavedError: the take was made by a newer neuralpaint.
    """
    found = file.read(len(MAGIC))
    if found == MAGIC:
        return True
    version = found.removeprefix(_ANY_VERSION).rstrip(b"\n")
    if found.startswith(_ANY_VERSION) and version.isdigit() and version != b"0":
        raise SavedError(f"{name} was made by a newer neuralpaint: update neuralpaint")
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
    """Return the label and the body of a record."""
    body = pack_tensors(tensors, kind=_KIND, facts=facts)
    label = _LABEL.pack(mark, len(body), zlib.crc32(body), step, seconds, loss, 0)
    label = label[: -_CHECKSUM.size]
    return [label + _CHECKSUM.pack(zlib.crc32(label)), body]


def read_places(file: BinaryIO, *, name: str) -> list[Place]:
    """Return the places of the complete records of an open take.

    Incomplete records at the end, after a killed process or a power failure, are ignored.

    Raises:
        SavedError: it is not a take, was made by a newer neuralpaint, or has no picture.
    """
    if not has_magic(file, name=name):
        raise SavedError(f"{name} is not a take: give a file from --record")
    size, at = os.fstat(file.fileno()).st_size, len(MAGIC)
    found: list[Place] = []
    while place := _place(file, at, size=size):
        found.append(place)
        at = place.end
    # After a power failure, a label can be on disk without its body.
    while found and found[-1].mark != b"DONE" and not _is_whole(file, found[-1]):
        found.pop()
    if [place.mark for place in found[:2]] != [b"HEAD", b"PICT"]:
        raise SavedError(f"{name} is truncated before its first snapshot: record it again")
    return found


def read_record(
    file: BinaryIO, place: Place, *, name: str
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays and facts of a record.

    Raises:
        SavedError: the record is damaged.
    """
    body = _body(file, place)
    if zlib.crc32(body) != place.checksum:
        what = f"the snapshot at step {place.step}" if place.mark == b"SNAP" else "a record"
        raise SavedError(f"{name} is damaged ({what} does not match its checksum): copy it again")
    return unpack_tensors(body, kind=_KIND, name=name)


class RecordFile:
    """An open take to which records are appended; a record that cannot be written is removed."""

    def __init__(self, path: Path, *, create: bool) -> None:
        """Open the file and lock it; `create` allows a new file.

        Raises:
            EncodingError: another process is writing the file, or it cannot be written.
        """
        self.path = path
        flags = os.O_RDWR | getattr(os, "O_BINARY", 0) | (os.O_CREAT if create else 0)
        try:
            self._descriptor = os.open(path, flags, 0o666)
        except OSError as error:
            raise write_error(path, error) from error
        self.position = os.fstat(self._descriptor).st_size
        """Byte offset of the next record."""
        try:
            self._lock()
        except EncodingError:
            self.close()
            raise

    def append(self, parts: Iterable[bytes]) -> None:
        """Write the parts of a record at the end.

        Raises:
            EncodingError: the disk is full, or writing fails; the file is unchanged.
        """
        end = self.position
        try:
            for part in parts:
                end += self._write(part, at=end)
        except BaseException as error:  # a KeyboardInterrupt can leave half a record too
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self.position)
            if isinstance(error, OSError):
                raise write_error(self.path, error) from error
            raise
        self.position = end

    def cut(self, position: int) -> None:
        """Shorten the file to `position` bytes.

        Raises:
            EncodingError: the file cannot be shortened.
        """
        try:
            os.ftruncate(self._descriptor, position)
        except OSError as error:
            raise write_error(self.path, error) from error
        self.position = position

    def sync(self) -> None:
        """Wait until all records are on disk.

        Raises:
            EncodingError: writing fails.
        """
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise write_error(self.path, error) from error

    @property
    def closed(self) -> bool:
        """Whether the file is closed."""
        return self._descriptor < 0

    def close(self) -> None:
        """Close the file and release its lock. Further calls do nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def _write(self, part: bytes, *, at: int) -> int:
        rest = memoryview(part)
        os.lseek(self._descriptor, at, os.SEEK_SET)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        return len(part)

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise EncodingError(
                    f"{str(self.path)!r} is being written already: wait for it"
                ) from error
            # With other errors, the file system does not support locks.


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
