"""A log: a file that grows by whole records, and that one process at a time may write."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable
from pathlib import Path

from neuralpaint.errors import EncodingError
from neuralpaint.runtime.files import write_error

try:
    import fcntl
except ImportError:  # Windows: nothing is locked
    fcntl = None  # type: ignore[assignment]

__all__ = ["Log"]


class Log:
    """An open file to append to. What could not be appended whole is cut off again."""

    def __init__(self, path: Path, *, create: bool) -> None:
        """Open the file and lock it; `create` makes it where there is none.

        Raises:
            EncodingError: it is being written already, or cannot be.
        """
        self.path = path
        flags = os.O_RDWR | getattr(os, "O_BINARY", 0) | (os.O_CREAT if create else 0)
        try:
            self._descriptor = os.open(path, flags, 0o666)
        except OSError as error:
            raise write_error(path, error) from error
        self.position = os.fstat(self._descriptor).st_size
        """Where the next record begins, in bytes."""
        try:
            self._lock()
        except EncodingError:
            self.close()
            raise

    def append(self, parts: Iterable[bytes]) -> None:
        """Write a record, in parts, at the end.

        Raises:
            EncodingError: the disk is full, or writing fails; the file is as it was before.
        """
        end = self.position
        try:
            for part in parts:
                end += self._write(part, at=end)
        except BaseException as error:  # an interruption too leaves half a record
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self.position)
            if isinstance(error, OSError):
                raise write_error(self.path, error) from error
            raise
        self.position = end

    def cut(self, position: int) -> None:
        """Shorten the file to so many bytes.

        Raises:
            EncodingError: it cannot be.
        """
        try:
            os.ftruncate(self._descriptor, position)
        except OSError as error:
            raise write_error(self.path, error) from error
        self.position = position

    def sync(self) -> None:
        """Wait until all of it is on the disk.

        Raises:
            EncodingError: it cannot be brought there.
        """
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            raise write_error(self.path, error) from error

    @property
    def closed(self) -> bool:
        """Whether others may write."""
        return self._descriptor < 0

    def close(self) -> None:
        """Let others write; nothing happens the second time."""
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
            # A file system without locks.
