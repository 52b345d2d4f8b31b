"""The first layer's sums, taken where they are short: once per row and once per column."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import linear

__all__ = ["product_of_parts", "spread_products"]


def product_of_parts(
    parts: Sequence[Tensor], weight: Tensor, bias: Tensor
) -> tuple[Tensor, torch.Size]:
    """Return W [parts] + b and the shape of the points: (n, units) for parts (..., f).

    Each part meets its own columns of the weight before it is spread over the points.
    """
    shape = torch.broadcast_shapes(*(part.shape[:-1] for part in parts))
    factors = weight.split([part.shape[-1] for part in parts], 1)
    total = linear(_flat(parts[0]), factors[0], bias)
    total = total.view(*parts[0].shape[:-1], len(weight))
    for part, factor in zip(parts[1:], factors[1:], strict=True):
        total = total + linear(part, factor)
    return total.expand(*shape, -1).reshape(-1, len(weight)), shape


def spread_products(parts: Sequence[Tensor], weight: Tensor, bias: Tensor) -> Tensor:
    """Return the same (n, units): short parts are added up first, and then those of every point."""
    shape = torch.broadcast_shapes(*(part.shape[:-1] for part in parts))
    factors = weight.split([part.shape[-1] for part in parts], 1)
    total, whole = bias, []
    for part, factor in zip(parts, factors, strict=True):
        if part.shape[:-1] == shape:
            whole.append((_flat(part), factor.t()))
        else:
            total = total + linear(part, factor)
    total = total.expand(*shape, len(weight)).reshape(-1, len(weight))
    for flat, factor in whole:
        total = torch.addmm(total, flat, factor)
    return total


def _flat(part: Tensor) -> Tensor:
    return part.reshape(-1, part.shape[-1])
