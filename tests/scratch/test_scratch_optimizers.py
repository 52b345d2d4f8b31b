from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from neuralpaint.models.networks import ParameterGroup
from neuralpaint.scratch.losses import LOSSES
from neuralpaint.scratch.optimizers import OPTIMIZERS, SGD, Adam, Optimizer
from neuralpaint.training.losses import losses
from neuralpaint.training.optimizers import optimizers

BuildTorch = Callable[[list[torch.Tensor]], torch.optim.Optimizer]

USUAL = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
RULES: dict[str, tuple[Optimizer, BuildTorch]] = {
    "plain": (SGD(momentum=0, nesterov=False), lambda p: torch.optim.SGD(p)),
    "momentum": (SGD(momentum=0.9, nesterov=False), lambda p: torch.optim.SGD(p, momentum=0.9)),
    "nesterov": (
        SGD(momentum=0.8, nesterov=True),
        lambda p: torch.optim.SGD(p, momentum=0.8, nesterov=True),
    ),
    "adam": (Adam(**USUAL), lambda p: torch.optim.Adam(p)),
    "adam, other betas": (
        Adam(beta1=0.8, beta2=0.9, eps=1e-3),
        lambda p: torch.optim.Adam(p, betas=(0.8, 0.9), eps=1e-3),
    ),
    "adamw": (Adam(**USUAL, weight_decay=0.1), lambda p: torch.optim.AdamW(p, weight_decay=0.1)),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("spec", ["mse", "mae", "huber", "huber:delta=0.3"])
def test_a_loss_is_that_of_the_torch_engine(spec: str, weighted: bool) -> None:
    entry, rng = losses.parse(spec), np.random.default_rng(0)
    prediction, target = rng.uniform(size=(2, 40, 3))
    weights = rng.uniform(size=(40, 1)) if weighted else None
    predicted = torch.from_numpy(prediction).requires_grad_()
    counts = None if weights is None else torch.from_numpy(weights[:, 0])
    expected = entry(predicted, torch.from_numpy(target), weights=counts)
    expected.backward()
    ours = LOSSES[losses.name_of(entry)](entry)
    assert ours.value(prediction, target, weights) == pytest.approx(expected.item())
    assert predicted.grad is not None
    gradient = torch.from_numpy(ours.gradient(prediction, target, weights))
    torch.testing.assert_close(gradient, predicted.grad, rtol=1e-9, atol=0)


@pytest.mark.parametrize(
    "spec",
    ["sgd", "sgd:momentum=0.5", "sgd:nesterov=yes", "adam", "adam:beta1=0.5,beta2=0.7,eps=0.01",
     "adamw", "adamw:weight_decay=0.5"],
)  # fmt: skip
def test_an_optimizer_is_that_of_the_torch_engine(spec: str) -> None:
    entry = optimizers.parse(spec)
    rng = np.random.default_rng(0)
    weights = rng.normal(size=20)
    tensor = torch.from_numpy(weights.copy()).requires_grad_()
    ours, theirs = (
        OPTIMIZERS[optimizers.name_of(entry)](entry, 1.0),
        entry.build([ParameterGroup([tensor])]),
    )
    theirs.param_groups[0]["lr"] = 0.1
    for _ in range(4):
        gradient = rng.normal(size=20)
        tensor.grad = torch.from_numpy(gradient.copy())
        theirs.step(lambda: 0.0)
        ours.move(weights, gradient, lr=0.1)
    np.testing.assert_allclose(weights, tensor.detach(), rtol=1e-9)


@pytest.mark.parametrize("name", list(RULES))
def test_steps_are_those_of_torch(name: str) -> None:
    ours, build = RULES[name]
    rng = np.random.default_rng(0)
    weights = rng.normal(size=30)
    tensor = torch.from_numpy(weights.copy()).requires_grad_()
    theirs = build([tensor])
    for step in range(5):
        gradient, lr = rng.normal(size=30), 0.1 / (step + 1)
        tensor.grad = torch.from_numpy(gradient.copy())
        theirs.param_groups[0]["lr"] = lr
        theirs.step()
        ours.move(weights, gradient, lr=lr)
        np.testing.assert_allclose(weights, tensor.detach(), rtol=1e-12)
