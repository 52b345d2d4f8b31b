"""SkipConn over a product grid, forward and backward by hand: the fast way, in plain torch.

Over a grid the features of row y and column x are two short tables, so a layer's input term is
`phi_x @ Wx.T + phi_y @ Wy.T`, broadcast once over (height, width). What is left per pixel is two
(hidden_size, hidden_size) products, one per predecessor, added in place: nothing is concatenated,
nothing per pixel is allocated, and the backward pass is written out. Layer 0 has no predecessor: it
is f of a sum of two tables, for which a sine takes no sine per pixel. `SkipConn.forward_plain` is
the same network as its definition reads; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import torch
from torch import Tensor

from neuralpaint.models.networks.activations import Activation
from neuralpaint.models.networks.products import EXACT
from neuralpaint.models.networks.walk import Walk, add_up, borrow, gradients, input_terms, tables
from neuralpaint.runtime.threads import parallel_map

__all__ = ["is_product_grid", "over_grid", "render_grid"]

# Rendered at once: on a CPU what stays in its caches, on a GPU what keeps it busy.
_CPU_PIXELS, _GPU_PIXELS = 3072, 1 << 19


def over_grid(activation: Activation, scratch: list[Tensor], *tensors: Tensor) -> Tensor:
    """Return the signal (h, w, channels), with a gradient for the weights.

    `tensors` are the parts (1, w, f) and (h, 1, f), then weight, bias, weight, bias, ... `scratch`
    is a shelf of memory that the network lends, here and in `render_grid` one of its own each.
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

    On a CPU each worker takes some rows of the grid through all layers, there and back; only the
    sums above bring them together.
    """

    @staticmethod
    def forward(
        ctx: Any, activation: Activation, scratch: list[Tensor], *tensors: Tensor
    ) -> Tensor:
        """Return the signal (h, w, channels) of the parts and the weights and biases in turn."""
        columns, rows = tensors[0][0], tensors[1][:, 0]
        weights, biases = tensors[2::2], tensors[3::2]
        walk = Walk(activation, scratch, columns, rows, weights, biases)
        out = columns.new_empty(len(rows), len(columns), len(biases[-1]))
        parallel_map(lambda part: walk.forward(part, out[part]), walk.parts, device=out.device)
        ctx.save_for_backward(columns, rows, *weights)
        ctx.walk = walk
        return out

    @staticmethod
    def backward(ctx: Any, *incoming: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of the weights and biases, for dL/dsignal (h, w, channels)."""
        if ctx.walk is None:
            raise RuntimeError("a SkipConn graph over a grid can be walked back only once")
        columns, rows, *weights = ctx.saved_tensors
        walk, d_signal = ctx.walk, incoming[0].contiguous()
        parts = parallel_map(
            lambda part: walk.backward(part, d_signal[part]), walk.parts, device=rows.device
        )
        walk.end()
        ctx.walk = None
        found = parallel_map(
            lambda layer: gradients(layer[0], columns, rows, layer[1]),
            list(zip(weights, zip(*parts, strict=True), strict=True)),
            device=rows.device,
        )
        return (None, None, None, None, *chain.from_iterable(found))


def render_grid(activation: Activation, scratch: list[Tensor], *tensors: Tensor) -> Tensor:
    """Return the output before tanh (h, w, channels) a few rows at a time, keeping no graph."""
    columns, rows = tensors[0][0], tensors[1][:, 0]
    weights, biases = tensors[2::2], tensors[3::2]
    depth, units, width = len(weights) - 1, weights[0].shape[0], len(columns)
    terms = input_terms(weights, biases, columns, rows)
    a, b = tables(activation, *terms[0])
    out = columns.new_empty(len(rows), width, weights[-1].shape[0])

    def render_strip(part: slice) -> None:
        strip = out[part]
        memory, ring = borrow(scratch, (3, strip.shape[0] * width, units), columns)
        activation.into_sum(a, tuple(t[part] for t in b), ring[0].view(-1, width, units))
        for i in range(1, depth + 1):
            across, down = terms[i]
            z = ring[i % 3] if i < depth else strip.view(-1, strip.shape[-1])
            seen = [ring[(i - back) % 3] for back in range(1, min(i, 2) + 1)]
            add_up(z, across, down[part], weights[i], seen, EXACT)
            if i < depth:
                activation.into(z, z)
        scratch.append(memory)

    step = max(1, (_CPU_PIXELS if columns.device.type == "cpu" else _GPU_PIXELS) // width)
    strips = [slice(top, top + step) for top in range(0, len(rows), step)]
    parallel_map(render_strip, strips, device=rows.device)
    return out


def is_product_grid(parts: Sequence[Tensor]) -> bool:
    """Say whether the parts are the constant columns (1, w, f) and rows (h, 1, f) of a grid."""
    if len(parts) != 2 or any(part.ndim != 3 or part.requires_grad for part in parts):
        return False
    return parts[0].shape[0] == 1 and parts[1].shape[1] == 1
