"""Points anywhere, their layers' input terms looked up: how a turned canvas, no grid, is rendered.

Where features are of x alone and of y alone, a layer's input term is g(x) + h(y), two curves in as
many dimensions as the layer has units. Instead of products with hundreds of features per point,
each curve is computed once, at the nodes of a lattice, and a point takes the quintic through the
six nodes around it:

    g(x) = sum of l_j(t) g((i + j) s), j = -2..3        i = floor(x / s), t = x / s - i

with Lagrange's l_j. The error is at most 5/1024 s^6 |g^(6)|: of a wave of amplitude 1 that has 16
nodes in a period 2e-5, less than rounding makes of it on the way through the network, and of one
twice as long 64 times less. The spacing s is a power of two: nodes, i and t are exact in float32,
and lattices of other points have the same nodes. The encoding and `forward` of the network are the
oracle; a test holds the two together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

from neuralpaint.models.encodings.encoding import Encoding
from neuralpaint.models.networks.network import Network
from neuralpaint.runtime.threads import parallel_map

__all__ = ["Tabulated", "tabulate"]

_NODES = 16  # in the shortest period, at the least
_LONGEST = 2.0  # a period, of features that have none: the longer side of the picture
_OFFSETS = range(-2, 4)  # of the nodes that a point sees: j
_FEW = 32  # features: a product with fewer is as quick as looking up
_NUMBERS = 1 << 26  # of all tables: 256 MiB
_FARTHEST = float(1 << 24)  # nodes from 0: beyond, float32 does not count them one by one
_CHUNK = 1024  # nodes computed at once: their features fit the caches


@dataclass(frozen=True)
class _Lattice:
    """Nodes along an axis, at i * spacing for i = first..first + count - 1."""

    first: int
    count: int
    spacing: float

    def coordinates(self, part: slice) -> Tensor:
        """Return where some of the nodes are, float32."""
        indices = range(self.first, self.first + self.count)[part]
        return torch.arange(indices.start, indices.stop, dtype=torch.float32) * self.spacing

    def bags(self, coordinates: Tensor) -> tuple[Tensor, Tensor]:
        """Return the nodes around each of n coordinates and their shares in it, (n, 6) each."""
        places = coordinates / self.spacing
        before = places.floor()
        nodes = before.long().sub_(self.first)[:, None] + torch.tensor([*_OFFSETS])
        return nodes, _shares(places - before)


class Tabulated:
    """The curves of each layer's input term, at nodes that surround some points."""

    def __init__(
        self,
        encoding: Encoding,
        network: Network,
        lattices: tuple[_Lattice, _Lattice],
        code: Tensor | None = None,
    ) -> None:
        """Take lattices of x and y that have as many nodes each, and a code (1, k) for all."""
        self._lattices = lattices
        layers, count = network.input_layers(), lattices[0].count
        # One below the other, so that a point finds all that it adds up in one table.
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

    def terms(self, x: Tensor, y: Tensor) -> Iterator[Tensor]:
        """Yield the input term (n, units) of each layer at some of the points, (n,) each."""
        (nodes_x, shares_x), (nodes_y, shares_y) = (
            lattice.bags(axis) for lattice, axis in zip(self._lattices, (x, y), strict=True)
        )
        nodes = torch.cat([nodes_x, nodes_y + self._lattices[0].count], 1)
        shares = torch.cat([shares_x, shares_y], 1)
        for table in self._tables:
            # Reads the twelve rows of a point where they are, and writes nothing but their sum.
            yield embedding_bag(nodes, table, per_sample_weights=shares, mode="sum")


def tabulate(
    encoding: Encoding, network: Network, x: Tensor, y: Tensor, code: Tensor | None = None
) -> Tabulated | None:
    """Return tables for points (n,) each on the CPU, or None where they would be of no use.

    That is where features are not of x and y alone, or few, where each point has a code (n, k) of
    its own, or where there are fewer points than nodes, which the finest features want close
    together. No graph is kept.
    """
    if not encoding.separable or sum(encoding.widths) < _FEW or not len(x):
        return None
    if code is not None and len(code) > 1:
        return None
    distance = min(encoding.shortest_period, _LONGEST) / _NODES
    if not distance > 0:  # or it is no number
        return None
    spacing = 2.0 ** math.floor(math.log2(distance))
    ends = [float(end) for axis in (x, y) for end in (axis / spacing).aminmax()]
    if not all(abs(end) < _FARTHEST for end in ends):
        return None
    firsts = [math.floor(low) + _OFFSETS[0] for low in ends[::2]]
    lasts = [math.floor(high) + _OFFSETS[-1] for high in ends[1::2]]
    count = max(last - first for first, last in zip(firsts, lasts, strict=True)) + 1
    numbers = 2 * count * sum(layer.out_features for layer in network.input_layers())
    if 2 * count > len(x) or numbers > _NUMBERS:
        return None
    along_x, along_y = (_Lattice(first, count, spacing) for first in firsts)
    return Tabulated(encoding, network, (along_x, along_y), code)


def _shares(t: Tensor) -> Tensor:
    """Return Lagrange's l_j(t) of t (n,) in [0, 1), a column for each of `_OFFSETS`: (n, 6)."""
    distances = {j: t - j for j in _OFFSETS}
    shares = t.new_empty(len(t), len(_OFFSETS))
    for column, j in enumerate(_OFFSETS):
        others = [m for m in _OFFSETS if m != j]
        product = reduce(torch.mul, (distances[m] for m in others))
        torch.mul(product, 1 / math.prod(j - m for m in others), out=shares[:, column])
    return shares
