from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from neuralpaint.losses import Huber, losses

PREDICTION = torch.linspace(0, 1, 60).reshape(4, 5, 3)
TARGET = torch.linspace(1, 0.2, 60).reshape(4, 5, 3) ** 2


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("mse", functional.mse_loss(PREDICTION, TARGET)),
        ("l1", functional.l1_loss(PREDICTION, TARGET)),
        ("huber:delta=0.3", functional.huber_loss(PREDICTION, TARGET, delta=0.3)),
    ],
)
def test_losses_agree_with_torch(spec: str, expected: torch.Tensor) -> None:
    torch.testing.assert_close(losses.parse(spec)(PREDICTION, TARGET), expected)


@pytest.mark.parametrize("name", list(losses))
def test_every_loss_is_zero_at_the_target_and_pulls_towards_it(name: str) -> None:
    loss = losses.parse(name)
    assert loss(TARGET, TARGET).item() == 0
    prediction = PREDICTION.clone().requires_grad_()
    loss(prediction, TARGET).backward()
    assert prediction.grad is not None
    assert torch.all(prediction.grad * (PREDICTION - TARGET) >= 0)


def test_huber_joins_its_two_halves_smoothly() -> None:
    at, beyond = (Huber(0.1)(torch.tensor([e]), torch.zeros(1)) for e in (0.1, 0.1001))
    assert at.item() == pytest.approx(beyond.item(), rel=1e-2)
