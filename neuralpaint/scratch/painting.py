"""A painting of the network from scratch: frozen weights, looked at a tile at a time."""

from __future__ import annotations

import threading

import numpy as np
import torch
from numpy.typing import NDArray

from neuralpaint.canvas import Grid
from neuralpaint.painting import Painting
from neuralpaint.scratch.network import Network, Weights

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
        height, width = len(grid.y), grid.x.shape[1]
        colours = np.empty((height * width, 3), np.float32)
        # What has diverged is looked at too, and shows it.
        with self._in_use, np.errstate(over="ignore", invalid="ignore"):
            self._network.load(weights)
            for start in range(0, len(colours), _TILE):
                pixels = np.arange(start, min(start + _TILE, len(colours)))
                points = np.stack([grid.x[0, pixels % width], grid.y[pixels // width, 0]], axis=1)
                colours[start : start + _TILE] = self._network.forward(points)
        return colours.reshape(height, width, 3)


class ScratchPainting(Painting):
    """What the network from scratch says."""

    device = torch.device("cpu")

    def __init__(self, studio: Studio, weights: Weights) -> None:
        """Take weights by name, which nobody changes from now on."""
        self._studio = studio
        self._weights = weights

    @property
    def nbytes(self) -> int:
        """Bytes that the weights take."""
        return sum(weight.nbytes for weight in self._weights.values())

    def colours(self, grid: Grid) -> torch.Tensor:
        """Return the colours of a grid, float32 (h, w, 3) in [0, 1]."""
        return torch.from_numpy(self._studio.render(self._weights, grid))

    def blend(self, other: ScratchPainting, amount: float) -> ScratchPainting:
        """Return the painting whose weights lie between this one's (0) and the other's (1)."""
        weights: Weights = {
            name: weight + float(amount) * (other._weights[name] - weight)
            for name, weight in self._weights.items()
        }
        return ScratchPainting(self._studio, weights)
