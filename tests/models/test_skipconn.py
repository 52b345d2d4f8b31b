from __future__ import annotations

import pytest
import torch
from contract import Features
from torch import Tensor

from neuralpaint.models import ActivationName
from neuralpaint.models.networks.kernels import ACTIVATIONS
from neuralpaint.models.networks.skipconn import SkipConn
from neuralpaint.models.networks.skipconn_grid import _pixels_at_once, split_rows
from neuralpaint.runtime.threads import ensure_threads, set_threads

WIDTHS = (5, 7)
X, Y = torch.randn(1, 9, 5), torch.randn(6, 1, 7)


def build(
    activation: ActivationName = "sine", *, hidden_layers: int = 3, factors: int = 1
) -> SkipConn:
    return SkipConn(
        Features(*WIDTHS),
        hidden_size=8,
        hidden_layers=hidden_layers,
        activation=activation,
        factors=factors,
        generator=torch.Generator().manual_seed(0),
    )


@pytest.mark.parametrize(
    ("activation", "factors"), [*((name, 1) for name in ACTIVATIONS), ("sine", 2)]
)
@pytest.mark.parametrize("hidden_layers", [1, 2, 3, 6])
def test_the_fast_path_agrees_with_the_definition(
    activation: ActivationName, factors: int, hidden_layers: int
) -> None:
    network = build(activation, hidden_layers=hidden_layers, factors=factors)
    weights = list(network.parameters())
    direction = torch.randn(6, 9, 3)

    def run(way: object) -> tuple[Tensor, ...]:
        signal = way((X, Y))  # type: ignore[operator]
        return signal.detach(), *torch.autograd.grad((signal * direction).sum(), weights)

    for fast, plain in zip(run(network), run(network.forward_plain), strict=True):
        scale = plain.abs().max()
        torch.testing.assert_close(fast / scale, plain / scale, rtol=0, atol=1e-5)
    with torch.no_grad():
        torch.testing.assert_close(
            network((X, Y)), network.forward_plain((X, Y)), rtol=0, atol=1e-5
        )


@pytest.mark.parametrize("factors", [1, 2])
def test_threads_that_share_the_rows_agree_with_the_definition(factors: int) -> None:
    network = build(factors=factors)
    weights = list(network.parameters())
    x, y, direction = torch.randn(1, 45, 5), torch.randn(41, 1, 7), torch.randn(41, 45, 3)
    before = ensure_threads()
    set_threads(3)
    try:
        assert len(split_rows(41, 45)) == 3
        shared = torch.autograd.grad((network((x, y)) * direction).sum(), weights)
    finally:
        set_threads(before)
    plain = torch.autograd.grad((network.forward_plain((x, y)) * direction).sum(), weights)
    for found, wanted in zip(shared, plain, strict=True):
        scale = wanted.abs().max()
        torch.testing.assert_close(found / scale, wanted / scale, rtol=0, atol=1e-5)


@pytest.mark.parametrize("factors", [1, 2])
def test_a_grid_and_its_points_give_the_same(factors: int) -> None:
    network = build(factors=factors)
    points = X.expand(6, 9, 5).reshape(54, 5), Y.expand(6, 9, 7).reshape(54, 7)
    grid = network((X, Y)).reshape(54, 3)
    torch.testing.assert_close(network(points), grid, rtol=0, atol=1e-5)


@pytest.mark.parametrize("factors", [1, 2])
def test_a_large_grid_is_rendered_in_strips_without_seams(factors: int) -> None:
    network = build(factors=factors)
    x, y = torch.randn(1, 700, 5), torch.randn(23, 1, 7)
    with torch.no_grad():
        torch.testing.assert_close(
            network((x, y)), network.forward_plain((x, y)), rtol=0, atol=1e-5
        )


def test_two_graphs_can_be_open_at_once() -> None:
    network = build()
    weights = list(network.parameters())
    first, second = network((X, Y)), network((2 * X, Y))
    expected = torch.autograd.grad(network.forward_plain((X, Y)).sum(), weights)
    torch.autograd.grad(second.sum(), weights)
    for found, wanted in zip(torch.autograd.grad(first.sum(), weights), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_a_unit_of_the_first_layer_is_the_product_of_two_sines() -> None:
    network = build(hidden_layers=0, factors=2)
    first, last = network.linears()
    features = torch.cat([X.expand(6, 9, 5), Y.expand(6, 9, 7)], -1)
    z = first(features)
    products = z[..., :8].sin() * z[..., 8:].sin()
    expected = last(torch.cat([products, features], -1))
    torch.testing.assert_close(network((X, Y)), expected, rtol=0, atol=1e-5)


def test_every_layer_receives_two_previous_layers_and_the_features() -> None:
    inputs = sum(WIDTHS)
    shapes = [tuple(layer.weight.shape) for layer in build(hidden_layers=3).linears()]
    assert shapes == [
        (8, inputs), (8, 8 + inputs), (8, 16 + inputs), (8, 16 + inputs), (3, 16 + inputs)
    ]  # fmt: skip


@pytest.mark.parametrize("units", [8, 128, 300, 8192])
def test_the_memory_for_rendering_on_a_gpu_is_limited(units: int) -> None:
    pixels = _pixels_at_once(units, device=torch.device("cuda"))
    assert 3 * 4 * units * pixels <= 2**28 < 3 * 4 * units * (pixels + 1)
