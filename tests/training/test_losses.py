from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch.nn import functional

from neuralpaint.training.losses import Huber, Loss, losses

PREDICTION = torch.linspace(0, 1, 60).reshape(4, 5, 3)
TARGET = torch.linspace(1, 0.2, 60).reshape(4, 5, 3) ** 2


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("mse", functional.mse_loss(PREDICTION, TARGET)),
        ("mae", functional.l1_loss(PREDICTION, TARGET)),
        ("huber:delta=0.3", functional.huber_loss(PREDICTION, TARGET, delta=0.3)),
    ],
)
def test_losses_agree_with_torch(spec: str, expected: torch.Tensor) -> None:
    torch.testing.assert_close(losses.parse(spec)(PREDICTION, TARGET), expected)


@pytest.mark.parametrize("name", list(losses))
def test_every_loss_is_zero_at_the_target_and_its_gradient_leads_there(name: str) -> None:
    loss = losses.parse(name)
    assert loss(TARGET, TARGET).item() == pytest.approx(0, abs=1e-6)
    prediction = PREDICTION.clone().requires_grad_()
    loss(prediction, TARGET).backward()
    assert prediction.grad is not None
    assert torch.sum(prediction.grad * (PREDICTION - TARGET)) > 0
    if loss.pixelwise:
        assert torch.all(prediction.grad * (PREDICTION - TARGET) >= 0)


def test_a_new_loss_is_not_split_unless_it_declares_independent_pixels() -> None:
    assert not Loss.pixelwise
    assert losses.parse("mse").pixelwise
    assert not losses.parse("ssim").pixelwise


def test_huber_is_smooth_at_delta() -> None:
    at, beyond = (Huber(0.1)(torch.tensor([e]), torch.zeros(1)) for e in (0.1, 0.1001))
    assert at.item() == pytest.approx(beyond.item(), rel=1e-2)


def test_charbonnier_is_linear_far_from_zero_and_quadratic_near_it() -> None:
    loss = losses.parse("charbonnier:eps=0.01")
    far, near = (loss(torch.tensor([e]), torch.zeros(1)).item() for e in (0.5, 1e-3))
    assert far == pytest.approx(0.5 - 0.01, rel=1e-3)
    assert near == pytest.approx(1e-6 / 0.02, rel=0.01)


def test_ssim_is_the_mean_over_all_windows() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.random((9, 11, 3)), rng.random((9, 11, 3))
    similar = []
    for top in range(3):
        for left in range(5):
            for channel in range(3):
                window = np.s_[top : top + 7, left : left + 7, channel]
                p, q = a[window], b[window]
                covariance = ((p - p.mean()) * (q - q.mean())).mean()
                means = (2 * p.mean() * q.mean() + 1e-4) / (p.mean() ** 2 + q.mean() ** 2 + 1e-4)
                similar.append(means * (2 * covariance + 9e-4) / (p.var() + q.var() + 9e-4))
    loss = losses.parse("ssim:mix=1")(torch.from_numpy(a), torch.from_numpy(b))
    assert loss.item() == pytest.approx((1 - np.mean(similar)) / 2, rel=1e-9)


def test_the_ssim_mix_goes_from_squares_to_structure() -> None:
    mixed, squares, structure = (
        losses.parse(f"ssim:mix={mix}")(PREDICTION, TARGET).item() for mix in (0.25, 0, 1)
    )
    assert squares == pytest.approx(functional.mse_loss(PREDICTION, TARGET).item())
    assert mixed == pytest.approx(0.75 * squares + 0.25 * structure)


def test_the_alias_of_mae_is_parsed() -> None:
    assert losses.parse("l1") == losses.parse("mae")
    assert "l1" not in list(losses)


WEIGHTS = torch.linspace(0, 2, 20).reshape(4, 5)


@pytest.mark.parametrize("name", [name for name in losses if losses.parse(name).pixelwise])
def test_a_weighted_loss_is_the_weighted_mean_of_its_pixels(name: str) -> None:
    loss = losses.parse(name)
    alone = torch.stack([loss(p, t) for p, t in _pairs()])
    expected = (alone * WEIGHTS.flatten()).sum() / WEIGHTS.sum()
    torch.testing.assert_close(loss(PREDICTION, TARGET, weights=WEIGHTS), expected)


@pytest.mark.parametrize("name", list(losses))
def test_equal_weights_change_nothing(name: str) -> None:
    loss, weights = losses.parse(name), torch.full((4, 5), 3.0)
    torch.testing.assert_close(loss(PREDICTION, TARGET, weights=weights), loss(PREDICTION, TARGET))


@pytest.mark.parametrize("name", list(losses))
def test_pixels_with_the_weight_0_have_no_gradient(name: str) -> None:
    weights = torch.zeros(12, 15)
    weights[:, :7] = 1
    prediction = torch.linspace(0, 1, 540).reshape(12, 15, 3).requires_grad_()
    target = torch.linspace(1, 0, 540).reshape(12, 15, 3)
    loss = losses.parse(name)
    value = loss(prediction, target, weights=weights)
    value.backward()
    assert prediction.grad is not None
    if loss.pixelwise:
        assert (prediction.grad[:, 7:] == 0).all()
    other = target.clone()
    other[:, 7:] = 0.5
    torch.testing.assert_close(loss(prediction, other, weights=weights), value)


@pytest.mark.parametrize("name", list(losses))
def test_a_batch_without_weight_has_the_loss_0(name: str) -> None:
    prediction = PREDICTION.clone().requires_grad_()
    value = losses.parse(name)(prediction, TARGET, weights=torch.zeros(4, 5))
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-6)
    assert prediction.grad is not None
    assert torch.isfinite(prediction.grad).all()


def _pairs() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    return zip(PREDICTION.view(-1, 3), TARGET.view(-1, 3), strict=True)
