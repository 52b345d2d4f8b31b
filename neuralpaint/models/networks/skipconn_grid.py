"""Forward and backward pass of `SkipConn` over a grid, written by hand.

The features of column x and row y are two short tables, so the input term of a layer is
phi_x Wx' + phi_y Wy', broadcast over (height, width). What remains per pixel are two products with
(hidden_size, hidden_size) matrices, one per previous layer, added in place: nothing is concatenated
and nothing is allocated per pixel. Layer 0 is f of a sum of two tables, or the product of two such
terms; if f is the sine, it is computed from the sines and cosines of the tables. A test compares
the result with `SkipConn.forward_plain`, which computes the network by definition.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor

from neuralpaint.models.networks.kernels import EXACT, Activation, Matmul, Terms, matmul_for
from neuralpaint.runtime.threads import ensure_threads, parallel_map

__all__ = ["is_product_grid", "render_grid", "split_rows", "train_grid"]

_CPU_PIXELS = 3072  # rendered at once: they fit the caches
_GPU_BYTES = 1 << 28  # of hidden values at once: enough to keep a GPU busy, little of its memory
_LEAST = 512  # pixels per thread: with fewer, threads mostly wait for each other


def is_product_grid(parts: Sequence[Tensor]) -> bool:
    """Return whether the parts are columns (1, w, f) and rows (h, 1, f) without gradients."""
    if len(parts) != 2 or any(part.ndim != 3 or part.requires_grad for part in parts):
        return False
    return parts[0].shape[0] == 1 and parts[1].shape[1] == 1


def train_grid(
    activation: Activation, factors: int, buffers: list[Tensor], *tensors: Tensor
) -> Tensor:
    """Return the signal (h, w, channels), with gradients for the weights.

    Args:
        activation: the activation of every layer except the last.
        factors: the number of factors of layer 0: 1, or 2 if the activation is the sine.
        buffers: a pool of memory that the network reuses.
        tensors: the parts (1, w, f) and (h, 1, f), then weight, bias, weight, bias, ...
    """
    signal: Tensor = _SkipConnOverGrid.apply(  # type: ignore[no-untyped-call]
        activation, factors, buffers, *tensors
    )
    return signal


def render_grid(
    activation: Activation, factors: int, buffers: list[Tensor], *tensors: Tensor
) -> Tensor:
    """Return the signal of `train_grid` without gradients, computed in strips of rows."""
    columns, rows = tensors[0][0], tensors[1][:, 0]
    weights, biases = tensors[2::2], tensors[3::2]
    depth, units, width = len(weights) - 1, weights[0].shape[0] // factors, len(columns)
    terms = _input_terms(weights, biases, columns, rows)
    first = _FirstLayer(activation, factors, terms[0])
    out = columns.new_empty(len(rows), width, weights[-1].shape[0])

    def render_strip(part: slice) -> None:
        strip = out[part]
        memory, ring = _take(buffers, (3, strip.shape[0] * width, units), columns)
        first.forward(part, ring[:factors], ring[0])
        for i in range(1, depth + 1):
            across, down = terms[i]
            z = ring[i % 3] if i < depth else strip.view(-1, strip.shape[-1])
            previous = [ring[(i - back) % 3] for back in range(1, min(i, 2) + 1)]
            _linear(z, (across, down[part]), weights[i], previous, EXACT)
            if i < depth:
                activation.into(z, z)
        buffers.append(memory)

    pixels = _pixels_at_once(units, device=columns.device)
    step = max(1, pixels // width)
    strips = [slice(top, top + step) for top in range(0, len(rows), step)]
    parallel_map(render_strip, strips, device=rows.device)
    return out


def _pixels_at_once(units: int, *, device: torch.device) -> int:
    """Return the number of pixels whose hidden values are rendered at once."""
    return _CPU_PIXELS if device.type == "cpu" else max(1, _GPU_BYTES // (3 * 4 * units))


class _SkipConnOverGrid(torch.autograd.Function):
    """The network over a grid, before tanh.

    Forward, with n = h * w pixels and H units, phi_x (w, features), phi_y (h, features):

        z_i = c_(i-1) Wc_i' + c_(i-2) Wp_i' + (phi_x Wx_i')[none, :] + (phi_y Wy_i' + b_i)[:, none]
        c_i = f(z_i)                                                     (n, H)

    Backward, with g_i = dL/dz_i: c_i is an input of layers i+1 and i+2, so

        d_i = g_(i+1) Wc_(i+1) + g_(i+2) Wp_(i+2)      = dL/dc_i         (n, H)
        g_i = d_i * f'(z_i)                                              (n, H)
        dL/dWc_i = g_i' c_(i-1)          dL/dWp_i = g_i' c_(i-2)         (H, H)

    The pixels of a column have the same features, so g_i is summed over them before the product:

        dL/dWx_i = (sum over rows of g_i)' phi_x                         (H, features)
        dL/dWy_i = (sum over columns of g_i)' phi_y                      (H, features)
        dL/db_i  = sum over rows and columns of g_i                      (H,)

    If layer 0 has two factors, z_0 = [z, z'] and c_0 = f(z) f(z'), so
    g_0 = [d_0 * f(z') f'(z), d_0 * f(z) f'(z')]                         (n, 2 H)

    On a CPU each thread takes some rows through all layers, forward and backward; these sums are
    the only data that the threads combine.
    """

    @staticmethod
    def forward(
        ctx: Any,
        activation: Activation,
        factors: int,
        buffers: list[Tensor],
        *tensors: Tensor,
    ) -> Tensor:
        columns, rows = tensors[0][0], tensors[1][:, 0]
        weights, biases = tensors[2::2], tensors[3::2]
        layers = _Layers(activation, factors, buffers, columns, rows, weights, biases)
        out = columns.new_empty(len(rows), len(columns), len(biases[-1]))
        parallel_map(lambda part: layers.forward(part, out[part]), layers.parts, device=out.device)
        ctx.save_for_backward(columns, rows, *weights)
        ctx.layers = layers
        return out

    @staticmethod
    def backward(ctx: Any, *incoming: Tensor) -> tuple[Tensor | None, ...]:
        if ctx.layers is None:
            raise RuntimeError("a SkipConn graph over a grid supports one backward pass only")
        columns, rows, *weights = ctx.saved_tensors
        layers, d_signal = ctx.layers, incoming[0].contiguous()
        parts = parallel_map(
            lambda part: layers.backward(part, d_signal[part]), layers.parts, device=rows.device
        )
        layers.release()
        ctx.layers = None
        gradients = parallel_map(
            lambda layer: _layer_gradients(layer[0], columns, rows, layer[1]),
            list(zip(weights, zip(*parts, strict=True), strict=True)),
            device=rows.device,
        )
        return (None, None, None, None, None, *chain.from_iterable(gradients))


class _Sums(NamedTuple):
    """The contribution of some rows of the grid to the gradients of a layer."""

    hidden: Tensor  # (units, inputs from previous layers)
    across: Tensor  # (w, units), summed over the rows
    down: Tensor  # (rows, units), summed over the columns


class _FirstLayer:
    """Layer 0 over a grid: f of the sum of two tables, or the product of two such terms.

    The second factor is only for the sine, whose derivative does not need its value.
    """

    def __init__(self, activation: Activation, factors: int, terms: tuple[Tensor, Tensor]) -> None:
        """Take the input terms of the columns (w, factors * H) and of the rows (h, factors * H)."""
        across, down = (term.chunk(factors, -1) for term in terms)
        self._activation = activation
        self._across = [activation.terms(term[None]) for term in across]
        self._down = [activation.terms(term[:, None]) for term in down]
        self._grid = -1, len(terms[0]), across[0].shape[-1]

    def forward(self, part: slice, factors: Sequence[Tensor], c: Tensor) -> None:
        """Write c_0 of some rows to `c`, and its factors to memory that `backward` takes.

        All are (pixels, H). `c` may be the memory of the first factor.
        """
        if len(self._across) == 1:
            self._activation.into_sum(*self._terms(0, part), c.view(self._grid))
            return
        for j, factor in enumerate(factors):
            self._activation.into_sum(*self._terms(j, part), factor.view(self._grid))
        torch.mul(*factors, out=c)

    def backward(
        self, part: slice, factors: Sequence[Tensor], c: Tensor, d: Tensor
    ) -> Sequence[Tensor]:
        """Return the g_0 of each factor (pixels, H) for d_0 = `d`; overwrites all memory."""
        if len(self._across) == 1:
            self._vjp(0, part, d, factors[0], c)
            return factors
        first, second = factors
        torch.mul(d, second, out=c)
        first.mul_(d)
        self._vjp(0, part, c, d, c)
        self._vjp(1, part, first, second, first)
        return d, second

    def _vjp(self, j: int, part: slice, d: Tensor, z: Tensor, c: Tensor) -> None:
        d, z, c = (each.view(self._grid) for each in (d, z, c))
        self._activation.vjp_sum(d, *self._terms(j, part), z, c)

    def _terms(self, j: int, part: slice) -> tuple[Terms, Terms]:
        return self._across[j], tuple(term[part] for term in self._down[j])


class _Layers:
    """The layers during one forward and backward pass; threads can process different rows.

    One flat buffer of the network contains all z_i, all c_i and one d_i; g_i replaces z_i. It is
    returned to the pool after the backward pass, so two open graphs never share it.

    The products of the hidden layers may round their factors c_i, g_i and W_i on a GPU. Everything
    else is float32, and so is all rendering.
    """

    def __init__(
        self,
        activation: Activation,
        factors: int,
        buffers: list[Tensor],
        columns: Tensor,
        rows: Tensor,
        weights: Sequence[Tensor],
        biases: Sequence[Tensor],
    ) -> None:
        self._activation, self._weights = activation, weights
        self._units, self._width = weights[0].shape[0] // factors, len(columns)
        self._depth = depth = len(weights) - 1
        self._terms = _input_terms(weights, biases, columns, rows)
        self._first = _FirstLayer(activation, factors, self._terms[0])
        self._matmul = matmul_for(columns.device)
        shape = (2 * depth + factors, len(rows) * self._width, self._units)
        self._buffers = buffers
        self._memory, blocks = _take(buffers, shape, columns)
        self._before, self._after = blocks[:depth], blocks[depth : 2 * depth]
        self._d, *self._others = blocks[2 * depth :]
        self._factors: dict[int, list[Tensor]] = {}  # c_i of each part, by its first row
        self.parts = split_rows(len(rows), self._width) if columns.is_cpu else [slice(0, len(rows))]

    def forward(self, part: slice, out: Tensor) -> None:
        """Write the signal of some rows to `out` (rows, w, channels)."""
        before, after, _, others = self._blocks(part)
        self._first.forward(part, (before[0], *others), after[0])
        factors = self._factors[part.start] = []
        for i in range(1, self._depth):
            factors.append(self._matmul.factor(after[i - 1]))
            terms = self._terms[i][0], self._terms[i][1][part]
            _linear(before[i], terms, self._weights[i], _previous(factors, i), self._matmul)
            self._activation.into(before[i], after[i])
        z, terms = out.view(-1, out.shape[-1]), (self._terms[-1][0], self._terms[-1][1][part])
        _linear(z, terms, self._weights[-1], _previous(after, self._depth), EXACT)

    def backward(self, part: slice, d_signal: Tensor) -> list[_Sums]:
        """Return the sums of each layer for dL/dsignal (rows, w, channels) of some rows."""
        before, after, d, others = self._blocks(part)
        factors, units, depth = self._factors[part.start], self._units, self._depth
        matmuls = [self._matmul] * depth + [EXACT]
        g = [*before, d_signal.view(-1, d_signal.shape[-1])]
        sums: list[_Sums] = []
        next_factor = g[depth]  # g_(i+1) as a factor
        for i in range(depth, 0, -1):
            matmul, previous = matmuls[i], _previous(factors if i < depth else after, i)
            factor = matmul.factor(g[i])
            sums.append(self._sum(g[i], factor, previous, matmul))
            matmul.into(d, factor, matmul.factor(self._weights[i][:, :units]))
            if i < depth:
                skip = self._weights[i + 1][:, units : 2 * units]
                matmuls[i + 1].add(d, next_factor, matmuls[i + 1].factor(skip))
            next_factor = factor
            if i > 1:
                self._activation.vjp(d, before[i - 1], after[i - 1])
        each = self._first.backward(part, (before[0], *others), after[0], d)
        hidden, across, down = zip(*(self._sum(g_0, g_0, [], EXACT) for g_0 in each), strict=True)
        sums.append(_Sums(torch.cat(hidden), torch.cat(across, -1), torch.cat(down, -1)))
        return sums[::-1]

    def release(self) -> None:
        """Return the memory to the pool."""
        self._buffers.append(self._memory)

    def _blocks(self, part: slice) -> tuple[list[Tensor], list[Tensor], Tensor, list[Tensor]]:
        """Return z_i, c_i, d_i and memory for the second factor of some rows, (pixels, units)."""
        pixels = slice(part.start * self._width, part.stop * self._width)
        before, after, others = (
            [block[pixels] for block in kind] for kind in (self._before, self._after, self._others)
        )
        return before, after, self._d[pixels], others

    def _sum(self, g: Tensor, factor: Tensor, previous: list[Tensor], matmul: Matmul) -> _Sums:
        """Return the sums of one layer; `factor` is g in the form that `matmul` takes."""
        units = self._units
        hidden = g.new_empty(g.shape[1], units * len(previous))
        for j, c in enumerate(previous):
            matmul.into(hidden[:, j * units : (j + 1) * units], factor.t(), c)
        grid = g.view(-1, self._width, g.shape[1])
        return _Sums(hidden, grid.sum(0), grid.sum(1))


def split_rows(height: int, width: int) -> list[slice]:
    """Return the rows of a grid for each CPU thread."""
    parts = max(1, min(ensure_threads(), height, height * width // _LEAST))
    cuts = [height * i // parts for i in range(parts + 1)]
    return [slice(*cut) for cut in pairwise(cuts)]


def _take(
    buffers: list[Tensor], shape: tuple[int, int, int], like: Tensor
) -> tuple[Tensor, Sequence[Tensor]]:
    """Take memory from the pool, or allocate it, and split it into blocks (shape[1], shape[2])."""
    size = shape[0] * shape[1] * shape[2]
    memory = buffers.pop() if buffers else like.new_empty(0)
    if memory.numel() < size or memory.device != like.device or memory.dtype != like.dtype:
        memory = like.new_empty(size)
    return memory, memory[:size].view(shape).unbind()


def _previous(after: Sequence[Tensor], i: int) -> list[Tensor]:
    """Return the inputs c_(i-1) and c_(i-2) of layer i."""
    return [after[j] for j in (i - 1, i - 2) if j >= 0]


def _input_terms(
    weights: Sequence[Tensor], biases: Sequence[Tensor], columns: Tensor, rows: Tensor
) -> list[tuple[Tensor, Tensor]]:
    """Return for each layer the terms of the columns (w, units) and of rows and bias (h, units)."""

    def terms(layer: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        weight, bias = layer
        of_columns, of_rows = _feature_weights(weight, columns, rows)
        return columns @ of_columns.t(), torch.addmm(bias, rows, of_rows.t())

    return parallel_map(terms, list(zip(weights, biases, strict=True)), device=rows.device)


def _feature_weights(weight: Tensor, columns: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the columns of a layer's weight for the features of columns and of rows."""
    middle = weight.shape[1] - rows.shape[1]
    return weight[:, middle - columns.shape[1] : middle], weight[:, middle:]


def _linear(
    z: Tensor, terms: tuple[Tensor, Tensor], weight: Tensor, previous: list[Tensor], matmul: Matmul
) -> None:
    """Write the output of one linear layer to z (n, units), given its two input terms."""
    across, down = terms
    torch.add(across, down[:, None], out=z.view(len(down), len(across), -1))
    for j, c in enumerate(previous):
        units = c.shape[1]
        matmul.add(z, c, matmul.factor(weight[:, j * units : (j + 1) * units]).t())


def _layer_gradients(
    weight: Tensor, columns: Tensor, rows: Tensor, parts: Sequence[_Sums]
) -> tuple[Tensor, Tensor]:
    """Return the gradients of a layer's weight and bias from the sums of all parts."""
    d_weight = torch.empty_like(weight)
    d_hidden = d_weight[:, : parts[0].hidden.shape[1]]
    torch.sum(torch.stack([part.hidden for part in parts]), 0, out=d_hidden)
    d_across = torch.stack([part.across for part in parts]).sum(0)
    d_down = torch.cat([part.down for part in parts])
    of_columns, of_rows = _feature_weights(d_weight, columns, rows)
    torch.mm(d_across.t(), columns, out=of_columns)
    torch.mm(d_down.t(), rows, out=of_rows)
    return d_weight, d_down.sum(0)
