"""Sealed files: arrays and facts, written whole or not at all, and checked when they are read.

A file takes the place of the one before in one step, and only once the disk has it: whenever the
power goes, one of the two is there.
"""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from neuralpaint.errors import SavedError
from neuralpaint.runtime.files import part_file, remove_stale_parts
from neuralpaint.storage.tensors import read_tensors, write_tensors

__all__ = ["load_sealed", "save_sealed"]


def save_sealed(
    path: Path, tensors: Mapping[str, NDArray[Any]], *, kind: str, facts: Mapping[str, Any]
) -> None:
    """Write arrays, and facts that JSON can hold, in place of what `path` held before.

    Raises:
        EncodingError: they cannot be written (disk full, no permission), or are being written by
            another thread; what was there before is there still.
    """
    told = {"facts": dict(facts), "sum": _sum(tensors, facts)}
    remove_stale_parts(path)
    with part_file(path) as part:
        with part.path.open("wb") as file:
            write_tensors(file, tensors, kind=kind, facts=told)
            file.flush()
            os.fsync(file.fileno())
        part.publish()
        _sync_folder(part.output.parent)


def load_sealed(path: Path, *, kind: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the arrays and the facts that `save_sealed` has written.

    Raises:
        UsageError: there is no such file.
        SavedError: it is damaged, of another kind, or made by a newer neuralpaint.
    """
    tensors, told = read_tensors(path, kind=kind)
    facts = told.get("facts")
    if not isinstance(facts, dict) or told.get("sum") != _sum(tensors, facts):
        raise SavedError(f"{str(path)!r} is damaged: copy it anew, or make it again")
    return tensors, facts


def _sum(tensors: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> int:
    """Return the CRC-32 of facts and of all names and arrays.

    A weight of which one bit has changed is a number like any other: nothing else would tell.
    """
    total = zlib.crc32(json.dumps(dict(facts)).encode())
    for name in sorted(tensors):
        array = tensors[name]
        head = f"{name} {array.dtype.str} {array.shape} "
        total = zlib.crc32(array.tobytes(), zlib.crc32(head.encode(), total))
    return total


def _sync_folder(folder: Path) -> None:
    """Let the disk have the name too; not every system can be asked to."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
