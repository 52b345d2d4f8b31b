"""A network is layers in a row: forward from first to last, backward from last to first.

    forward      points -> features -> linear -> (normalisation) -> activation -> (dropout) -> ...
                 -> linear -> colours
    backward     dL/dcolours -> ... -> dL/dweights

All weights lie in one vector, of which each layer's are views, and so do the gradients: the
optimizer, the moving average and a frozen copy are then one operation each, however many layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from neuralpaint.scratch.features import Features
from neuralpaint.scratch.layers import Array, Layer, Parameter

__all__ = ["Network", "Weights"]

Weights = dict[str, Array]
"""Arrays by name, such as "linear0.weight": what is learned, and running statistics."""


class Network:
    """f(x, y) -> (r, g, b), or f(code) -> all the colours of a picture."""

    def __init__(self, features: Features, layers: Mapping[str, Layer]) -> None:
        """Compose features and layers, which are given by name, the first one first."""
        self.features = features
        self.layers: Sequence[Layer] = list(layers.values())
        self.parameters = {
            f"{name}.{part}": parameter
            for name, layer in layers.items()
            for part, parameter in layer.parameters().items()
        }
        self._statistics = {
            f"{name}.{part}": array
            for name, layer in layers.items()
            for part, array in layer.statistics().items()
        }
        self.weights = np.concatenate([p.value.ravel() for p in self.parameters.values()])
        self.gradients = np.zeros_like(self.weights)
        views = zip(
            self.parameters.values(),
            self._views(self.weights).values(),
            self._views(self.gradients).values(),
            strict=True,
        )
        for parameter, value, gradient in views:
            parameter.value, parameter.gradient = value, gradient

    def forward(self, points: Array, *, training: bool = False) -> Array:
        """Return the colours (n, 3) in [0, 1] of points (n, 2), until the next call.

        Buttons take codes (n, k) for points, and answer (n, 3 h w).
        """
        values = self.features(points)
        for layer in self.layers:
            values = layer.forward(values, training=training)
        return values

    def backward(self, gradient: Array) -> None:
        """Set `gradients`, for dL/dcolours (n, 3), which is overwritten."""
        for layer in reversed(self.layers[1:]):
            gradient = layer.backward(gradient)
        # Nobody asks what the features should have been: the costliest product is saved.
        self.layers[0].parameter_gradients(gradient)

    def matrices(self) -> list[Parameter]:
        """Return the weights without biases, gains and shifts: what a penalty is about."""
        return [p for p in self.parameters.values() if p.value.ndim == 2]

    def state(self, vector: Array | None = None) -> Weights:
        """Return a copy of the weights, or of another vector (k,) in their place, by name."""
        copy = (self.weights if vector is None else vector).copy()
        kept = {name: array.copy() for name, array in self._statistics.items()}
        return self._views(copy) | kept

    def load(self, weights: Weights) -> None:
        """Take over weights and statistics as `state` returned them."""
        for name, parameter in self.parameters.items():
            parameter.value[...] = weights[name]
        for name, array in self._statistics.items():
            array[...] = weights[name]

    def _views(self, vector: Array) -> Weights:
        """Return a vector (k,) in the shapes of the parameters, nothing copied."""
        views, start = {}, 0
        for name, parameter in self.parameters.items():
            end = start + parameter.value.size
            views[name] = vector[start:end].reshape(parameter.value.shape)
            start = end
        return views
