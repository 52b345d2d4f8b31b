"""A painting: frozen weights, what the model says now."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neuralpaint.canvas import Grid
from neuralpaint.devices import send

__all__ = ["Painting"]


class Painting:
    """Colours of any grid. The weights are its own; the module that uses them is shared."""

    def __init__(self, model: nn.Module, weights: dict[str, Tensor]) -> None:
        self._model = model
        self._weights = weights

    @property
    def nbytes(self) -> int:
        """Bytes that the weights take."""
        return sum(weight.nbytes for weight in self._weights.values())

    @property
    def device(self) -> torch.device:
        """Where it renders."""
        return next(iter(self._weights.values())).device

    def colours(self, grid: Grid) -> Tensor:
        """Return the colours of a grid on the model's device, float32 (h, w, 3) in [0, 1]."""
        x, y = (send(torch.from_numpy(axis), self.device) for axis in grid)
        with torch.no_grad():
            colours: Tensor = torch.func.functional_call(self._model, self._weights, (x, y))
        return colours

    def __call__(self, grid: Grid) -> NDArray[np.float32]:
        """Return the colours of a grid, float32 (h, w, 3) in [0, 1]."""
        return self.colours(grid).cpu().numpy()

    def blend(self, other: Painting, amount: float) -> Painting:
        """Return the painting whose weights lie between this one's (0) and the other's (1)."""
        weights = {
            name: torch.lerp(weight, other._weights[name], amount)
            for name, weight in self._weights.items()
        }
        return Painting(self._model, weights)
