from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from neuralpaint.image.canvas import Canvas
from neuralpaint.models import models
from neuralpaint.models.networks.network import CoordinateModel
from neuralpaint.runtime.threads import set_threads, thread_count
from neuralpaint.training.gradients import backpropagate
from neuralpaint.training.losses import losses
from neuralpaint.training.target import Batch


@pytest.fixture(autouse=True)
def three() -> Iterator[None]:
    """Three workers, whatever the machine has."""
    before = thread_count()
    set_threads(3)
    yield
    set_threads(before)


def batch(height: int = 43, width: int = 51, *, weighted: bool = False) -> Batch:
    generator = torch.Generator().manual_seed(1)
    weights = torch.rand(height, width, generator=generator) if weighted else None
    if weights is not None:
        weights[: height // 2] = 0  # a part in which nothing counts
    grid = Canvas.of(height=height, width=width).grid()
    colours = torch.rand(height, width, 3, generator=generator)
    return Batch(torch.from_numpy(grid.x), torch.from_numpy(grid.y), colours, weights=weights)


def model(spec: str) -> CoordinateModel:
    canvas = Canvas.of(height=43, width=51)
    built = models.parse(spec).build(canvas, torch.Generator().manual_seed(2))
    assert isinstance(built, CoordinateModel)
    return built


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", ["mse", "mae", "ssim"])
@pytest.mark.parametrize("spec", ["mlp:hidden_size=16,features=8", "skipconn:hidden_size=16"])
def test_parts_give_the_gradients_of_the_whole(spec: str, loss: str, weighted: bool) -> None:
    shown, both = batch(weighted=weighted), model(spec)
    parameters = list(both.parameters())
    said = both(shown.x, shown.y)
    expected = losses.parse(loss)(said, shown.colours, weights=shown.weights)
    gradients = torch.autograd.grad(expected, parameters)
    value, said = backpropagate(both, losses.parse(loss), shown, parameters=parameters)
    torch.testing.assert_close(value, expected.detach())
    torch.testing.assert_close(said, both(shown.x, shown.y).detach())
    for parameter, gradient in zip(parameters, gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, atol=1e-6, rtol=1e-4)


def test_every_thread_takes_some_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    both, asked = model("mlp:hidden_size=8,features=4"), []
    forward = both.forward

    def watch(x: torch.Tensor, y: torch.Tensor, code: None) -> torch.Tensor:
        asked.append(len(y))
        return forward(x, y, code)

    monkeypatch.setattr(both, "forward", watch)
    backpropagate(both, losses.parse("mse"), batch(), parameters=list(both.parameters()))
    assert sorted(asked) == [14, 14, 15]
