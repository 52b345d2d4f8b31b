"""A network is a sequence of layers: forward from first to last, backward from last to first.

    forward      points -> features -> linear -> (normalization) -> activation -> (dropout) -> ...
                 -> linear -> colours
    backward     dL/dcolours -> ... -> dL/dweights

All weights are views of one vector and all gradients are views of another, so the optimizer step,
the moving average and a frozen copy are one operation each, for any number of layers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.models import ButtonsModel, MLPModel, Model, models
from neuralpaint.models.codes import Codes
from neuralpaint.models.encodings import (
    FrequencyEncoding,
    HarmonicEncoding,
    encodings,
)
from neuralpaint.models.networks import draw_button_weights, draw_weights
from neuralpaint.scratch.activations import ACTIVATIONS, Colours, Sigmoid
from neuralpaint.scratch.features import Code, Coordinates, Features, Harmonics, Waves
from neuralpaint.scratch.layers import Array, DType, Layer, Linear, Parameter
from neuralpaint.scratch.regularization import NORMS, Dropout

__all__ = [
    "Network",
    "SupportedModel",
    "Weights",
    "build_network",
    "choose",
    "count_weights",
    "supported_model",
]

T = TypeVar("T")

Weights = dict[str, Array]
"""Arrays by name, such as "linear0.weight": trained weights and running statistics."""

SupportedModel = MLPModel | ButtonsModel

_ENCODINGS = ("none", "basic", "positional", "gaussian", "harmonic")


class Network:
    """f(x, y) -> (r, g, b), or f(code) -> all the colours of a picture."""

    def __init__(self, features: Features, layers: Mapping[str, Layer]) -> None:
        """Compose features and layers, which are given by name in their order."""
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

    def start_at(self, signal: Array) -> None:
        """Add a signal (3,) to the bias of the last layer, before (tanh + 1) / 2.

        The network of the model `buttons` has no bias: it is not changed.
        """
        biases = [p.value for name, p in self.parameters.items() if name.endswith(".bias")]
        if biases and len(biases[-1]) == len(signal):
            biases[-1] += signal

    def forward(self, points: Array, *, training: bool = False) -> Array:
        """Return the colours (n, 3) in [0, 1] of points (n, 2); the next call overwrites them.

        With `Code` features, points are codes (n, k) and colours are (n, 3 h w).
        """
        values = self.features(points)
        for layer in self.layers:
            values = layer.forward(values, training=training)
        return values

    def layer_values(self, points: Array) -> list[Array]:
        """Return copies of the features, each hidden layer's values and the signal, (n, units)."""
        values, found = self.features(points), []
        for layer in self.layers[:-1]:
            if isinstance(layer, Linear):
                found.append(values.copy())  # the features, or what a hidden layer has answered
            values = layer.forward(values, training=False)
        return [*found, values.copy()]

    def backward(self, gradient: Array) -> None:
        """Set `gradients`, for dL/dcolours (n, 3), which is overwritten."""
        for layer in reversed(self.layers[1:]):
            gradient = layer.backward(gradient)
        # The gradient of the features is not needed: this saves the largest product.
        self.layers[0].parameter_gradients(gradient)

    def matrices(self) -> list[Parameter]:
        """Return the weight matrices, to which penalties apply: no biases, gains or shifts."""
        return [p for p in self.parameters.values() if p.value.ndim == 2]

    def state(self, vector: Array | None = None) -> Weights:
        """Return a copy by name of the weights, or of a vector (k,) that replaces them."""
        copy = (self.weights if vector is None else vector).copy()
        statistics = {name: array.copy() for name, array in self._statistics.items()}
        return self._views(copy) | statistics

    def load(self, weights: Weights) -> None:
        """Copy weights and statistics from a `state`."""
        for name, parameter in self.parameters.items():
            parameter.value[...] = weights[name]
        for name, array in self._statistics.items():
            array[...] = weights[name]

    def _views(self, vector: Array) -> Weights:
        """Return views of a vector (k,) in the shapes of the parameters."""
        views, start = {}, 0
        for name, parameter in self.parameters.items():
            end = start + parameter.value.size
            views[name] = vector[start:end].reshape(parameter.value.shape)
            start = end
        return views


def build_network(
    model: SupportedModel,
    canvas: Canvas,
    *,
    seed: int,
    codes: Codes | None = None,
    dtype: type[np.floating[Any]] = np.float32,
) -> Network:
    """Return a network with random weights for pictures of the size of `canvas`.

    `codes` (pictures, k) are the codes of an album; None for a single picture.

    Raises:
        UsageError: this engine does not have the model's encoding or activation, or the model
            needs codes or cannot use them.
    """
    kind = np.dtype(dtype)
    if isinstance(model, ButtonsModel):
        return _build_buttons(model, canvas, model.check_codes(codes), seed=seed, kind=kind)
    if codes is not None:
        raise UsageError("--engine numpy learns several pictures with --model buttons only")
    activation = choose("activation", model.activation, ACTIVATIONS)
    rng = np.random.default_rng(seed)
    features = _build_features(model.encoding, canvas, rng)
    sizes = _sizes(model, features)
    drawn = draw_weights(sizes, activation=model.activation, spectrum=features.spectrum, seed=seed)
    linears = [Linear(weight.astype(kind), bias.astype(kind)) for weight, bias in drawn]
    layers: dict[str, Layer] = {}
    for i, linear in enumerate(linears[:-1]):
        layers[f"linear{i}"] = linear
        if model.norm != "none":
            layers[f"norm{i}"] = NORMS[model.norm](model.hidden_size, kind)
        layers[f"{model.activation}{i}"] = activation()
        if model.dropout > 0:
            layers[f"dropout{i}"] = Dropout(model.dropout, rng)
    layers[f"linear{len(linears) - 1}"] = linears[-1]
    layers["colours"] = Colours()
    return Network(features, layers)


def _build_buttons(
    model: ButtonsModel, canvas: Canvas, codes: Codes, *, seed: int, kind: DType
) -> Network:
    drawn = draw_button_weights(
        _button_sizes(model, canvas, codes),
        gain=model.gain,
        output_gain=model.output_gain,
        seed=seed,
    )
    layers: dict[str, Layer] = {}
    for i, weight in enumerate(drawn):
        layers[f"linear{i}"] = Linear(weight.astype(kind))
        layers[f"sigmoid{i}"] = Sigmoid()
    return Network(Code(codes.shape[1]), layers)


def _build_features(spec: str, canvas: Canvas, rng: np.random.Generator) -> Features:
    encoding = encodings.parse(spec)
    choose("encoding", encodings.name_of(encoding), dict.fromkeys(_ENCODINGS))
    if isinstance(encoding, FrequencyEncoding):
        return Waves(encoding.frequencies(rng), separable=encoding.separable)
    if isinstance(encoding, HarmonicEncoding):
        return Harmonics(encoding.order_for(canvas))
    return Coordinates()


def count_weights(model: SupportedModel, canvas: Canvas, codes: Codes | None = None) -> int:
    """Return the number of weights and biases in the linear layers of `build_network`.

    Raises:
        UsageError: this engine does not have the model's encoding, or the model needs codes.
    """
    if isinstance(model, ButtonsModel):
        sizes = _button_sizes(model, canvas, model.check_codes(codes))
        return sum(inputs * units for inputs, units in pairwise(sizes))
    features = _build_features(model.encoding, canvas, np.random.default_rng(0))
    return sum((inputs + 1) * units for inputs, units in pairwise(_sizes(model, features)))


def _button_sizes(model: ButtonsModel, canvas: Canvas, codes: Codes) -> list[int]:
    pixels = canvas.height * canvas.width
    return [codes.shape[1], *[model.hidden_size] * model.hidden_layers, 3 * pixels]


def _sizes(model: MLPModel, features: Features) -> list[int]:
    """Return the widths of the features, of each hidden layer and of the output."""
    return [features.width, *[model.hidden_size] * model.hidden_layers, 3]


def supported_model(model: Model) -> SupportedModel:
    """Return the settings of a model if this engine has it.

    Raises:
        UsageError: this engine does not have the model; the message lists its models.
    """
    if not isinstance(model, SupportedModel):
        raise _unsupported("model", models.name_of(model), ["mlp", "buttons"])
    return model


def choose(kind: str, name: str, table: Mapping[str, T]) -> T:
    """Return the entry of a table by its name.

    Raises:
        UsageError: there is none; the message lists the names.
    """
    if name not in table:
        raise _unsupported(kind, name, table)
    return table[name]


def _unsupported(kind: str, name: str, supported: Iterable[str]) -> UsageError:
    return UsageError(
        f"--engine numpy has no {kind} {name!r}: choose from {', '.join(supported)}, or --engine "
        "torch"
    )
