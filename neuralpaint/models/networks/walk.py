"""The way through SkipConn's layers over a grid, and back, by hand: what `grid` has walked.

The rows of a grid can go in parts, side by side. The equations stand in `grid`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from neuralpaint.models.networks.activations import Activation, Tables
from neuralpaint.models.networks.products import EXACT, Products, products
from neuralpaint.runtime.threads import parallel_map, thread_count

__all__ = ["Walk", "add_up", "borrow", "gradients", "input_terms", "tables"]


# Pixels of a part at the least: with fewer, threads wait for each other more than they work.
_PART = 512


class _Sums(NamedTuple):
    """What some rows of the grid add to the gradients of a layer."""

    hidden: Tensor  # (units, units of what it sees)
    across: Tensor  # (w, units), over the rows
    down: Tensor  # (rows, units), over the columns


class Walk:
    """One way through the layers and back; the rows of the grid can go in parts, side by side.

    One flat tensor lent by the network holds every z_i and c_i and one dL/dc_i; g_i replaces z_i.
    It is given back at the end of the way, so that two open graphs never share it.

    The products of the hidden layers are those of the device, which may round their factors c_i,
    g_i and W_i. Everything else is float32, and so is all of rendering.
    """

    def __init__(
        self,
        activation: Activation,
        scratch: list[Tensor],
        columns: Tensor,
        rows: Tensor,
        weights: Sequence[Tensor],
        biases: Sequence[Tensor],
    ) -> None:
        self._activation, self._weights = activation, weights
        self._units, self._width = weights[0].shape[0], len(columns)
        self._depth = depth = len(weights) - 1
        self._terms = input_terms(weights, biases, columns, rows)
        self._first = tables(activation, *self._terms[0])
        self._products = products(columns.device)
        shape = (2 * depth + 1, len(rows) * self._width, self._units)
        self._scratch = scratch
        self._memory, blocks = borrow(scratch, shape, columns)
        self._before, self._after, self._d = blocks[:depth], blocks[depth:-1], blocks[-1]
        self._factors: dict[int, list[Tensor]] = {}  # of the parts, by their first row
        share = len(rows) * self._width // _PART if columns.device.type == "cpu" else 1
        parts = max(1, min(thread_count(), len(rows), share))
        cuts = [len(rows) * i // parts for i in range(parts + 1)]
        self.parts = [slice(*cut) for cut in pairwise(cuts)]

    def forward(self, part: slice, out: Tensor) -> None:
        """Take some rows to the signal `out` (rows, w, channels)."""
        before, after, _ = self._blocks(part)
        across, down = self._first
        grid = (-1, self._width, self._units)
        self._activation.into_sum(across, tuple(t[part] for t in down), after[0].view(grid))
        factors = self._factors[part.start] = []
        for i in range(1, self._depth):
            factors.append(self._products.factor(after[i - 1]))
            self._add_up(before[i], i, part, _seen(factors, i), self._products)
            self._activation.into(before[i], after[i])
        z = out.view(-1, out.shape[-1])
        self._add_up(z, self._depth, part, _seen(after, self._depth), EXACT)

    def backward(self, part: slice, d_signal: Tensor) -> list[_Sums]:
        """Take dL/dsignal (rows, w, channels) of some rows back; return the sums of each layer."""
        before, after, d = self._blocks(part)
        factors, units, depth = self._factors[part.start], self._units, self._depth
        kinds = [self._products] * depth + [EXACT]
        g = [*before, d_signal.view(-1, d_signal.shape[-1])]
        sums: list[_Sums] = []
        later = g[depth]  # as a factor: what the layer behind had
        for i in range(depth, -1, -1):
            kind, seen = kinds[i], _seen(factors if i < depth else after, i)
            factor = kind.factor(g[i]) if i > 0 else g[0]  # layer 0 has no such product
            sums.append(self._sum_up(g[i], factor, seen, kind))
            if i > 0:
                kind.into(d, factor, kind.factor(self._weights[i][:, :units]))
                if i < depth:
                    previous = self._weights[i + 1][:, units : 2 * units]
                    kinds[i + 1].add(d, later, kinds[i + 1].factor(previous))
            later = factor
            if i > 1:
                self._activation.pull(d, before[i - 1], after[i - 1])
            elif i == 1:
                grid = (-1, self._width, units)
                across, down = self._first[0], tuple(t[part] for t in self._first[1])
                z, c = before[0].view(grid), after[0].view(grid)
                self._activation.pull_sum(d.view(grid), across, down, z, c)
        return sums[::-1]

    def end(self) -> None:
        """Give the memory back."""
        self._scratch.append(self._memory)

    def _blocks(self, part: slice) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """Return z_i, c_i and room for dL/dc of some rows, each (pixels, units)."""
        pixels = slice(part.start * self._width, part.stop * self._width)
        before, after = ([block[pixels] for block in kind] for kind in (self._before, self._after))
        return before, after, self._d[pixels]

    def _add_up(self, z: Tensor, i: int, part: slice, seen: list[Tensor], kind: Products) -> None:
        across, down = self._terms[i]
        add_up(z, across, down[part], self._weights[i], seen, kind)

    def _sum_up(self, g: Tensor, factor: Tensor, seen: list[Tensor], kind: Products) -> _Sums:
        """Return the sums of one layer over some rows; `factor` is g as its products take it."""
        units = self._units
        hidden = g.new_empty(g.shape[1], units * len(seen))
        for j, c in enumerate(seen):
            kind.into(hidden[:, j * units : (j + 1) * units], factor.t(), c)
        grid = g.view(-1, self._width, g.shape[1])
        return _Sums(hidden, grid.sum(0), grid.sum(1))


def borrow(
    scratch: list[Tensor], shape: tuple[int, int, int], like: Tensor
) -> tuple[Tensor, Sequence[Tensor]]:
    """Take memory from the shelf, or make it, and cut it into blocks (shape[1], shape[2])."""
    size = shape[0] * shape[1] * shape[2]
    memory = scratch.pop() if scratch else like.new_empty(0)
    if memory.numel() < size or memory.device != like.device or memory.dtype != like.dtype:
        memory = like.new_empty(size)
    return memory, memory[:size].view(shape).unbind()


def _seen(after: Sequence[Tensor], i: int) -> list[Tensor]:
    """Return what layer i sees: current, previous."""
    return [after[j] for j in (i - 1, i - 2) if j >= 0]


def input_terms(
    weights: Sequence[Tensor], biases: Sequence[Tensor], columns: Tensor, rows: Tensor
) -> list[tuple[Tensor, Tensor]]:
    """Return each layer's input: terms of the columns (w, units), of rows and bias (h, units)."""

    def terms(layer: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        weight, bias = layer
        of_columns, of_rows = _input_weights(weight, columns, rows)
        return columns @ of_columns.t(), torch.addmm(bias, rows, of_rows.t())

    return parallel_map(terms, list(zip(weights, biases, strict=True)), device=rows.device)


def _input_weights(weight: Tensor, columns: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the parts of a layer's weight that the features of columns and of rows meet."""
    middle = weight.shape[1] - rows.shape[1]
    return weight[:, middle - columns.shape[1] : middle], weight[:, middle:]


def tables(activation: Activation, across: Tensor, down: Tensor) -> tuple[Tables, Tables]:
    """Return layer 0's input terms, along x and along y, as the activation wants to know them."""
    return activation.tables(across[None]), activation.tables(down[:, None])


def add_up(
    z: Tensor, across: Tensor, down: Tensor, weight: Tensor, seen: list[Tensor], kind: Products
) -> None:
    """Write one layer's values before the activation to z (n, units)."""
    torch.add(across, down[:, None], out=z.view(len(down), len(across), -1))
    for j, c in enumerate(seen):
        units = c.shape[1]
        kind.add(z, c, kind.factor(weight[:, j * units : (j + 1) * units]).t())


def gradients(
    weight: Tensor, columns: Tensor, rows: Tensor, parts: Sequence[_Sums]
) -> tuple[Tensor, Tensor]:
    """Return the gradients of a layer's weight and bias from the sums of all parts."""
    d_weight = torch.empty_like(weight)
    d_hidden = d_weight[:, : parts[0].hidden.shape[1]]
    torch.sum(torch.stack([part.hidden for part in parts]), 0, out=d_hidden)
    d_across = torch.stack([part.across for part in parts]).sum(0)
    d_down = torch.cat([part.down for part in parts])
    of_columns, of_rows = _input_weights(d_weight, columns, rows)
    torch.mm(d_across.t(), columns, out=of_columns)
    torch.mm(d_down.t(), rows, out=of_rows)
    return d_weight, d_down.sum(0)
