"""SkipConn: every layer receives the outputs of the two previous layers and the features."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import reduce

import numpy as np
import torch
from torch import Tensor, nn

from neuralpaint.models.encodings.encoding import Encoding
from neuralpaint.models.networks import ActivationName, ParameterGroup
from neuralpaint.models.networks.kernels import ACTIVATIONS
from neuralpaint.models.networks.network import BlankLinear, Network
from neuralpaint.models.networks.series import Series
from neuralpaint.models.networks.skipconn_grid import is_product_grid, render_grid, train_grid
from neuralpaint.runtime.devices import is_capturing

__all__ = ["SkipConn"]

# Small, so that the output of the untrained network is smooth, not saturated noise.
_OUTPUT_STRENGTH, _OUTPUT_GAIN = 0.1, 0.1


class SkipConn(Network):
    """Every layer receives the outputs of the two previous layers and the features.

    With the output c_i of layer i, `z_i = W_i [c_(i-1), c_(i-2), features] + b_i` and
    `c_i = f(z_i)`; the columns of every weight are in this order. Layer 0 receives the features
    alone, and the last layer has no activation.

    With two factors, layer 0 has twice as many rows and `c_0 = f(z) f(z')` of its two halves. Over
    features of x alone and of y alone, one sine is a wave whose crests cross the whole picture; a
    product of two is a pattern of spots, as in multiplicative filter networks (Fathony et al.
    2021).

    A series, if there is one, is added to the signal.
    """

    splits_grids = True

    def __init__(
        self,
        encoding: Encoding,
        *,
        hidden_size: int,
        hidden_layers: int,
        activation: ActivationName,
        generator: torch.Generator,
        channels: int = 3,
        factors: int = 1,
        series: Series | None = None,
    ) -> None:
        """Draw the weights: for sines after SIREN (Sitzmann et al. 2020), others as `nn.Linear`."""
        super().__init__(series)
        sizes = [factors * hidden_size] + [hidden_size] * hidden_layers + [channels]
        self.layers = nn.ModuleList(
            BlankLinear(min(depth, 2) * hidden_size + sum(encoding.widths), size)
            for depth, size in enumerate(sizes)
        )
        self._factors = factors
        self._activation = ACTIVATIONS[activation]
        # Separate buffers for training and rendering, which need different sizes.
        self._training_buffers: list[Tensor] = []
        self._rendering_buffers: list[Tensor] = []
        with torch.no_grad():
            if activation == "sine":
                self._draw_sine(encoding, generator)
            else:
                self._draw_uniform(generator)

    def forward(self, parts: Sequence[Tensor]) -> Tensor:
        """Return the signal (..., channels) of parts (..., width) whose shapes broadcast.

        Constant parts (1, w, width) and (h, 1, width), the columns and rows of a grid, take the
        fast path of `skipconn_grid`.
        """
        if not is_product_grid(parts):
            shapes = {part.shape[:-1] for part in parts}
            return self._forward_parts(parts) if len(shapes) > 1 else self.forward_plain(parts)
        signal = self._forward_grid(parts)
        if self.series is not None:
            signal = signal + self.series.over_grid(parts[0][0], parts[1][:, 0])
        return signal

    def _forward_grid(self, parts: Sequence[Tensor]) -> Tensor:
        """Return the signal of the layers over a grid."""
        weights = list(self.layers.parameters())  # weight, bias, weight, bias, ...
        if torch.is_grad_enabled():
            buffers = [] if is_capturing(parts[0].device) else self._training_buffers
            return train_grid(self._activation, self._factors, buffers, *parts, *weights)
        return render_grid(
            self._activation, self._factors, self._rendering_buffers, *parts, *weights
        )

    def forward_plain(self, parts: Sequence[Tensor]) -> Tensor:
        """Return the signal computed by definition, as the reference for the fast path."""
        shape = np.broadcast_shapes(*(part.shape[:-1] for part in parts))
        features = torch.cat([part.expand(*shape, -1) for part in parts], -1)
        previous: list[Tensor] = []  # c_(i-1), c_(i-2)
        for layer in self.layers[:-1]:
            current = self._activation.function(layer(torch.cat([*previous, features], -1)))
            previous = [current if previous else self._product(current), *previous[:1]]
        signal: Tensor = self.layers[-1](torch.cat([*previous, features], -1))
        return signal if self.series is None else signal + self.series.at_points(*parts)

    def _forward_parts(self, parts: Sequence[Tensor]) -> Tensor:
        """Return the signal; each part is multiplied before it is broadcast."""
        shape = np.broadcast_shapes(*(part.shape[:-1] for part in parts))
        previous: list[Tensor] = []  # c_(i-1), c_(i-2)
        for layer, z in zip(self.linears(), self.input_terms(parts), strict=True):
            for j, c in enumerate(previous):
                units = c.shape[1]
                z = torch.addmm(z, c, layer.weight[:, j * units : (j + 1) * units].t())
            if layer is not self.layers[-1]:
                c = self._activation.function(z)
                previous = [c if previous else self._product(c), *previous[:1]]
        signal = z.view(*shape, -1)
        return signal if self.series is None else signal + self.series.at_points(*parts)

    def input_layers(self) -> list[nn.Linear]:
        """Return all layers."""
        return self.linears()

    def parameter_groups(self) -> list[ParameterGroup]:
        """Return the weights of the layers, and the coefficients of the series if there is one."""
        groups = [ParameterGroup(list(self.layers.parameters()))]
        return groups if self.series is None else [*groups, *self.series.parameter_groups()]

    @torch.no_grad()
    def layer_values(self, terms: Iterable[Tensor]) -> list[Tensor]:
        """Return the values (n, units) of each layer for its input term, without a graph."""
        values: list[Tensor] = []
        for layer, z in zip(self.linears(), terms, strict=True):
            for j, c in enumerate(reversed(values[-2:])):  # c_(i-1), c_(i-2)
                units = c.shape[1]
                z.addmm_(c, layer.weight[:, j * units : (j + 1) * units].t())
            if layer is not self.layers[-1]:
                self._activation.into(z, z)
            values.append(z if values else self._product(z))
        return values

    def _product(self, values: Tensor) -> Tensor:
        """Return the product (..., units) of the factors (..., factors * units) of layer 0."""
        first, *others = values.chunk(self._factors, -1)
        return reduce(torch.mul, others, first)

    def _draw_uniform(self, generator: torch.Generator) -> None:
        for layer in self.linears():
            bound = 1 / math.sqrt(layer.in_features)
            layer.weight.uniform_(-bound, bound, generator=generator)
            layer.bias.uniform_(-bound, bound, generator=generator)

    def _draw_sine(self, encoding: Encoding, generator: torch.Generator) -> None:
        spectrum = math.sqrt(3) * torch.cat(encoding.spectra)  # U(-a, a) has deviation a / sqrt(3)
        last = len(self.layers) - 1
        for i, layer in enumerate(self.linears()):
            strength = encoding.sine_strengths[min(i, 1)] if i < last else _OUTPUT_STRENGTH
            hidden = layer.in_features - len(spectrum)
            bound = math.sqrt(6 / max(hidden, 1)) * (1 if i < last else _OUTPUT_GAIN)
            layer.weight.uniform_(-1, 1, generator=generator)
            layer.weight[:, :hidden] *= bound
            layer.weight[:, hidden:] *= strength * spectrum
            if i < last:
                layer.bias.uniform_(-math.pi, math.pi, generator=generator)
            else:
                layer.bias.zero_()
