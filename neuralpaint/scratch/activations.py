"""Activations apply a non-linear function to each value; without them a network would be linear.

For y = f(x), element by element, dy_i/dx_j is 0 unless i = j, so the chain rule is a product:

    forward      Y = f(X)              (n, units)
    backward     dL/dX = G * f'(X)     (n, units), G = dL/dY

Where f' can be computed from y, X is overwritten by Y and nothing else is stored:

    relu          y = max(x, 0)             f' = 1 where y > 0, else 0
    leaky_relu    y = x or 0.01 x           f' = 1 where y > 0, else 0.01
    tanh          y = tanh x                f' = 1 - y^2
    sigmoid       y = 1 / (1 + exp(-x))     f' = y (1 - y)
    sine          y = sin x                 f' = cos x, stored by forward
    silu          y = x s, s = sigmoid x    f' = s + y (1 - s), s stored

At 0, the kink of the rectifiers, f' is the derivative from the left.
"""

from __future__ import annotations

import numpy as np

from neuralpaint.scratch.layers import Array, Layer

__all__ = ["ACTIVATIONS", "Colours", "LeakyReLU", "ReLU", "SiLU", "Sigmoid", "Sine", "Tanh"]

_SLOPE = 0.01


class _FromOutput(Layer):
    """An activation whose derivative is computed from its outputs."""

    _outputs: Array


class ReLU(_FromOutput):
    """max(x, 0)."""

    def forward(self, values: Array, *, training: bool) -> Array:
        """Set negative values to 0."""
        self._outputs = np.maximum(values, 0, out=values)
        return values

    def input_gradient(self, gradient: Array) -> Array:
        """Multiply by 1 where the output is positive, by 0 elsewhere."""
        positive = self._buffer("positive", gradient.shape, np.dtype(bool))
        np.greater(self._outputs, 0, out=positive)
        gradient *= positive
        return gradient


class LeakyReLU(_FromOutput):
    """x where it is positive, 0.01 x elsewhere."""

    def forward(self, values: Array, *, training: bool) -> Array:
        """Replace x by the larger of x and 0.01 x."""
        small = np.multiply(values, _SLOPE, out=self._buffer("small", values.shape, values.dtype))
        self._outputs = np.maximum(values, small, out=values)
        return values

    def input_gradient(self, gradient: Array) -> Array:
        """Multiply by 1 or 0.01; y has the sign of x."""
        slope = self._buffer("small", gradient.shape, gradient.dtype)
        np.greater(self._outputs, 0, out=slope, casting="unsafe")  # 1 or 0
        np.maximum(slope, _SLOPE, out=slope)
        gradient *= slope
        return gradient


class Tanh(_FromOutput):
    """The hyperbolic tangent, between -1 and 1."""

    def forward(self, values: Array, *, training: bool) -> Array:
        """Replace x by tanh x."""
        self._outputs = np.tanh(values, out=values)
        return values

    def input_gradient(self, gradient: Array) -> Array:
        """Multiply by 1 - y^2."""
        slope = self._buffer("slope", gradient.shape, gradient.dtype)
        np.multiply(self._outputs, self._outputs, out=slope)
        np.subtract(1, slope, out=slope)
        gradient *= slope
        return gradient


class Sigmoid(_FromOutput):
    """1 / (1 + exp(-x)), between 0 and 1."""

    def forward(self, values: Array, *, training: bool) -> Array:
        """Replace x by its sigmoid."""
        self._outputs = _sigmoid(values, out=values)
        return values

    def input_gradient(self, gradient: Array) -> Array:
        """Multiply by y (1 - y)."""
        slope = self._buffer("slope", gradient.shape, gradient.dtype)
        np.subtract(1, self._outputs, out=slope)
        slope *= self._outputs
        gradient *= slope
        return gradient


class Colours(_FromOutput):
    """(tanh x + 1) / 2: the last layer of the network, which maps every number to [0, 1].

    Since tanh x = 2 y - 1, the derivative (1 - tanh^2 x) / 2 is 2 y (1 - y).
    """

    def forward(self, values: Array, *, training: bool) -> Array:
        """Replace x by the colour."""
        np.tanh(values, out=values)
        values += 1
        values /= 2
        self._outputs = values
        return values

    def input_gradient(self, gradient: Array) -> Array:
        """Multiply by 2 y (1 - y)."""
        gradient *= 2 * self._outputs * (1 - self._outputs)
        return gradient


class Sine(Layer):
    """sin x, as in SIREN (Sitzmann et al. 2020)."""

    _slope: Array

    def forward(self, values: Array, *, training: bool) -> Array:
        """Replace x by sin x; in training, store cos x for the backward pass."""
        if training:
            self._slope = np.cos(values, out=self._buffer("slope", values.shape, values.dtype))
        return np.sin(values, out=values)

    def input_gradient(self, gradient: Array) -> Array:
        """Multiply by cos x."""
        gradient *= self._slope
        return gradient


class SiLU(_FromOutput):
    """x sigmoid(x) (Elfwing et al. 2018)."""

    _gate: Array

    def forward(self, values: Array, *, training: bool) -> Array:
        """Replace x by x s and store s = sigmoid x."""
        self._gate = _sigmoid(values, out=self._buffer("gate", values.shape, values.dtype))
        self._outputs = np.multiply(values, self._gate, out=values)
        return values

    def input_gradient(self, gradient: Array) -> Array:
        """Multiply by s + y (1 - s)."""
        slope = self._buffer("slope", gradient.shape, gradient.dtype)
        np.subtract(1, self._gate, out=slope)
        slope *= self._outputs
        slope += self._gate
        gradient *= slope
        return gradient


ACTIVATIONS: dict[str, type[Layer]] = {
    "leaky_relu": LeakyReLU,
    "relu": ReLU,
    "sigmoid": Sigmoid,
    "silu": SiLU,
    "sine": Sine,
    "tanh": Tanh,
}
"""The activations of hidden layers, by the names that models use."""


def _sigmoid(values: Array, *, out: Array) -> Array:
    """Write 1 / (1 + exp(-x)) as (tanh(x / 2) + 1) / 2, because exp(-x) can overflow."""
    np.multiply(values, 0.5, out=out)
    np.tanh(out, out=out)
    out += 1
    out *= 0.5
    return out
