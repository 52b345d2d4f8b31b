"""A painting of the network from scratch: frozen weights, rendered in tiles of pixels."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas, Grid
from neuralpaint.models import ButtonsModel
from neuralpaint.models.codes import Codes
from neuralpaint.models.painting import NO_LAYERS, Painting, check_weights
from neuralpaint.scratch.layers import Array
from neuralpaint.scratch.network import Network, SupportedModel, Weights, build_network
from neuralpaint.training.settings import TrainingSettings

__all__ = ["Renderer", "ScratchPainting", "build_renderer"]

_TILE = 8192  # pixels whose features and hidden values fit into a CPU's caches
_CODED_TILE = 1024  # pixels with a code each, whose output weights fit into the caches
_NEAR = 1e-3  # pixels: points closer to a pixel's centre than this are at the centre


class Renderer(ABC):
    """Renders all paintings of a training with one network, so that they share its memory.

    It loads the weights of a painting before it renders them, under a lock: any thread may call it.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._lock = threading.Lock()

    @property
    def weights(self) -> Weights:
        """A copy of the weights that were rendered last, or of the initial ones."""
        return self._network.state()

    @property
    def trained(self) -> frozenset[str]:
        """The names of the parameters; the other weights are running statistics."""
        return frozenset(self._network.parameters)

    def render(
        self, weights: Weights, grid: Grid, codes: Array | None = None
    ) -> NDArray[np.float32]:
        """Return the colours of a grid, float32 (h, w, 3) in [0, 1].

        `codes` is one code (1, k) or one per pixel, row by row; None without an album.
        """
        height, width = grid.shape
        colours = np.empty((height * width, 3), np.float32)
        # Weights that have diverged may overflow; the result is still a picture.
        with self._lock, np.errstate(over="ignore", invalid="ignore"):
            self._network.load(weights)
            self._fill(colours, grid, codes)
        return colours.reshape(height, width, 3)

    def layer_values(self, weights: Weights, grid: Grid) -> list[NDArray[np.float32]]:
        """Return the features, and the values of each layer, on a grid, float32 (h, w, units).

        Raises:
            UsageError: the network is not one over coordinates.
        """
        raise UsageError(NO_LAYERS)

    @abstractmethod
    def _fill(self, colours: NDArray[np.float32], grid: Grid, codes: Array | None) -> None:
        """Set the colours (pixels, 3), row by row."""


class _PixelRenderer(Renderer):
    """Renders a network over coordinates."""

    def _fill(self, colours: NDArray[np.float32], grid: Grid, codes: Array | None) -> None:
        for start in range(0, len(colours), _TILE):
            pixels = np.arange(start, min(start + _TILE, len(colours)))
            colours[start : start + _TILE] = self._network.forward(_points(grid, pixels))

    def layer_values(self, weights: Weights, grid: Grid) -> list[NDArray[np.float32]]:
        """Return the features, and the values of each layer, on a grid, float32 (h, w, units)."""
        height, width = grid.shape
        tiles = []
        with self._lock, np.errstate(over="ignore", invalid="ignore"):
            self._network.load(weights)
            for start in range(0, height * width, _TILE):
                pixels = np.arange(start, min(start + _TILE, height * width))
                tiles.append(self._network.layer_values(_points(grid, pixels)))
        layers = [np.concatenate(values) for values in zip(*tiles, strict=True)]
        return [each.reshape(height, width, -1).astype(np.float32) for each in layers]


class _ButtonsRenderer(Renderer):
    """Renders buttons: the value of a pixel at its centre, bilinear between four centres."""

    def __init__(self, network: Network, *, height: int, width: int) -> None:
        super().__init__(network)
        self._height, self._width = height, width

    def _fill(self, colours: NDArray[np.float32], grid: Grid, codes: Array | None) -> None:
        assert codes is not None  # buttons always learn an album
        table = self._network.forward(codes).reshape(-1, 3) if len(codes) == 1 else None
        size = _TILE if table is not None else _CODED_TILE
        for start in range(0, len(colours), size):
            pixels = np.arange(start, min(start + size, len(colours)))
            points = _points(grid, pixels)
            left, right, across = self._neighbours(points[:, 0], self._width)
            top, bottom, down = self._neighbours(points[:, 1], self._height)
            mixed = np.zeros((len(pixels), 3), np.float32)
            for row, down_share in ((top, 1 - down), (bottom, down)):
                for column, share in ((left, 1 - across), (right, across)):
                    if not (weight := down_share * share).any():
                        continue
                    place = row * self._width + column
                    corner = (
                        self._colours_at(place, codes[pixels]) if table is None else table[place]
                    )
                    mixed += weight[:, None] * corner
            colours[start : start + size] = mixed

    def _colours_at(self, places: NDArray[np.int64], codes: Array) -> Array:
        """Return the colours (n, 3) of some pixels, each for its own code (n, k)."""
        values = codes
        *hidden, last, sigmoid = self._network.layers
        for layer in hidden:
            values = layer.forward(values, training=False)
        weight = last.parameters()["weight"].value
        weight = weight.reshape(self._height * self._width, 3, -1)
        return sigmoid.forward(np.einsum("ncu,nu->nc", weight[places], values), training=False)

    def _neighbours(
        self, coordinates: NDArray[np.float32], count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Return the pixels before and after coordinates on an axis, and the fraction between."""
        places = (coordinates * max(self._height, self._width) + (count - 1)) / 2
        nearest = np.rint(places)
        places = np.where(np.abs(places - nearest) > _NEAR, places, nearest).clip(0, count - 1)
        first = places.astype(np.int64)
        second = np.minimum(first + 1, count - 1)
        return first, second, (places - first).astype(np.float32)


def build_renderer(
    model: SupportedModel, canvas: Canvas, *, seed: int, codes: Codes | None = None
) -> Renderer:
    """Return a renderer with its own network, built by `build_network`."""
    network = build_network(model, canvas, seed=seed, codes=codes)
    if isinstance(model, ButtonsModel):
        return _ButtonsRenderer(network, height=canvas.height, width=canvas.width)
    return _PixelRenderer(network)


def _points(grid: Grid, pixels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the coordinates (n, 2), x first, of pixels that are numbered row by row."""
    if grid.is_product:
        rows, columns = np.divmod(pixels, grid.x.shape[1])
        return np.stack([grid.x[0, columns], grid.y[rows, 0]], axis=1)
    return np.stack([axis.reshape(-1)[pixels] for axis in grid], axis=1)


class ScratchPainting(Painting):
    """A network from scratch with frozen weights."""

    device = torch.device("cpu")

    def __init__(
        self,
        renderer: Renderer,
        weights: Weights,
        *,
        canvas: Canvas,
        settings: TrainingSettings,
        codes: Codes | None = None,
    ) -> None:
        super().__init__(weights, canvas=canvas, settings=settings, codes=codes)
        self._renderer = renderer

    @property
    def weights(self) -> dict[str, NDArray[Any]]:
        """A copy of the weights by name."""
        return {name: weight.copy() for name, weight in self._weights.items()}

    @property
    def trained(self) -> frozenset[str]:
        """The names of the network's parameters."""
        return self._renderer.trained

    def with_weights(self, weights: Mapping[str, NDArray[Any]]) -> Self:
        """Return a painting of the same network with a copy of other weights."""
        check_weights(weights, self._weights)
        return self._with({name: np.array(weights[name]) for name in self._weights})

    def colours(self, grid: Grid) -> torch.Tensor:
        """Return the colours of a grid, float32 (h, w, 3) in [0, 1]."""
        return torch.from_numpy(self._renderer.render(self._weights, grid, self._codes_at(grid)))

    def layer_values(self, grid: Grid) -> list[NDArray[np.float32]]:
        """Return what each layer of the network answers on a grid, (h, w, units)."""
        return self._renderer.layer_values(self._weights, grid)[1:]

    def features(self, grid: Grid) -> list[NDArray[np.float32]]:
        """Return the features on a grid, as one part (h, w, f)."""
        return self._renderer.layer_values(self._weights, grid)[:1]

    def _codes_at(self, grid: Grid) -> Array | None:
        """Return the code of all pixels (1, k), or of each, row by row."""
        if not callable(self._code):
            return None if self._code is None else self._code[None]
        x, y = (torch.from_numpy(axis) for axis in grid)
        if not grid.is_product:  # a list of points
            codes = self._code(x.flatten(), y.flatten())
            return codes.expand(len(x.flatten()), -1).numpy()
        codes = self._code(x, y)
        return codes.expand(*grid.shape, -1).reshape(-1, codes.shape[-1]).numpy()

    def blend(self, other: Self, amount: float) -> Self:
        """Return a painting with weights between this one's (0) and the other's (1)."""
        nearer = self if amount < 0.5 else other
        return nearer._with(
            {
                name: weight + float(amount) * (other._weights[name] - weight)
                for name, weight in self._weights.items()
            }
        )
