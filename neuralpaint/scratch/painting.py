"""A painting of the network from scratch: frozen weights, looked at a tile at a time."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from neuralpaint.image.canvas import Canvas, Grid
from neuralpaint.models import ButtonsModel
from neuralpaint.models.codes import Codes
from neuralpaint.models.painting import CodeField, Painting, check_weights
from neuralpaint.scratch.choices import KnownModel, build_network
from neuralpaint.scratch.layers import Array
from neuralpaint.scratch.network import Network, Weights
from neuralpaint.training.training import TrainingSettings

__all__ = ["ScratchPainting", "Studio", "studio_of"]

_TILE = 8192  # pixels whose features and hidden values fit a CPU's caches
_PLACES = 1024  # with codes of their own at once: their pixels' weights do
_NEAR = 1e-3  # pixels: closer to a pixel's centre than this is at it


class Studio(ABC):
    """Where paintings are rendered: one network, and so one set of memory, for all of a training's.

    The weights are the painting's own; a look at one may come from any thread.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._in_use = threading.Lock()

    @property
    def weights(self) -> Weights:
        """A copy of the weights of the newest look, or of those it began with."""
        return self._network.state()

    def render(
        self, weights: Weights, grid: Grid, codes: Array | None = None
    ) -> NDArray[np.float32]:
        """Return the colours of a grid, float32 (h, w, 3) in [0, 1], as the weights have it.

        `codes` are one (1, k) or as many as there are pixels, row by row; None without an album.
        """
        height, width = grid.shape
        colours = np.empty((height * width, 3), np.float32)
        # What has diverged is looked at too, and shows it.
        with self._in_use, np.errstate(over="ignore", invalid="ignore"):
            self._network.load(weights)
            self._paint(colours, grid, codes)
        return colours.reshape(height, width, 3)

    @abstractmethod
    def _paint(self, colours: NDArray[np.float32], grid: Grid, codes: Array | None) -> None:
        """Fill in the colours (pixels, 3), row by row."""


class _Places(Studio):
    """Looks at a network over coordinates."""

    def _paint(self, colours: NDArray[np.float32], grid: Grid, codes: Array | None) -> None:
        for start in range(0, len(colours), _TILE):
            pixels = np.arange(start, min(start + _TILE, len(colours)))
            colours[start : start + _TILE] = self._network.forward(_points(grid, pixels))


class _Pages(Studio):
    """Looks at buttons: at a pixel's centre it is that pixel, between four of them bilinear."""

    def __init__(self, network: Network, *, height: int, width: int) -> None:
        super().__init__(network)
        self._height, self._width = height, width

    def _paint(self, colours: NDArray[np.float32], grid: Grid, codes: Array | None) -> None:
        assert codes is not None  # there are no buttons without an album
        table = self._network.forward(codes).reshape(-1, 3) if len(codes) == 1 else None
        size = _TILE if table is not None else _PLACES
        for start in range(0, len(colours), size):
            pixels = np.arange(start, min(start + size, len(colours)))
            points = _points(grid, pixels)
            left, right, across = self._nodes(points[:, 0], self._width)
            top, bottom, down = self._nodes(points[:, 1], self._height)
            found = np.zeros((len(pixels), 3), np.float32)
            for row, down_share in ((top, 1 - down), (bottom, down)):
                for column, share in ((left, 1 - across), (right, across)):
                    if not (weight := down_share * share).any():
                        continue
                    place = row * self._width + column
                    seen = self._at(place, codes[pixels]) if table is None else table[place]
                    found += weight[:, None] * seen
            colours[start : start + size] = found

    def _at(self, places: NDArray[np.int64], codes: Array) -> Array:
        """Return the colours (n, 3) of some pixels, each under a code (n, k) of its own."""
        values = codes
        *hidden, last, sigmoid = self._network.layers
        for layer in hidden:
            values = layer.forward(values, training=False)
        weight = last.parameters()["weight"].value
        weight = weight.reshape(self._height * self._width, 3, -1)
        return sigmoid.forward(np.einsum("ncu,nu->nc", weight[places], values), training=False)

    def _nodes(
        self, coordinates: NDArray[np.float32], count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Return the pixels before and after places on an axis, and how far they are between."""
        places = (coordinates * max(self._height, self._width) + (count - 1)) / 2
        nearest = np.rint(places)
        places = np.where(np.abs(places - nearest) > _NEAR, places, nearest).clip(0, count - 1)
        first = places.astype(np.int64)
        second = np.minimum(first + 1, count - 1)
        return first, second, (places - first).astype(np.float32)


def studio_of(
    model: KnownModel, canvas: Canvas, *, seed: int, codes: Codes | None = None
) -> Studio:
    """Return a studio with a network as `build_network` builds it."""
    network = build_network(model, canvas, seed=seed, codes=codes)
    if isinstance(model, ButtonsModel):
        return _Pages(network, height=canvas.height, width=canvas.width)
    return _Places(network)


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
        self,
        studio: Studio,
        weights: Weights,
        *,
        canvas: Canvas,
        settings: TrainingSettings,
        codes: Codes | None = None,
        code: Codes | CodeField | None = None,
    ) -> None:
        """Take weights by name, which nobody changes from now on.

        `codes` are those of an album, and `code` the one of them that is seen, or another.
        """
        self._studio = studio
        self._weights = weights
        self.canvas, self.settings, self.codes = canvas, settings, codes
        self._code = codes[0] if code is None and codes is not None else code

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
        check_weights(weights, self._weights)
        return self._with({name: np.array(weights[name]) for name in self._weights})

    def colours(self, grid: Grid) -> torch.Tensor:
        """Return the colours of a grid, float32 (h, w, 3) in [0, 1]."""
        return torch.from_numpy(self._studio.render(self._weights, grid, self._codes_at(grid)))

    def _codes_at(self, grid: Grid) -> Array | None:
        """Return the code of all pixels (1, k), or of each, row by row."""
        if not callable(self._code):
            return None if self._code is None else self._code[None]
        x, y = (torch.from_numpy(axis) for axis in grid)
        if not grid.is_product:  # every pixel is a point of its own
            codes = self._code(x.flatten(), y.flatten())
            return codes.expand(len(x.flatten()), -1).numpy()
        codes = self._code(x, y)
        return codes.expand(*grid.shape, -1).reshape(-1, codes.shape[-1]).numpy()

    def blend(self, other: Self, amount: float) -> Self:
        """Return the painting whose weights lie between this one's (0) and the other's (1)."""
        nearer = self if amount < 0.5 else other
        return nearer._with(
            {
                name: weight + float(amount) * (other._weights[name] - weight)
                for name, weight in self._weights.items()
            }
        )

    def _at_code(self, code: Codes | CodeField) -> Self:
        return self._with(self._weights, code)

    def _with(self, weights: Weights, code: Codes | CodeField | None = None) -> Self:
        return type(self)(
            self._studio,
            weights,
            canvas=self.canvas,
            settings=self.settings,
            codes=self.codes,
            code=self._code if code is None else code,
        )
