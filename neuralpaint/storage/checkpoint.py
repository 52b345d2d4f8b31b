"""Checkpoints: the state of a training as a file, which is always a whole one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neuralpaint.runtime.state import State
from neuralpaint.storage.sealed import load_sealed, save_sealed

__all__ = ["load_checkpoint", "save_checkpoint"]

_KIND = "neuralpaint checkpoint"


def save_checkpoint(path: str | Path, state: State, *, facts: Mapping[str, Any]) -> None:
    """Write a state, and facts that JSON can hold, in place of what `path` held before.

    Raises:
        EncodingError: it cannot be written (disk full, no permission), or is being written by
            another thread; what was there before is there still.
    """
    save_sealed(Path(path), state, kind=_KIND, facts=facts)


def load_checkpoint(path: str | Path) -> tuple[State, dict[str, Any]]:
    """Return the state and the facts that `save_checkpoint` has written.

    Raises:
        UsageError: there is no such file.
        SavedError: it is damaged, something else, or made by a newer neuralpaint.
    """
    return load_sealed(Path(path), kind=_KIND)
