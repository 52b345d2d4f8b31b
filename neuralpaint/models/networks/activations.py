"""Activations by name, each with what the hand-written passes need of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from neuralpaint.models import ActivationName

__all__ = ["ACTIVATIONS", "Activation", "Tables"]


Tables = tuple[Tensor, ...]
"""A term of a sum, as an activation wants to know it."""


@dataclass(frozen=True)
class Activation:
    """An elementwise function f, its form without allocation, and its vector-Jacobian product.

    `into(z, c)` writes f(z) to c. `pull(d, z, c)` overwrites z with d * f'(z), where c = f(z).

    The methods do the same for a sum z = a + b of terms that broadcast, each given as its tables.
    """

    function: Callable[[Tensor], Tensor]
    into: Callable[[Tensor, Tensor], object]
    pull: Callable[[Tensor, Tensor, Tensor], object]

    def tables(self, term: Tensor) -> Tables:
        """Return what the sums want to know of a term."""
        return (term,)

    def into_sum(self, a: Tables, b: Tables, c: Tensor) -> None:
        """Write f(a + b) to c."""
        self.into(torch.add(*a, *b, out=c), c)

    def pull_sum(self, d: Tensor, a: Tables, b: Tables, z: Tensor, c: Tensor) -> None:
        """Write d * f'(a + b) to z, where c = f(a + b)."""
        self.pull(d, torch.add(*a, *b, out=z), c)


class _Sine(Activation):
    """The sine, which has an addition formula: of a sum it needs the terms' sines and cosines only.

    A pixel's own sine would cost ten times as much as a product.
    """

    def tables(self, term: Tensor) -> Tables:
        return term.sin(), term.cos()

    def into_sum(self, a: Tables, b: Tables, c: Tensor) -> None:
        (sin_a, cos_a), (sin_b, cos_b) = a, b
        torch.mul(sin_a, cos_b, out=c).addcmul_(cos_a, sin_b)

    def pull_sum(self, d: Tensor, a: Tables, b: Tables, z: Tensor, c: Tensor) -> None:
        (sin_a, cos_a), (sin_b, cos_b) = a, b
        torch.mul(cos_a, cos_b, out=z).addcmul_(sin_a, sin_b, value=-1).mul_(d)


_aten = torch.ops.aten
_SLOPE = 0.01
ACTIVATIONS: dict[ActivationName, Activation] = {
    "gelu": Activation(
        nn.functional.gelu,
        lambda z, c: _aten.gelu.out(z, out=c),
        lambda d, z, c: _aten.gelu_backward.grad_input(d, z, grad_input=z),
    ),
    "leaky_relu": Activation(
        lambda z: nn.functional.leaky_relu(z, _SLOPE),
        lambda z, c: _aten.leaky_relu.out(z, _SLOPE, out=c),
        lambda d, z, c: _aten.leaky_relu_backward.grad_input(d, z, _SLOPE, False, grad_input=z),
    ),
    "relu": Activation(
        torch.relu,
        lambda z, c: torch.clamp_min(z, 0.0, out=c),
        lambda d, z, c: _aten.threshold_backward.grad_input(d, z, 0.0, grad_input=z),
    ),
    "sigmoid": Activation(
        torch.sigmoid,
        lambda z, c: torch.sigmoid(z, out=c),
        lambda d, z, c: _aten.sigmoid_backward.grad_input(d, c, grad_input=z),
    ),
    "silu": Activation(
        nn.functional.silu,
        lambda z, c: _aten.silu.out(z, out=c),
        lambda d, z, c: _aten.silu_backward.grad_input(d, z, grad_input=z),
    ),
    "sine": _Sine(
        torch.sin,
        lambda z, c: torch.sin(z, out=c),
        lambda d, z, c: z.cos_().mul_(d),
    ),
    "tanh": Activation(
        torch.tanh,
        lambda z, c: torch.tanh(z, out=c),
        lambda d, z, c: _aten.tanh_backward.grad_input(d, c, grad_input=z),
    ),
}
