"""Output files: checks before the work starts, and atomic replacement when it is complete.

    check_output(path)                   # before a long computation: can the file be written?
    remove_stale_parts(path)             # part files of earlier runs that were killed
    with part_file(path) as part:        # creates `.out.4711.part.png`, locked
        part.path.write_bytes(...)
        part.publish()                   # renames it to `out.png`

An output is either complete or unchanged. The process that writes a part file locks it; ffmpeg,
which can end after Python, inherits the lock. A part file without a lock is stale.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import logging
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from neuralpaint.errors import EncodingError, UsageError

try:
    import fcntl
except ImportError:  # Windows: without locks, stale part files cannot be recognised
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "FolderLock",
    "PartFile",
    "check_output",
    "check_output_folder",
    "part_file",
    "remove",
    "remove_stale_parts",
    "sibling",
    "temporary_folder",
    "write_error",
    "write_file",
]

_log = logging.getLogger(__name__)

_TRIAL_BYTES = 64 * 2**10  # few outputs are smaller
_NAME_BYTES = 255  # the longest file name of every common file system
_ADDED_BYTES = 32  # reserved for additions to a name: ".4194304.sound", ".recovered-1000"


def check_output(path: str | Path, *, overwrite: bool = False) -> Path:
    """Return `path` as a `Path` if a file can be written there, without creating it.

    Raises:
        UsageError: the folder does not exist, the output is a folder or a device, its name is not
            valid, or it exists and `overwrite` is false.
        EncodingError: the folder is not writable, or its disk is full.
    """
    path = Path(path)
    mode = _mode(path)
    if mode is not None:
        if stat.S_ISDIR(mode):
            raise UsageError(f"output {str(path)!r} is a folder: give the name of a file in it")
        if not stat.S_ISREG(mode):
            raise UsageError(f"output {str(path)!r} is not a regular file: choose another name")
        _check_overwrite(path, overwrite=overwrite)
    _check_writable(path)
    return path


def temporary_folder() -> Path:
    """Return the system's folder for temporary files.

    Raises:
        EncodingError: there is none that can be written to.
    """
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        raise EncodingError(
            "there is no folder for temporary files: set TMPDIR to one that you can write to"
        ) from error


def check_output_folder(
    path: str | Path, *, belongs: Callable[[str], bool], overwrite: bool = False
) -> Path:
    """Return `path` as a `Path` if an output folder can be created there, or an empty one exists.

    `belongs` is called with the name of each file in an existing folder; it returns whether the
    file may be replaced together with the folder.

    Raises:
        UsageError: see `check_output`; or the folder contains other files.
        EncodingError: the parent folder is not writable, or its disk is full.
    """
    path = Path(path)
    mode = _mode(path)
    if mode is not None:
        if not stat.S_ISDIR(mode):
            raise UsageError(f"output {str(path)!r} is not a folder: choose another name")
        try:
            names = os.listdir(path)
        except OSError as error:
            raise write_error(path, error) from error
        if not all(belongs(name) for name in names):
            raise UsageError(
                f"output {str(path)!r} contains other files: choose a new or an empty folder"
            )
        if names:
            _check_overwrite(path, overwrite=overwrite)
    _check_writable(path)
    return path


def write_error(path: str | Path, error: OSError) -> EncodingError:
    """Convert an `OSError` that occurred while `path` was written to an error for the user."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        advice = "free some space, or choose another folder"
    else:
        advice = "choose a folder that you can write to"
    reason = error.strerror or str(error) or type(error).__name__
    return EncodingError(f"{str(path)!r} cannot be written ({reason}): {advice}")


def _mode(path: Path) -> int | None:
    """Return the mode of the file at `path`, symbolic links resolved; None if there is none."""
    try:
        return os.lstat(os.path.realpath(path)).st_mode
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None  # `_check_writable` reports the problem with the folder
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"output name {str(path)!r} is not valid ({reason})") from error


def _check_overwrite(path: Path, *, overwrite: bool) -> None:
    if not overwrite:
        raise UsageError(f"output {str(path)!r} exists: add -y to replace it, or rename it")


def _check_writable(path: Path) -> None:
    folder = Path(os.path.realpath(path)).parent
    if not os.path.isdir(folder):  # unlike Path.is_dir, false if a parent is not readable
        problem = "is not a folder" if os.path.exists(folder) else "does not exist"
        raise UsageError(
            f"output folder {str(folder)!r} {problem}: create it first, or choose another"
        )
    try:
        # Only a trial file covers permissions, read-only mounts and quotas. It needs some contents:
        # on a full disk, a file can be created, but not written.
        with tempfile.TemporaryFile(dir=folder) as trial:
            trial.write(bytes(_TRIAL_BYTES))
    except OSError as error:
        raise write_error(path, error) from error


@dataclass(frozen=True)
class PartFile:
    """A temporary file or folder that replaces `output` when it is complete."""

    path: Path
    output: Path  # with symbolic links resolved, so that publishing keeps the link
    lock: int | None  # a file descriptor that child processes inherit; None on Windows

    def publish(self) -> None:
        """Rename the complete part file to `output`, replacing an existing one.

        Raises:
            OSError: the rename failed; the output is unchanged.
        """
        if not (self.path.is_dir() and self.output.is_dir()):
            self.path.replace(self.output)
            return
        # A folder with files cannot be replaced in one step: rename the old one first, with a lock,
        # so that another run does not remove it as stale.
        old = _part_path(self.output, kind="old")
        with _locked(self.output):
            self.output.rename(old)
            try:
                self.path.rename(self.output)
            except OSError:
                old.rename(self.output)
                raise
            remove(old)


@contextlib.contextmanager
def part_file(
    output: str | Path, *, folder: bool = False, kind: Literal["part", "sound", "parts"] = "part"
) -> Iterator[PartFile]:
    """Create the part file (or folder) of `output`; remove it at the end unless it was published.

    The kind "sound" is for a clip that is written again, with its sound; "parts" for a folder of
    its parts.

    Raises:
        EncodingError: this process is already writing the same output, or an `OSError` was raised
            here or in the block.
    """
    real = Path(os.path.realpath(output))
    path = _part_path(real, kind=kind)
    try:
        lock = _create(path, folder=folder)
    except FileExistsError as error:
        raise EncodingError(f"{str(output)!r} is being written already: wait for it") from error
    except OSError as error:
        raise write_error(output, error) from error
    try:
        yield PartFile(path, real, lock)
    except OSError as error:
        raise write_error(output, error) from error
    finally:
        remove(path)
        if lock is not None:
            os.close(lock)


def write_file(output: str | Path, content: bytes | str) -> None:
    """Write a small file, complete or not at all; text is encoded as UTF-8.

    Raises:
        EncodingError: the file cannot be written, or is a folder.
    """
    if Path(output).is_dir():
        raise EncodingError(f"{str(output)!r} is a folder: move it away")
    encoded = content.encode("utf-8", "replace") if isinstance(content, str) else content
    remove_stale_parts(output)
    with part_file(output) as part:
        part.path.write_bytes(encoded)
        part.publish()


def remove_stale_parts(
    output: str | Path, *, keep: Callable[[Path], bool] | None = None
) -> list[Path]:
    """Remove part files of `output` left by killed runs; return the files that were kept.

    If `keep` returns true for a stale part file, it is renamed to `NAME.recovered.EXT` (then
    `NAME.recovered-2.EXT`, ...) instead. Part files that are locked or not accessible are skipped.
    """
    output = Path(os.path.realpath(output))
    kept: list[Path] = []
    if fcntl is None:
        return kept
    for part in _parts_of(output):
        with contextlib.suppress(OSError), _locked(part) as acquired:
            if not acquired:
                continue
            if keep is None or not keep(part):
                remove(part)
                continue
            recovered = _unused_name(output)
            part.rename(recovered)
            _log.warning("an earlier run was killed: its part file was kept as %s", recovered)
            kept.append(recovered)
    return kept


def sibling(path: Path, ending: str) -> Path:
    """Return the path `out.mp4.ENDING` next to `out.mp4`; shorten a name that is too long."""
    return path.with_name(f"{_cut(path.name, room=_NAME_BYTES - len(ending) - 1)}.{ending}")


class FolderLock:
    """A lock on a folder. It ends with the process; child processes do not inherit it."""

    def __init__(self, descriptor: int | None, *, held: bool) -> None:
        self._descriptor = descriptor
        self.held = held
        """Whether the folder was not locked already; True where there are no locks, on Windows."""

    @classmethod
    def acquire(cls, folder: Path) -> FolderLock:
        """Lock a folder, unless it is locked already."""
        if fcntl is None:
            return cls(None, held=True)
        try:
            descriptor = os.open(folder, os.O_RDONLY)
        except OSError:
            return cls(None, held=False)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return cls(None, held=False)
        except OSError:  # a file system without locks
            os.close(descriptor)
            return cls(None, held=True)
        return cls(descriptor, held=True)

    @classmethod
    def is_locked(cls, folder: Path) -> bool:
        """Return whether a folder is locked, by this process or another one."""
        lock = cls.acquire(folder)
        lock.release()
        return not lock.held

    def release(self) -> None:
        """Unlock the folder."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def remove(path: Path) -> None:
    """Remove a file or a folder of files, ignoring all errors."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _create(path: Path, *, folder: bool) -> int | None:
    if folder:
        path.mkdir()
    else:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    if fcntl is None:  # and Windows cannot rename an open file
        return None
    lock = os.open(path, os.O_RDONLY)
    _try_lock(lock)
    return lock


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Lock `path` during the block; yield whether the lock was acquired."""
    if fcntl is None:
        yield True
        return
    lock = os.open(path, os.O_RDONLY)
    try:
        yield _try_lock(lock)
    finally:
        os.close(lock)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # locked by another process, or a file system without locks
        return False
    return True


def _part_path(output: Path, *, kind: Literal["part", "sound", "parts", "old"]) -> Path:
    return output.with_name(f".{_stem(output)}.{os.getpid()}.{kind}{output.suffix}")


def _parts_of(output: Path) -> list[Path]:
    # The lock shows whether the writer still runs; the process number in the name cannot, because
    # numbers are reused.
    stem, suffix = re.escape(_stem(output)), re.escape(output.suffix)
    name = re.compile(rf"\.{stem}\.\d+\.(part|sound|parts|old){suffix}")
    try:
        return sorted(part for part in output.parent.iterdir() if name.fullmatch(part.name))
    except OSError:  # the folder may be writable but not readable
        return []


def _unused_name(output: Path) -> Path:
    for number in itertools.count(1):
        count = "" if number == 1 else f"-{number}"
        candidate = output.with_name(f"{_stem(output)}.recovered{count}{output.suffix}")
        if not candidate.exists():
            break
    return candidate


def _stem(output: Path) -> str:
    return _cut(output.stem, room=_NAME_BYTES - len(os.fsencode(output.suffix)) - _ADDED_BYTES)


def _cut(name: str, *, room: int) -> str:
    """Return `name` shortened to at most `room` bytes."""
    raw = os.fsencode(name)
    if len(raw) <= room:
        return name
    # The digest distinguishes two long names with the same beginning.
    return raw[: max(room - 8, 0)].decode(errors="ignore") + hashlib.sha256(raw).hexdigest()[:8]
