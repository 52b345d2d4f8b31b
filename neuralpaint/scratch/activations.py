"""Activations bend each value by itself; without them all layers together were one linear map.

For y = f(x), element by element, dy_i/dx_j is 0 but for i = j, so the chain rule is a product:

    forward      Y = f(X)              (n, units)
    backward     dL/dX = G * f'(X)     (n, units), G = dL/dY

Where f' can be told from y alone, X is overwritten by Y and nothing more is kept:

    relu          y = max(x, 0)             f' = 1 where y > 0, else 0
    leaky_relu    y = x or 0.01 x           f' = 1 where y > 0, else 0.01
    tanh          y = tanh x                f' = 1 - y^2
    sigmoid       y = 1 / (1 + exp(-x))     f' = y (1 - y)
    sine          y = sin x                 f' = cos x, kept on the way forward
    silu          y = x s, s = sigmoid x    f' = s + y (1 - s), s kept

The rectifiers have a kink at 0, where f' is taken from the left.
"""

from __future__ import annotations

import numpy as np

from neuralpaint.scratch.layers import Array, Layer

__all__ = ["Colours", "LeakyReLU", "ReLU", "SiLU", "Sigmoid", "Sine", "Tanh"]

_SLOPE = 0.01


class _FromOutput(Layer):
    """Keeps its outputs for the way back."""

    _outputs: Array


class ReLU(_FromOutput):
    """max(x, 0)."""

    def forward(self, values: Array, *, training: bool) -> Array:
        """Set what is negative to 0."""
        self._outputs = np.maximum(values, 0, out=values)
        return values

    def input_gradient(self, gradient: Array) -> Array:
        """Let through what belongs to positive outputs."""
        positive = self._room("positive", gradient.shape, np.dtype(bool))
        np.greater(self._outputs, 0, out=positive)
        gradient *= positive
        return gradient


class LeakyReLU(_FromOutput):
    """x where it is positive, 0.01 x elsewhere."""

    def forward(self, values: Array, *, training: bool) -> Array:
        """Take the larger of x and 0.01 x."""
        small = np.multiply(values, _SLOPE, out=self._room("small", values.shape, values.dtype))
        self._outputs = np.maximum(values, small, out=values)
        return values

    def input_gradient(self, gradient: Array) -> Array:
        """Multiply by 1 or 0.01; the sign of y is that of x."""
        slope = self._room("small", gradient.shape, gradient.dtype)
        np.greater(self._outputs, 0, out=slope, casting="unsafe")  # 1 or 0
        np.maximum(slope, _SLOPE, out=slope)
        gradient *= slope
        return gradient


class Tanh(_FromOutput):
    """The hyperbolic tangent, between -1 and 1."""

    def forward(self, values: Array, *, training: bool) -> Array:
        """Write tanh x in place of x."""
        self._outputs = np.tanh(values, out=values)
        return values

    def input_gradient(self, gradient: Array) -> Array:
        """Multiply by 1 - y^2."""
        slope = self._room("slope", gradient.shape, gradient.dtype)
        np.multiply(self._outputs, self._outputs, out=slope)
        np.subtract(1, slope, out=slope)
        gradient *= slope
        return gradient


class Sigmoid(_FromOutput):
    """1 / (1 + exp(-x)), between 0 and 1."""

    def forward(self, values: Array, *, training: bool) -> Array:
        """Write it in place of x."""
        self._outputs = _sigmoid(values, out=values)
        return values

    def input_gradient(self, gradient: Array) -> Array:
        """Multiply by y (1 - y)."""
        slope = self._room("slope", gradient.shape, gradient.dtype)
        np.subtract(1, self._outputs, out=slope)
        slope *= self._outputs
        gradient *= slope
        return gradient


class Colours(_FromOutput):
    """(tanh x + 1) / 2: the end of the network, whatever it says becomes a colour in [0, 1].

    Since tanh x = 2 y - 1, the derivative (1 - tanh^2 x) / 2 is 2 y (1 - y).
    """

    def forward(self, values: Array, *, training: bool) -> Array:
        """Write the colour in place of x."""
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
        """Write sin x in place of x; cos x is kept where there will be a way back."""
        if training:
            self._slope = np.cos(values, out=self._room("slope", values.shape, values.dtype))
        return np.sin(values, out=values)

    def input_gradient(self, gradient: Array) -> Array:
        """Multiply by cos x."""
        gradient *= self._slope
        return gradient


class SiLU(_FromOutput):
    """x sigmoid(x) (Elfwing et al. 2018)."""

    _gate: Array

    def forward(self, values: Array, *, training: bool) -> Array:
        """Write x s in place of x, where s = sigmoid x is kept."""
        self._gate = _sigmoid(values, out=self._room("gate", values.shape, values.dtype))
        self._outputs = np.multiply(values, self._gate, out=values)
        return values

    def input_gradient(self, gradient: Array) -> Array:
        """Multiply by s + y (1 - s)."""
        slope = self._room("slope", gradient.shape, gradient.dtype)
        np.subtract(1, self._gate, out=slope)
        slope *= self._outputs
        slope += self._gate
        gradient *= slope
        return gradient


def _sigmoid(values: Array, *, out: Array) -> Array:
    """Write 1 / (1 + exp(-x)), which is (tanh(x / 2) + 1) / 2: an exponential could overflow."""
    np.multiply(values, 0.5, out=out)
    np.tanh(out, out=out)
    out += 1
    out *= 0.5
    return out
