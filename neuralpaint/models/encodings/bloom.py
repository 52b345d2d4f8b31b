"""Blooming: the details of learned planes appear at one place and spread from there.

Every node of a plane has a strength of its own, as in SAPE (Hertz et al. 2021, section 4), but it
depends on the distance from a given place, not on the error of the training.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Bloom"]

# A moving average comes near 1, but need not reach it: the strengths are 1 a little earlier.
_EARLIER = 1.001


@dataclass(frozen=True)
class Bloom:
    """Where the details appear, in coordinates, and how gradually."""

    y: float
    x: float
    softness: float
    """The time in which the details of one place appear, as a part of the whole time, in (0, 1]."""
    fading: int
    """The number of planes that fade in, the finest ones."""

    def delays(self, height: int, width: int, *, span: tuple[float, float]) -> Tensor:
        """Return when the details of each node begin to appear, (height, width).

        The delay grows with the distance, from 0 at the place to 1 - softness at the corner of the
        picture that is farthest from it. `span` is the height and width of the picture.
        """
        y, x = (
            ((torch.arange(nodes) + 0.5) / nodes - 0.5) * side
            for nodes, side in zip((height, width), span, strict=True)
        )
        farthest = math.hypot(abs(self.y) + span[0] / 2, abs(self.x) + span[1] / 2)
        return torch.hypot(y[:, None] - self.y, x - self.x) * ((1 - self.softness) / farthest)

    def strengths(self, delays: Tensor, time: Tensor, *, plane: int) -> Tensor:
        """Return the strengths of nodes with these delays at a time in [0, 1].

        `plane` is the number of their plane, finest first. At each place the planes fade in one
        after another, slowly at first, as in `Pyramid.set_progress`.
        """
        done = ((time * _EARLIER - delays) / self.softness).clamp_(0, 1)
        return (self.fading * done - (self.fading - 1 - plane)).clamp_(0, 1).pow(3)

    @staticmethod
    def is_over(time: float) -> bool:
        """Return whether all strengths are 1."""
        return time * _EARLIER >= 1
