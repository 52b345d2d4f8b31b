"""Networks map the parts of a feature vector to colours.

network           base classes, the first layer, and `CoordinateModel`: encoding + network
mlp               `MLP` and `Siren`
skipconn          `SkipConn`
skipconn_grid     forward and backward pass of `SkipConn` over a grid
series            `Series`, products of features of x and y, added to `SkipConn`
scattered_points  rendering of points that are not on a grid
buttons           `Buttons`, a whole picture per code
kernels           activations and matrix products of the hand-written passes

This file does not import torch; the modules do. It has what they share with the settings, the
optimizers and the NumPy engine: names, parameter groups and initial weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "ActivationName",
    "NormName",
    "ParameterGroup",
    "draw_button_weights",
    "draw_weights",
]

ActivationName = Literal["leaky_relu", "sine", "relu", "gelu", "silu", "tanh", "sigmoid"]
NormName = Literal["none", "layer", "batch"]

_OUTPUT_GAIN = 0.35
_STREAM = 1  # random stream of the weights; the encoding's frequencies use the seed itself


class ParameterGroup(NamedTuple):
    """Parameters with the same learning rate."""

    parameters: Sequence[Tensor]
    rate: float = 1.0
    """Multiple of the learning rate."""
    raw_rate: float = 1.0
    """A further multiple for optimizers whose step is proportional to the gradient."""
    is_table: bool = False
    """Whether these are tables of features, which are looked up and not multiplied."""


def draw_weights(
    sizes: Sequence[int],
    *,
    activation: ActivationName,
    spectrum: NDArray[np.floating],
    seed: int,
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return a weight (outputs, inputs) and a bias (outputs,) for each linear layer of `MLP`.

    Both engines begin with these weights; `SkipConn` and `Siren` draw their own.

    The outputs of a layer have the variance of its inputs if the weights have a variance of about
    1 / inputs, corrected for the activation. Uniform weights in +-bound have the variance
    bound^2 / 3:

        rectifiers    bound = sqrt(6 / inputs)                half of the signal is cut off
                                                              (He et al. 2015, eq. 10)
        tanh          bound = sqrt(6 / (inputs + outputs))    for the backward pass as well
                                                              (Glorot & Bengio 2010, eq. 16)
        sigmoid       4 times the bound of tanh, because its slope at 0 is 1/4
        sine          bound = sqrt(6 / inputs), biases uniform over the circle (Sitzmann et al.
                      2020, section 3.2); in the first layer, weights follow the features' spectrum

    The last layer starts at about a third of its bound, so that the first frames are grey, not
    noisy.

    Args:
        sizes: widths of the features, of each hidden layer and of the output.
        activation: the activation of every layer except the last.
        spectrum: standard deviation of a sine network's weights per feature, (features,).
        seed: the seed of the training.
    """
    rng = np.random.default_rng([seed, _STREAM])
    drawn = []
    last = len(sizes) - 2
    for i, (inputs, outputs) in enumerate(pairwise(sizes)):
        bound = _bound(inputs, outputs, activation=activation, is_last=i == last)
        weight = rng.uniform(-bound, bound, (outputs, inputs))
        bias = np.zeros(outputs)
        if activation == "sine":
            if i == 0 < last:
                weight *= spectrum * math.sqrt(3) / bound
            if i < last:
                bias = rng.uniform(-math.pi, math.pi, outputs)
        if i == last:
            weight *= _OUTPUT_GAIN
        drawn.append((weight, bias))
    return drawn


def draw_button_weights(
    sizes: Sequence[int], *, gain: float, output_gain: float, seed: int
) -> list[NDArray[np.float32]]:
    """Return a weight (outputs, inputs) for each layer of a sigmoid network without biases.

    The weights are normal with the deviation gain / sqrt(inputs). Without biases a large gain is
    needed for different outputs at different codes.

    Args:
        sizes: widths of the code, of each hidden layer and of the output.
        gain: scale of the weights of the hidden layers.
        output_gain: scale of the weights of the last layer; if small, the first frames are grey.
        seed: the seed of the training.
    """
    rng = np.random.default_rng([seed, _STREAM])
    drawn = []
    for i, (inputs, outputs) in enumerate(pairwise(sizes)):
        weight = rng.standard_normal((outputs, inputs), np.float32)
        weight *= (output_gain if i == len(sizes) - 2 else gain) / math.sqrt(inputs)
        drawn.append(weight)
    return drawn


def _bound(inputs: int, outputs: int, *, activation: ActivationName, is_last: bool) -> float:
    if activation not in ("tanh", "sigmoid"):
        return math.sqrt(6 / inputs)
    gain = 4 if activation == "sigmoid" and not is_last else 1
    return gain * math.sqrt(6 / (inputs + outputs))
