"""Where results go: what can be known of a target before any training starts."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

from neuralpaint.errors import EncodingError, UsageError

__all__ = ["check_target", "check_target_folder", "writing_failed"]

_LEAST_ROOM = 64 * 2**10  # bytes: hardly a result is smaller


def check_target(path: str | Path, *, overwrite: bool = False) -> Path:
    """Return `path` as a `Path` if a file can be written there; nothing is left behind.

    A command that may ask first checks with `overwrite=True`, then looks whether `path` exists.

    Raises:
        UsageError: the folder is missing, the target is a folder or a device, its name is not
            possible, or it exists and `overwrite` is false.
        EncodingError: the folder cannot be written to, or its disk is full.
    """
    path = Path(path)
    mode = _mode(path)
    if mode is not None:
        if stat.S_ISDIR(mode):
            raise UsageError(f"output {str(path)!r} is a folder: give the name of a file in it")
        if not stat.S_ISREG(mode):
            raise UsageError(f"output {str(path)!r} is not a regular file: choose another name")
        _check_leave(path, overwrite=overwrite)
    _check_room(path)
    return path


def check_target_folder(
    path: str | Path, *, belongs: Callable[[str], bool], overwrite: bool = False
) -> Path:
    """Return `path` as a `Path` if a folder of files can be made there, or is empty already.

    `belongs` says by its name whether a file may be replaced together with the folder.

    Raises:
        UsageError: as `check_target`; or the folder holds what does not belong there.
        EncodingError: the folder above cannot be written to, or its disk is full.
    """
    path = Path(path)
    mode = _mode(path)
    if mode is not None:
        if not stat.S_ISDIR(mode):
            raise UsageError(f"output {str(path)!r} is not a folder: choose another name")
        names = _names_in(path)
        if not all(belongs(name) for name in names):
            raise UsageError(
                f"output {str(path)!r} holds more than frames: choose a new or an empty folder"
            )
        if names:
            _check_leave(path, overwrite=overwrite)
    _check_room(path)
    return path


def writing_failed(path: str | Path, error: OSError) -> EncodingError:
    """Return the error that says why `path` could not be written, and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        advice = "free some space, or choose another folder"
    else:
        advice = "choose a folder that you can write to"
    reason = error.strerror or str(error) or type(error).__name__
    return EncodingError(f"{str(path)!r} cannot be written ({reason}): {advice}")


def _mode(path: Path) -> int | None:
    """Return the mode of what stands at `path` behind any links, None where nothing does."""
    try:
        return os.lstat(os.path.realpath(path)).st_mode
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None  # `_check_room` says what is wrong with the folder
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"output name {str(path)!r} is not possible ({reason})") from error


def _names_in(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError as error:
        raise writing_failed(folder, error) from error


def _check_leave(path: Path, *, overwrite: bool) -> None:
    if not overwrite:
        raise UsageError(f"output {str(path)!r} exists: add -y to replace it, or rename it")


def _check_room(path: Path) -> None:
    """Check that a file fits into the folder in which the target, behind any links, will be."""
    folder = Path(os.path.realpath(path)).parent
    if not os.path.isdir(folder):  # unlike Path.is_dir, false where a parent may not be read
        what = "is not a folder" if os.path.exists(folder) else "does not exist"
        raise UsageError(f"output folder {str(folder)!r} {what}: make it first, or choose another")
    try:
        # Trying is the only check that sees permissions, read-only mounts and quotas alike; and a
        # full disk lets files be made, only a write finds out.
        with tempfile.TemporaryFile(dir=folder) as trial:
            trial.write(bytes(_LEAST_ROOM))
    except OSError as error:
        raise writing_failed(path, error) from error
