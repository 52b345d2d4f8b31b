"""Part files: a result grows beside its target, is published in one step, and survives a kill.

    sweep(target)                        # what earlier, killed runs left
    with claimed(target) as part:        # `.out.4711.part.png`, locked
        part.path.write_bytes(...)
        part.publish()

So a target is either not there, as it was before, or complete. A part is locked by the process that
writes it, and by ffmpeg, which outlives Python by a moment: one without a lock was abandoned.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from neuralpaint.errors import EncodingError
from neuralpaint.runtime.outputs import writing_failed

try:
    import fcntl
except ImportError:  # Windows: nothing is locked, and so nothing is swept
    fcntl = None  # type: ignore[assignment]

__all__ = ["Part", "beside", "claimed", "remove", "sweep"]

_log = logging.getLogger(__name__)

_NAME_BYTES = 255  # the longest file name of every common file system
_ADDED_BYTES = 32  # room for what is added to a name: ".4194304.sound", ".recovered-1000"

_Kind = Literal["part", "sound", "old"]


@dataclass(frozen=True)
class Part:
    """A file or folder that is being written in place of `target`."""

    path: Path
    target: Path  # links are followed, so that a link stays a link
    lock: int | None  # a descriptor that a child may keep open; None where there are no locks

    def publish(self) -> None:
        """Give the complete part its final name, in place of what was there.

        Raises:
            OSError: it cannot be renamed; the target is as it was.
        """
        if not (self.path.is_dir() and self.target.is_dir()):
            self.path.replace(self.target)
            return
        # A folder that is not empty cannot be replaced in one step: the old one stands aside, and
        # is locked so that no other run takes it for abandoned.
        aside = _part_path(self.target, kind="old")
        with _locked(self.target):
            self.target.rename(aside)
            try:
                self.path.rename(self.target)
            except OSError:
                aside.rename(self.target)
                raise
            remove(aside)


@contextlib.contextmanager
def claimed(
    target: str | Path, *, folder: bool = False, kind: Literal["part", "sound"] = "part"
) -> Iterator[Part]:
    """Create the part file (or folder) of `target`; at the end, remove it unless it was published.

    A clip that is written again together with its sound is a part of the `kind` "sound".

    Raises:
        EncodingError: this process is writing the same target already, or any `OSError` here or in
            the block.
    """
    real = Path(os.path.realpath(target))
    path = _part_path(real, kind=kind)
    try:
        lock = _create(path, folder=folder)
    except FileExistsError as error:
        raise EncodingError(f"{str(target)!r} is being written already: wait for it") from error
    except OSError as error:
        raise writing_failed(target, error) from error
    try:
        yield Part(path, real, lock)
    except OSError as error:
        raise writing_failed(target, error) from error
    finally:
        remove(path)
        if lock is not None:
            os.close(lock)


def sweep(target: str | Path, *, keep: Callable[[Path], bool] | None = None) -> list[Path]:
    """Rescue what earlier, killed runs left of `target`, and return what was kept.

    An abandoned part becomes `NAME.recovered.EXT` (then `NAME.recovered-2.EXT`, ...) where `keep`
    says that it is worth it, and is removed otherwise; one that is still being written is left
    alone, and so is what may not be touched.
    """
    target = Path(os.path.realpath(target))
    kept: list[Path] = []
    if fcntl is None:
        return kept
    for part in _parts_of(target):
        with contextlib.suppress(OSError), _locked(part) as abandoned:
            if not abandoned:
                continue
            if keep is None or not keep(part):
                remove(part)
                continue
            rescued = _unused_name(target)
            part.rename(rescued)
            _log.warning("an earlier run was killed: what it made was kept as %s", rescued)
            kept.append(rescued)
    return kept


def beside(target: Path, ending: str) -> Path:
    """Return the path of a file that belongs to a target, in its folder: `out.mp4.ENDING`.

    A name that would be too long for a file is shortened.
    """
    return target.with_name(f"{_cut(target.name, room=_NAME_BYTES - len(ending) - 1)}.{ending}")


def remove(path: Path) -> None:
    """Remove a file or a folder of files; it is no error when there is none."""
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
    if fcntl is None:  # and an open file could not be renamed
        return None
    lock = os.open(path, os.O_RDONLY)
    _try_lock(lock)
    return lock


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Yield whether nobody else had locked `path`, which is locked until the end of the block."""
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
    except OSError:  # locked, or a file system without locks: either way not ours to touch
        return False
    return True


def _part_path(target: Path, *, kind: _Kind) -> Path:
    return target.with_name(f".{_stem(target)}.{os.getpid()}.{kind}{target.suffix}")


def _parts_of(target: Path) -> list[Path]:
    # Whether the number in the name is that of a living process says nothing, because numbers come
    # again; the lock tells.
    stem, suffix = re.escape(_stem(target)), re.escape(target.suffix)
    name = re.compile(rf"\.{stem}\.\d+\.(part|sound|old){suffix}")
    try:
        return sorted(part for part in target.parent.iterdir() if name.fullmatch(part.name))
    except OSError:  # files may be made in it but not listed
        return []


def _unused_name(target: Path) -> Path:
    for number in itertools.count(1):
        count = "" if number == 1 else f"-{number}"
        candidate = target.with_name(f"{_stem(target)}.recovered{count}{target.suffix}")
        if not candidate.exists():
            break
    return candidate


def _stem(target: Path) -> str:
    """Return the stem, cut so that there is room for what is added to it."""
    return _cut(target.stem, room=_NAME_BYTES - len(os.fsencode(target.suffix)) - _ADDED_BYTES)


def _cut(name: str, *, room: int) -> str:
    """Return a name of at most so many bytes."""
    raw = os.fsencode(name)
    if len(raw) <= room:
        return name
    # The digest keeps two long names that begin alike apart.
    return raw[: max(room - 8, 0)].decode(errors="ignore") + hashlib.sha256(raw).hexdigest()[:8]
