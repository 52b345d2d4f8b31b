"""A painting: frozen weights, what the model says now."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neuralpaint.canvas import Grid
from neuralpaint.devices import send

__all__ = ["Painting", "TorchPainting"]


class Painting(ABC):
    """Colours of any grid; paintings of one training are to be asked one at a time."""

    device: torch.device
    """Where it renders."""

    @property
    @abstractmethod
    def nbytes(self) -> int:
        """Bytes that the weights take."""

    @abstractmethod
    def colours(self, grid: Grid) -> Tensor:
        """Return the colours of a grid on `device`, float32 (h, w, 3) in [0, 1]."""

    def __call__(self, grid: Grid) -> NDArray[np.float32]:
        """Return the colours of a grid, float32 (h, w, 3) in [0, 1]."""
        return self.colours(grid).cpu().numpy()

    @abstractmethod
    def blend(self, other: Self, amount: float) -> Self:
        """Return the painting whose weights lie between this one's (0) and the other's (1)."""


class TorchPainting(Painting):
    """What a torch model says. The weights are its own; the module that uses them is shared."""

    def __init__(self, model: nn.Module, weights: dict[str, Tensor]) -> None:
        self._model = model
        self._weights = weights
        self.device = next(iter(weights.values())).device

    @property
    def nbytes(self) -> int:
        """Bytes that the weights take."""
        return sum(weight.nbytes for weight in self._weights.values())

    def colours(self, grid: Grid) -> Tensor:
        """Return the colours of a grid on the model's device, float32 (h, w, 3) in [0, 1]."""
        x, y = (send(torch.from_numpy(axis), self.device) for axis in grid)
        self._model.eval()  # no dropout, and the statistics of the whole training
        with torch.no_grad():
            colours: Tensor = torch.func.functional_call(self._model, self._weights, (x, y))
        return colours

    def blend(self, other: Self, amount: float) -> Self:
        """Return the painting whose weights lie between this one's (0) and the other's (1)."""
        nearer = self if amount < 0.5 else other
        weights = {
            name: torch.lerp(weight, other._weights[name], amount)
            if weight.is_floating_point()
            else nearer._weights[name]
            for name, weight in self._weights.items()
        }
        return type(self)(self._model, weights)
