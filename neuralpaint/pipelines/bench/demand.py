"""How many operations a training step needs, whatever way it is computed.

Only matrix products are counted: activations, the loss, the optimizer and the average are work as
well, but not work that a matrix unit could do. A product (m, k) @ (k, n) is 2 m k n operations.

For a batch of n = h * w pixels, crossings of h rows and w columns, and a layer W (out, in):

    values of hidden units    2 n out hidden                 once forward, twice backward: for the
                                                             weights, and for the layer below
    features of each axis     2 out (h widths_y + w widths_x)    once forward, once backward: nobody
                                                             asks for a gradient of coordinates
    features of the plane     2 n out width                  likewise

Features of an axis are needed once per row or column, because a layer's input term is a sum of one
of each. Features that are learned (planes, tables) count as hidden values; reading and learning
them is no matrix product and is not counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from neuralpaint.models.networks.network import ColourModel, CoordinateModel
from neuralpaint.models.networks.skipconn import SkipConn

__all__ = ["Demand", "demand"]


@dataclass(frozen=True)
class Demand:
    """What one step needs."""

    flops: float
    width: int
    """Units of a hidden layer: the width of most of its products."""
    whole: bool
    """Whether the products are all there is to the model; not so where planes are learned."""


def demand(model: ColourModel, *, pixels: int, height: int, width: int) -> Demand:
    """Return what a step of a model needs on `pixels` of a picture (height, width).

    The batch is taken to have the shape of the picture.

    Raises:
        TypeError: the model is no network over coordinates.
    """
    if not isinstance(model, CoordinateModel):
        raise TypeError(f"{type(model).__name__} does not take coordinates")
    encoding, network = model.encoding, model.network
    columns, rows = math.sqrt(pixels * width / height), math.sqrt(pixels * height / width)
    learned = any(parameter.requires_grad for parameter in encoding.parameters())
    points = (columns, rows) if encoding.separable else (pixels,) * len(encoding.widths)
    of_features = sum(2 * n * f for n, f in zip(points, encoding.widths, strict=True))
    matrices = [weight.shape for weight in network.parameters() if weight.ndim == 2]
    flops = 0.0
    for depth, (out, inputs) in enumerate(matrices):
        sees = isinstance(network, SkipConn) or depth == 0
        hidden = inputs - sum(encoding.widths) if sees else inputs
        flops += 3 * 2 * pixels * out * hidden
        if sees:
            flops += (3 if learned else 2) * out * of_features
    return Demand(flops, width=max(out for out, _ in matrices), whole=not learned)
