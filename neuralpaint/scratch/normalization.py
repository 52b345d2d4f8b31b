"""Normalisation keeps values at mean 0 and deviation 1, then lets them have learned ones.

Along one axis with N entries, of each row (layer normalisation, Ba et al. 2016) or of each column,
that is over the batch (batch normalisation, Ioffe & Szegedy 2015):

    forward      m = mean X     s = sqrt(mean (X - m)^2 + eps)
                 H = (X - m) / s                       (n, units)
                 Y = gain * H + shift                  gain, shift (units,)

    backward     dL/dgain = sum over rows of G * H     dL/dshift = sum over rows of G
                 D = dL/dH = G * gain

An entry of X moves H in three ways: directly, by 1/s; through m, by -1/s at every entry along the
axis, divided by N; and through s, since ds/dX_i = H_i / N and dH_j/ds = -H_j / s. Together

                 dL/dX = (D - mean D - H * mean(D * H)) / s

with both means along the axis: what is left is at right angles to 1 and to H, for along those X can
change and H does not.
"""

from __future__ import annotations

import numpy as np

from neuralpaint.scratch.layers import Array, DType, Layer, Parameter

__all__ = ["BatchNorm", "LayerNorm"]

_EPS = 1e-5
_MOMENTUM = 0.1  # the part of the running statistics that each batch renews


class _Normalization(Layer):
    """Normalises along one axis of (n, units)."""

    axis: int

    def __init__(self, units: int, dtype: DType) -> None:
        super().__init__()
        self.gain = Parameter.of(np.ones(units, dtype))
        self.shift = Parameter.of(np.zeros(units, dtype))

    def parameters(self) -> dict[str, Parameter]:
        """Return gain and shift, under the names that torch has for them."""
        return {"weight": self.gain, "bias": self.shift}

    def forward(self, values: Array, *, training: bool) -> Array:
        """Return Y; H is written in place of X and kept, as is 1/s."""
        values -= values.mean(axis=self.axis, keepdims=True)
        outputs = self._room("outputs", values.shape, values.dtype)
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
        product = self._room("product", gradient.shape, gradient.dtype)
        np.sum(np.multiply(gradient, self._normal, out=product), axis=0, out=self.gain.gradient)
        np.sum(gradient, axis=0, out=self.shift.gradient)

    def input_gradient(self, gradient: Array) -> Array:
        """Return (D - mean D - H * mean(D * H)) / s."""
        gradient *= self.gain.value
        product = self._room("product", gradient.shape, gradient.dtype)
        np.multiply(gradient, self._normal, out=product)
        along = product.mean(axis=self.axis, keepdims=True)
        gradient -= gradient.mean(axis=self.axis, keepdims=True)
        gradient -= np.multiply(self._normal, along, out=product)
        gradient *= self._inverse
        return gradient


class LayerNorm(_Normalization):
    """Normalises each point's units: the same in training and in rendering."""

    axis = 1


class BatchNorm(_Normalization):
    """Normalises each unit over the batch, or in rendering by what training has seen.

    A pixel's colour must not depend on what else is rendered. So running statistics are kept, of
    which each batch renews a tenth; the variance is the unbiased one, N / (N - 1) of the batch's.
    """

    axis = 0

    def __init__(self, units: int, dtype: DType) -> None:
        super().__init__(units, dtype)
        self.mean = np.zeros(units, dtype)
        self.variance = np.ones(units, dtype)

    def statistics(self) -> dict[str, Array]:
        """Return the running mean and variance, under the names that torch has for them."""
        return {"running_mean": self.mean, "running_var": self.variance}

    def forward(self, values: Array, *, training: bool) -> Array:
        """Return Y of the batch's own statistics in training, of the running ones otherwise."""
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
