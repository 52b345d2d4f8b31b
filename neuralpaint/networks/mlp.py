"""The plain network: hidden layers one after another."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from neuralpaint.models import ActivationName, NormName
from neuralpaint.networks.activations import ACTIVATIONS
from neuralpaint.networks.dropout import Dropout
from neuralpaint.networks.sums import product_of_parts

__all__ = ["MLP"]

# In place where autograd needs the result alone.
_FUNCTIONS: dict[ActivationName, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu_,
    "tanh": torch.tanh_,
    "sigmoid": torch.sigmoid_,
}
_NORMS: dict[NormName, Callable[[int], nn.Module]] = {
    "layer": nn.LayerNorm,
    "batch": nn.BatchNorm1d,
}
_OUTPUT_GAIN = 0.35  # a quiet start: grey, not noise


class MLP(nn.Module):
    """Turn the parts of a feature vector into a signal of 3 channels.

    A hidden layer is a linear map, a normalisation, the activation and dropout, in this order.
    The weights are uninitialised until `initialize` or `initialize_sine` draws them.
    """

    def __init__(
        self,
        widths: Sequence[int],
        *,
        hidden_size: int,
        hidden_layers: int,
        activation: ActivationName = "relu",
        norm: NormName = "none",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        sizes = [sum(widths), *[hidden_size] * hidden_layers, 3]
        self.layers = nn.ModuleList(
            skip_init(nn.Linear, inputs, outputs) for inputs, outputs in pairwise(sizes)
        )
        self.norms = nn.ModuleList(
            _NORMS[norm](hidden_size) for _ in range(hidden_layers) if norm != "none"
        )
        self.dropouts = nn.ModuleList(Dropout(dropout) for _ in range(hidden_layers) if dropout > 0)
        self._name = activation
        self._activation = _FUNCTIONS.get(activation, ACTIVATIONS[activation].function)
        self.in_parts = norm != "batch" and dropout == 0
        """Whether a batch may be cut: neither its statistics nor a mask is about the whole."""

    def forward(self, parts: Sequence[Tensor]) -> Tensor:
        """Return the signal (..., 3) of parts (..., f) whose shapes broadcast together."""
        first, *others = self._linears()
        current, shape = product_of_parts(parts, first.weight, first.bias)  # (n, units)
        for depth, layer in enumerate(others):
            if self.norms:
                current = self.norms[depth](current)
            current = self._activation(current)
            if self.dropouts:
                current = self.dropouts[depth](current)
            current = layer(current)
        return current.view(*shape, -1)

    def _linears(self) -> list[nn.Linear]:
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]

    @torch.no_grad()
    def initialize(self, generator: torch.Generator) -> None:
        """Draw the weights, the output's smaller; the biases are 0.

        What suits rectifiers is after He et al. 2015, what suits tanh and sigmoid after Glorot &
        Bengio 2010.
        """
        for layer in self._linears():
            bound = self._bound(layer) * (_OUTPUT_GAIN if layer is self.layers[-1] else 1)
            layer.weight.uniform_(-bound, bound, generator=generator)
            layer.bias.zero_()
        self._initialize_dropout(generator)

    def _bound(self, layer: nn.Linear) -> float:
        if self._name in ("tanh", "sigmoid"):
            # The slope of a sigmoid at 0 is a quarter of that of tanh.
            gain = 4 if self._name == "sigmoid" and layer is not self.layers[-1] else 1
            return gain * math.sqrt(6 / (layer.in_features + layer.out_features))
        return math.sqrt(6 / layer.in_features)

    @torch.no_grad()
    def initialize_sine(
        self, spectra: Sequence[Tensor], *, strength: float, generator: torch.Generator
    ) -> None:
        """Draw the weights for sine activations, after SIREN (Sitzmann et al. 2020, section 3.2).

        Args:
            spectra: one (width,) per part, the standard deviation of each feature's weights at
                strength 1.
            strength: of the input in the first layer, in radians.
            generator: what to draw from.
        """
        for i, layer in enumerate(self._linears()):
            bound = math.sqrt(6 / layer.in_features)
            layer.weight.uniform_(-bound, bound, generator=generator)
            layer.bias.uniform_(-math.pi, math.pi, generator=generator)
            if layer is self.layers[-1]:
                layer.weight *= _OUTPUT_GAIN
                layer.bias.zero_()
            elif i == 0:
                layer.weight *= strength * math.sqrt(3) / bound * torch.cat(list(spectra))
        self._initialize_dropout(generator)

    def _initialize_dropout(self, generator: torch.Generator) -> None:
        for module in self.dropouts:
            if isinstance(module, Dropout):
                module.initialize(generator)
