"""The colours of the contestants in every chart: told apart on white, on black, and in grey."""

from __future__ import annotations

__all__ = ["colour_of"]

_COLOURS = (
    "#3b7ddd", "#e8862e", "#2e9e6b", "#d9484f", "#8f63d2", "#1fa3b8", "#d15a9e", "#8a9a24",
    "#a9683f", "#6b7a90",
)  # fmt: skip


def colour_of(number: int) -> str:
    """Return the colour of the contestant at a rank, counted from 0, as #rrggbb."""
    return _COLOURS[number % len(_COLOURS)]
