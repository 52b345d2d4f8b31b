"""SIREN: a plain network of sines whose frequencies the first layer chooses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init

from neuralpaint.models.networks.network import Network
from neuralpaint.models.networks.sums import product_of_parts

__all__ = ["Siren"]


class Siren(Network):
    """sin(omega (W c + b)) in every hidden layer (Sitzmann et al. 2020, eq. 5), 3 channels out.

    Omega is in front of the weights, which so stay small, and an optimizer moves a frequency as
    fast as omega is large. The weights are uninitialised until `initialize` draws them.
    """

    in_parts = True

    def __init__(
        self,
        widths: Sequence[int],
        *,
        hidden_size: int,
        hidden_layers: int,
        omega_0: float,
        omega: float,
    ) -> None:
        super().__init__()
        sizes = [sum(widths), *[hidden_size] * hidden_layers, 3]
        self.layers = nn.ModuleList(
            skip_init(nn.Linear, inputs, outputs) for inputs, outputs in pairwise(sizes)
        )
        self._omegas = [omega_0] + [omega] * (hidden_layers - 1)

    def forward(self, parts: Sequence[Tensor]) -> Tensor:
        """Return the signal (..., 3) of parts (..., f) whose shapes broadcast together."""
        first = self._linears()[0]
        current, shape = product_of_parts(parts, first.weight, first.bias)  # (n, units)
        return self.forward_terms([current]).view(*shape, -1)

    def input_layers(self) -> list[nn.Linear]:
        """Return the first layer alone."""
        return self._linears()[:1]

    def forward_terms(self, terms: Iterable[Tensor]) -> Tensor:
        """Return the signal (n, 3) of the first layer's values before omega."""
        (current,) = terms
        for omega, layer in zip(self._omegas, self._linears()[1:], strict=True):
            current = layer(torch.sin(omega * current))
        return current

    def _linears(self) -> list[nn.Linear]:
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]

    @torch.no_grad()
    def initialize(
        self, generator: torch.Generator, *, deviations: Sequence[Tensor] | None = None
    ) -> None:
        """Draw the weights as the paper does (section 3.2 and supplement, section 1.5).

        Args:
            generator: what to draw from.
            deviations: of the first layer's weights times omega_0, one (width,) per part; without
                them the weights are U(-1/n, 1/n), as suits n coordinates.
        """
        for i, layer in enumerate(self._linears()):
            inputs = layer.in_features
            bound = 1 / inputs if i == 0 else math.sqrt(6 / inputs) / self._omegas[-1]
            layer.weight.uniform_(-bound, bound, generator=generator)
            if i == 0 and deviations is not None:
                layer.weight *= math.sqrt(3) / bound / self._omegas[0] * torch.cat(list(deviations))
            bound = 1 / math.sqrt(inputs)
            layer.bias.uniform_(-bound, bound, generator=generator)
