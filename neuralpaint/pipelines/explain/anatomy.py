"""A trained network taken apart: what its last layer adds up, and what it can do without."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Grid
from neuralpaint.models.layer_weights import LayerWeights, layer_weights, series_weights

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = ["Anatomy", "Silenced", "Stage", "noisy"]

Values = npt.NDArray[np.float32]

_TRIED = 24  # units of a layer that are silenced to find the most important one


class Stage(NamedTuple):
    """The picture when the last layer has added up some of its inputs."""

    name: str
    colours: Values  # (h, w, 3) in [0, 1]


class Silenced(NamedTuple):
    """The picture without some units."""

    name: str
    units: int
    colours: Values  # (h, w, 3) in [0, 1]


@dataclass(frozen=True)
class _Source:
    """Inputs of the last layer: hidden units with their weights (3, units)."""

    layer: int
    weight: Values


class Anatomy:
    """The parts of a network on one grid.

    The signal of the last layer is a sum over units, features and the waves of a series, and the
    colours are (tanh(signal) + 1) / 2, so the sum can be stopped anywhere.
    """

    def __init__(self, painting: Painting, grid: Grid) -> None:
        """Compute the values of all layers.

        Raises:
            UsageError: the model is not a network of the coordinates.
        """
        self.painting, self.grid = painting, grid
        self.features = painting.features(grid)
        *self.hidden, self.signal = painting.layer_values(grid)
        if not self.hidden:
            raise UsageError("the network has no hidden layer to explain: train a larger one")
        self.colours: Values = _colours(self.signal)
        self._layers = layer_weights(painting)
        self._series = series_weights(painting)

    @property
    def feature_count(self) -> int:
        """The number of features of a place."""
        return sum(part.shape[-1] for part in self.features)

    @property
    def feeds_every_layer(self) -> bool:
        """Whether the features enter every layer, as in SkipConn, and not the first one only."""
        return self._layers[-1].reads_more_than(self.hidden[-1].shape[-1])

    @property
    def multiplies(self) -> bool:
        """Whether a unit of the first layer is a product of two."""
        sums = int(self._layers[0].weight.shape[0])
        return sums > int(self.hidden[0].shape[-1])

    @property
    def series_size(self) -> int:
        """The number of waves of the series; 0 without one."""
        return next((light.size for light in self._series.values()), 0)

    def stages(self) -> Iterator[Stage]:
        """Yield the picture from the bias alone to the whole sum, in about seven stages.

        The units that change the picture most come first, then the features, then the series.
        """
        signal = np.broadcast_to(self._bias, self.signal.shape).astype(np.float32)
        yield Stage("the bias alone", _colours(signal))
        terms = sorted(self._terms(), key=lambda term: -float(term.std(axis=(0, 1)).max()))
        added = 0
        for count in _counts(len(terms)):
            signal = signal + np.sum(terms[added:count], axis=0)
            added = count
            every = "all " if count == len(terms) else ""
            yield Stage(f"{every}{count} unit{'s' * (count > 1)}", _colours(signal))
        series = self._series_signal()
        if self.feeds_every_layer:
            own = self.signal if series is None else self.signal - series
            yield Stage(f"+ {self.feature_count:,} features", _colours(own))
        if series is not None:
            yield Stage(f"+ a series of {self.series_size:,} waves", self.colours)

    def silenced(self) -> Iterator[Silenced]:
        """Yield the picture without the most important unit of each hidden layer, and without it.

        Silenced units answer 0 everywhere.
        """
        for layer, values in enumerate(self.hidden):
            unit = self._most_important(layer)
            one = self._without(layer, [unit])
            yield Silenced(f"one unit of layer {layer + 1}", 1, one(self.grid))
            every = self._without(layer, range(values.shape[-1]))
            yield Silenced(f"layer {layer + 1}", values.shape[-1], every(self.grid))
        if self.series_size:
            colours = self._without_series()(self.grid)
            yield Silenced("the series of waves", self.series_size, colours)

    @property
    def _bias(self) -> npt.NDArray[Any]:
        return self._layers[-1].bias

    def _sources(self) -> list[_Source]:
        """Return the hidden layers that the last layer reads, the nearest first."""
        last, found, first = len(self.hidden), [], 0
        weight = self._layers[last].weight
        for layer in range(last - 1, max(-1, last - 3), -1):
            units = self.hidden[layer].shape[-1]
            found.append(_Source(layer, weight[:, first : first + units]))
            first += units
            if not self.feeds_every_layer:
                break
        return found

    def _terms(self) -> list[Values]:
        """Return what each hidden unit adds to the signal, (h, w, 3)."""
        return [
            self.hidden[source.layer][..., unit, None] * source.weight[:, unit]
            for source in self._sources()
            for unit in range(source.weight.shape[1])
        ]

    def _series_signal(self) -> Values | None:
        """Return what the series adds to the signal, (h, w, 3); None without one."""
        if not self.series_size:
            return None
        difference: Values = self.signal - self._without_series().layer_values(self.grid)[-1]
        return difference

    def _most_important(self, layer: int) -> int:
        """Return the unit of a layer without which the picture changes most."""
        spread = self.hidden[layer].std(axis=(0, 1))
        leaving = sum(
            np.abs(reader.weight[:, first : first + len(spread)]).sum(axis=0)
            for reader, first in self._readers(layer)
        )
        tried = np.argsort(-spread * leaving)[:_TRIED]
        small = self.grid.thinned(max(1, min(self.grid.shape) // 24))
        whole = self.painting(small)
        change = [np.square(self._without(layer, [u])(small) - whole).mean() for u in tried]
        return int(tried[int(np.argmax(change))])

    def _readers(self, layer: int) -> list[tuple[LayerWeights, int]]:
        """Return the layers that read a layer, and the first of the columns for it."""
        readers = [(layer + 1, 0)]
        if self.feeds_every_layer and layer + 1 < len(self.hidden):
            # SkipConn: after the columns of the layer between.
            readers.append((layer + 2, self.hidden[layer + 1].shape[-1]))
        return [(self._layers[reader], first) for reader, first in readers]

    def _without(self, layer: int, units: Sequence[int]) -> Painting:
        """Return the painting in which some units of a layer answer 0."""
        weights = self.painting.weights
        for reader, first in self._readers(layer):
            weights[reader.name][:, [first + unit for unit in units]] = 0
        return self.painting.with_weights(weights)

    def _without_series(self) -> Painting:
        off = {name: np.zeros_like(table) for name, table in self._series.items()}
        return self.painting.with_weights({**self.painting.weights, **off})


def noisy(painting: Painting, amount: float, *, seed: int) -> Painting:
    """Return a painting whose weights have noise of `amount` times their own deviation.

    The deviation is that of each array of weights. Buffers, such as fixed frequencies, stay.
    """
    rng = np.random.default_rng(seed)
    weights = painting.weights
    for name, weight in weights.items():
        if name in painting.trained and weight.size > 1:
            noise = rng.standard_normal(weight.shape, np.float32)
            weight += (amount * float(weight.std())) * noise
    return painting.with_weights(weights)


def _counts(terms: int) -> list[int]:
    """Return 1, 4, 16, ... and the number of terms itself."""
    counts = [4**k for k in range(4) if 4**k < 0.7 * terms]
    return [*counts, terms]


def _colours(signal: Values) -> Values:
    colours: Values = (np.tanh(signal) + np.float32(1)) / np.float32(2)
    return colours
