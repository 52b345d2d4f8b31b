"""A target says what the model should say where; lattices are the batches it is learned from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from neuralpaint.canvas import Canvas
from neuralpaint.pictures import Picture

__all__ = ["Batch", "Lattice", "Target", "lattices"]


class Batch(NamedTuple):
    """Colours of some pixels and where they lie, as a product grid."""

    x: Tensor  # (1, w) float32
    y: Tensor  # (h, 1) float32
    colours: Tensor  # (h, w, 3) float32 in [0, 1]


class Lattice(NamedTuple):
    """Every `stride`-th row and column from an offset, both given as (rows, columns)."""

    stride: tuple[int, int]
    offset: tuple[int, int]


@dataclass(frozen=True)
class Target:
    """The colours of a picture on the device, uint8 (height, width, 3), and their coordinates.

    Bytes, not floats: a batch becomes float when it is taken, so a picture of a hundred megapixels
    costs 300 MB and not 1.2 GB.
    """

    colours: Tensor  # (height, width, 3) uint8
    x: Tensor  # (1, width) float32
    y: Tensor  # (height, 1) float32

    @classmethod
    def of(cls, picture: Picture, device: torch.device) -> Target:
        """Return the whole picture as a target; on the CPU its pixels are shared, not copied."""
        grid = Canvas.of(height=picture.height, width=picture.width).grid()
        colours = torch.from_numpy(picture.pixels).to(device)
        return cls(
            colours, torch.from_numpy(grid.x).to(device), torch.from_numpy(grid.y).to(device)
        )

    def batch(self, lattice: Lattice) -> Batch:
        """Return the pixels of a lattice."""
        rows = slice(lattice.offset[0], None, lattice.stride[0])
        columns = slice(lattice.offset[1], None, lattice.stride[1])
        colours = self.colours[rows, columns].to(torch.float32).mul_(1 / 255)
        return Batch(self.x[:, columns].contiguous(), self.y[rows].contiguous(), colours)

    def strides(self, batch: int) -> tuple[int, int]:
        """Return the (row, column) strides whose lattices hold about `batch` pixels."""
        height, width = self.colours.shape[:2]
        lattices = height * width / batch
        rows = _within(math.sqrt(lattices), height)
        columns = _within(lattices / rows, width)
        return _within(lattices / columns, height), columns


def _within(stride: float, side: int) -> int:
    return min(side, max(1, round(stride)))


def lattices(stride: tuple[int, int], generator: torch.Generator) -> Iterator[Lattice]:
    """Yield lattices for ever; every stride[0] * stride[1] of them cover each pixel exactly once.

    A batch of this kind is spread evenly over the picture, needs no index tensor, and is a product
    grid, which lets a model compute its input features per row and per column only.
    """
    rows, columns = stride
    while True:
        for index in torch.randperm(rows * columns, generator=generator).tolist():
            yield Lattice(stride, divmod(index, columns))
