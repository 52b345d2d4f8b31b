"""A painting of one tone, for which every change is a plain difference."""

from __future__ import annotations

import torch

from neuralpaint.canvas import Grid
from neuralpaint.painting import Painting

__all__ = ["Flat"]


class Flat(Painting):
    """Grey all over; `tone` is in [0, 1]."""

    device = torch.device("cpu")

    def __init__(self, tone: float) -> None:
        self.tone = tone

    @property
    def nbytes(self) -> int:
        return 4

    def colours(self, grid: Grid) -> torch.Tensor:
        return torch.full((len(grid.y), grid.x.shape[1], 3), self.tone)

    def blend(self, other: Flat, amount: float) -> Flat:
        return type(self)(self.tone + amount * (other.tone - self.tone))
