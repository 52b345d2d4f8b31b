"""Holes: how far it is into them, step by step from their rims."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["is_deeper", "steps_into"]


def is_deeper(unknown: Tensor, steps: int) -> bool:
    """Tell whether a square of 2 steps + 1 pixels fits into what is unknown, bool (h, w).

    The borders of a picture are not the rim of a hole.
    """
    known = (~unknown).float()[None]
    for _ in range(steps):
        known = functional.max_pool2d(known, 3, stride=1, padding=1)
    return not bool(known.all())


def steps_into(unknown: Tensor, most: int) -> Tensor:
    """Return how many steps it is from the nearest known pixel, float32 (h, w), up to most + 1.

    Steps along the axes and, every other time, along the diagonals too: distances on octagons.
    """
    steps = torch.zeros(unknown.shape, device=unknown.device)
    for known in _growing((~unknown).float()[None], most):
        steps += 1 - known
    return steps + unknown.float()


def _growing(known: Tensor, times: int) -> Iterator[Tensor]:
    """Yield what is known, grown by one pixel each time, float32 (h, w)."""
    for i in range(times):
        down = functional.max_pool2d(known, (3, 1), stride=1, padding=(1, 0))
        if i % 2:
            known = functional.max_pool2d(down, (1, 3), stride=1, padding=(0, 1))
        else:
            across = functional.max_pool2d(known, (1, 3), stride=1, padding=(0, 1))
            known = torch.maximum(down, across)
        yield known[0]
