"""Plain networks, one hidden layer after another: `MLP` and `Siren`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from neuralpaint.models.encodings.encoding import Encoding
from neuralpaint.models.networks import ActivationName, NormName, draw_weights
from neuralpaint.models.networks.kernels import ACTIVATIONS, add_product
from neuralpaint.models.networks.network import BlankLinear, Network

__all__ = ["MLP", "Dropout", "Siren"]


class _Plain(Network):
    """A network in which only the first layer has an input term."""

    def __init__(
        self, encoding: Encoding, *, hidden_size: int, hidden_layers: int, channels: int
    ) -> None:
        """Allocate the layers; the weights are uninitialised."""
        super().__init__()
        self._sizes = [sum(encoding.widths), *[hidden_size] * hidden_layers, channels]
        self.layers = nn.ModuleList(
            BlankLinear(inputs, outputs) for inputs, outputs in pairwise(self._sizes)
        )

    def forward(self, parts: Sequence[Tensor]) -> Tensor:
        """Return the signal (..., channels) of parts (..., f) whose shapes broadcast."""
        shape = np.broadcast_shapes(*(part.shape[:-1] for part in parts))
        return self.layer_values(self.input_terms(parts))[-1].view(*shape, -1)

    def input_layers(self) -> list[nn.Linear]:
        """Return the first layer."""
        return self.linears()[:1]

    def _linear(self, layer: nn.Linear, values: Tensor) -> Tensor:
        """Return W c + b (n, outputs); the output layer is exact on every device."""
        if layer is self.layers[-1]:
            return linear(values, layer.weight, layer.bias)
        return add_product(layer.bias, values, layer.weight)


# In place where autograd needs only the result.
_FUNCTIONS: dict[ActivationName, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu_,
    "tanh": torch.tanh_,
    "sigmoid": torch.sigmoid_,
}


class _BatchNorm(nn.BatchNorm1d):
    """Batch normalization that accepts a batch of one point, for which it returns the bias."""

    def forward(self, values: Tensor) -> Tensor:
        if self.training and len(values) == 1:
            return 0 * values + self.bias
        return super().forward(values)


_NORMS: dict[NormName, Callable[[int], nn.Module]] = {
    "layer": nn.LayerNorm,
    "batch": _BatchNorm,
}


class MLP(_Plain):
    """Linear map, normalisation, activation and dropout in every hidden layer."""

    def __init__(
        self,
        encoding: Encoding,
        *,
        hidden_size: int,
        hidden_layers: int,
        generator: torch.Generator,
        channels: int = 3,
        activation: ActivationName = "relu",
        norm: NormName = "none",
        dropout: float = 0.0,
    ) -> None:
        """Draw the weights from the generator's seed; see `draw_weights`."""
        super().__init__(
            encoding, hidden_size=hidden_size, hidden_layers=hidden_layers, channels=channels
        )
        self.norms = nn.ModuleList(
            _NORMS[norm](hidden_size) for _ in range(hidden_layers) if norm != "none"
        )
        self.dropouts = nn.ModuleList(
            Dropout(dropout, generator) for _ in range(hidden_layers) if dropout > 0
        )
        self._activation = _FUNCTIONS.get(activation, ACTIVATIONS[activation].function)
        self.is_pointwise = norm != "batch" and dropout == 0
        spectrum = encoding.sine_strengths[0] * torch.cat(encoding.spectra)
        drawn = draw_weights(
            self._sizes,
            activation=activation,
            spectrum=spectrum.numpy(),
            seed=generator.initial_seed(),
        )
        with torch.no_grad():
            for layer, (weight, bias) in zip(self.linears(), drawn, strict=True):
                layer.weight.copy_(torch.from_numpy(weight))
                layer.bias.copy_(torch.from_numpy(bias))

    def layer_values(self, terms: Iterable[Tensor]) -> list[Tensor]:
        """Return the values (n, units) of each layer, for the input term of the first one."""
        (current,) = terms
        values = []
        for depth, layer in enumerate(self.linears()[1:]):
            if self.norms:
                current = self.norms[depth](current)
            current = self._activation(current)
            if self.dropouts:
                current = self.dropouts[depth](current)
            values.append(current)
            current = self._linear(layer, current)
        return [*values, current]


class Dropout(nn.Module):
    """Sets each value to 0 with a probability while training, and scales the others up.

    The expected value does not change (Srivastava et al. 2014). The random bits are a hash of a
    counter: they are the same on every device, torch's global generators are not used, and a CUDA
    graph can advance the counter on the device.
    """

    _count: Tensor  # () int32

    _STRIDE = -1_640_531_527  # 2^32 / golden ratio: the counts of two steps are far apart
    _MIX = 0x7FEB352D, 0x846CA68B - (1 << 32)

    def __init__(self, probability: float, generator: torch.Generator) -> None:
        super().__init__()
        self._keep = 1 - probability
        count = torch.zeros((), dtype=torch.int32).random_(generator=generator)
        self.register_buffer("_count", count, persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        """Return the values, with dropout applied while training."""
        if not self.training:
            return values
        self._count.add_(self._STRIDE)
        limit = round(self._keep * (1 << 32)) - (1 << 31)
        return values * ((self._bits(values) < limit) / self._keep)

    def _bits(self, like: Tensor) -> Tensor:
        """Return a uniformly distributed int32 for each value."""
        index = torch.arange(like.numel(), dtype=torch.int32, device=like.device)
        bits = index.view(like.shape).mul_(self._MIX[0]).add_(self._count)
        for mix in self._MIX:
            # The arithmetic shift copies the sign bit, so a product is the last operation.
            bits.bitwise_xor_(bits >> 16).mul_(mix)
        return bits


class Siren(_Plain):
    """sin(omega (W c + b)) in every hidden layer (Sitzmann et al. 2020, eq. 5).

    The weights are small, and omega scales them: a step of the optimizer changes the frequencies in
    proportion to omega.
    """

    def __init__(
        self,
        encoding: Encoding,
        *,
        hidden_size: int,
        hidden_layers: int,
        omega_0: float,
        omega: float,
        generator: torch.Generator,
        channels: int = 3,
        use_spectrum: bool = False,
    ) -> None:
        """Draw the weights as in section 3.2 of the paper and section 1.5 of its supplement.

        With `use_spectrum`, omega_0 times the first layer's weights have the spectrum of the
        encoding; otherwise the weights are U(-1/n, 1/n), for n coordinates.
        """
        super().__init__(
            encoding, hidden_size=hidden_size, hidden_layers=hidden_layers, channels=channels
        )
        self._omegas = [omega_0] + [omega] * (hidden_layers - 1)
        with torch.no_grad():
            for i, layer in enumerate(self.linears()):
                inputs = layer.in_features
                bound = 1 / inputs if i == 0 else math.sqrt(6 / inputs) / self._omegas[-1]
                layer.weight.uniform_(-bound, bound, generator=generator)
                if i == 0 and use_spectrum:
                    strength = encoding.sine_strengths[0]
                    spectrum = torch.cat([strength * each for each in encoding.spectra])
                    layer.weight *= math.sqrt(3) / bound / omega_0 * spectrum
                bound = 1 / math.sqrt(inputs)
                layer.bias.uniform_(-bound, bound, generator=generator)

    def layer_values(self, terms: Iterable[Tensor]) -> list[Tensor]:
        """Return the values (n, units) of each layer, for the input term of the first one."""
        (current,) = terms
        values = []
        for omega, layer in zip(self._omegas, self.linears()[1:], strict=True):
            values.append(torch.sin(omega * current))
            current = self._linear(layer, values[-1])
        return [*values, current]
