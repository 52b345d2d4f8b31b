"""Base classes of networks and models, and the model composed of an encoding and a network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from neuralpaint.models.encodings.encoding import Encoding, is_grid
from neuralpaint.models.networks import ParameterGroup
from neuralpaint.models.networks.scattered_points import interpolate_series, interpolate_terms
from neuralpaint.models.networks.series import Series
from neuralpaint.runtime.threads import parallel_map

__all__ = ["BlankLinear", "ColourModel", "CoordinateModel", "Network"]

# Points rendered at once. CPU: their features fit the caches. GPU: enough to keep it busy, and
# only some hundred MB.
_CPU_POINTS, _GPU_POINTS = 4096, 1 << 16
_STRIP = 8192  # pixels of a grid rendered at once on a CPU


class ColourModel(nn.Module, ABC):
    """f(x, y) -> (r, g, b), or f(x, y, code) for several pictures.

    Of a picture with alpha it is f(x, y) -> (r, g, b, a).
    """

    @property
    @abstractmethod
    def is_splittable(self) -> bool:
        """Whether threads may train on different rows of a batch at the same time."""

    @abstractmethod
    def parameter_groups(self) -> list[ParameterGroup]:
        """Return the trained parameters."""

    def set_progress(self, progress: float) -> None:
        """Adapt to the progress of the training, in [0, 1]; called before every step."""

    def start_at(self, signal: Tensor) -> None:
        """Add a signal (channels,) to the output of an untrained model, before (tanh + 1) / 2."""

    @abstractmethod
    def forward(self, x: Tensor, y: Tensor, code: Tensor | None = None) -> Tensor:
        """Return the colours at x and y.

        Args:
            x: float32 of any shape that broadcasts with `y`. A row (1, w) and a column (h, 1) make
                a grid; two (n,) make points.
            y: float32 of any shape that broadcasts with `x`.
            code: float32 (..., k), whose leading shape broadcasts with x and y; None for a model of
                a single picture.

        Returns:
            Colours in [0, 1], of the broadcast shape and the channels: (h, w, 3) or (n, 3).
        """


class BlankLinear(nn.Linear):
    """A layer whose weights are not drawn yet.

    `torch.nn.utils.skip_init` would import the part of torch that traces programs, for 0.3 s; so
    would `torch.broadcast_shapes`.
    """

    def reset_parameters(self) -> None:
        """Draw nothing."""


class Network(nn.Module, ABC):
    """Maps the parts of a feature vector to a signal of 3 channels, or 4 with alpha.

    The input term of a layer is the product of its weight and the features, plus the bias; the
    contributions of earlier layers are added to it.
    """

    layers: nn.ModuleList
    series: Series | None
    """Added to the signal of the layers, if there is one; then the features are separable."""
    is_pointwise = True
    """Whether the signal of a point is independent of the other points in the batch."""
    splits_grids = False
    """Whether `forward` splits a grid of separable features into strips for the threads."""

    def __init__(self, series: Series | None = None) -> None:
        super().__init__()
        self.series = series

    def linears(self) -> list[nn.Linear]:
        """Return all linear layers."""
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]

    def parameter_groups(self) -> list[ParameterGroup]:
        """Return the trained parameters."""
        return [ParameterGroup(list(self.parameters()))]

    @abstractmethod
    def input_layers(self) -> list[nn.Linear]:
        """Return the layers with an input term; the last columns of their weights are for it."""

    def input_terms(self, parts: Sequence[Tensor]) -> Iterator[Tensor]:
        """Yield the input term (n, units) of each of `input_layers`.

        The parts (..., f) have shapes that broadcast to that of the n points.
        """
        width = sum(part.shape[-1] for part in parts)
        for layer in self.input_layers():
            yield _input_term(parts, layer.weight[:, layer.in_features - width :], layer.bias)

    @abstractmethod
    def layer_values(self, terms: Iterable[Tensor]) -> list[Tensor]:
        """Return the values (n, units) of each layer, for the input terms of `input_layers`.

        The values of a hidden layer are those after its activation; those of the last one are the
        signal (n, 3), without a series. Each term is requested when it is needed, and may be
        overwritten.
        """


class CoordinateModel(ColourModel):
    """An encoding, a network and a sigmoid: (tanh(signal) + 1) / 2."""

    def __init__(self, encoding: Encoding, network: Network, *, strip: int = _STRIP) -> None:
        """Compose the two; `strip` is the number of pixels rendered at once on a CPU."""
        super().__init__()
        self.encoding = encoding
        self.network = network
        self._strip = strip

    @property
    def is_splittable(self) -> bool:
        """Whether threads may train on different rows of a batch at the same time."""
        # Each thread needs gradients of its own, which are large for a learned encoding.
        is_learned = any(p.requires_grad for p in self.encoding.parameters())
        return self.network.is_pointwise and not is_learned and not self._network_splits

    @torch.no_grad()
    def start_at(self, signal: Tensor) -> None:
        """Add a signal to the bias of the last layer."""
        self.network.linears()[-1].bias.add_(signal)

    @property
    def _network_splits(self) -> bool:
        return self.network.splits_grids and self.encoding.separable

    def parameter_groups(self) -> list[ParameterGroup]:
        """Return the parameters of the encoding, if it has any, and those of the network."""
        features = [p for p in self.encoding.parameters() if p.requires_grad]
        groups = []
        if features:
            groups.append(ParameterGroup(features, self.encoding.rate, is_table=True))
        return [*groups, *self.network.parameter_groups()]

    def set_progress(self, progress: float) -> None:
        """Adapt the encoding to the progress of the training, in [0, 1]."""
        self.encoding.set_progress(progress)

    def forward(self, x: Tensor, y: Tensor, code: Tensor | None = None) -> Tensor:
        """Return the colours at x and y; without gradients, in strips or chunks."""
        if torch.is_grad_enabled():
            return self._colours(x, y, code)
        if is_grid(x, y):
            return self._render_grid(x, y, code)
        if x.ndim == 1 == y.ndim and len(x) == len(y):  # a list of points
            return self._render_points(x, y, code)
        return self._colours(x, y, code)

    def _render_grid(self, x: Tensor, y: Tensor, code: Tensor | None) -> Tensor:
        """Return the colours (h, w, 3) of a grid."""
        is_field = code is not None and code.shape[1] > 1  # a code per pixel: not separable
        if x.device.type != "cpu" or (self._network_splits and not is_field):
            return self._colours(x, y, code)
        rows = _slices(len(y), max(1, self._strip // x.shape[1]))
        strips = parallel_map(lambda part: self._colours(x, y[part], _codes_of(code, part)), rows)
        return torch.cat(strips)

    def _render_points(self, x: Tensor, y: Tensor, code: Tensor | None) -> Tensor:
        """Return the colours (n, 3) of points."""
        on_cpu = x.device.type == "cpu"
        interpolated = interpolate_terms(
            self.encoding, self.network.input_layers(), (x, y), code
        ) if on_cpu else None  # fmt: skip

        series = self.network.series
        sums = None
        if interpolated is not None and series is not None:
            sums = interpolate_series(self.encoding, series, (x, y))

        def colours(part: slice) -> Tensor:
            at = x[part], y[part]
            if interpolated is None:
                return self._colours(*at, _codes_of(code, part))
            signal = self.network.layer_values(interpolated.at(*at))[-1]
            if sums is not None:
                signal += sums.at(*at)
            elif series is not None:
                signal += series.at_points(*self.encoding.parts(*at))
            return _colours(signal)

        chunks = _slices(len(x), _CPU_POINTS if on_cpu else _GPU_POINTS)
        return torch.cat(parallel_map(colours, chunks, device=x.device))

    def features(self, x: Tensor, y: Tensor, code: Tensor | None) -> tuple[Tensor, ...]:
        """Return what enters the network at x and y, in parts (..., f) that broadcast."""
        return self.encoding.parts(x, y, code)

    @torch.no_grad()
    def layer_values(self, x: Tensor, y: Tensor, code: Tensor | None) -> list[Tensor]:
        """Return the values (..., units) of each layer of the network at x and y.

        The last one is the signal (..., 3), from which the colours are (tanh + 1) / 2.
        """
        parts = self.features(x, y, code)
        values = self.network.layer_values(self.network.input_terms(parts))
        shape = np.broadcast_shapes(*(part.shape[:-1] for part in parts))
        shaped = [each.view(*shape, -1) for each in values]
        if self.network.series is not None:
            shaped[-1] = shaped[-1] + self.network.series.at_points(*parts)
        return shaped

    def _colours(self, x: Tensor, y: Tensor, code: Tensor | None) -> Tensor:
        return _colours(self.network(self.features(x, y, code)))


def _slices(length: int, size: int) -> list[slice]:
    """Return consecutive slices of at most `size` that cover an axis; at least one slice."""
    return [slice(first, first + size) for first in range(0, max(1, length), size)]


def _codes_of(code: Tensor | None, part: slice) -> Tensor | None:
    """Return the codes of some rows or points; a single code applies to all of them."""
    return code if code is None or len(code) == 1 else code[part]


def _input_term(parts: Sequence[Tensor], weight: Tensor, bias: Tensor) -> Tensor:
    """Return W [parts] + b, (n, units); parts that need broadcasting are added first."""
    shape = np.broadcast_shapes(*(part.shape[:-1] for part in parts))
    factors = weight.split([part.shape[-1] for part in parts], 1)
    total, full = bias, []
    for part, factor in zip(parts, factors, strict=True):
        if part.shape[:-1] == shape:
            full.append((part.reshape(-1, part.shape[-1]), factor.t()))
        else:
            total = total + linear(part, factor)
    total = total.expand(*shape, len(weight)).reshape(-1, len(weight))
    for flat, factor in full:
        total = torch.addmm(total, flat, factor)
    return total


def _colours(signal: Tensor) -> Tensor:
    return (torch.tanh(signal) + 1) / 2
