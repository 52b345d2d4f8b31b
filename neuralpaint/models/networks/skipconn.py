"""SkipConn: every layer sees the current values, the previous ones, and the input."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from neuralpaint.models import ActivationName
from neuralpaint.models.networks.activations import ACTIVATIONS
from neuralpaint.models.networks.grid import is_product_grid, over_grid, render_grid
from neuralpaint.models.networks.network import Network
from neuralpaint.models.networks.sums import spread_products
from neuralpaint.runtime.devices import is_capturing

__all__ = ["SkipConn"]


class SkipConn(Network):
    """Turn the parts of a feature vector into a signal of 3 channels.

    With c_i the values of layer i, every weight has its columns in one order:
    `z_i = W_i [c_(i-1), c_(i-2), features] + b_i` and `c_i = f(z_i)`. Layer 0 sees the features
    alone, layer 1 has one predecessor, and the last layer gives the signal, without f.

    The weights are uninitialised until `initialize` or `initialize_sine` draws them.
    """

    def __init__(
        self,
        widths: Sequence[int],
        *,
        hidden_size: int,
        hidden_layers: int,
        activation: ActivationName,
    ) -> None:
        super().__init__()
        sizes = [hidden_size] * (hidden_layers + 1) + [3]
        self.layers = nn.ModuleList(
            skip_init(nn.Linear, min(depth, 2) * hidden_size + sum(widths), size)
            for depth, size in enumerate(sizes)
        )
        self._activation = ACTIVATIONS[activation]
        # Memory for training and for rendering, which want blocks of different sizes.
        self._scratch: list[Tensor] = []
        self._strips: list[Tensor] = []

    def forward(self, parts: Sequence[Tensor]) -> Tensor:
        """Return the signal (..., 3) of parts (..., width) whose shapes broadcast together.

        Two constant parts (1, w, width) and (h, 1, width), the columns and rows of a grid, go the
        fast way; anything else, points for one, goes through autograd.
        """
        if not is_product_grid(parts):
            shapes = {part.shape[:-1] for part in parts}
            return self._forward_apart(parts) if len(shapes) > 1 else self.forward_plain(parts)
        weights = list(self.layers.parameters())  # weight, bias, weight, bias, ...
        if torch.is_grad_enabled():
            shelf = [] if is_capturing(parts[0].device) else self._scratch
            return over_grid(self._activation, shelf, *parts, *weights)
        return render_grid(self._activation, self._strips, *parts, *weights)

    def forward_plain(self, parts: Sequence[Tensor]) -> Tensor:
        """Return the same as `forward` as the definition reads: the oracle of the fast way."""
        shape = torch.broadcast_shapes(*(part.shape[:-1] for part in parts))
        features = torch.cat([part.expand(*shape, -1) for part in parts], -1)
        seen: list[Tensor] = []  # current, previous
        for layer in self.layers[:-1]:
            current = self._activation.function(layer(torch.cat([*seen, features], -1)))
            seen = [current, *seen[:1]]
        signal: Tensor = self.layers[-1](torch.cat([*seen, features], -1))
        return signal

    def _forward_apart(self, parts: Sequence[Tensor]) -> Tensor:
        """Return the same, with what is one for many places multiplied before it is spread."""
        shape = torch.broadcast_shapes(*(part.shape[:-1] for part in parts))
        width = sum(part.shape[-1] for part in parts)
        seen: list[Tensor] = []  # current, previous
        for layer in self._linears():
            first = layer.in_features - width
            z = spread_products(parts, layer.weight[:, first:], layer.bias)
            for j, c in enumerate(seen):
                units = c.shape[1]
                z = torch.addmm(z, c, layer.weight[:, j * units : (j + 1) * units].t())
            if layer is not self.layers[-1]:
                seen = [self._activation.function(z), *seen[:1]]
        return z.view(*shape, -1)

    def input_layers(self) -> list[nn.Linear]:
        """Return all layers."""
        return self._linears()

    @torch.no_grad()
    def forward_terms(self, terms: Iterable[Tensor]) -> Tensor:
        """Return the signal (n, 3) of each layer's input term (n, units), keeping no graph."""
        seen: list[Tensor] = []  # current, previous
        for layer, z in zip(self._linears(), terms, strict=True):
            for j, c in enumerate(seen):
                units = c.shape[1]
                z.addmm_(c, layer.weight[:, j * units : (j + 1) * units].t())
            if layer is not self.layers[-1]:
                self._activation.into(z, z)
            seen = [z, *seen[:1]]
        return seen[0]

    def _linears(self) -> list[nn.Linear]:
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]

    @torch.no_grad()
    def initialize(self, generator: torch.Generator) -> None:
        """Draw weights and biases from U(-1/sqrt(inputs), 1/sqrt(inputs)), as `nn.Linear` does."""
        for layer in self._linears():
            bound = 1 / math.sqrt(layer.in_features)
            layer.weight.uniform_(-bound, bound, generator=generator)
            layer.bias.uniform_(-bound, bound, generator=generator)

    @torch.no_grad()
    def initialize_sine(
        self,
        spectra: Sequence[Tensor],
        *,
        strengths: tuple[float, float],
        generator: torch.Generator,
    ) -> None:
        """Draw the weights for sine activations, after SIREN (Sitzmann et al. 2020, section 3.2).

        Args:
            spectra: one (width,) per part, the standard deviation of each feature's weights at
                strength 1.
            strengths: of the input in layer 0 and in the hidden layers, in radians.
            generator: what to draw from.
        """
        spectrum = math.sqrt(3) * torch.cat(list(spectra))  # U(-a, a) has deviation a / sqrt(3)
        last = len(self.layers) - 1
        for i, layer in enumerate(self._linears()):
            strength = strengths[min(i, 1)] if i < last else _OUTPUT_STRENGTH
            hidden = layer.in_features - len(spectrum)
            bound = math.sqrt(6 / max(hidden, 1)) * (1 if i < last else _OUTPUT_GAIN)
            layer.weight.uniform_(-1, 1, generator=generator)
            layer.weight[:, :hidden] *= bound
            layer.weight[:, hidden:] *= strength * spectrum
            if i < last:
                layer.bias.uniform_(-math.pi, math.pi, generator=generator)
            else:
                layer.bias.zero_()


# A quiet output: the untrained network shows soft clouds of colour, not saturated noise.
_OUTPUT_STRENGTH, _OUTPUT_GAIN = 0.1, 0.1
