"""A formula: what a painting says, written down in the few operations that every tool knows.

    features = [sin(2 pi waves), ramps, planes]                     of a point (x, y)
    values   = features; then for each layer  f(W [values it sees] + b)
    colours  = the values of the last layer, in [0, 1]

Whatever a model does beside that is worked into the numbers: a cosine is a sine a quarter of a turn
on, a SIREN's omega belongs to its weights, batch normalisation is a scale and a shift by the time
it is rendered, and (tanh z + 1) / 2 is the logistic function of 2 z. So a format that can write
these few lines can write every model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralpaint.models import ActivationName

__all__ = ["EPS", "SLOPE", "Array", "Formula", "Layer", "Norm", "Plane", "single"]

Array = NDArray[np.float32]

EPS = 1e-5
"""What a norm adds to the mean square before it takes the root."""
SLOPE = 0.01
"""Of a leaky rectifier, below 0."""


@dataclass(frozen=True)
class Plane:
    """A plane of nodes that is read between them bilinearly, and goes on beyond its edges.

    Along each axis a point lies at node `clamp(scale * coordinate + offset, 0, last)`. The pairs
    are of y and x, in this order.
    """

    nodes: Array  # (rows, columns, channels), at least two rows and columns
    scale: Array  # (2,)
    offset: Array  # (2,)
    last: Array  # (2,)


@dataclass(frozen=True)
class Norm:
    """Divides a layer's sums by their root mean square: gain z / sqrt(mean z^2 + EPS) + shift.

    Layer normalisation, of a layer whose weights make sums with a mean of 0.
    """

    gain: Array  # (units,)
    shift: Array  # (units,)


@dataclass(frozen=True)
class Layer:
    """f(norm(W [values] + b)), where `sees` says which values: 0 the features, i those of layer i.

    The columns of W follow the values in the order of `sees`.
    """

    weight: Array  # (units, inputs)
    bias: Array  # (units,)
    activation: ActivationName
    sees: tuple[int, ...]
    norm: Norm | None = None


@dataclass(frozen=True)
class Formula:
    """f(x, y) -> (r, g, b); waves and ramps are a x + b y + c, a row (a, b, c) for each."""

    waves: Array  # (m, 3), in turns
    ramps: Array  # (k, 3)
    planes: tuple[Plane, ...]
    layers: tuple[Layer, ...]

    @property
    def weights(self) -> int:
        """How many numbers the layers and planes hold."""
        in_layers = sum(layer.weight.size + layer.bias.size for layer in self.layers)
        return in_layers + sum(plane.nodes.size for plane in self.planes)


def single(values: NDArray[np.floating[Any]]) -> Array:
    """Return values in single precision, one after another in memory."""
    return np.ascontiguousarray(values, np.float32)
