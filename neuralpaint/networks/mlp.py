"""The plain network: hidden layers of rectified units, one after another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

__all__ = ["MLP"]


class MLP(nn.Module):
    """Turn the parts of a feature vector into a signal of 3 channels.

    The weights are uninitialised until `initialize` draws them.
    """

    def __init__(self, width: int, *, hidden_size: int, hidden_layers: int) -> None:
        super().__init__()
        sizes = [width, *[hidden_size] * hidden_layers, 3]
        self.layers = nn.ModuleList(
            skip_init(nn.Linear, inputs, outputs) for inputs, outputs in pairwise(sizes)
        )

    def forward(self, parts: Sequence[Tensor]) -> Tensor:
        """Return the signal (..., 3) of parts (..., f) whose shapes broadcast together."""
        shape = torch.broadcast_shapes(*(part.shape[:-1] for part in parts))
        whole = [part.expand(*shape, -1) for part in parts]
        features = whole[0] if len(whole) == 1 else torch.cat(whole, -1)
        current = features.reshape(-1, features.shape[-1])  # (n, f): one product per layer
        for layer in self.layers[:-1]:
            current = layer(current).relu_()  # in place: autograd needs the result alone
        signal: Tensor = self.layers[-1](current)
        return signal.view(*shape, -1)

    def _linears(self) -> list[nn.Linear]:
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]

    @torch.no_grad()
    def initialize(self, generator: torch.Generator) -> None:
        """Draw the weights after He et al. 2015, the output's smaller; the biases are 0."""
        for i, layer in enumerate(self._linears()):
            last = i == len(self.layers) - 1
            bound = math.sqrt(6 / layer.in_features) * (_OUTPUT_GAIN if last else 1)
            layer.weight.uniform_(-bound, bound, generator=generator)
            layer.bias.zero_()


_OUTPUT_GAIN = 0.35  # a quiet start: grey, not noise
