"""Planes of learned features at several resolutions, read between their nodes bilinearly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from neuralpaint.models.encodings.encoding import Encoding

__all__ = ["PlaneSize", "Pyramid", "plane_sizes"]

_START = 0.01  # larger, and the first frames are grainy and the last ones 1 dB worse
# Nodes of the finest plane: beyond this, memory and time per step no longer grow with the picture.
_MOST_NODES = 1 << 20
_MOST_OF_ALL = 1 << 21  # of all pages'


class PlaneSize(NamedTuple):
    """How many nodes a plane has each way, and how many features at each."""

    height: int
    width: int
    channels: int


def plane_sizes(
    planes: Sequence[tuple[float, int]], *, height: int, width: int, pages: int = 1
) -> list[PlaneSize]:
    """Return the sizes of planes (pixels per node, channels) over a picture, finest first.

    All planes are coarser by one factor where the picture is so large that the first would have
    more than 2^20 nodes, or those of all pages 2^21. Every plane has at least two nodes each way.
    """
    finest = min(pixels for pixels, _ in planes)
    most = min(_MOST_NODES, _MOST_OF_ALL / pages)
    coarser = max(1.0, math.sqrt(height * width / most) / finest)
    sides = [(pixels * coarser, channels) for pixels, channels in planes]
    return [
        PlaneSize(max(2, math.ceil(height / p)), max(2, math.ceil(width / p)), channels)
        for p, channels in sides
    ]


class Pyramid(Encoding):
    """The features of every plane at a point, one after another.

    The nodes of a plane lie at the centres of equal cells that tile the picture, so a plane with as
    many nodes as pixels has one at every pixel's centre. Beyond the outermost nodes, and so beyond
    the picture, their features go on unchanged.

    There can be several pages of such planes, which lie one below the other: their rows are read as
    those of one plane.
    """

    rate = 3.0
    """Learning rate of the planes as a multiple of the network's: a node is seen by few pixels."""
    sine_strengths = (2.0, 1.0)
    """Of features that begin near 0 and grow to about 1."""

    _down: Tensor  # (3, planes, 1): node = scale * coordinate + offset, and the last node
    _across: Tensor  # likewise

    def __init__(
        self,
        sizes: Sequence[PlaneSize],
        *,
        span: tuple[float, float],
        fade: float = 0.0,
        pages: int = 1,
    ) -> None:
        """Make the planes, which are uninitialised until `initialize` draws them.

        Args:
            sizes: of the planes, finest first.
            span: height and width of the picture in picture coordinates; its centre is 0.
            fade: over which part of the training the planes come in, coarsest first; 0 for all of
                them from the start.
            pages: how many pages there are.
        """
        super().__init__()
        self.planes = nn.ParameterList(
            nn.Parameter(torch.empty(pages * size.height, size.width, size.channels))
            for size in sizes
        )
        self._heights = [size.height for size in sizes]
        self.width = sum(size.channels for size in sizes)
        self.widths = (self.width,)
        self._fade = fade
        # Not weights: the sizes of the planes and the span of the picture already say it.
        for name, axis in (("_down", 0), ("_across", 1)):
            cells = torch.tensor([[size[axis]] for size in sizes], dtype=torch.float32)
            placing = torch.stack([cells / span[axis], cells / 2 - 0.5, cells - 1])
            self.register_buffer(name, placing, persistent=False)
        self.strengths: nn.Parameter | None = None
        if fade > 0:
            # A weight that is set, not learned: averaged, saved and blended with those it scales.
            self.strengths = nn.Parameter(torch.ones(self.width), requires_grad=False)
            self.pace(0.0)

    @property
    def spectra(self) -> tuple[Tensor]:
        """The deviation of a sine network's initial weights at strength 1: features grow to 1."""
        return (torch.full((self.width,), self.width**-0.5),)

    @torch.no_grad()
    def initialize(self, generator: torch.Generator) -> None:
        """Draw features near zero, so that the first frames are as smooth as the coarsest plane."""
        for plane in self.planes:
            plane.uniform_(-_START, _START, generator=generator)

    @torch.no_grad()
    def pace(self, progress: float) -> None:
        """Set the strength of every plane for a progress of training in [0, 1].

        The coarsest plane is there from the start; each finer one rises from 0 to 1 after the one
        before has, and the last is complete when the progress is `fade`.
        It rises as a cube, for Adam lets a plane of small strength learn as fast as any other.
        """
        if self.strengths is None:
            return
        finer = len(self.planes) - 1
        done = finer * min(1.0, progress / self._fade)
        at = 0
        for i, plane in enumerate(self.planes):
            rise = 1.0 if i == finer else min(1.0, max(0.0, done - (finer - 1 - i)))
            self.strengths[at : at + plane.shape[2]] = rise**3
            at += plane.shape[2]

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor]:
        """Map x and y, which broadcast to some shape, to one part (*shape, width)."""
        return (self.read(x, y),)

    def read(self, x: Tensor, y: Tensor, page: Tensor | None = None) -> Tensor:
        """Return the features (*shape, width) on the first page, or on others.

        A row (1, w) and a column (h, 1) go the fast way, anything else the plain one. `page` is
        int64 (h,), a page for each row of such a grid, or (n,) for points (n,).
        """
        if x.ndim == 2 == y.ndim and x.shape[0] == 1 == y.shape[1]:
            rows, columns = self._rows(y[:, 0], page), _stations(x[0], self._across)
            features: Tensor = _OverGrid.apply(  # type: ignore[no-untyped-call]
                rows, columns, *self.planes
            )
        else:
            features = self.forward_plain(x, y, page)
        return features if self.strengths is None else features * self.strengths

    def _rows(self, y: Tensor, page: Tensor | None) -> list[_Stations]:
        """Return where coordinates (n,), each on its page, lie on the rows of each plane."""
        stations = _stations(y, self._down)
        if page is None:
            return stations
        pages = page.repeat(2)  # of the lower neighbours, and of the upper
        return [
            rows._replace(nodes=rows.nodes + height * pages)
            for rows, height in zip(stations, self._heights, strict=True)
        ]

    def forward_plain(self, x: Tensor, y: Tensor, page: Tensor | None = None) -> Tensor:
        """Return the features (*shape, width) as the definition reads, before their strengths."""
        x, y = torch.broadcast_tensors(x, y)
        rows, columns = self._rows(y.flatten(), page), _stations(x.flatten(), self._across)
        features = []
        for plane, row, column in zip(self.planes, rows, columns, strict=True):
            (top, bottom), (left, right) = row.nodes.view(2, -1), column.nodes.view(2, -1)
            down, across = row.shares[1, :, None], column.shares[1, :, None]
            above = torch.lerp(plane[top, left], plane[top, right], across)
            below = torch.lerp(plane[bottom, left], plane[bottom, right], across)
            features.append(torch.lerp(above, below, down))
        return torch.cat(features, -1).view(*x.shape, self.width)


class _Stations(NamedTuple):
    """Between which nodes of an axis n coordinates lie, and the share of each."""

    nodes: Tensor  # (2 n,) int64: the lower neighbours of all, then the upper
    shares: Tensor  # (2, n): likewise; a pair adds up to 1


def _stations(coordinates: Tensor, placing: Tensor) -> list[_Stations]:
    """Return where coordinates (n,) lie on an axis of each plane; outside, at its last node."""
    scale, offset, last = placing  # (planes, 1): all planes at once, for every call costs
    position = torch.addcmul(offset, scale, coordinates).clamp_(min=0).minimum(last)
    lower = position.floor().minimum(last - 1)
    upper_share = position - lower  # (planes, n)
    nodes = torch.cat([lower, lower + 1], 1).long()
    shares = torch.stack([1 - upper_share, upper_share], 1)
    return [_Stations(*pair) for pair in zip(nodes.unbind(), shares.unbind(), strict=True)]


class _OverGrid(torch.autograd.Function):
    """Planes read at the crossings of h rows and w columns.

    With A (h, R) and B (w, C), whose rows hold the shares of two neighbouring nodes, per channel

        features = A plane B'                                           (h, w)
        dL/dplane = A' (dL/dfeatures) B                                 (R, C)

    so the gradient too goes by way of (h, C): it is scattered along each row first, then whole rows
    are added. Nothing is scattered pixel by pixel over the plane.
    """

    @staticmethod
    def forward(
        ctx: Any, rows: list[_Stations], columns: list[_Stations], *planes: Tensor
    ) -> Tensor:
        """Return the features (h, w, all channels) of planes (R, C, channels)."""
        ctx.rows, ctx.columns, ctx.sizes = rows, columns, [plane.shape for plane in planes]
        return torch.cat([_read(*each) for each in zip(planes, rows, columns, strict=True)], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return dL/dplane for dL/dfeatures (h, w, all channels)."""
        each = gradients[0].split([size[2] for size in ctx.sizes], -1)
        found = map(_scatter, each, ctx.rows, ctx.columns, ctx.sizes)
        return (None, None, *found)


def _read(plane: Tensor, rows: _Stations, columns: _Stations) -> Tensor:
    """Return the features (h, w, channels) of one plane."""
    h, w = rows.shares.shape[1], columns.shares.shape[1]
    near = plane.index_select(0, rows.nodes)  # (2 h, C, channels)
    strips = torch.lerp(near[:h], near[h:], rows.shares[1, :, None, None])
    near = strips.index_select(1, columns.nodes)  # (h, 2 w, channels)
    return torch.lerp(near[:, :w], near[:, w:], _per_channel(columns, plane.shape[2])[1])


def _scatter(gradient: Tensor, rows: _Stations, columns: _Stations, size: torch.Size) -> Tensor:
    """Return dL/dplane for one plane's dL/dfeatures (h, w, channels)."""
    h, (_, width, channels) = len(gradient), size
    parts = gradient.contiguous()[:, None] * _per_channel(columns, channels)  # (h, 2, w, channels)
    entries = torch.arange(channels, device=gradient.device)
    at = (columns.nodes[:, None] * channels + entries).view(1, -1).expand(h, -1)
    strips = gradient.new_zeros(h, width * channels).scatter_add_(1, at, parts.view(h, -1))
    parts = strips * rows.shares[:, :, None]  # (2, h, C * channels)
    d_plane = gradient.new_zeros(size[0], width * channels)
    return d_plane.index_add_(0, rows.nodes, parts.view(2 * h, -1)).view(size)


def _per_channel(columns: _Stations, channels: int) -> Tensor:
    """Return the shares (2, w, channels): a loop over a few channels alone does not vectorise."""
    return columns.shares[..., None].expand(-1, -1, channels).contiguous()
