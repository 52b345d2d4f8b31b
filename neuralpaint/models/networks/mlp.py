"""The plain network: hidden layers one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from neuralpaint.models import ActivationName, NormName
from neuralpaint.models.initialization import drawn_weights
from neuralpaint.models.networks.activations import ACTIVATIONS
from neuralpaint.models.networks.dropout import Dropout
from neuralpaint.models.networks.network import Network
from neuralpaint.models.networks.sums import product_of_parts

__all__ = ["MLP"]

# In place where autograd needs the result alone.
_FUNCTIONS: dict[ActivationName, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu_,
    "tanh": torch.tanh_,
    "sigmoid": torch.sigmoid_,
}


class _BatchNorm(nn.BatchNorm1d):
    """Takes a single point too: it is its own mean, and only the shift is left of it."""

    def forward(self, values: Tensor) -> Tensor:
        if self.training and len(values) == 1:
            return 0 * values + self.bias
        return super().forward(values)


_NORMS: dict[NormName, Callable[[int], nn.Module]] = {
    "layer": nn.LayerNorm,
    "batch": _BatchNorm,
}


class MLP(Network):
    """Turn the parts of a feature vector into a signal of 3 channels.

    A hidden layer is a linear map, a normalisation, the activation and dropout, in this order.
    The weights are uninitialised until `initialize` draws them.
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
        first = self._linears()[0]
        current, shape = product_of_parts(parts, first.weight, first.bias)  # (n, units)
        return self.forward_terms([current]).view(*shape, -1)

    def input_layers(self) -> list[nn.Linear]:
        """Return the first layer alone."""
        return self._linears()[:1]

    def forward_terms(self, terms: Iterable[Tensor]) -> Tensor:
        """Return the signal (n, 3) of the first layer's values before the activation."""
        (current,) = terms
        for depth, layer in enumerate(self._linears()[1:]):
            if self.norms:
                current = self.norms[depth](current)
            current = self._activation(current)
            if self.dropouts:
                current = self.dropouts[depth](current)
            current = layer(current)
        return current

    def _linears(self) -> list[nn.Linear]:
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]

    @torch.no_grad()
    def initialize(self, generator: torch.Generator, *, spectrum: Tensor | None = None) -> None:
        """Draw the weights by the generator's seed; see `neuralpaint.models.initialization`.

        `spectrum` (features,) is the deviation of a sine network's weights of each feature.
        """
        linears = self._linears()
        sizes = [layer.in_features for layer in linears] + [linears[-1].out_features]
        deviations = np.ones(sizes[0]) if spectrum is None else spectrum.numpy()
        drawn = drawn_weights(
            sizes, activation=self._name, spectrum=deviations, seed=generator.initial_seed()
        )
        for layer, (weight, bias) in zip(linears, drawn, strict=True):
            layer.weight.copy_(torch.from_numpy(weight))
            layer.bias.copy_(torch.from_numpy(bias))
        for module in self.dropouts:
            if isinstance(module, Dropout):
                module.initialize(generator)
