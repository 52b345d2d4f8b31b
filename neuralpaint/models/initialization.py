"""Where the weights begin decides whether a signal gets through.

A unit adds up `inputs` weighted values. For its output to vary as much as they do, the weights need
a variance of about 1 / inputs, corrected by what the activation takes away. Uniform in +-bound, of
variance bound^2 / 3:

    rectifiers    bound = sqrt(6 / inputs)                  half the signal is cut off
                                                            (He et al. 2015, eq. 10)
    tanh          bound = sqrt(6 / (inputs + outputs))      the same for the way back
                                                            (Glorot & Bengio 2010, eq. 16)
    sigmoid       4 times that: its slope at 0 is 1/4
    sine          bound = sqrt(6 / inputs), biases all around the circle (Sitzmann et al. 2020,
                  section 3.2); the first layer by the spectrum of the features

The last layer begins at about a third of it: a quiet start, grey and not noise.

Both engines draw here, so that with the same seed they begin with the same network.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from neuralpaint.models import ActivationName

__all__ = ["drawn_buttons", "drawn_weights"]

_OUTPUT_GAIN = 0.35


def drawn_weights(
    sizes: Sequence[int],
    *,
    activation: ActivationName,
    spectrum: NDArray[np.floating],
    seed: int,
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return a weight (outputs, inputs) and a bias (outputs,) for each linear layer.

    Args:
        sizes: widths of the features, of each hidden layer and of the output.
        activation: what comes after every layer but the last.
        spectrum: deviation of a sine network's weights of each feature, (features,).
        seed: the training's; what is drawn here does not depend on what else is drawn with it.
    """
    rng = np.random.default_rng([seed, _STREAM])
    drawn = []
    last = len(sizes) - 2
    for i in range(len(sizes) - 1):
        inputs, outputs = sizes[i : i + 2]
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


def drawn_buttons(
    sizes: Sequence[int], *, gain: float, output_gain: float, seed: int
) -> list[NDArray[np.float32]]:
    """Return a weight (outputs, inputs) for each layer of sigmoids without biases.

    They are normal, of deviation gain / sqrt(inputs), that of the last layer with a gain of its
    own. Layers without biases answer one code nearly as another, unless they drive them apart.

    Args:
        sizes: widths of the code, of each hidden layer and of the output.
        gain: of the hidden layers.
        output_gain: of the last layer; where it is small, training begins with a quiet grey.
        seed: the training's.
    """
    rng = np.random.default_rng([seed, _STREAM])
    drawn = []
    for i, (inputs, outputs) in enumerate(pairwise(sizes)):
        weight = rng.standard_normal((outputs, inputs), np.float32)
        weight *= (output_gain if i == len(sizes) - 2 else gain) / math.sqrt(inputs)
        drawn.append(weight)
    return drawn


_STREAM = 1  # the encoding's frequencies are drawn from the seed itself


def _bound(inputs: int, outputs: int, *, activation: ActivationName, is_last: bool) -> float:
    if activation not in ("tanh", "sigmoid"):
        return math.sqrt(6 / inputs)
    gain = 4 if activation == "sigmoid" and not is_last else 1
    return gain * math.sqrt(6 / (inputs + outputs))
