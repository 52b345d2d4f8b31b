"""Where results go: every file is written beside its target under a part name, then renamed.

So a target is either not there, as it was before, or complete; and whatever can be known about it
is checked before any training starts:

    target = check_target("out.mp4", overwrite=False)      # before training
    with written_whole(target) as part:                    # `.out.4711.part.mp4`
        ...                                                # write `part`

`written_whole` is for what is written in one go; a clip that must survive an interruption uses
`part_path` and `replace`, of which it is made.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from neuralpaint.errors import EncodingError, UsageError

__all__ = [
    "check_folder",
    "check_target",
    "part_path",
    "replace",
    "stale_parts",
    "writing_failed",
    "written_whole",
]

_NAME_BYTES = 255  # the longest file name of every common file system
_PART = re.compile(r"\.(?P<pid>\d+)\.part(\.[^.]*)?$")


def check_target(path: str | Path, *, overwrite: bool = False) -> Path:
    """Return `path` as a `Path` if a file can be written there; nothing is left behind.

    A command that may ask first checks with `overwrite=True`, then looks whether `path` exists.

    Raises:
        UsageError: the folder is missing, the target is a folder or a device, its name is not
            possible, or it exists and `overwrite` is false.
        EncodingError: the folder cannot be written to.
    """
    path = Path(path)
    mode = _mode(path)
    if mode is not None:
        if stat.S_ISDIR(mode):
            raise UsageError(f"output {str(path)!r} is a folder: give the name of a file in it")
        if not stat.S_ISREG(mode):
            raise UsageError(f"output {str(path)!r} is not a regular file: choose another name")
        if not overwrite:
            raise UsageError(f"output {str(path)!r} exists: add -y to replace it, or rename it")
    check_folder(_real(path).parent)
    return path


def check_folder(folder: str | Path) -> Path:
    """Return `folder` as a `Path` if it exists and files can be made in it.

    Raises:
        UsageError: it does not exist or is not a folder.
        EncodingError: no file can be made in it.
    """
    folder = Path(folder)
    if not os.path.isdir(folder):  # unlike Path.is_dir, false where a parent may not be read
        what = "is not a folder" if os.path.exists(folder) else "does not exist"
        raise UsageError(f"output folder {str(folder)!r} {what}: make it first, or choose another")
    try:
        # Trying is the only check that sees permissions, read-only mounts and quotas alike.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise writing_failed(folder, error) from error
    return folder


def part_path(path: str | Path) -> Path:
    """Return the name under which this process writes `path`: `.NAME.PID.part.EXT` beside it.

    The path is absolute, a symbolic link is followed to the file that it names, and a name that
    would become too long is cut.
    """
    path = _real(Path(path))
    tail = f".{os.getpid()}.part{path.suffix}"
    stem = os.fsencode(path.stem)
    room = _NAME_BYTES - len(os.fsencode(tail)) - 1
    if len(stem) > room:
        # The digest keeps two long names that begin alike apart.
        digest = hashlib.sha256(stem).hexdigest()[:8]
        stem = stem[: room - 8].decode("utf-8", "ignore").encode() + digest.encode()
    return path.with_name(f".{os.fsdecode(stem)}{tail}")


def replace(part: str | Path, path: str | Path) -> Path:
    """Rename the finished `part` to `path` in one step, over what was there; return `path`.

    Raises:
        EncodingError: it cannot be renamed; `part` is left where it is.
    """
    path = Path(path)
    try:
        os.replace(part, _real(path))
    except OSError as error:
        raise writing_failed(path, error) from error
    return path


def stale_parts(path: str | Path) -> list[Path]:
    """Return the parts of `path` whose process, as far as this machine knows, is gone."""
    mine = part_path(path)
    head = mine.name[: -len(f".{os.getpid()}.part{mine.suffix}")]
    stale = []
    for part in sorted(mine.parent.iterdir()):
        match = _PART.search(part.name)
        belongs = match and part.name[: match.start()] == head and part.suffix == mine.suffix
        if match and belongs and not _is_running(int(match["pid"])):
            stale.append(part)
    return stale


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Yield the part of `path` to write; rename it at the end, or remove it after any failure.

    Raises:
        EncodingError: an `OSError` inside the block, or the renaming failed.
    """
    part = part_path(path)
    try:
        yield part
        replace(part, path)
    except OSError as error:
        raise writing_failed(path, error) from error
    finally:
        with suppress(OSError):  # gone already where all went well
            part.unlink()


def writing_failed(path: str | Path, error: OSError) -> EncodingError:
    """Return the error that says why `path` could not be written, and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        advice = "free some space, or choose another folder"
    else:
        advice = "choose a folder that you can write to"
    reason = error.strerror or str(error) or type(error).__name__
    return EncodingError(f"{str(path)!r} cannot be written ({reason}): {advice}")


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _mode(path: Path) -> int | None:
    """Return the mode of what stands at `path` behind any links, None where nothing does."""
    try:
        return os.lstat(_real(path)).st_mode
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None  # `check_folder` says what is wrong with the folder
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"output name {str(path)!r} is not possible ({reason})") from error


def _is_running(pid: int) -> bool:
    if os.name == "nt":
        return True  # signal 0 is not a question there, it is Ctrl-C
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
