"""SkipConn over a product grid, forward and backward by hand: the fast way, in plain torch.

Over a grid the features of row y and column x are two short tables, so a layer's input term is
`phi_x @ Wx.T + phi_y @ Wy.T`, broadcast once over (height, width). What is left per pixel is two
(hidden_size, hidden_size) products, one per predecessor, added in place: nothing is concatenated,
nothing per pixel is allocated, and the backward pass is written out. `SkipConn.forward_plain` is
the same network as its definition reads; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from neuralpaint.networks.activations import Activation

__all__ = ["is_product_grid", "over_grid", "render_grid"]

# Rendered at once: on a CPU what stays in its caches, on a GPU what keeps it busy.
_CPU_PIXELS, _GPU_PIXELS = 6144, 1 << 19


def over_grid(activation: Activation, scratch: list[Tensor], *tensors: Tensor) -> Tensor:
    """Return the signal (h, w, channels), with a gradient for the weights.

    `tensors` are the parts (1, w, f) and (h, 1, f), then weight, bias, weight, bias, ... `scratch`
    is a shelf of memory that the network lends.
    """
    signal: Tensor = _OverGrid.apply(activation, scratch, *tensors)  # type: ignore[no-untyped-call]
    return signal


class _OverGrid(torch.autograd.Function):
    """The network over a product grid, before tanh.

    Forward, with n = h * w pixels and H units, phi_x (w, features), phi_y (h, features):

        z_i = c_(i-1) Wc_i' + c_(i-2) Wp_i' + (phi_x Wx_i')[none, :] + (phi_y Wy_i' + b_i)[:, none]
        c_i = f(z_i)                                                     (n, H)

    Backward, with g_i = dL/dz_i: c_i feeds layer i+1 as current and layer i+2 as previous, so

        g_i = (g_(i+1) Wc_(i+1) + g_(i+2) Wp_(i+2)) * f'(z_i)            (n, H)
        dL/dWc_i = g_i' c_(i-1)          dL/dWp_i = g_i' c_(i-2)         (H, H)

    The pixels of a column share its features, so g_i is summed over them before it meets phi:

        dL/dWx_i = (sum over rows of g_i)' phi_x                         (H, features)
        dL/dWy_i = (sum over columns of g_i)' phi_y                      (H, features)
        dL/db_i  = sum over rows and columns of g_i                      (H,)

    One flat tensor lent by the network holds every z_i and c_i and one dL/dc_i; g_i replaces z_i.
    It is given back after the backward pass, so that two open graphs never share it.
    """

    @staticmethod
    def forward(
        ctx: Any, activation: Activation, scratch: list[Tensor], *tensors: Tensor
    ) -> Tensor:
        """Return the signal (h, w, channels) of the parts and the weights and biases in turn."""
        columns, rows = tensors[0][0], tensors[1][:, 0]
        weights, biases = tensors[2::2], tensors[3::2]
        depth, units, grid = len(weights) - 1, weights[0].shape[0], (len(rows), len(columns))
        memory, blocks = _borrow(scratch, (2 * depth + 1, grid[0] * grid[1], units), columns)
        before, after = blocks[:depth], blocks[depth : 2 * depth]
        out = columns.new_empty(grid[0] * grid[1], weights[-1].shape[0])
        for i, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            across, down = _input_terms(weight, bias, columns, rows)
            z = before[i] if i < depth else out
            _add_up(z, across, down, weight, _seen(after, i))
            if i < depth:
                activation.into(z, after[i])
        ctx.save_for_backward(columns, rows, *weights)
        ctx.activation, ctx.scratch, ctx.memory, ctx.blocks = activation, scratch, memory, blocks
        return out.view(*grid, -1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the weights and biases, for dL/dsignal (h, w, channels)."""
        if ctx.memory is None:
            raise RuntimeError("a SkipConn graph over a grid can be walked back only once")
        columns, rows, *weights = ctx.saved_tensors
        depth, units = len(weights) - 1, weights[0].shape[0]
        before, after, d_current = ctx.blocks[:depth], ctx.blocks[depth:-1], ctx.blocks[-1]
        d_z = [*before, gradients[0].reshape(-1, weights[-1].shape[0])]
        found: list[Tensor] = []
        for i in range(depth, -1, -1):
            found += _weight_gradients(d_z[i], columns, rows, weights[i], _seen(after, i))
            if i > 0:
                torch.mm(d_z[i], weights[i][:, :units], out=d_current)
                if i < depth:
                    d_current.addmm_(d_z[i + 1], weights[i + 1][:, units : 2 * units])
                ctx.activation.pull(d_current, before[i - 1], after[i - 1])
        ctx.scratch.append(ctx.memory)
        ctx.memory = None
        return (None, None, None, None, *found[::-1])


def render_grid(activation: Activation, scratch: list[Tensor], *tensors: Tensor) -> Tensor:
    """Return the output before tanh (h, w, channels) a few rows at a time, keeping no graph."""
    columns, rows = tensors[0][0], tensors[1][:, 0]
    weights, biases = tensors[2::2], tensors[3::2]
    depth, units, width = len(weights) - 1, weights[0].shape[0], len(columns)
    terms = [_input_terms(*pair, columns, rows) for pair in zip(weights, biases, strict=True)]
    out = columns.new_empty(len(rows), width, weights[-1].shape[0])
    step = max(1, (_CPU_PIXELS if columns.device.type == "cpu" else _GPU_PIXELS) // width)
    for top in range(0, len(rows), step):
        strip = out[top : top + step]
        memory, ring = _borrow(scratch, (3, strip.shape[0] * width, units), columns)
        for i, (weight, (across, down)) in enumerate(zip(weights, terms, strict=True)):
            z = ring[i % 3] if i < depth else strip.view(-1, strip.shape[-1])
            seen = [ring[(i - back) % 3] for back in range(1, min(i, 2) + 1)]
            _add_up(z, across, down[top : top + step], weight, seen)
            if i < depth:
                activation.into(z, z)
        scratch.append(memory)
    return out


def is_product_grid(parts: Sequence[Tensor]) -> bool:
    """Say whether the parts are the constant columns (1, w, f) and rows (h, 1, f) of a grid."""
    if len(parts) != 2 or any(part.ndim != 3 or part.requires_grad for part in parts):
        return False
    return parts[0].shape[0] == 1 and parts[1].shape[1] == 1


def _borrow(
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


def _input_terms(
    weight: Tensor, bias: Tensor, columns: Tensor, rows: Tensor
) -> tuple[Tensor, Tensor]:
    """Return one layer's input: terms of the columns (w, units), of rows and bias (h, units)."""
    middle = weight.shape[1] - rows.shape[1]
    across = columns @ weight[:, middle - columns.shape[1] : middle].t()
    return across, torch.addmm(bias, rows, weight[:, middle:].t())


def _add_up(z: Tensor, across: Tensor, down: Tensor, weight: Tensor, seen: list[Tensor]) -> None:
    """Write one layer's values before the activation to z (n, units)."""
    torch.add(across, down[:, None], out=z.view(len(down), len(across), -1))
    for j, c in enumerate(seen):
        units = c.shape[1]
        z.addmm_(c, weight[:, j * units : (j + 1) * units].t())


def _weight_gradients(
    d_z: Tensor, columns: Tensor, rows: Tensor, weight: Tensor, seen: list[Tensor]
) -> tuple[Tensor, Tensor]:
    """Return one layer's gradients, bias before weight, for dL/dz (n, units)."""
    d_weight = torch.empty_like(weight)
    for j, c in enumerate(seen):
        units = c.shape[1]
        torch.mm(d_z.t(), c, out=d_weight[:, j * units : (j + 1) * units])
    grid = d_z.view(len(rows), len(columns), -1)
    d_rows = grid.sum(1)
    middle = weight.shape[1] - rows.shape[1]
    torch.mm(grid.sum(0).t(), columns, out=d_weight[:, middle - columns.shape[1] : middle])
    torch.mm(d_rows.t(), rows, out=d_weight[:, middle:])
    return d_rows.sum(0), d_weight
