"""Planes of learned features at several resolutions, for one picture or one set per picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from neuralpaint.models.encodings.bloom import Bloom
from neuralpaint.models.encodings.encoding import Encoding, MixingWeights, is_grid

__all__ = ["PerPicturePlanes", "PlaneSize", "Pyramid", "plane_sizes"]

# Bound of the initial features; larger ones make the first frames grainy and the last 1 dB worse.
_START = 0.01
# Most nodes of the finest plane, to limit memory and time per step for large pictures.
_MOST_NODES = 1 << 20
_MOST_NODES_TOGETHER = 1 << 21  # of the finest planes of all pictures
_FEW = 8  # pictures, all of which a GPU reads

_ALL = slice(None)


class PlaneSize(NamedTuple):
    """Nodes of a plane along each axis, and features per node."""

    height: int
    width: int
    channels: int


def plane_sizes(
    planes: Sequence[tuple[float, int]], *, height: int, width: int, pictures: int = 1
) -> list[PlaneSize]:
    """Return the sizes of planes (pixels per node, channels) for a picture, finest first.

    If the finest plane would have more than 2^20 nodes, or the finest planes of all pictures 2^21
    together, all planes are made coarser by one factor. Every plane has at least two nodes along
    each axis.
    """
    finest = min(pixels for pixels, _ in planes)
    most = min(_MOST_NODES, _MOST_NODES_TOGETHER / pictures)
    coarser = max(1.0, math.sqrt(height * width / most) / finest)
    sides = [(pixels * coarser, channels) for pixels, channels in planes]
    return [
        PlaneSize(max(2, math.ceil(height / p)), max(2, math.ceil(width / p)), channels)
        for p, channels in sides
    ]


class Pyramid(Encoding):
    """The features of all planes at a point, interpolated bilinearly, in one part.

    The nodes of a plane are at the centres of equal cells that tile the picture: a plane with as
    many nodes as pixels has one at the centre of every pixel. Outside the outermost nodes the
    features are constant.

    The planes of several pictures are stacked vertically into one taller plane per resolution.
    """

    rate = 3.0  # higher than the network's, because only few pixels contribute to a node
    sine_strengths = (2.0, 1.0)

    # Buffers, not parameters: they are computed from the sizes of the planes and of the picture.
    _down: Tensor  # (3, planes, 1): scale and offset of node = scale * y + offset, and last node
    _across: Tensor  # the same for x

    def __init__(
        self,
        sizes: Sequence[PlaneSize],
        *,
        span: tuple[float, float],
        generator: torch.Generator,
        fade: float = 0.0,
        fading: int | None = None,
        bloom: Bloom | None = None,
        pictures: int = 1,
    ) -> None:
        """Draw features near 0, so that the first frames are smooth.

        Args:
            sizes: of the planes, finest first.
            span: height and width of the picture in coordinates; its centre is 0.
            generator: the random generator.
            fade: the fraction of the training during which the planes fade in, coarsest first.
            fading: the number of planes that fade in, the finest ones; by default all but one.
            bloom: where they fade in first; None for everywhere at once.
            pictures: the number of stacked sets of planes.
        """
        super().__init__()
        empty = (torch.empty(pictures * size.height, size.width, size.channels) for size in sizes)
        self.planes = nn.ParameterList(
            nn.Parameter(plane.uniform_(-_START, _START, generator=generator)) for plane in empty
        )
        self._heights = [size.height for size in sizes]
        self.width = sum(size.channels for size in sizes)
        self.widths = (self.width,)
        # Suits features of about 1, a size that they reach during the training.
        self.spectra = (torch.full((self.width,), self.width**-0.5),)
        self._fade = fade
        for name, axis in (("_down", 0), ("_across", 1)):
            cells = torch.tensor([[size[axis]] for size in sizes], dtype=torch.float32)
            placing = torch.stack([cells / span[axis], cells / 2 - 0.5, cells - 1])
            self.register_buffer(name, placing, persistent=False)
        self.strengths: nn.Parameter | None = None
        self.bloom_time: nn.Parameter | None = None
        self._bloom = bloom
        # Not trained, but parameters, so that they are averaged, saved and blended like planes.
        if fade > 0 and bloom is None:
            self.strengths = nn.Parameter(torch.ones(self.width), requires_grad=False)
        elif fade > 0:
            self.bloom_time = nn.Parameter(torch.zeros(1), requires_grad=False)
        self._fading = len(sizes) - 1 if fading is None else fading
        if bloom is not None:
            for i, size in enumerate(sizes[: self._fading]):
                delays = bloom.delays(size.height, size.width, span=span)
                self.register_buffer(f"_delays{i}", delays, persistent=False)
        self._risen = math.nan  # the part of the fade that is over
        self.set_progress(0.0)

    @torch.no_grad()
    def set_progress(self, progress: float) -> None:
        """Set the strength of every plane for the progress of the training, in [0, 1].

        The finest planes rise from 0 to 1 one after another, until the progress is `fade`; the
        others have full strength from the start. They rise slowly at first, as a cube, because Adam
        trains a plane of small strength as fast as any other. A bloom rises at each node on its
        own.
        """
        risen = min(1.0, progress / self._fade) if self._fade > 0 else 1.0
        if risen == self._risen:  # as in most steps, in which a GPU would otherwise be kept waiting
            return
        self._risen = risen
        if self.bloom_time is not None:
            self.bloom_time.fill_(risen)
        if self.strengths is None:
            return
        fading = self._fading
        done = fading * risen
        at = 0
        for i, plane in enumerate(self.planes):
            rise = 1.0 if i >= fading else min(1.0, max(0.0, done - (fading - 1 - i)))
            self.strengths[at : at + plane.shape[2]] = rise**3
            at += plane.shape[2]

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor]:
        """Return one part (*shape, width) for x and y that broadcast to some shape."""
        return (self.read(x, y),)

    def read(self, x: Tensor, y: Tensor, picture: Tensor | None = None) -> Tensor:
        """Return the features (*shape, width) from the planes of one or several pictures.

        `picture` is the index of the picture for each row of a grid, int64 (h,), or for each
        point (n,); None for the first picture.
        """
        if is_grid(x, y):
            rows, columns = self._rows(y[:, 0], picture), _neighbours(x[0], self._across)
            strengths = [self._node_strengths(i, near.nodes) for i, near in enumerate(rows)]
            features: Tensor = _PlanesOverGrid.apply(  # type: ignore[no-untyped-call]
                rows, columns, strengths, *self.planes
            )
        else:
            features = self.forward_plain(x, y, picture)
        return features if self.strengths is None else features * self.strengths

    def _rows(self, y: Tensor, picture: Tensor | None) -> list[_Neighbours]:
        rows = _neighbours(y, self._down)
        if picture is None:
            return rows
        both = picture.repeat(2)  # for the lower neighbours and for the upper ones
        return [
            near._replace(nodes=near.nodes + height * both)
            for near, height in zip(rows, self._heights, strict=True)
        ]

    def _node_strengths(
        self, plane: int, rows: Tensor, columns: Tensor | slice = _ALL
    ) -> Tensor | None:
        """Return the strengths of nodes of a plane; None where all of them are 1.

        `rows` are the rows of the nodes, (n,). `columns` are their columns, (n,); by default all,
        which returns (n, width).
        """
        time = self.bloom_time
        if plane >= self._fading or self._bloom is None or time is None:
            return None
        if time.device.type == "cpu" and self._bloom.is_over(float(time)):
            return None  # on a GPU, the test would take longer than the strengths
        delays = self.get_buffer(f"_delays{plane}")[rows % self._heights[plane], columns]
        return self._bloom.strengths(delays, time, plane=plane)

    def forward_plain(self, x: Tensor, y: Tensor, picture: Tensor | None = None) -> Tensor:
        """Return the features computed by definition, not yet multiplied by `strengths`."""
        x, y = torch.broadcast_tensors(x, y)
        rows, columns = self._rows(y.flatten(), picture), _neighbours(x.flatten(), self._across)
        features = []
        for i, (row, column) in enumerate(zip(rows, columns, strict=True)):
            (top, bottom), (left, right) = row.nodes.view(2, -1), column.nodes.view(2, -1)
            down, across = row.shares[1, :, None], column.shares[1, :, None]
            above = torch.lerp(self._nodes(i, top, left), self._nodes(i, top, right), across)
            below = torch.lerp(self._nodes(i, bottom, left), self._nodes(i, bottom, right), across)
            features.append(torch.lerp(above, below, down))
        return torch.cat(features, -1).view(*x.shape, self.width)

    def _nodes(self, plane: int, rows: Tensor, columns: Tensor) -> Tensor:
        """Return the features (n, channels) of nodes, given their rows and columns (n,)."""
        nodes: Tensor = self.planes[plane][rows, columns]
        strengths = self._node_strengths(plane, rows, columns)
        return nodes if strengths is None else nodes * strengths[:, None]


class PerPicturePlanes(Encoding):
    """Planes for every picture; the code mixes their features.

    While training, every code belongs to one picture, so only the planes of the picture with the
    nearest code are read.
    """

    uses_code = True

    def __init__(self, pyramid: Pyramid, codes: NDArray[np.floating]) -> None:
        """Take planes for as many pictures as there are codes (pictures, k)."""
        super().__init__()
        self.pyramid = pyramid
        self.shares = MixingWeights(codes)  # named as in saved files
        self.rate, self.widths = pyramid.rate, pyramid.widths
        self.sine_strengths, self.spectra = pyramid.sine_strengths, pyramid.spectra

    def set_progress(self, progress: float) -> None:
        """Set the strengths of the planes of all pictures."""
        self.pyramid.set_progress(progress)

    def forward(self, x: Tensor, y: Tensor, code: Tensor) -> tuple[Tensor]:
        """Return one part (*shape, width) for x and y that broadcast to some shape.

        `code` (..., k) broadcasts with them; while training it is constant along each row.
        """
        if self.training:
            picture = self.shares.nearest(code if code.ndim == 2 else code[:, 0])
            return (self.pyramid.read(x, y, picture.expand(len(y))),)
        weights = self.shares(code)
        mixed = _mixed(weights)
        parts = []
        for picture in mixed:
            features = self.pyramid.read(x, y, picture.expand(len(y)))
            parts.append(features if len(mixed) == 1 else weights[..., picture, None] * features)
        return (torch.stack(parts).sum(0) if len(parts) > 2 else sum(parts[1:], parts[0]),)


def _mixed(weights: Tensor) -> Tensor:
    """Return the pictures, int64, whose weights (..., pictures) are not 0 everywhere.

    Usually these are only a few. Of a few pictures on a GPU it returns all: it would have to wait
    for the weights, and adding a picture of weight 0 changes nothing.
    """
    count = weights.shape[-1]
    if weights.device.type != "cpu" and count <= _FEW:
        return torch.arange(count, device=weights.device)
    return weights.flatten(0, -2).amax(0).nonzero().flatten()


class _Neighbours(NamedTuple):
    """The two nodes of an axis next to each of n coordinates, and their interpolation weights."""

    nodes: Tensor  # (2 n,) int64: all lower neighbours, then all upper ones
    shares: Tensor  # (2, n), in the same order; the two of a coordinate sum to 1


def _neighbours(coordinates: Tensor, placing: Tensor) -> list[_Neighbours]:
    """Return the neighbours of coordinates (n,) in each plane; beyond it, the outermost node."""
    scale, offset, last = placing  # (planes, 1): one call for all planes
    position = torch.addcmul(offset, scale, coordinates).clamp_(min=0).minimum(last)
    lower = position.floor().minimum(last - 1)
    upper_share = position - lower  # (planes, n)
    nodes = torch.cat([lower, lower + 1], 1).long()
    shares = torch.stack([1 - upper_share, upper_share], 1)
    return [_Neighbours(*pair) for pair in zip(nodes.unbind(), shares.unbind(), strict=True)]


class _PlanesOverGrid(torch.autograd.Function):
    """Features of a grid of h rows and w columns.

    With A (h, R) and B (w, C), whose rows contain the weights of two neighbouring nodes, per
    channel

        features = A plane B'                                           (h, w)
        dL/dplane = A' (dL/dfeatures) B                                 (R, C)

    so the gradient is computed in two steps: pixels are scattered along each row into (h, C), then
    whole rows are added to the plane. That is faster than scattering each pixel over the plane.
    Nodes with a strength are multiplied by it where they are read, and so are their gradients.
    """

    @staticmethod
    def forward(
        ctx: Any,
        rows: list[_Neighbours],
        columns: list[_Neighbours],
        strengths: list[Tensor | None],
        *planes: Tensor,
    ) -> Tensor:
        ctx.rows, ctx.columns, ctx.strengths = rows, columns, strengths
        ctx.sizes = [plane.shape for plane in planes]
        each = zip(planes, rows, columns, strengths, strict=True)
        return torch.cat([_read(*plane) for plane in each], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        each = gradients[0].split([size[2] for size in ctx.sizes], -1)
        scatter = partial(_scatter, as_products=gradients[0].device.type != "cpu")
        planes = map(scatter, each, ctx.rows, ctx.columns, ctx.strengths, ctx.sizes)
        return (None, None, None, *planes)


def _read(
    plane: Tensor, rows: _Neighbours, columns: _Neighbours, strengths: Tensor | None
) -> Tensor:
    """Return the features (h, w, channels) of one plane; `strengths` (2 h, C) of its rows."""
    h, w = rows.shares.shape[1], columns.shares.shape[1]
    near = plane.index_select(0, rows.nodes)  # (2 h, C, channels)
    if strengths is not None:
        near *= strengths[..., None]
    strips = torch.lerp(near[:h], near[h:], rows.shares[1, :, None, None])
    near = strips.index_select(1, columns.nodes)  # (h, 2 w, channels)
    return torch.lerp(near[:, :w], near[:, w:], _per_channel(columns, plane.shape[2])[1])


def _scatter(
    gradient: Tensor,
    rows: _Neighbours,
    columns: _Neighbours,
    strengths: Tensor | None,
    size: torch.Size,
    *,
    as_products: bool,
) -> Tensor:
    """Return dL/dplane for one plane's dL/dfeatures (h, w, channels).

    A GPU adds scattered values in a random order, so their sums differ from run to run, and those
    of matrix products do not.
    """
    h, (height, width, channels) = len(gradient), size
    parts = gradient.contiguous()[:, None] * _per_channel(columns, channels)  # (h, 2, w, channels)
    if as_products:
        strips = (_one_hot(columns.nodes, width) @ parts.flatten(1, 2)).view(h, -1)
    else:
        entries = torch.arange(channels)
        at = (columns.nodes[:, None] * channels + entries).view(1, -1).expand(h, -1)
        strips = gradient.new_zeros(h, width * channels).scatter_add_(1, at, parts.view(h, -1))
    parts = strips * rows.shares[:, :, None]  # (2, h, C * channels)
    if strengths is not None:
        parts.view(*strengths.shape, channels).mul_(strengths[..., None])
    if as_products:
        return (_one_hot(rows.nodes, height) @ parts.view(2 * h, -1)).view(size)
    d_plane = gradient.new_zeros(height, width * channels)
    return d_plane.index_add_(0, rows.nodes, parts.view(2 * h, -1)).view(size)


def _one_hot(nodes: Tensor, count: int) -> Tensor:
    """Return a matrix (count, n) whose product with (n, ...) adds the rows of each node."""
    return (torch.arange(count, device=nodes.device)[:, None] == nodes).float()


def _per_channel(columns: _Neighbours, channels: int) -> Tensor:
    """Return the weights (2, w, channels), copied per channel so that products are vectorised."""
    return columns.shares[..., None].expand(-1, -1, channels).contiguous()
