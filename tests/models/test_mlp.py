from __future__ import annotations

import pytest
import torch
from contract import Features
from torch import Tensor, nn

from neuralpaint.models import ActivationName
from neuralpaint.models.networks.kernels import ACTIVATIONS
from neuralpaint.models.networks.mlp import MLP, Dropout, Siren

X, Y = torch.randn(1, 4, 3), torch.randn(6, 1, 4)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def whole() -> Tensor:
    """Return the features of all points (24, 7)."""
    return torch.cat([part.expand(6, 4, -1) for part in (X, Y)], -1).reshape(24, 7)


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_an_mlp_agrees_with_its_definition(activation: ActivationName) -> None:
    network = MLP(
        Features(3, 4), hidden_size=5, hidden_layers=2, activation=activation, generator=generator()
    )
    weights = list(network.parameters())
    direction = torch.randn(6, 4, 3)
    current = whole()
    for weight, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        current = ACTIVATIONS[activation].function(current @ weight.t() + bias)
    expected = (current @ weights[-2].t() + weights[-1]).view(6, 4, 3)
    found = network((X, Y))
    torch.testing.assert_close(found, expected)
    for a, b in zip(
        torch.autograd.grad((found * direction).sum(), weights),
        torch.autograd.grad((expected * direction).sum(), weights),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_without_hidden_layers_it_is_linear() -> None:
    network = MLP(Features(2), hidden_size=5, hidden_layers=0, generator=generator())
    a, b = torch.randn(2, 9, 2)
    torch.testing.assert_close(network((a,)) + network((b,)), network((a + b,)) + network((0 * a,)))


def test_a_hidden_layer_is_linear_norm_activation() -> None:
    network = MLP(
        Features(3, 4),
        hidden_size=5,
        hidden_layers=1,
        norm="layer",
        activation="tanh",
        generator=generator(),
    )
    first, last = (layer for layer in network.layers if isinstance(layer, nn.Linear))
    hidden = nn.functional.layer_norm(first(whole()), (5,))
    torch.testing.assert_close(network((X, Y)).view(24, 3), last(hidden.tanh()))


def test_batch_norm_renders_with_running_statistics() -> None:
    network = MLP(
        Features(3, 4), hidden_size=5, hidden_layers=1, norm="batch", generator=generator()
    )
    for _ in range(200):
        trained = network((X, Y))
    torch.testing.assert_close(network.eval()((X, Y)), trained, rtol=0, atol=0.1)
    (norm,) = network.norms
    assert isinstance(norm, nn.BatchNorm1d)
    torch.testing.assert_close(
        norm.running_mean, network.layers[0](whole()).mean(0), rtol=1e-3, atol=1e-4
    )


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
def test_initial_signals_of_a_deep_network_neither_vanish_nor_explode(
    activation: ActivationName,
) -> None:
    network = MLP(
        Features(64, deviation=1 / 4),
        hidden_size=64,
        hidden_layers=6,
        activation=activation,
        generator=generator(),
    )
    signal = network((torch.randn(500, 64),)).detach()
    assert 0.005 < float(signal.std(0).mean()) < 2


@torch.no_grad()
@pytest.mark.parametrize("omega_0", [10.0, 30.0])
def test_initial_weights_of_a_siren_are_those_of_the_paper(omega_0: float) -> None:
    network = Siren(
        Features(1, 1),
        hidden_size=256,
        hidden_layers=4,
        omega_0=omega_0,
        omega=30,
        generator=generator(),
    )
    first, second, *_ = (layer for layer in network.layers if isinstance(layer, nn.Linear))
    assert 0.48 < first.weight.abs().max() <= 0.5
    bound = (6 / 256) ** 0.5 / 30
    assert 0.98 * bound < second.weight.abs().max() <= bound
    # The arguments of the sines keep a deviation of about 1 from layer to layer.
    current = torch.sin(omega_0 * first(2 * torch.rand(2000, 2) - 1))
    for layer in list(network.layers)[1:-1]:
        arguments = 30 * layer(current)
        assert 0.8 < float(arguments.std()) < 1.5
        current = arguments.sin()


def test_dropout_zeroes_a_fraction_and_preserves_the_mean() -> None:
    dropout = Dropout(0.3, generator())
    values = torch.full((400, 250), 2.0)
    first, second = dropout(values), dropout(values)
    for found in (first, second):
        assert float((found == 0).float().mean()) == pytest.approx(0.3, abs=0.005)
        assert float(found.mean()) == pytest.approx(2, abs=0.02)
        # The values are independent within rows and columns and between neighbours.
        assert float((found == 0).float().mean(0).std()) < 0.03
        assert float((found == 0).float().mean(1).std()) < 0.04
    gone = (first == 0).float() - 0.3, (second == 0).float() - 0.3
    assert float((gone[0] * gone[1]).mean()) == pytest.approx(0, abs=0.005)
    assert float((gone[0][:, 1:] * gone[0][:, :-1]).mean()) == pytest.approx(0, abs=0.005)
    assert float((gone[0].view(-1)[1:] * gone[1].view(-1)[:-1]).mean()) < 0.005
    torch.testing.assert_close(dropout.eval()(values), values)


def test_dropout_depends_on_the_seed_and_leaves_torchs_generator_alone() -> None:
    def masks(seed: int) -> Tensor:
        dropout = Dropout(0.5, generator(seed))
        return torch.stack([dropout(torch.ones(50)) for _ in range(3)])

    torch.manual_seed(1)
    state = torch.get_rng_state()
    assert torch.equal(masks(0), masks(0))
    assert not torch.equal(masks(0), masks(1))
    assert torch.equal(torch.get_rng_state(), state)


def test_batch_norm_accepts_a_single_point() -> None:
    network = MLP(Features(2), hidden_size=4, hidden_layers=1, norm="batch", generator=generator())
    one = network([torch.zeros(1, 2)])
    assert torch.isfinite(one).all()
    one.sum().backward()
    network.eval()
    assert torch.isfinite(network([torch.ones(1, 2)])).all()
