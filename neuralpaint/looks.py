"""A look: whoever waits for long work is told, now and then, how much of it is done."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Look", "part_of"]

Look = Callable[[float], None]
"""Called with how much is done, in [0, 1]; what it raises ends the work."""


def part_of(look: Look, *, first: float, last: float) -> Look:
    """Return what is told how much is done of a part of the work, from `first` to `last`."""
    return lambda done: look(first + done * (last - first))
