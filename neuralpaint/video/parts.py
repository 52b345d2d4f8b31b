"""Part files: how a clip grows, is published in one step, and survives the death of its process.

A clip grows as `.NAME.PID.part.EXT` beside its target and is renamed when it is complete. The part
is locked by Python and by ffmpeg, so a part without a lock was abandoned by both.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from neuralpaint.errors import EncodingError, NeuralPaintError
from neuralpaint.outputs import part_path, writing_failed
from neuralpaint.video.ffmpeg import file_url, run_ffmpeg

try:
    import fcntl
except ImportError:  # Windows refuses to rename or delete an open file, which protects as well
    fcntl = None  # type: ignore[assignment]

__all__ = ["claim_part", "is_frame_name", "publish", "recover", "remove", "sound_part"]

_log = logging.getLogger(__name__)

_LONGEST_NAME = 255  # bytes, on every common file system
_FRAME_NAME = re.compile(r"\d{5,}\.png")


def is_frame_name(name: str) -> bool:
    """Whether a file in a folder of PNGs is called as frames are: 00001.png."""
    return _FRAME_NAME.fullmatch(name) is not None


def claim_part(target: Path, *, folder: bool = False) -> tuple[Path, int]:
    """Create the part file (or folder) of `target`; return it and a descriptor that locks it.

    The lock lasts until the descriptor and every copy that a child inherited are closed.

    Raises:
        EncodingError: it cannot be created, or this process is writing the same target already.
    """
    part = part_path(target)
    try:
        if folder:
            part.mkdir()
            lock = os.open(part, os.O_RDONLY)
        else:
            lock = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
    except FileExistsError as error:
        raise EncodingError(f"{str(target)!r} is being written already: wait for it") from error
    except OSError as error:
        raise writing_failed(target, error) from error
    _lock(lock)
    return part, lock


def sound_part(target: Path) -> Path:
    """Return the name under which a film is written again together with its sound."""
    return part_path(_with_sound(target))


def publish(part: Path, *, target: Path) -> None:
    """Give a complete `part` its final name in one step, in place of what was there."""
    if part.is_dir() and target.is_dir():
        # A folder that is not empty cannot be replaced in one step: move the old one aside.
        aside = part.with_name(part.name + ".old")
        target.rename(aside)
        part.rename(target)
        remove(aside)
    else:
        part.replace(target)


def remove(path: Path) -> None:
    """Remove a file or a folder of frames; it is no error when there is none."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def recover(target: Path) -> list[Path]:
    """Rescue what earlier, killed runs left of `target`, and return what was kept.

    A part that can be played becomes `NAME.recovered.EXT` (then `NAME.recovered-2.EXT`, ...), any
    other abandoned part is removed; one that is still being written is left alone.
    """
    kept = []
    for part in [*_parts_of(target), *_parts_of(_with_sound(target))]:
        with _abandoned(part) as abandoned:
            if not abandoned:
                continue
            if not _is_playable(part):
                remove(part)
                continue
            rescued = _unused_name(target)
            part.rename(rescued)
            _log.warning("an earlier run was killed: its clip was kept as %s", rescued)
            kept.append(rescued)
    return kept


def _parts_of(target: Path) -> list[Path]:
    # Whether the number in the name is that of a living process says nothing: ffmpeg outlives
    # Python by a moment, and numbers come again. The lock tells.
    head, tail = part_path(target).name.rsplit(f".{os.getpid()}.part", 1)
    name = re.compile(rf"{re.escape(head)}\.\d+\.part{re.escape(tail)}")
    return sorted(part for part in target.parent.iterdir() if name.fullmatch(part.name))


@contextlib.contextmanager
def _abandoned(part: Path) -> Iterator[bool]:
    try:
        lock = os.open(part, os.O_RDONLY)
    except OSError:
        yield False
        return
    try:
        yield _lock(lock)
    finally:
        os.close(lock)


def _lock(descriptor: int) -> bool:
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # locked, or a file system without locks: either way not ours to touch
        return False
    return True


def _is_playable(part: Path) -> bool:
    if part.is_dir():
        frames = [name.name for name in part.iterdir()]
        for name in frames:
            if not is_frame_name(name):
                remove(part / name)  # the frame that was being written
        return any(is_frame_name(name) for name in frames)
    first_frame = ["-map", "0:v:0", "-frames:v", "1", "-f", "framecrc", "pipe:1"]
    source = ["-protocol_whitelist", "file,pipe", "-i", file_url(part)]
    try:
        listing = run_ffmpeg([*source, *first_frame])
    except NeuralPaintError:
        return False
    return any(line.startswith(b"0,") for line in listing.splitlines())


def _unused_name(target: Path) -> Path:
    for number in itertools.count(1):
        count = "" if number == 1 else f"-{number}"
        candidate = target.with_name(f"{_short_stem(target)}.recovered{count}{target.suffix}")
        if not candidate.exists():
            break
    return candidate


def _with_sound(target: Path) -> Path:
    return target.with_name(f"{_short_stem(target)}.sound{target.suffix}")


def _short_stem(target: Path) -> str:
    """Return the stem, cut so that there is room for what is added to it."""
    room = _LONGEST_NAME - len(os.fsencode(target.suffix)) - len(".recovered-1000")
    raw = os.fsencode(target.stem)
    return target.stem if len(raw) <= room else raw[:room].decode(errors="ignore")
