"""A painting of one tone, so that expected changes are easy to compute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neuralpaint.image.canvas import Grid
from neuralpaint.models.painting import Painting
from neuralpaint.training.settings import TrainingSettings

__all__ = ["Flat"]


class Flat(Painting):
    """Grey all over; `tone` is in [0, 1]."""

    device = torch.device("cpu")
    settings = TrainingSettings()

    def __init__(self, tone: float) -> None:
        self.tone = tone

    @property
    def nbytes(self) -> int:
        return 4

    def colours(self, grid: Grid) -> torch.Tensor:
        return torch.full((*grid.shape, 3), self.tone)

    @property
    def weights(self) -> dict[str, NDArray[Any]]:
        return {"tone": np.array(self.tone)}

    def with_weights(self, weights: Mapping[str, NDArray[Any]]) -> Flat:
        return type(self)(float(weights["tone"]))

    def blend(self, other: Flat, amount: float) -> Flat:
        return type(self)(self.tone + amount * (other.tone - self.tone))
