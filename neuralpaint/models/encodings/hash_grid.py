"""The multi-resolution hash grid (Mueller et al. 2022): learned features at corners of cells."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from neuralpaint.models.encodings.encoding import Encoding

__all__ = ["PRIME", "HashGrid", "Level", "grid_levels"]

_START = 1e-4  # bound of the initial features, as in the paper
PRIME = 2_654_435_761
"""pi_2 of Mueller et al. 2022, eq. 4; pi_1 is 1."""


class Level(NamedTuple):
    """One resolution of the grid."""

    cells: int  # along the longer side
    row: int  # corners per row; 0 where corners are hashed
    entries: int  # in the table


def grid_levels(
    *,
    levels: int,
    coarsest: int,
    finest: int,
    table_size: int,
    span: tuple[float, float],
) -> list[Level]:
    """Return the levels of a hash grid, coarsest first (eq. 2 and 3).

    The number of cells along the longer side increases from `coarsest` to `finest` by a constant
    factor. A level with at most `table_size` corners has an entry for each; in larger levels
    several corners share an entry.
    """
    growth = (max(coarsest, finest) / coarsest) ** (1 / max(1, levels - 1))
    found = []
    for level in range(levels):
        # 1e-6 corrects powers that are rounded to just below an integer.
        cells = math.floor(coarsest * growth**level + 1e-6)
        down, across = (math.ceil(cells * side / 2) + 1 for side in span)
        dense = down * across <= table_size
        found.append(Level(cells, across if dense else 0, down * across if dense else table_size))
    return found


class HashGrid(Encoding):
    """The features of all levels at a point, bilinear between the corners of its cells.

    Outside the picture, the features of its edge are repeated.
    """

    sine_strengths = (2.0, 1.0)

    # Buffers, not parameters: they are computed from the settings and the size of the picture.
    _scales: Tensor  # (levels, 1, 1): cells per unit of a coordinate
    _edges: Tensor  # (2, levels, 1, 1): height and width of the picture in cells
    _starts: Tensor  # (levels, 1, 1) int64: the first entry of each level in the table
    _factors: Tensor  # (levels, 1, 1) int64: the factor of the row in the index of a corner

    def __init__(
        self,
        levels: Sequence[Level],
        *,
        channels: int,
        span: tuple[float, float],
        generator: torch.Generator,
    ) -> None:
        """Draw features near 0, as in the paper.

        Args:
            levels: coarsest first, the dense ones before the hashed ones.
            channels: features per level.
            span: height and width of the picture in coordinates; its centre is 0.
            generator: the random generator.
        """
        super().__init__()
        self._span, self._channels = span, channels
        self._dense = sum(level.row > 0 for level in levels)
        sizes = [level.entries for level in levels]
        self._mask = sizes[-1] - 1  # a hashed level has 2^n entries
        table = torch.empty(sum(sizes), channels)
        self.table = nn.Parameter(table.uniform_(-_START, _START, generator=generator))
        self.widths = (len(levels) * channels,)
        # Suits features of about 1, a size that they reach during the training.
        self.spectra = (torch.full(self.widths, self.widths[0] ** -0.5),)
        scales = torch.tensor([level.cells / 2 for level in levels]).view(-1, 1, 1)
        starts = torch.tensor([sum(sizes[:i]) for i in range(len(sizes))]).view(-1, 1, 1)
        factors = torch.tensor([level.row or PRIME for level in levels]).view(-1, 1, 1)
        # In double precision like the levels: an edge rounded up would need a cell without entries.
        edges = torch.stack([(scales.double() * side).float() for side in span])
        for name, value in (
            ("_scales", scales), ("_starts", starts), ("_factors", factors), ("_edges", edges)
        ):  # fmt: skip
            self.register_buffer(name, value, persistent=False)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor]:
        """Return one part (*shape, levels * channels) for x and y that broadcast to some shape."""
        shape = np.broadcast_shapes(x.shape, y.shape)
        if len(shape) != 2:  # points become a grid of one row
            x, y = (coordinate.expand(shape).reshape(1, -1) for coordinate in (x, y))
        (left, across), (top, down) = self._cells(x, axis=1), self._cells(y, axis=0)
        corners = torch.stack(
            [self._entries(left + i, top + j) for j in (0, 1) for i in (0, 1)]
        )  # (4, levels, h, w)
        a, b, c, d = nn.functional.embedding(corners, self.table)  # (levels, h, w, channels) each
        across, down = across.unsqueeze(-1), down.unsqueeze(-1)
        features = torch.lerp(torch.lerp(a, b, across), torch.lerp(c, d, across), down)
        return (features.permute(1, 2, 0, 3).reshape(*shape, self.widths[0]),)

    def _cells(self, coordinate: Tensor, *, axis: int) -> tuple[Tensor, Tensor]:
        """Return the lower corner, int64, and the position in the cell, in [0, 1], per level."""
        place = (coordinate + self._span[axis] / 2) * self._scales
        place = place.clamp_(min=0).minimum(self._edges[axis])
        # The upper edge of the last cell belongs to it.
        lower = place.floor().minimum((self._edges[axis].ceil() - 1).clamp(min=0))
        return lower.long(), place - lower

    def _entries(self, column: Tensor, row: Tensor) -> Tensor:
        """Return the indices of corners (levels, ...) in the table; eq. 4 for hashed levels."""
        lines = row * self._factors
        dense = column[: self._dense] + lines[: self._dense]
        hashed = (column[self._dense :] ^ lines[self._dense :]) & self._mask
        return torch.cat([dense, hashed]) + self._starts
