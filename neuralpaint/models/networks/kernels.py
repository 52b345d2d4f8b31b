"""Kernels of the networks: activations with their derivatives, and matrix products."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from neuralpaint.models.networks import ActivationName

__all__ = ["ACTIVATIONS", "EXACT", "Activation", "Matmul", "Terms", "add_product", "matmul_for"]

Terms = tuple[Tensor, ...]
"""Tensors computed from a term a of a sum a + b, from which f(a + b) is computed."""


@dataclass(frozen=True)
class Activation:
    """An elementwise function f with in-place forms of f and of its vector-Jacobian product.

    `into(z, c)` writes f(z) to c. `vjp(d, z, c)` overwrites z with d * f'(z), where c = f(z).
    `into_sum` and `vjp_sum` do the same for z = a + b, where a and b broadcast.
    """

    function: Callable[[Tensor], Tensor]
    into: Callable[[Tensor, Tensor], object]
    vjp: Callable[[Tensor, Tensor, Tensor], object]

    def terms(self, term: Tensor) -> Terms:
        """Return the tensors that `into_sum` and `vjp_sum` take for a term."""
        return (term,)

    def into_sum(self, a: Terms, b: Terms, c: Tensor) -> None:
        """Write f(a + b) to c."""
        self.into(torch.add(*a, *b, out=c), c)

    def vjp_sum(self, d: Tensor, a: Terms, b: Terms, z: Tensor, c: Tensor) -> None:
        """Write d * f'(a + b) to z, where c = f(a + b)."""
        self.vjp(d, torch.add(*a, *b, out=z), c)


class _Sine(Activation):
    """The sine. For a sum, only the sine and cosine of each term are computed (addition formulas).

    A sine per pixel would take ten times as long as a product.
    """

    def terms(self, term: Tensor) -> Terms:
        return term.sin(), term.cos()

    def into_sum(self, a: Terms, b: Terms, c: Tensor) -> None:
        (sin_a, cos_a), (sin_b, cos_b) = a, b
        torch.mul(sin_a, cos_b, out=c).addcmul_(cos_a, sin_b)

    def vjp_sum(self, d: Tensor, a: Terms, b: Terms, z: Tensor, c: Tensor) -> None:
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


class Matmul(NamedTuple):
    """Products of float32 matrices whose factors may be rounded; the sums are always float32.

    A GPU multiplies bfloat16 many times faster than float32. Its 8 bits are enough for the outputs
    of activations and for gradients, but not for coordinates or the inputs of activations.
    """

    factor: Callable[[Tensor], Tensor]
    """Converts a matrix for `into` and `add`: returns it unchanged, or a rounded copy."""
    into: Callable[[Tensor, Tensor, Tensor], object]
    """`into(c, a, b)` writes a b to c, which is float32."""
    add: Callable[[Tensor, Tensor, Tensor], object]
    """`add(c, a, b)` adds a b to c, which is float32."""


def _mixed_into(c: Tensor, a: Tensor, b: Tensor) -> None:
    torch.mm(a, b, out_dtype=torch.float32, out=c)


def _mixed_add(c: Tensor, a: Tensor, b: Tensor) -> None:
    torch.addmm(c, a, b, out_dtype=torch.float32, out=c)


def _mixed_add_separately(c: Tensor, a: Tensor, b: Tensor) -> None:
    c.add_(torch.mm(a, b, out_dtype=torch.float32))


def _into(c: Tensor, a: Tensor, b: Tensor) -> None:
    torch.mm(a, b, out=c)


def _add(c: Tensor, a: Tensor, b: Tensor) -> None:
    c.addmm_(a, b)


EXACT = Matmul(lambda a: a, _into, _add)
# Fastest first. torch 2.8 has `mm` with `out_dtype`; `addmm` followed in a later version.
_MIXED = (
    Matmul(Tensor.bfloat16, _mixed_into, _mixed_add),
    Matmul(Tensor.bfloat16, _mixed_into, _mixed_add_separately),
)


@cache
def matmul_for(device: torch.device) -> Matmul:
    """Return the fastest products that are correct on the device. Synchronises a GPU once."""
    if device.type != "cuda" or not torch.cuda.is_bf16_supported(including_emulation=False):
        return EXACT
    return next((matmul for matmul in _MIXED if _is_correct(matmul, device)), EXACT)


def _is_correct(matmul: Matmul, device: torch.device) -> bool:
    """Compare products of small integers, which bfloat16 represents, with the exact ones."""
    a = torch.arange(-64.0, 64.0, device=device).view(8, 16) % 5
    b = torch.arange(-64.0, 64.0, device=device).view(16, 8) % 7
    whole = torch.ones(8, 24, device=device)
    c = whole[:, 8:16]  # with gaps between its rows, like a slice of a weight's gradient
    try:
        matmul.into(c, matmul.factor(a), matmul.factor(b))
        matmul.add(c, matmul.factor(a), matmul.factor(b.t().contiguous()).t())
    except (RuntimeError, TypeError):
        return False
    expected = torch.ones(8, 24)
    expected[:, 8:16] = 2 * (a.cpu() @ b.cpu())
    return torch.equal(whole.cpu(), expected)


def add_product(total: Tensor, values: Tensor, weight: Tensor) -> Tensor:
    """Return `total` + values weight', (n, m), for values (n, k) and a weight (m, k).

    It is a hidden layer of a network whose gradients autograd computes; `total` is (n, m), or a
    bias (m,). While training, a GPU multiplies TF32: the factors have 10 bits. That is several
    times faster, needs no copies, and changes the PSNR by less than 0.2 dB. Copies in bfloat16
    would take longer than the products of layers of 32 units.
    """
    if _multiplies_tf32(values.device) and torch.is_grad_enabled():
        rounded: Tensor = _AddProduct.apply(total, values, weight)  # type: ignore[no-untyped-call]
        return rounded
    return torch.addmm(total, values, weight.t())


def _multiplies_tf32(device: torch.device) -> bool:
    """Return whether to try TF32; GPUs that do not have it multiply float32."""
    return device.type != "cpu"


class _AddProduct(torch.autograd.Function):
    """z = t + c W'. With g = dL/dz: dL/dt = g, dL/dc = g W, dL/dW = g' c."""

    @staticmethod
    def forward(ctx: Any, total: Tensor, values: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(values, weight)
        ctx.is_bias = total.ndim == 1
        with _tf32():
            return torch.addmm(total, values, weight.t())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        (values, weight), gradient = ctx.saved_tensors, gradients[0]
        with _tf32():
            d_values, d_weight = gradient.mm(weight), gradient.t().mm(values)
        return gradient.sum(0) if ctx.is_bias else gradient, d_values, d_weight


@contextmanager
def _tf32() -> Iterator[None]:
    settings = torch.backends.cuda.matmul
    before = settings.fp32_precision
    settings.fp32_precision = "tf32"
    try:
        yield
    finally:
        settings.fp32_precision = before
