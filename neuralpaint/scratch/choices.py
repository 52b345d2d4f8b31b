"""What this engine has of all that can be chosen by name, and a clear word about the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.models import ButtonsModel, MLPModel, Model, models
from neuralpaint.models.codes import Codes
from neuralpaint.models.encodings.entries import (
    EncodingSettings,
    FrequencyEncoding,
    HarmonicEncoding,
    encodings,
)
from neuralpaint.models.initialization import drawn_buttons, drawn_weights
from neuralpaint.scratch import activations, losses, optimizers
from neuralpaint.scratch.dropout import Dropout
from neuralpaint.scratch.features import Code, Coordinates, Features, Harmonics, Waves
from neuralpaint.scratch.layers import DType, Layer
from neuralpaint.scratch.linear import Linear
from neuralpaint.scratch.network import Network
from neuralpaint.scratch.normalization import BatchNorm, LayerNorm
from neuralpaint.training.losses import Loss as LossSettings
from neuralpaint.training.losses import losses as named_losses
from neuralpaint.training.optimizers import Optimizer as OptimizerSettings
from neuralpaint.training.optimizers import optimizers as named_optimizers

__all__ = [
    "ACTIVATIONS",
    "NORMS",
    "KnownModel",
    "build_loss",
    "build_network",
    "build_optimizer",
    "check_device",
    "count_weights",
    "known_model",
]

T = TypeVar("T")

ACTIVATIONS: dict[str, type[Layer]] = {
    "leaky_relu": activations.LeakyReLU,
    "relu": activations.ReLU,
    "sigmoid": activations.Sigmoid,
    "silu": activations.SiLU,
    "sine": activations.Sine,
    "tanh": activations.Tanh,
}
NORMS: dict[str, type[BatchNorm] | type[LayerNorm]] = {"batch": BatchNorm, "layer": LayerNorm}
KnownModel = MLPModel | ButtonsModel
_ENCODINGS = ("none", "basic", "positional", "gaussian", "harmonic")


def known_model(model: Model) -> KnownModel:
    """Return the settings of a model if this engine has it.

    Raises:
        UsageError: it has not; the message lists what it has.
    """
    if not isinstance(model, KnownModel):
        raise _missing("model", models.name_of(model), ["mlp", "buttons"])
    return model


def check_device(name: str) -> None:
    """See to it that the device is the CPU.

    Raises:
        UsageError: it is not.
    """
    if name not in ("auto", "cpu"):
        raise _missing("device", name, ["cpu"])


def build_network(
    model: KnownModel,
    canvas: Canvas,
    *,
    seed: int,
    codes: Codes | None = None,
    dtype: type[np.floating[Any]] = np.float32,
) -> Network:
    """Return the network for pictures of the size of `canvas`, its weights freshly drawn.

    `codes` are those of an album, (pictures, k).

    Raises:
        UsageError: the model has an encoding or activation that this engine has not, or cannot
            learn codes, or nothing else.
    """
    kind = np.dtype(dtype)
    if isinstance(model, ButtonsModel):
        return _build_buttons(model, canvas, model.pressed(codes), seed=seed, kind=kind)
    if codes is not None:
        raise UsageError("--engine numpy learns several pictures with --model buttons only")
    bend = _chosen(ACTIVATIONS, "activation", model.activation)
    rng = np.random.default_rng(seed)
    features = _features(model.encoding, canvas, rng)
    sizes = _sizes(model, features)
    drawn = drawn_weights(sizes, activation=model.activation, spectrum=features.spectrum, seed=seed)
    linears = [Linear(weight.astype(kind), bias.astype(kind)) for weight, bias in drawn]
    layers: dict[str, Layer] = {}
    for i, linear in enumerate(linears[:-1]):
        layers[f"linear{i}"] = linear
        if model.norm != "none":
            layers[f"norm{i}"] = NORMS[model.norm](model.hidden_size, kind)
        layers[f"{model.activation}{i}"] = bend()
        if model.dropout > 0:
            layers[f"dropout{i}"] = Dropout(model.dropout, rng)
    layers[f"linear{len(linears) - 1}"] = linears[-1]
    layers["colours"] = activations.Colours()
    return Network(features, layers)


def _build_buttons(
    model: ButtonsModel, canvas: Canvas, codes: Codes, *, seed: int, kind: DType
) -> Network:
    drawn = drawn_buttons(
        _button_sizes(model, canvas, codes),
        gain=model.gain,
        output_gain=model.output_gain,
        seed=seed,
    )
    layers: dict[str, Layer] = {}
    for i, weight in enumerate(drawn):
        layers[f"linear{i}"] = Linear(weight.astype(kind))
        layers[f"sigmoid{i}"] = activations.Sigmoid()
    return Network(Code(codes.shape[1]), layers)


def count_weights(model: KnownModel, canvas: Canvas, codes: Codes | None = None) -> int:
    """Return how many weights and biases the linear layers of `build_network` have.

    Raises:
        UsageError: the model has an encoding that this engine has not, or needs codes.
    """
    if isinstance(model, ButtonsModel):
        sizes = _button_sizes(model, canvas, model.pressed(codes))
        return sum(inputs * units for inputs, units in pairwise(sizes))
    features = _features(model.encoding, canvas, np.random.default_rng(0))
    return sum((inputs + 1) * units for inputs, units in pairwise(_sizes(model, features)))


def _button_sizes(model: ButtonsModel, canvas: Canvas, codes: Codes) -> list[int]:
    pixels = canvas.height * canvas.width
    return [codes.shape[1], *[model.hidden_size] * model.hidden_layers, 3 * pixels]


def _sizes(model: MLPModel, features: Features) -> list[int]:
    """Return the widths of the features, of each hidden layer and of the output."""
    return [features.width, *[model.hidden_size] * model.hidden_layers, 3]


def _features(spec: str, canvas: Canvas, rng: np.random.Generator) -> Features:
    encoding: EncodingSettings = encodings.parse(spec)
    name = encodings.name_of(encoding)
    if name not in _ENCODINGS:
        raise _missing("encoding", name, _ENCODINGS)
    if isinstance(encoding, FrequencyEncoding):
        return Waves(encoding.frequencies(rng), separable=encoding.separable)
    if isinstance(encoding, HarmonicEncoding):
        return Harmonics(encoding.order_for(canvas))
    return Coordinates()


def build_loss(entry: LossSettings) -> losses.Loss:
    """Return the loss that an entry describes.

    Raises:
        UsageError: this engine does not have it.
    """
    known: dict[str, Callable[[Any], losses.Loss]] = {
        "mse": lambda entry: losses.MSE(),
        "mae": lambda entry: losses.MAE(),
        "huber": lambda entry: losses.Huber(entry.delta),
    }
    return _chosen(known, "loss", named_losses.name_of(entry))(entry)


def build_optimizer(entry: OptimizerSettings, *, raw: float = 1.0) -> optimizers.Optimizer:
    """Return the optimizer that an entry describes, with nothing behind it yet.

    `raw` is what rates are multiplied by where a move is as long as the gradient.

    Raises:
        UsageError: this engine does not have it.
    """
    known: dict[str, Callable[[Any], optimizers.Optimizer]] = {
        "sgd": lambda entry: optimizers.SGD(
            momentum=entry.momentum, nesterov=entry.nesterov, raw=raw
        ),
        "adam": lambda entry: optimizers.Adam(beta1=entry.beta1, beta2=entry.beta2, eps=entry.eps),
        "adamw": lambda entry: optimizers.Adam(
            beta1=entry.beta1,
            beta2=entry.beta2,
            eps=entry.eps,
            weight_decay=entry.weight_decay,
        ),
    }
    return _chosen(known, "optimizer", named_optimizers.name_of(entry))(entry)


def _chosen(known: Mapping[str, T], kind: str, name: str) -> T:
    if name not in known:
        raise _missing(kind, name, known)
    return known[name]


def _missing(kind: str, name: str, known: Any) -> UsageError:
    there = ", ".join(known)
    return UsageError(
        f"--engine numpy has no {kind} {name!r}: choose from {there}, or --engine torch"
    )
