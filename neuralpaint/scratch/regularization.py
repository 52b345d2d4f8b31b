"""Layers that make a network easier to train: normalization and dropout.

Normalization gives values mean 0 and deviation 1, then a trained gain and shift. Along one axis
with N entries, a row (layer normalization, Ba et al. 2016) or a column, which is the batch (batch
normalization, Ioffe & Szegedy 2015):

    forward      m = mean X     s = sqrt(mean (X - m)^2 + eps)
                 H = (X - m) / s                       (n, units)
                 Y = gain * H + shift                  gain, shift (units,)

    backward     dL/dgain = sum over rows of G * H     dL/dshift = sum over rows of G
                 D = dL/dH = G * gain

An entry of X changes H in three ways: directly, by 1/s; through m, by -1/s at every entry along the
axis, divided by N; and through s, since ds/dX_i = H_i / N and dH_j/ds = -H_j / s. Together

                 dL/dX = (D - mean D - H * mean(D * H)) / s

with both means along the axis. The result is orthogonal to 1 and to H, because H does not change if
X is shifted or scaled.

Dropout sets some values to 0 at random, so that no unit can rely on a single other one (Srivastava
et al. 2014). With a mask M of independent entries, 0 with probability p and 1 / (1 - p) otherwise:

    forward      Y = X * M       whose mean over all masks is X
    backward     dL/dX = G * M

Because of the scale 1 / (1 - p), rendering uses Y = X.
"""

from __future__ import annotations

import numpy as np

from neuralpaint.scratch.layers import Array, DType, Layer, Parameter

__all__ = ["NORMS", "BatchNorm", "Dropout", "LayerNorm"]

_EPS = 1e-5
_MOMENTUM = 0.1  # weight of each batch in the running statistics


class _Normalization(Layer):
    """Normalizes along one axis of (n, units)."""

    axis: int

    def __init__(self, units: int, dtype: DType) -> None:
        super().__init__()
        self.gain = Parameter.of(np.ones(units, dtype))
        self.shift = Parameter.of(np.zeros(units, dtype))

    def parameters(self) -> dict[str, Parameter]:
        """Return gain and shift, under torch's names for them."""
        return {"weight": self.gain, "bias": self.shift}

    def forward(self, values: Array, *, training: bool) -> Array:
        """Return Y; X is overwritten by H, which is stored together with 1/s."""
        values -= values.mean(axis=self.axis, keepdims=True)
        outputs = self._buffer("outputs", values.shape, values.dtype)
        variance = np.mean(np.square(values, out=outputs), axis=self.axis, keepdims=True)
        self._inverse = 1 / np.sqrt(variance + _EPS)
        values *= self._inverse
        self._normal = values
        return self._rescaled(values, outputs)

    def _rescaled(self, normal: Array, outputs: Array) -> Array:
        np.multiply(normal, self.gain.value, out=outputs)
        outputs += self.shift.value
        return outputs

    def parameter_gradients(self, gradient: Array) -> None:
        """Set dL/dgain and dL/dshift."""
        product = self._buffer("product", gradient.shape, gradient.dtype)
        np.sum(np.multiply(gradient, self._normal, out=product), axis=0, out=self.gain.gradient)
        np.sum(gradient, axis=0, out=self.shift.gradient)

    def input_gradient(self, gradient: Array) -> Array:
        """Return (D - mean D - H * mean(D * H)) / s."""
        gradient *= self.gain.value
        product = self._buffer("product", gradient.shape, gradient.dtype)
        np.multiply(gradient, self._normal, out=product)
        along = product.mean(axis=self.axis, keepdims=True)
        gradient -= gradient.mean(axis=self.axis, keepdims=True)
        gradient -= np.multiply(self._normal, along, out=product)
        gradient *= self._inverse
        return gradient


class LayerNorm(_Normalization):
    """Normalizes each point's units, in training and in rendering."""

    axis = 1


class BatchNorm(_Normalization):
    """Normalizes each unit over the batch in training, by running statistics in rendering.

    The colour of a pixel must not depend on what else is rendered. Each batch contributes a tenth
    to the running statistics; their variance is the unbiased one, N / (N - 1) of the batch's.
    """

    axis = 0

    def __init__(self, units: int, dtype: DType) -> None:
        super().__init__(units, dtype)
        self.mean = np.zeros(units, dtype)
        self.variance = np.ones(units, dtype)

    def statistics(self) -> dict[str, Array]:
        """Return the running mean and variance, under torch's names for them."""
        return {"running_mean": self.mean, "running_var": self.variance}

    def forward(self, values: Array, *, training: bool) -> Array:
        """Return Y, with the batch's statistics in training and the running ones otherwise."""
        if not training:
            values -= self.mean
            values /= np.sqrt(self.variance + _EPS)
            return self._rescaled(values, values)
        n = len(values)
        self.mean += _MOMENTUM * (values.mean(axis=0) - self.mean)
        outputs = super().forward(values, training=True)
        variance = (1 / self._inverse[0] ** 2 - _EPS) * (n / max(1, n - 1))
        self.variance += _MOMENTUM * (variance - self.variance)
        return outputs


NORMS: dict[str, type[BatchNorm] | type[LayerNorm]] = {"batch": BatchNorm, "layer": LayerNorm}
"""The normalizations, by the names that models use."""


class Dropout(Layer):
    """Multiplies values by a random mask in training."""

    def __init__(self, probability: float, rng: np.random.Generator) -> None:
        """Take p, in [0, 1), and the generator that draws the masks."""
        super().__init__()
        self.rng = rng
        self._keep = 1 - probability

    def forward(self, values: Array, *, training: bool) -> Array:
        """Multiply by a new mask."""
        if not training:
            return values
        self.mask = self._buffer("mask", values.shape, values.dtype)
        self.rng.random(dtype=values.dtype.type, out=self.mask)
        np.less(self.mask, self._keep, out=self.mask, casting="unsafe")  # 1 or 0
        self.mask /= self._keep
        values *= self.mask
        return values

    def input_gradient(self, gradient: Array) -> Array:
        """Multiply by the same mask."""
        gradient *= self.mask
        return gradient
