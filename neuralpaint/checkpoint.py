"""Checkpoints: the state of a training as a file, which is always a whole one.

A checkpoint takes the place of the one before in one step, and only once the disk has it: whenever
the power goes, one of the two is there.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuralpaint.errors import SavedError
from neuralpaint.parts import claimed, sweep
from neuralpaint.states import State
from neuralpaint.tensors import checksum, read_tensors, write_tensors

__all__ = ["load_checkpoint", "save_checkpoint"]

_KIND = "neuralpaint checkpoint"


def save_checkpoint(path: str | Path, state: State, *, facts: Mapping[str, Any]) -> None:
    """Write a state, and facts that JSON can hold, in place of what `path` held before.

    Raises:
        EncodingError: it cannot be written (disk full, no permission), or is being written by
            another thread; what was there before is there still.
    """
    told = {"facts": dict(facts), "sum": checksum(state, facts)}
    sweep(path)
    with claimed(path) as part:
        with part.path.open("wb") as file:
            write_tensors(file, state, kind=_KIND, facts=told)
            file.flush()
            os.fsync(file.fileno())
        part.publish()
        _sync_folder(part.target.parent)


def load_checkpoint(path: str | Path) -> tuple[State, dict[str, Any]]:
    """Return the state and the facts that `save_checkpoint` has written.

    Raises:
        UsageError: there is no such file.
        SavedError: it is damaged, something else, or made by a newer neuralpaint.
    """
    state, told = read_tensors(Path(path), kind=_KIND)
    facts = told.get("facts")
    # A training would go on from a weight of which one bit has changed as from any other.
    if not isinstance(facts, dict) or told.get("sum") != checksum(state, facts):
        raise SavedError(f"{str(path)!r} is damaged: begin anew")
    return state, facts


def _sync_folder(folder: Path) -> None:
    """Let the disk have the name too; not every system can be asked to."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
