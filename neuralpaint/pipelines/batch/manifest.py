"""The manifest of a batch: a line of JSON for each picture that was tried, the newest one last.

Lines are only appended, each written to the disk before the next picture counts as done. After a
crash the last line may be torn; it is dropped, and its picture is made again.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from neuralpaint.errors import UsageError
from neuralpaint.runtime.files import write_error

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["NAME", "Manifest", "digest_of_file", "is_unchanged", "read_manifest"]

NAME = "manifest.jsonl"

_CHUNK = 1 << 20


def digest_of_file(path: str | Path) -> str | None:
    """Return the SHA-256 of a file; None if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError:
        return None
    return digest.hexdigest()


def is_unchanged(entry: Mapping[str, Any], source: str | Path) -> bool:
    """Return whether a picture is still the one of an entry.

    Its contents are read only if its path, its size or its time of modification have changed.
    """
    try:
        status = os.stat(source)
    except OSError:
        return False
    found = str(source), status.st_size, status.st_mtime_ns
    if found == (entry.get("input"), entry.get("size"), entry.get("modified")):
        return True
    return digest_of_file(source) == entry.get("sha256")


def read_manifest(path: Path) -> dict[str, dict[str, Any]]:
    """Return the newest entry of each result by its name in the folder; {} without a manifest.

    Lines that are not entries are skipped.

    Raises:
        UsageError: the file cannot be read.
    """
    entries: dict[str, dict[str, Any]] = {}
    try:
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n") and (entry := _entry(line)) is not None:
                    entries[entry["name"]] = entry
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read ({error.strerror})") from error
    return entries


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    is_entry = isinstance(entry, dict) and isinstance(entry.get("name"), str)
    return entry if is_entry else None


class Manifest:
    """Appends entries in a `with` statement; one process at a time."""

    def __init__(self, path: Path, *, starts_over: bool) -> None:
        """Open the manifest, and drop a torn last line, or all lines if it `starts_over`.

        Raises:
            UsageError: another batch is writing it.
            EncodingError: it cannot be written.
        """
        self._path = path
        try:
            self._file: BinaryIO = path.open("ab+", buffering=0)
        except OSError as error:
            raise write_error(path, error) from error
        try:
            self._lock()
            self._file.truncate(0 if starts_over else self._end_of_lines())
        except OSError as error:
            self._file.close()
            raise write_error(path, error) from error
        except BaseException:
            self._file.close()
            raise

    def _lock(self) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(self._file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"another batch is writing {str(self._path)!r}: wait for it, or choose another "
                "folder"
            ) from None
        except OSError:
            return  # a file system without locks

    def _end_of_lines(self) -> int:
        """Return the offset behind the last complete line."""
        end = self._file.seek(0, os.SEEK_END)
        while end > 0:
            start = max(0, end - _CHUNK)
            self._file.seek(start)
            newline = self._file.read(end - start).rfind(b"\n")
            if newline >= 0:
                return start + newline + 1
            end = start
        return 0

    def append(self, entry: Mapping[str, Any]) -> None:
        """Write an entry; when this returns, it is on the disk.

        Raises:
            EncodingError: the disk is full. The manifest is unchanged.
        """
        # ASCII with escapes, in which names that are not UTF-8 can be read back.
        line = f"{json.dumps(entry, allow_nan=False)}\n".encode()
        end = self._file.seek(0, os.SEEK_END)
        try:
            # One call, so that a killed process leaves a torn line at most at the end.
            if self._file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(self._file.fileno())
        except OSError as error:
            with contextlib.suppress(OSError):
                self._file.truncate(end)
            raise write_error(self._path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
