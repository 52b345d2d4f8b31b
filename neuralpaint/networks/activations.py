"""Activations by name, each with what the hand-written passes need of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from neuralpaint.models import ActivationName

__all__ = ["ACTIVATIONS", "Activation"]


class Activation(NamedTuple):
    """An elementwise function f, its form without allocation, and its vector-Jacobian product.

    `into(z, c)` writes f(z) to c. `pull(d, z, c)` overwrites z with d * f'(z), where c = f(z).
    """

    function: Callable[[Tensor], Tensor]
    into: Callable[[Tensor, Tensor], object]
    pull: Callable[[Tensor, Tensor, Tensor], object]


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
    "silu": Activation(
        nn.functional.silu,
        lambda z, c: _aten.silu.out(z, out=c),
        lambda d, z, c: _aten.silu_backward.grad_input(d, z, grad_input=z),
    ),
    "sine": Activation(
        torch.sin,
        lambda z, c: torch.sin(z, out=c),
        lambda d, z, c: z.cos_().mul_(d),
    ),
}
