from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode

from neuralpaint.image.pictures import Picture
from neuralpaint.models.networks.kernels import EXACT, Matmul, add_product, matmul_for
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.rendering.render import painting_psnr

# bfloat16 factors on a device that cannot multiply them, for comparison.
ROUNDED = EXACT._replace(factor=lambda a: a.bfloat16().float())

ADDED = "neuralpaint.models.networks.kernels"
SMALL = {
    "mlp": "mlp:hidden_size=64",
    "siren": "siren:hidden_size=32",
    "pyramid": "pyramid",
    "hash": "mlp:encoding=hash,hidden_size=32,hidden_layers=2",
}


@pytest.mark.parametrize(("kind", "rounding"), [(EXACT, 1e-6), (ROUNDED, 2**-8)])
def test_products_have_rounded_factors_and_exact_sums(kind: Matmul, rounding: float) -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.rand(*shape, generator=generator) for shape in ((300, 40), (40, 20)))
    whole = torch.full((300, 50), 7.0)
    c = whole[:, 10:30]  # a slice, as of a weight's gradient
    kind.into(c, kind.factor(a), kind.factor(b))
    torch.testing.assert_close(c, a @ b, rtol=2 * rounding, atol=0)
    once = c.clone()
    kind.add(c, kind.factor(a), kind.factor(b.t()).t())
    torch.testing.assert_close(c, 2 * once, rtol=1e-6, atol=1e-5)
    assert (whole[:, :10] == 7).all()
    assert (whole[:, 30:] == 7).all()


def test_products_on_a_cpu_are_exact() -> None:
    assert matmul_for(torch.device("cpu")) is EXACT


@pytest.mark.gpu
def test_products_on_a_gpu_have_bfloat16_factors() -> None:
    chosen = matmul_for(torch.device("cuda"))
    if chosen is EXACT:
        pytest.skip("this GPU or this torch has no products of bfloat16 with sums of float32")
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.rand(*shape, generator=generator) for shape in ((300, 64), (64, 32)))
    expected = ROUNDED.factor(a) @ ROUNDED.factor(b)
    c = torch.empty(300, 32, device="cuda")
    chosen.into(c, chosen.factor(a.cuda()), chosen.factor(b.cuda()))
    torch.testing.assert_close(c.cpu(), expected, rtol=1e-5, atol=1e-5)


def quality(monkeypatch: pytest.MonkeyPatch, kind: Matmul, *, device: str) -> float:
    """Return the PSNR in dB after a short training with these products."""
    monkeypatch.setattr("neuralpaint.models.networks.skipconn_grid.matmul_for", lambda device: kind)
    return trained_psnr("fourier:hidden_size=32", steps=400, device=device)


def trained_psnr(model: str, *, steps: int, device: str) -> float:
    """Return the PSNR in dB of a model after a short training."""
    y, x = np.mgrid[0:48, 0:72] / 72
    colours = np.stack([x, y, 0.5 + 0.4 * np.sin(30 * x + 11 * y)], axis=-1)
    picture = Picture.from_array(colours)
    training = learner(picture, model=model, steps=steps, device=device)
    training.advance(steps)
    return painting_psnr(training.painting(), picture)


@pytest.mark.slow
def test_training_with_rounded_products_is_as_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    exact, rounded = (quality(monkeypatch, kind, device="cpu") for kind in (EXACT, ROUNDED))
    assert exact > 30
    assert rounded == pytest.approx(exact, abs=0.5)


class Tf32(TorchFunctionMode):
    """Rounds the factors of all matrix products to the 10 bits of TF32."""

    products = 0

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func in (torch.addmm, torch.Tensor.mm):
            Tf32.products += 1
            *total, a, b = args
            args = (*total, to_tf32(a), to_tf32(b))
        return func(*args, **(kwargs or {}))


def to_tf32(values: torch.Tensor) -> torch.Tensor:
    return ((values.contiguous().view(torch.int32) + 0x1000) & ~0x1FFF).view(torch.float32)


@pytest.mark.parametrize("is_bias", [True, False])
def test_the_gradients_of_a_hidden_product_are_those_of_autograd(
    monkeypatch: pytest.MonkeyPatch, is_bias: bool
) -> None:
    torch.manual_seed(0)
    shapes = (7,) if is_bias else (30, 7), (30, 5), (7, 5)
    given = [torch.randn(shape, requires_grad=True) for shape in shapes]
    results = []
    for by_hand in (False, True):
        monkeypatch.setattr(f"{ADDED}._multiplies_tf32", lambda device, answer=by_hand: answer)
        total = add_product(*given).sin().sum()
        results.append([total.detach(), *torch.autograd.grad(total, given)])
    torch.testing.assert_close(results[0], results[1])


@pytest.mark.parametrize("name", SMALL)
def test_hidden_layers_in_tf32_are_as_good(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    exact = trained_psnr(SMALL[name], steps=150, device="cpu")
    monkeypatch.setattr(f"{ADDED}._multiplies_tf32", lambda device: True)
    monkeypatch.setattr(f"{ADDED}._tf32", Tf32)
    Tf32.products = 0
    rounded = trained_psnr(SMALL[name], steps=150, device="cpu")
    assert Tf32.products >= 3 * 150  # of a hidden layer: forward, and two backward
    assert exact > 22
    assert rounded == pytest.approx(exact, abs=0.6)


@pytest.mark.gpu
def test_training_on_a_gpu_is_as_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = matmul_for(torch.device("cuda"))
    exact, rounded = (quality(monkeypatch, kind, device="cuda") for kind in (EXACT, own))
    assert rounded == pytest.approx(exact, abs=0.5)
