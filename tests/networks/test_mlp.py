from __future__ import annotations

import torch

from neuralpaint.networks import MLP


def test_an_mlp_is_its_layers_one_after_another() -> None:
    network = MLP(7, hidden_size=5, hidden_layers=2)
    network.initialize(torch.Generator().manual_seed(0))
    parts = torch.randn(1, 4, 3), torch.randn(6, 1, 4)
    current = torch.cat([part.expand(6, 4, -1) for part in parts], -1)
    weights = list(network.parameters())
    for weight, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        current = torch.relu(current @ weight.t() + bias)
    expected = current @ weights[-2].t() + weights[-1]
    torch.testing.assert_close(network(parts), expected)


def test_without_hidden_layers_it_is_linear() -> None:
    network = MLP(2, hidden_size=5, hidden_layers=0)
    network.initialize(torch.Generator().manual_seed(0))
    a, b = torch.randn(2, 9, 2)
    torch.testing.assert_close(network((a,)) + network((b,)), network((a + b,)) + network((0 * a,)))
