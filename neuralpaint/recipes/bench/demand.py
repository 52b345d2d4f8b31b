"""How many operations a training step needs, whatever way it is computed.

Only matrix products are counted: activations, the loss, the optimizer and the average are work as
well, but not work that a matrix unit could do. A product (m, k) @ (k, n) is 2 m k n operations.

For a batch of n = h * w pixels, crossings of h rows and w columns, and a layer W (out, in):

    values of hidden units    2 n out hidden                 once forward, twice backward: for the
                                                             weights, and for the layer below
    features of each axis     2 out (h widths_y + w widths_x)    once forward, once backward: nobody
                                                             asks for a gradient of coordinates

Features are needed once per row and once per column, because a layer's input term is a sum of one
of each. Where they are learned (planes), all of a layer's inputs count as hidden values; reading
the planes and learning them is no matrix product and is not counted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import nn

from neuralpaint.encodings import Harmonic, Identity

__all__ = ["Demand", "demand"]


@dataclass(frozen=True)
class Demand:
    """What one step needs."""

    flops: float
    width: int
    """Units of a hidden layer: the width of most of its products."""
    whole: bool
    """Whether the products are all there is to the model; not so where planes are learned."""


def demand(model: nn.Module, *, pixels: int, height: int, width: int) -> Demand:
    """Return what a step of a model needs on `pixels` of a picture (height, width).

    The batch is taken to have the shape of the picture.
    """
    encoding = model.get_submodule("encoding")
    by_axis = encoding.widths if isinstance(encoding, Harmonic | Identity) else (0, 0)
    columns, rows = math.sqrt(pixels * width / height), math.sqrt(pixels * height / width)
    network = model.get_submodule("network")
    matrices = [weight.shape for weight in network.parameters() if weight.ndim == 2]
    flops = 0.0
    for out, inputs in matrices:
        flops += 3 * 2 * pixels * out * (inputs - sum(by_axis))
        flops += 2 * 2 * out * (columns * by_axis[0] + rows * by_axis[1])
    return Demand(flops, width=max(out for out, _ in matrices), whole=sum(by_axis) > 0)
