"""The weights of a network by layer, found by their names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from numpy.typing import NDArray

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = ["LayerWeights", "layer_of", "layer_weights", "series_weights"]

# The names of torch and those of the network from scratch.
_LAYER = re.compile(r"(?:network\.layers\.|linear)(\d+)\.weight")
_SERIES = "network.series."


class LayerWeights(NamedTuple):
    """The weights of a layer; they are those of the painting and must not be changed."""

    name: str  # of the weight
    weight: NDArray[Any]  # (sums, inputs): first those from earlier layers, then the features
    bias: NDArray[Any]  # (sums,)

    def reads_more_than(self, units: int) -> bool:
        """Return whether it has other inputs beside so many units of the layer before."""
        return int(self.weight.shape[1]) > units


def layer_weights(painting: Painting) -> list[LayerWeights]:
    """Return the weights of each layer with a bias, from the first to the last."""
    weights = painting.read_weights()
    found = {}
    for name, weight in weights.items():
        bias = weights.get(f"{name.removesuffix('weight')}bias")
        if (layer := layer_of(name)) is not None and bias is not None:
            found[layer] = LayerWeights(name, weight, bias)
    return [found[layer] for layer in sorted(found)]


def layer_of(name: str) -> int | None:
    """Return the number of the layer of a weight, from 0; None for other weights."""
    match = _LAYER.fullmatch(name)
    return None if match is None else int(match[1])


def series_weights(painting: Painting) -> dict[str, NDArray[Any]]:
    """Return the weights of the series by name, first those of light; empty without one."""
    weights = painting.read_weights()
    return {name: weights[name] for name in weights if name.startswith(_SERIES)}
