"""Products of matrices, with the rounding that suits the device; their sums are always float32.

A GPU multiplies bfloat16 many times faster than float32. Its 8 bits are too few for a coordinate or
for what an activation is applied to, and enough for what the activation gives and for gradients:
those are rounded, and what they add up to is not.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["EXACT", "ROUNDED", "Products", "products"]


class Products(NamedTuple):
    """How to multiply the matrices of a network's hidden layers, which are float32."""

    factor: Callable[[Tensor], Tensor]
    """Returns a matrix as the other two take it: itself, or a rounded copy."""
    into: Callable[[Tensor, Tensor, Tensor], object]
    """`into(c, a, b)` writes a b to c, which is float32."""
    add: Callable[[Tensor, Tensor, Tensor], object]
    """`add(c, a, b)` adds a b to c, which is float32."""


def _mixed_into(c: Tensor, a: Tensor, b: Tensor) -> None:
    torch.mm(a, b, out_dtype=torch.float32, out=c)


def _mixed_add(c: Tensor, a: Tensor, b: Tensor) -> None:
    torch.addmm(c, a, b, out_dtype=torch.float32, out=c)


def _mixed_add_apart(c: Tensor, a: Tensor, b: Tensor) -> None:
    c.add_(torch.mm(a, b, out_dtype=torch.float32))


def _into(c: Tensor, a: Tensor, b: Tensor) -> None:
    torch.mm(a, b, out=c)


def _add(c: Tensor, a: Tensor, b: Tensor) -> None:
    c.addmm_(a, b)


EXACT = Products(lambda a: a, _into, _add)
ROUNDED = Products(lambda a: a.bfloat16().float(), _into, _add)
"""What bfloat16 comes to, on a device that does not multiply it: for comparison, not for speed."""

# The best first. torch came to know these products one by one: mm in 2.8, addmm some time after.
_MIXED = (
    Products(Tensor.bfloat16, _mixed_into, _mixed_add),
    Products(Tensor.bfloat16, _mixed_into, _mixed_add_apart),
)


@cache
def products(device: torch.device) -> Products:
    """Return the fastest products that the device does right. The first call waits for a GPU."""
    if device.type != "cuda" or not torch.cuda.is_bf16_supported(including_emulation=False):
        return EXACT
    return next((each for each in _MIXED if _works(each, device)), EXACT)


def _works(candidate: Products, device: torch.device) -> bool:
    """Say whether products of small whole numbers, which bfloat16 holds, come out exactly."""
    a = torch.arange(-64.0, 64.0, device=device).view(8, 16) % 5
    b = torch.arange(-64.0, 64.0, device=device).view(16, 8) % 7
    whole = torch.ones(8, 24, device=device)
    c = whole[:, 8:16]  # with gaps between its rows, as a slice of a weight's gradient has
    try:
        candidate.into(c, candidate.factor(a), candidate.factor(b))
        candidate.add(c, candidate.factor(a), candidate.factor(b.t().contiguous()).t())
    except (RuntimeError, TypeError):
        return False
    expected = torch.ones(8, 24)
    expected[:, 8:16] = 2 * (a.cpu() @ b.cpu())
    return torch.equal(whole.cpu(), expected)
