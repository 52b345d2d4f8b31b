"""A grid holds the coordinates of pixels; beyond the picture's edges it obeys their rule.

Coordinates are those of pixel centres; the longer side of the picture spans [-1, 1], the shorter
side keeps pixels square, x runs right and y runs down. So a frequency means the same along both
axes, and a canvas twice as large samples the same plane twice as densely, with nothing shifted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["CenteredLinearMap", "Edge", "Grid", "fold", "pixel_centres"]

Edge = Literal["extend", "mirror", "clamp", "black"]
Coordinates = TypeVar("Coordinates", bound=Any)  # an array or a tensor

_LATTICE = 1e-9  # of a pixel: nearer to a pixel of the picture, it is that pixel


@dataclass(frozen=True)
class CenteredLinearMap:
    """Scale and translate [low, high] so that its centre becomes 0 and its length `size`.

    The `Fourier` model of the original experiment maps its plane to [-pi, pi] this way.
    """

    low: float
    high: float
    size: float

    @property
    def _scale(self) -> float:
        return self.size / (self.high - self.low)

    def __call__(self, values: Coordinates) -> Coordinates:
        """Map an array or tensor of any shape."""
        mapped: Coordinates = (values - (self.low + self.high) / 2) * self._scale
        return mapped


class Grid(NamedTuple):
    """The coordinates of the pixels of a canvas, which broadcast to (h, w).

    Of an upright canvas they are a product set: pixel (i, j) lies at (x[0, j], y[i, 0]), and
    nothing of size (h * w, 2) is ever built. A rotated one has two full arrays.
    """

    x: NDArray[np.float32]  # (1, w), or (h, w)
    y: NDArray[np.float32]  # (h, 1), or (h, w)

    @property
    def is_product(self) -> bool:
        """Whether x is one row and y one column."""
        return (*self.x.shape[:1], *self.y.shape[1:]) == (1, 1)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.y.shape[0], self.x.shape[1]

    def rows(self, rows: slice) -> Grid:
        """Return some of the rows."""
        return Grid(self.x if self.is_product else self.x[rows], self.y[rows])

    def thinned(self, stride: int) -> Grid:
        """Return every `stride`-th row and column."""
        step = slice(None, None, stride)
        if self.is_product:
            return Grid(self.x[:, step], self.y[step])
        return Grid(self.x[step, step], self.y[step, step])


def pixel_centres(pixels: int, *, span: float, centre: float, extent: float) -> NDArray[np.float64]:
    """Return the coordinates of the pixels of one upright axis. (pixels,)

    Pixels that are those of the whole picture, at its own size or a multiple, have the very
    coordinates that they have there, to the last bit: a crop shows what the whole shows.
    """
    across = extent * pixels / span  # so many of these pixels make the picture
    whole = round(across)
    near = whole > 0 and abs(across - whole) <= _LATTICE * whole
    pixel = extent / whole if near else span / pixels
    first = 2 * centre / pixel + 1 - pixels  # twice the first one's distance from 0, in pixels
    if abs(first - round(first)) <= _LATTICE * pixels:
        first = round(first)
    # In double precision until the end: neighbours on a wide canvas differ in the last bits.
    return (first / 2 + np.arange(pixels, dtype=np.float64)) * pixel


def fold(coordinates: NDArray[np.float64], *, extent: float, edge: Edge) -> NDArray[np.float64]:
    """Return the coordinates of an axis as an edge has them that lies `extent` / 2 from 0.

    Inside the picture they stay as they are. Beyond it they are reflected at its edges, any number
    of times (`mirror`), or stop there (`clamp`); else they go on.
    """
    half = extent / 2
    if edge == "clamp":
        return np.clip(coordinates, -half, half)
    beyond = np.abs(coordinates) > half
    if edge != "mirror" or not beyond.any():
        return coordinates
    # A triangle wave, which is the identity between the edges.
    period = (coordinates[beyond] + half) % (2 * extent)
    folded = coordinates.copy()
    folded[beyond] = np.minimum(period, 2 * extent - period) - half
    return folded
