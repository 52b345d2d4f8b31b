from __future__ import annotations

import math
import sys
from typing import Any

import pytest
import torch
from learners import small
from processes import run
from torch import Tensor, nn

from neuralpaint.errors import UsageError
from neuralpaint.models.networks import ParameterGroup
from neuralpaint.training.fused_adam import FusedAdam
from neuralpaint.training.optimizers import optimizers
from neuralpaint.training.settings import Plan, TrainingSettings


def descend(spec: str, *, steps: int, lr: float, shape: tuple[int, ...] = (12, 10)) -> Tensor:
    """Return the weights after some steps that minimise |w - 1|^2 / 2 from 0."""
    weight = torch.zeros(shape, requires_grad=True)
    bias = torch.zeros(3, requires_grad=True)
    optimizer = optimizers.parse(spec).build([ParameterGroup([weight, bias])])
    for group in optimizer.param_groups:
        group["lr"] = lr * group["rate"]

    def weigh() -> Tensor:
        optimizer.zero_grad()
        loss = ((weight - 1).square().sum() + (bias - 1).square().sum()) / 2
        loss.backward()
        return loss.detach()

    first = optimizer.step(weigh)
    assert float(first) == pytest.approx((weight.numel() + 3) / 2)
    for _ in range(steps - 1):
        optimizer.step(weigh)
    return weight.detach()


@pytest.mark.slow
@pytest.mark.parametrize("name", list(optimizers))
def test_every_optimizer_learns(name: str) -> None:
    trained = small(optimizer=name, batch=864, ema=0)
    trained.advance(1)
    first = trained.loss
    trained.advance(100)
    assert trained.loss < 0.5 * first


def test_plain_descent_follows_the_gradient() -> None:
    weight = descend("sgd:momentum=0", steps=3, lr=0.1)
    torch.testing.assert_close(weight, torch.full_like(weight, 1 - 0.9**3))


def test_momentum_and_nesterov_are_those_of_the_papers() -> None:
    def expected(nesterov: bool) -> float:
        w = v = 0.0
        for _ in range(3):
            gradient = w - 1
            v = 0.9 * v + gradient
            w -= 0.1 * (gradient + 0.9 * v if nesterov else v)
        return w

    for nesterov in (False, True):
        weight = descend(f"sgd:nesterov={nesterov}", steps=3, lr=0.1)
        torch.testing.assert_close(weight, torch.full_like(weight, expected(nesterov)))


def test_nesterov_without_momentum_is_refused() -> None:
    with pytest.raises(UsageError, match="nesterov needs a momentum"):
        optimizers.parse("sgd:nesterov=yes,momentum=0")


def test_decoupled_decay_shrinks_the_weights() -> None:
    plain = descend("adamw:weight_decay=0", steps=200, lr=0.05)
    decayed = descend("adamw:weight_decay=2", steps=200, lr=0.05)
    torch.testing.assert_close(plain, torch.ones_like(plain), atol=1e-2, rtol=0)
    assert 0.2 < decayed.mean() < 0.9


def test_muon_makes_orthogonal_steps_for_matrices_and_uses_adam_for_the_rest() -> None:
    torch.manual_seed(0)
    weight = torch.zeros(16, 16, requires_grad=True)
    thin = torch.zeros(3, 16, requires_grad=True)
    table = torch.zeros(40, 16, requires_grad=True)
    optimizer = optimizers.parse("muon:momentum=0").build(
        [ParameterGroup([weight, thin]), ParameterGroup([table], is_table=True)]
    )
    for group in optimizer.param_groups:
        group["lr"] = 1.0

    def weigh() -> Tensor:
        weight.grad, thin.grad = torch.randn(16, 16), torch.randn(3, 16)
        table.grad = torch.randn(40, 16)
        return torch.zeros(())

    optimizer.step(weigh)
    stretches = torch.linalg.svdvals(weight.detach())
    assert stretches.max() / stretches.min() < 2.5
    torch.testing.assert_close(thin.detach().abs(), torch.ones(3, 16), atol=1e-3, rtol=0)
    torch.testing.assert_close(table.detach().abs(), torch.ones(40, 16), atol=1e-3, rtol=0)


def test_lbfgs_minimises_a_quadratic_function_in_one_step() -> None:
    weight = descend("lbfgs", steps=2, lr=1.0)
    torch.testing.assert_close(weight, torch.ones_like(weight), atol=1e-4, rtol=0)


def test_groups_keep_their_multiple_of_the_rate() -> None:
    a, b = torch.zeros(9, 9, requires_grad=True), torch.zeros(4, requires_grad=True)
    for name in ("adam", "adamw", "sgd", "muon"):
        optimizer = optimizers.parse(name).build([ParameterGroup([a]), ParameterGroup([b], 3.0)])
        assert sorted(group["rate"] for group in optimizer.param_groups) == [1.0, 3.0]


@pytest.mark.slow
def test_penalties_shrink_the_weights_and_are_not_part_of_the_loss() -> None:
    def size(**options: Any) -> float:
        trained = small(ema=0, batch=864, **options)
        trained.advance(150)
        assert trained.loss < 0.1
        squares = [p.square().sum().item() for p in trained.model.parameters() if p.ndim > 1]  # type: ignore[attr-defined]
        return math.sqrt(sum(squares))

    free = size()
    assert size(l2=3e-3) < 0.9 * free
    assert size(l1=3e-4) < 0.9 * free


def test_the_rate_of_the_optimizer_overrides_that_of_the_training() -> None:
    assert Plan(TrainingSettings(lr=0.01, optimizer="sgd:lr=50")).lr(100) == 50
    assert Plan(TrainingSettings(lr=0.01, optimizer="sgd")).lr(100) == 0.01
    suitable = Plan(TrainingSettings()).lr(100)
    assert Plan(TrainingSettings(optimizer="sgd")).lr(100) == 100 * suitable


@pytest.mark.parametrize("decay", [None, 0.1])
def test_adam_is_that_of_torch_to_the_bit(decay: float | None) -> None:
    found, expected = ([nn.Parameter(torch.ones(size)) for size in (1, 70, 33_000)] for _ in "ab")
    settings: dict[str, Any] = {"betas": (0.9, 0.99), "eps": 1e-8}
    settings |= {} if decay is None else {"weight_decay": decay}
    ours = FusedAdam([{"params": found, "lr": 0.0}], **settings)
    kind = torch.optim.Adam if decay is None else torch.optim.AdamW
    theirs = kind(expected, fused=True, **settings)
    generator = torch.Generator().manual_seed(0)
    for step in range(7):
        ours.param_groups[0]["lr"] = theirs.param_groups[0]["lr"] = 0.1 / (1 + step)
        for mine, other in zip(found, expected, strict=True):
            gradient = torch.randn(len(mine), generator=generator)
            if step > (len(mine) == 1):  # at first none has a gradient, then all but one: they stay
                mine.grad, other.grad = gradient, gradient.clone()
        assert ours.step(lambda: 7.0) == 7.0
        theirs.step()
        for mine, other in zip(found, expected, strict=True):
            assert torch.equal(mine, other)
    state = theirs.state_dict()["state"]
    for number, entries in ours.state_dict()["state"].items():
        assert entries.keys() == state[number].keys()
        assert all(torch.equal(value, state[number][name]) for name, value in entries.items())
    ours.zero_grad()
    assert all(parameter.grad is None for parameter in found)


def test_a_training_does_not_import_the_compiler_of_torch() -> None:
    script = """
import sys
import numpy as np
import neuralpaint as npaint
picture = npaint.Picture.from_array(np.full((8, 9, 3), 0.5))
for model in ("fourier", "skipconn", "mlp:encoding=hash", "siren", "pyramid", "morph"):
    learner = npaint.learner(picture, model=model, steps=2, device="cpu")
    learner.advance(2)
    npaint.render(learner.painting(), picture.canvas)
print({"torch._dynamo", "sympy"} & set(sys.modules))
"""
    done = run([sys.executable, "-c", script], check=True)
    assert done.stdout == "set()\n"
