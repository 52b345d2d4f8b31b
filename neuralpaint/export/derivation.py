"""How a painting's formula is derived: from its settings, its picture's size and its weights."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import UsageError
from neuralpaint.export.features import features_of, waves_and_planes
from neuralpaint.export.formula import EPS, Formula, Layer, Norm, single
from neuralpaint.models import (
    ActivationName,
    FourierModel,
    MLPModel,
    Model,
    MorphModel,
    PyramidModel,
    SirenModel,
    SkipConnModel,
    models,
)
from neuralpaint.models.encodings.entries import (
    EncodingSettings,
    HarmonicEncoding,
    PyramidEncoding,
    encodings,
)
from neuralpaint.models.painting import Painting
from neuralpaint.training.settings import Plan

__all__ = ["derive"]

Weights = Mapping[str, NDArray[Any]]


def derive(painting: Painting) -> Formula:
    """Return the formula of a painting.

    Raises:
        UsageError: the model has something that no formula has, or is too large for a file.
    """
    if painting.codes is not None:
        raise UsageError(
            "a painting of several pictures cannot be exported: train one of a single picture"
        )
    settings = painting.settings
    model = models.parse(settings.model)
    weights = _named_as_by_torch(painting.weights)
    if not all(np.isfinite(weight).all() for weight in weights.values()):
        raise UsageError("the painting holds weights that are no numbers: train it again")
    learned = Plan(settings).canvas(painting.canvas)
    if isinstance(model, MorphModel):
        features = waves_and_planes(weights, learned)
    else:
        chosen = _encoding(model)
        features = features_of(
            chosen, weights=weights, canvas=learned, seed=settings.optimization.seed
        )
    return Formula(
        waves=single(features.waves),
        ramps=single(features.ramps),
        planes=features.planes,
        layers=tuple(_layers(model, weights, columns=features.columns)),
    )


def _named_as_by_torch(weights: Weights) -> Weights:
    """Return weights under the names of the torch engine, whose mlp is that of the other one."""
    rooms = {"linear": "network.layers", "norm": "network.norms"}

    def renamed(name: str) -> str:
        found = re.fullmatch(r"(linear|norm)(\d+\..*)", name)
        return f"{rooms[found[1]]}.{found[2]}" if found else name

    return {renamed(name): value for name, value in weights.items()}


def _encoding(model: Model) -> EncodingSettings:
    if isinstance(model, FourierModel):
        return HarmonicEncoding(model.order)
    if isinstance(model, PyramidModel):
        return PyramidEncoding(detail=model.detail, fade=model.fade)
    if isinstance(model, MLPModel | SirenModel | SkipConnModel):
        return encodings.parse(model.encoding)
    raise UsageError(f"model {models.name_of(model)!r} cannot be exported: choose another --model")


def _layers(model: Model, weights: Weights, *, columns: Sequence[int] | None) -> Iterator[Layer]:
    """Yield the layers; `columns` says which of the model's features each one of ours is."""
    last = sum(name.endswith(".bias") and ".layers." in name for name in weights) - 1
    for i in range(last + 1):
        weight, bias = _of(weights, f"network.layers.{i}", "weight", "bias")
        sees = _seen(model, i)
        if columns is not None and 0 in sees:  # the features come last
            weight[:, -len(columns) :] = weight[:, -len(columns) :][:, list(columns)]
        norm, activation = None, cast(ActivationName, getattr(model, "activation", "relu"))
        if i == last:
            # (tanh z + 1) / 2 is the logistic function of 2 z
            weight, bias, activation = 2 * weight, 2 * bias, "sigmoid"
        elif isinstance(model, SirenModel):
            omega = model.omega if i else model.omega_0
            weight, bias, activation = omega * weight, omega * bias, "sine"
        elif isinstance(model, MLPModel) and model.norm != "none":
            weight, bias, norm = _normalized(weight, bias, weights, f"network.norms.{i}")
        yield Layer(single(weight), single(bias), activation, sees, norm)


def _seen(model: Model, layer: int) -> tuple[int, ...]:
    """Return which values a layer sees; number 0 are the features."""
    if isinstance(model, FourierModel | SkipConnModel | MorphModel):
        return (*(i for i in (layer, layer - 1) if i > 0), 0)
    return (layer,)


def _normalized(
    weight: NDArray[np.float64], bias: NDArray[np.float64], weights: Weights, name: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], Norm | None]:
    """Return a layer's weight, bias and norm; a batch's is a scale and a shift, and so goes in."""
    gain, shift = _of(weights, name, "weight", "bias")
    if f"{name}.running_var" not in weights:
        return weight - weight.mean(0), bias - bias.mean(), Norm(single(gain), single(shift))
    mean, variance = _of(weights, name, "running_mean", "running_var")
    scale = gain / np.sqrt(variance + EPS)
    return scale[:, None] * weight, scale * (bias - mean) + shift, None


def _of(weights: Weights, name: str, *parts: str) -> Iterator[NDArray[np.float64]]:
    """Yield copies of the parts of a layer, in double precision."""
    return (weights[f"{name}.{part}"].astype(np.float64) for part in parts)
