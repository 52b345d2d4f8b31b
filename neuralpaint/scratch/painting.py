"""A painting of the network from scratch: frozen weights, looked at a tile at a time."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from neuralpaint.canvas import Canvas, Grid
from neuralpaint.painting import Painting, check_alike
from neuralpaint.scratch.network import Network, Weights
from neuralpaint.training import TrainingSettings

__all__ = ["ScratchPainting", "Studio"]

_TILE = 8192  # pixels whose features and hidden values fit a CPU's caches


class Studio:
    """Where paintings are rendered: one network, and so one set of memory, for all of a training's.

    The weights are the painting's own; a look at one may come from any thread.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._in_use = threading.Lock()

    def render(self, weights: Weights, grid: Grid) -> NDArray[np.float32]:
        """Return the colours of a grid, float32 (h, w, 3) in [0, 1], as the weights have it."""
        height, width = grid.shape
        colours = np.empty((height * width, 3), np.float32)
        # What has diverged is looked at too, and shows it.
        with self._in_use, np.errstate(over="ignore", invalid="ignore"):
            self._network.load(weights)
            for start in range(0, len(colours), _TILE):
                pixels = np.arange(start, min(start + _TILE, len(colours)))
                colours[start : start + _TILE] = self._network.forward(_points(grid, pixels))
        return colours.reshape(height, width, 3)


def _points(grid: Grid, pixels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return where the pixels of a grid, counted row by row, lie: (n, 2), x first."""
    if grid.is_product:
        rows, columns = np.divmod(pixels, grid.x.shape[1])
        return np.stack([grid.x[0, columns], grid.y[rows, 0]], axis=1)
    return np.stack([axis.reshape(-1)[pixels] for axis in grid], axis=1)


class ScratchPainting(Painting):
    """What the network from scratch says."""

    device = torch.device("cpu")

    def __init__(
        self, studio: Studio, weights: Weights, *, canvas: Canvas, settings: TrainingSettings
    ) -> None:
        """Take weights by name, which nobody changes from now on."""
        self._studio = studio
        self._weights = weights
        self.canvas, self.settings = canvas, settings

    @property
    def nbytes(self) -> int:
        """Bytes that the weights take."""
        return sum(weight.nbytes for weight in self._weights.values())

    @property
    def weights(self) -> dict[str, NDArray[Any]]:
        """A copy of the weights by name."""
        return {name: weight.copy() for name, weight in self._weights.items()}

    def with_weights(self, weights: Mapping[str, NDArray[Any]]) -> Self:
        """Return the painting of the same network with a copy of other weights."""
        check_alike(weights, self._weights)
        return self._with({name: np.array(weights[name]) for name in self._weights})

    def colours(self, grid: Grid) -> torch.Tensor:
        """Return the colours of a grid, float32 (h, w, 3) in [0, 1]."""
        return torch.from_numpy(self._studio.render(self._weights, grid))

    def blend(self, other: Self, amount: float) -> Self:
        """Return the painting whose weights lie between this one's (0) and the other's (1)."""
        return self._with(
            {
                name: weight + float(amount) * (other._weights[name] - weight)
                for name, weight in self._weights.items()
            }
        )

    def _with(self, weights: Weights) -> Self:
        return type(self)(self._studio, weights, canvas=self.canvas, settings=self.settings)
