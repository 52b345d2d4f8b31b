"""Sizes: how large what is learned is at most, where nobody has asked for more."""

from __future__ import annotations

__all__ = ["fitting"]


def fitting(height: int, width: int, *, longest: int) -> tuple[int, int]:
    """Return a size of the same shape whose longer side is not longer than that, in pixels."""
    scale = min(1.0, longest / max(height, width))
    return max(1, round(scale * height)), max(1, round(scale * width))
