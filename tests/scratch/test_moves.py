from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from neuralpaint.scratch.optimizers import SGD, Adam, Optimizer

Torchs = Callable[[list[torch.Tensor]], torch.optim.Optimizer]

USUAL = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8}
RULES: dict[str, tuple[Optimizer, Torchs]] = {
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


@pytest.mark.parametrize("name", list(RULES))
def test_moves_are_torchs(name: str) -> None:
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
