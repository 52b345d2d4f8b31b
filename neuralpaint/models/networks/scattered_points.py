"""Rendering of points that are not on a grid, such as those of a rotated canvas.

For features of x alone and of y alone, the input term of a layer is g(x) + h(y): two curves in as
many dimensions as the layer has units. Each curve is computed once, at the nodes of a lattice, and
interpolated by the quintic polynomial through the six nodes around a point. That is faster than a
product with hundreds of features per point:

    g(x) = sum of l_j(t) g((i + j) s), j = -2..3        i = floor(x / s), t = x / s - i

with Lagrange's l_j. The error is at most 5/1024 s^6 |g^(6)|: for a wave of amplitude 1 with 16
nodes per period 2e-5, less than the rounding errors of the network, and 64 times less for twice
the period. The spacing s is a power of two, so nodes, i and t are exact in float32, and the nodes
do not depend on the points. A test compares the result with the exact features.

A series of products is interpolated in both directions, between 36 nodes of a grid. Its highest
waves are faint, so 6 nodes per period are enough: of the highest wave, 1 % may be lost.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

from neuralpaint.models.encodings.encoding import Encoding
from neuralpaint.models.networks.series import Series
from neuralpaint.runtime.threads import parallel_map

__all__ = ["InterpolatedSeries", "InterpolatedTerms", "interpolate_series", "interpolate_terms"]

_NODES = 16  # per shortest period, at least
_SERIES_NODES = 6  # the same for a series
_LONGEST = 2.0  # period assumed for features without waves: the longer side of the picture
_OFFSETS = range(-2, 4)  # j
_FEW = 32  # features: with fewer a product is as fast
_MAX_NUMBERS = 1 << 26  # in all tables together: 256 MiB
_FARTHEST = float(1 << 24)  # nodes from 0: float32 does not represent larger integers
_CHUNK = 1024  # nodes computed at once: their features fit the caches


@dataclass(frozen=True)
class _Lattice:
    """Nodes along an axis, at i * spacing for i = first..first + count - 1."""

    first: int
    count: int
    spacing: float

    def coordinates(self, part: slice) -> Tensor:
        """Return the coordinates of some nodes, float32."""
        indices = range(self.first, self.first + self.count)[part]
        return torch.arange(indices.start, indices.stop, dtype=torch.float32) * self.spacing

    def neighbours(self, coordinates: Tensor) -> tuple[Tensor, Tensor]:
        """Return the nodes around each of n coordinates and their l_j(t), (n, 6) each."""
        places = coordinates / self.spacing
        before = places.floor()
        nodes = before.long().sub_(self.first)[:, None] + torch.tensor([*_OFFSETS])
        return nodes, _polynomials(places - before)


class InterpolatedTerms:
    """The input terms of all layers in tables over two lattices."""

    def __init__(
        self,
        encoding: Encoding,
        layers: Sequence[nn.Linear],
        lattices: tuple[_Lattice, _Lattice],
        code: Tensor | None,
    ) -> None:
        """Compute the tables; the lattices of x and y have the same number of nodes."""
        self._lattices = lattices
        count = lattices[0].count
        # The nodes of x come first, then those of y: all 12 rows of a point are in one table.
        self._tables = [layer.weight.new_empty(2 * count, layer.out_features) for layer in layers]

        def fill(part: slice) -> None:
            nodes_x, nodes_y = (lattice.coordinates(part) for lattice in lattices)
            of_x, of_y = encoding.parts(nodes_x, nodes_y, code)
            for layer, table in zip(layers, self._tables, strict=True):
                features = layer.weight[:, -of_x.shape[1] - of_y.shape[1] :]
                along_x, along_y = features.split([of_x.shape[1], of_y.shape[1]], 1)
                torch.mm(of_x, along_x.t(), out=table[:count][part])
                torch.addmm(layer.bias, of_y, along_y.t(), out=table[count:][part])

        parallel_map(fill, [slice(first, first + _CHUNK) for first in range(0, count, _CHUNK)])

    def at(self, x: Tensor, y: Tensor) -> Iterator[Tensor]:
        """Yield the input term (n, units) of each layer at points (n,)."""
        (nodes_x, values_x), (nodes_y, values_y) = (
            lattice.neighbours(axis) for lattice, axis in zip(self._lattices, (x, y), strict=True)
        )
        nodes = torch.cat([nodes_x, nodes_y + self._lattices[0].count], 1)
        values = torch.cat([values_x, values_y], 1)
        for table in self._tables:
            # Reads 12 rows per point in place and writes only their weighted sum.
            yield embedding_bag(nodes, table, per_sample_weights=values, mode="sum")


class InterpolatedSeries:
    """The sums of a series in a table over two lattices."""

    def __init__(
        self, encoding: Encoding, series: Series, lattices: tuple[_Lattice, _Lattice]
    ) -> None:
        """Compute the table."""
        self._lattices = lattices
        x, y = (lattice.coordinates(slice(0, lattice.count)) for lattice in lattices)
        of_x, of_y = encoding.parts(x, y)
        self._table = series.over_grid(of_x, of_y).flatten(0, 1)

    def at(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the sums (n, 3) at points (n,)."""
        (nodes_x, values_x), (nodes_y, values_y) = (
            lattice.neighbours(axis) for lattice, axis in zip(self._lattices, (x, y), strict=True)
        )
        nodes = nodes_y[:, :, None] * self._lattices[0].count + nodes_x[:, None]
        values = values_y[:, :, None] * values_x[:, None]
        return embedding_bag(
            nodes.flatten(1), self._table, per_sample_weights=values.flatten(1), mode="sum"
        )


def interpolate_series(
    encoding: Encoding, series: Series, points: Sequence[Tensor]
) -> InterpolatedSeries | None:
    """Return the sums of a series for points x (n,) and y (n,) on the CPU.

    Returns None where interpolation is slower or needs too much memory.
    """
    found = _lattices_around(points, distance=encoding.shortest_period / _SERIES_NODES)
    if found is None:
        return None
    (across, down), (of_x, of_y) = (lattice.count for lattice in found), encoding.widths
    # Products with the coefficients: for each row and for each node, or for each point.
    by_table, by_point = down * of_x * (of_y + across), len(points[0]) * of_x * of_y
    if 3 * across * down > _MAX_NUMBERS or by_table > by_point:
        return None
    return InterpolatedSeries(encoding, series, found)


def interpolate_terms(
    encoding: Encoding,
    layers: Sequence[nn.Linear],
    points: Sequence[Tensor],
    code: Tensor | None = None,
) -> InterpolatedTerms | None:
    """Return the input terms of layers for points x (n,) and y (n,) on the CPU.

    Returns None where interpolation does not apply or is slower: features that depend on both
    axes, few features, a code (n, k) per point, or fewer points than nodes. Gradients are not
    supported.
    """
    if not encoding.separable or sum(encoding.widths) < _FEW or not len(points[0]):
        return None
    if code is not None and len(code) > 1:
        return None
    found = _lattices_around(points, distance=min(encoding.shortest_period, _LONGEST) / _NODES)
    if found is None:
        return None
    count = max(lattice.count for lattice in found)
    numbers = 2 * count * sum(layer.out_features for layer in layers)
    if 2 * count > len(points[0]) or numbers > _MAX_NUMBERS:
        return None
    along_x, along_y = (replace(lattice, count=count) for lattice in found)
    return InterpolatedTerms(encoding, layers, (along_x, along_y), code)


def _lattices_around(
    points: Sequence[Tensor], *, distance: float
) -> tuple[_Lattice, _Lattice] | None:
    """Return lattices of x and y with the nodes around all points, at most `distance` apart.

    Returns None if the distance is not positive or the points are too far from 0 for it.
    """
    if not distance > 0:  # true for NaN
        return None
    spacing = 2.0 ** math.floor(math.log2(distance))
    ends = [float(end) for axis in points for end in (axis / spacing).aminmax()]
    if not all(abs(end) < _FARTHEST for end in ends):
        return None
    firsts = [math.floor(low) + _OFFSETS[0] for low in ends[::2]]
    lasts = [math.floor(high) + _OFFSETS[-1] for high in ends[1::2]]
    along_x, along_y = (
        _Lattice(first, last - first + 1, spacing)
        for first, last in zip(firsts, lasts, strict=True)
    )
    return along_x, along_y


def _polynomials(t: Tensor) -> Tensor:
    """Return Lagrange's l_j(t) of t (n,) in [0, 1), a column for each of `_OFFSETS`: (n, 6)."""
    distances = {j: t - j for j in _OFFSETS}
    values = t.new_empty(len(t), len(_OFFSETS))
    for column, j in enumerate(_OFFSETS):
        others = [m for m in _OFFSETS if m != j]
        product = reduce(torch.mul, (distances[m] for m in others))
        torch.mul(product, 1 / math.prod(j - m for m in others), out=values[:, column])
    return values
