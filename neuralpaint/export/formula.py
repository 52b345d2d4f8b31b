"""A formula: a painting written with a few operations that every tool supports.

    features = [sin(2 pi waves), ramps, powers, planes]             of a point (x, y)
    values   = features; then for each layer  f(W [its inputs] + b)
               and in the last one            f(W [its inputs] + b + products of waves)
    colours  = the values of the last layer, in [0, 1]

All other operations of a model are folded into the weights: a cosine is a sine shifted by a quarter
turn, a product of two sines is half the difference of two cosines, the amplitudes of features and
the omega of a SIREN are factors of the weights, batch normalisation of a trained model is a scale
and a shift, and (tanh z + 1) / 2 is the logistic function of 2 z. So an export format that can
write these operations can write every model of a single picture.

Of several pictures, the code adds a constant to the sums of some layers, and says how the planes of
the pictures are mixed. So with a certain code, the formula is again that of a single picture.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray

from neuralpaint.errors import UsageError
from neuralpaint.export.features import (
    Array,
    Features,
    Plane,
    Powers,
    Trained,
    features_of,
    single,
)
from neuralpaint.image.canvas import Canvas
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
from neuralpaint.models.encodings.encoding import LEAST_WEIGHT, MixingWeights, scaling_of
from neuralpaint.models.networks.series import Series
from neuralpaint.models.painting import Painting
from neuralpaint.training.settings import Plan

__all__ = ["EPS", "SLOPE", "CodeInput", "Formula", "Layer", "Norm", "derive", "derive_with_code"]

EPS = 1e-5
"""Added to the mean square before the root, in `Norm`."""
SLOPE = 0.01
"""Slope of a leaky ReLU below 0."""

_Weights = Mapping[str, NDArray[Any]]
_Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Norm:
    """Divides a layer's sums by their root mean square: gain z / sqrt(mean z^2 + EPS) + shift.

    This is layer normalisation if the weights are centred, so that the sums have a mean of 0.
    """

    gain: Array  # (units,)
    shift: Array  # (units,)


@dataclass(frozen=True)
class Layer:
    """f(norm(W [inputs] + b)); the columns of W are in the order of `inputs`."""

    weight: Array  # (units, inputs)
    bias: Array  # (units,)
    activation: ActivationName
    inputs: tuple[int, ...]  # 0: the features; i: the values of layer i, from 1
    norm: Norm | None = None
    code: Array | None = None  # (units, k): weights of the scaled code, if there are codes


@dataclass(frozen=True)
class CodeInput:
    """The input that chooses between several pictures."""

    codes: Array  # (pictures, k): those of the pictures
    centre: Array  # (k,)
    distance: float

    def scaled(self, code: Array) -> Array:
        """Return what the layers receive for a code (k,)."""
        return single((code - self.centre) / self.distance)

    @functools.cached_property
    def mixing(self) -> MixingWeights:
        """Maps a code to the weight of the planes of each picture."""
        return MixingWeights(self.codes)

    def mixing_arrays(self) -> dict[str, Array]:
        """Return the arrays of `MixingWeights`, and the least weight that it does not ignore."""
        named = {
            "origin": "_centre",
            "axes": "_axes",
            "places": "_codes",
            "cardinals": "_cardinals",
        }
        arrays = {name: self.mixing.get_buffer(own).numpy() for name, own in named.items()}
        return {**arrays, "least": np.array(LEAST_WEIGHT, np.float32)}

    def weights(self, code: Array) -> Array:
        """Return the weights (pictures,) of the planes for a code (k,)."""
        return single(self.mixing(torch.from_numpy(code)[None])[0].numpy())


@dataclass(frozen=True)
class Formula:
    """f(x, y) -> (r, g, b); waves and ramps are rows (a, b, c) of a x + b y + c."""

    waves: Array  # (m, 3), in turns
    ramps: Array  # (k, 3)
    powers: Powers
    planes: tuple[Plane, ...]
    layers: tuple[Layer, ...]
    series: Array
    """Coefficients (3, k, l) of products of two waves, added to the sums of the last layer: the
    first k waves are of x, the next l of y. (3, 0, 0) without a series."""
    code: CodeInput | None = None
    """None for a single picture."""

    @property
    def weights(self) -> int:
        """The number of weights in the layers, the series and planes."""
        in_layers = sum(layer.weight.size + layer.bias.size for layer in self.layers)
        return in_layers + self.series.size + sum(plane.nodes.size for plane in self.planes)

    def at(self, code: Array) -> Formula:
        """Return the formula of a single picture, for a code (k,) of several ones."""
        if self.code is None:
            return self
        scaled, shares = self.code.scaled(code), self.code.weights(code)
        layers = tuple(
            replace(layer, bias=single(layer.bias + layer.code @ scaled), code=None)
            if layer.code is not None
            else layer
            for layer in self.layers
        )
        planes = tuple(
            replace(plane, nodes=_mixed(plane, shares), pictures=1) if plane.pictures > 1 else plane
            for plane in self.planes
        )
        return replace(self, layers=layers, planes=planes, code=None)


def _mixed(plane: Plane, shares: Array) -> Array:
    """Return the sum of the nodes of all pictures, with their shares (pictures,)."""
    each = plane.nodes.reshape(plane.pictures, -1, *plane.nodes.shape[1:])
    return single(np.tensordot(shares, each, 1))


def derive(painting: Painting) -> Formula:
    """Return the formula of a painting of a single picture.

    Raises:
        UsageError: the painting is of several pictures, or see `derive_with_code`.
    """
    if painting.codes is not None:
        raise UsageError(
            "a painting of several pictures cannot be exported: train one on a single picture, or "
            "export as .html"
        )
    return derive_with_code(painting)


def derive_with_code(painting: Painting) -> Formula:
    """Return the formula of a painting, of several pictures as a function of the code as well.

    Raises:
        UsageError: the model cannot be written as a formula, or is too large for a file.
    """
    if painting.canvas.channels == 4:
        raise UsageError("a painting with alpha cannot be exported: train one with --background")
    settings = painting.settings
    model = models.parse(settings.model)
    weights = _torch_names(painting.weights)
    if not all(np.isfinite(weight).all() for weight in weights.values()):
        raise UsageError("the painting has weights that are not finite numbers: train it again")
    canvas = Plan(settings).canvas(painting.canvas)
    codes = painting.codes
    pictures = 1 if codes is None else len(codes)
    features = features_of(model, Trained(weights, canvas, settings.seed, pictures))
    series = _series(model, weights, canvas)
    numbers = 0 if codes is None else codes.shape[1]
    return Formula(
        waves=single(features.waves),
        ramps=single(features.ramps),
        powers=Powers(*map(single, features.powers)),
        planes=features.planes,
        layers=tuple(_layers(model, weights, features, series, numbers=numbers)),
        series=single(2 * series[:, 1:, 1:]),
        code=None if codes is None else CodeInput(single(codes), *scaling_of(codes)),
    )


def _series(model: Model, weights: _Weights, canvas: Canvas) -> _Doubles:
    """Return the coefficients (3, m + 1, n + 1) of products of unit waves, the first of 1."""
    if not (isinstance(model, FourierModel) and model.series):
        return np.zeros((3, 1, 1))
    series = Series(model.cosines(canvas))
    light, colour = (torch.from_numpy(weights[f"network.series.{n}"]) for n in ("light", "colour"))
    with torch.no_grad():
        series.light.copy_(light)
        series.colour.copy_(colour)
        coefficients: _Doubles = series.coefficients().double().numpy()
    amplitudes = weights.get("encoding.amplitudes")
    if amplitudes is None:
        return coefficients
    of_x, of_y = np.split(amplitudes.astype(np.float64), [coefficients.shape[1] - 1])
    coefficients[:, 1:] *= of_x[:, None]
    coefficients[:, :, 1:] *= of_y
    return coefficients


class _Folded(NamedTuple):
    """A layer in double precision, with everything folded into its weights."""

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    activation: ActivationName
    norm: Norm | None = None


def _layers(
    model: Model, weights: _Weights, features: Features, series: _Doubles, *, numbers: int
) -> Iterator[Layer]:
    """Yield the layers of the formula; the `numbers` of the code follow the features."""
    last = sum(name.endswith(".bias") and ".layers." in name for name in weights) - 1
    for i in range(last + 1):
        weight, bias = _arrays(weights, f"network.layers.{i}", "weight", "bias")
        inputs = _inputs(model, i)
        if 0 in inputs:  # the features are the last columns, and then the code
            end = weight.shape[1] - numbers
            own = _of_features(weight[:, :end], features)
            weight = np.concatenate([own, weight[:, end:]], 1)
        if _multiplies(model):
            if i == 0:
                weight, bias = _two_cosines(weight, bias)
            elif 1 in inputs:  # the values of layer 0, after those of layer 1 if it reads both
                products = len(weights["network.layers.0.bias"]) // 2
                before = products if inputs[0] == 2 else 0
                weight = _of_two_cosines(weight, slice(before, before + products))
        if i == last:
            along_axes = np.concatenate([series[:, 1:, 0], series[:, 0, 1:]], 1)
            weight[:, weight.shape[1] - along_axes.shape[1] :] += along_axes
            bias = bias + series[:, 0, 0]
            # (tanh z + 1) / 2 is the logistic function of 2 z.
            layer = _Folded(2 * weight, 2 * bias, "sigmoid")
        else:
            activation = cast(ActivationName, getattr(model, "activation", "relu"))
            layer = _fold(model, i, _Folded(weight, bias, activation), weights)
        weight, code = layer.weight, None
        if numbers and 0 in inputs:
            weight, code = weight[:, :-numbers], single(weight[:, -numbers:])
        yield Layer(single(weight), single(layer.bias), layer.activation, inputs, layer.norm, code)


def _of_features(weight: _Doubles, features: Features) -> _Doubles:
    """Return a layer's weight whose last columns are for the features of the formula."""
    width = next(
        (len(each) for each in (features.columns, features.amplitudes) if each is not None), 0
    )
    if width == 0:
        return weight
    hidden, own = weight[:, :-width], weight[:, -width:]
    if features.amplitudes is not None:
        own = own * features.amplitudes
    if features.columns is not None:
        own = own[:, list(features.columns)]
    return np.concatenate([hidden, own], 1)


def _multiplies(model: Model) -> bool:
    """Return whether the units of layer 0 are products of two sines."""
    return isinstance(model, FourierModel) and model.first_factors == 2


def _two_cosines(weight: _Doubles, bias: _Doubles) -> tuple[_Doubles, _Doubles]:
    """Return layer 0 as sines: sin(z) sin(z') = (cos(z - z') - cos(z + z')) / 2."""
    (weight, weight_2), (bias, bias_2) = np.split(weight, 2), np.split(bias, 2)
    bias = bias + np.pi / 2
    return np.concatenate([weight - weight_2, weight + weight_2]), np.concatenate(
        [bias - bias_2, bias + bias_2]
    )


def _of_two_cosines(weight: _Doubles, products: slice) -> _Doubles:
    """Return a weight whose columns for the products of layer 0 are for its two cosines."""
    half = weight[:, products] / 2
    return np.concatenate([weight[:, : products.start], half, -half, weight[:, products.stop :]], 1)


@functools.singledispatch
def _inputs(model: Model, layer: int) -> tuple[int, ...]:
    """Return the inputs of a layer, as in `Layer.inputs`."""
    raise UsageError(f"model {models.name_of(model)!r} cannot be exported: choose another --model")


@_inputs.register
def _previous(model: MLPModel | SirenModel | PyramidModel, layer: int) -> tuple[int, ...]:
    return (layer,)


@_inputs.register
def _skip_inputs(model: FourierModel | SkipConnModel | MorphModel, layer: int) -> tuple[int, ...]:
    return (*(i for i in (layer, layer - 1) if i > 0), 0)


@functools.singledispatch
def _fold(model: Model, index: int, layer: _Folded, weights: _Weights) -> _Folded:
    """Fold all operations between the sums and the activation into a hidden layer."""
    return layer


@_fold.register
def _fold_omega(model: SirenModel, index: int, layer: _Folded, weights: _Weights) -> _Folded:
    omega = model.omega if index else model.omega_0
    return _Folded(omega * layer.weight, omega * layer.bias, "sine")


@_fold.register
def _fold_norm(model: MLPModel, index: int, layer: _Folded, weights: _Weights) -> _Folded:
    if model.norm == "none":
        return layer
    name, (weight, bias) = f"network.norms.{index}", layer[:2]
    gain, shift = _arrays(weights, name, "weight", "bias")
    if model.norm == "layer":
        norm = Norm(single(gain), single(shift))
        centred = weight - weight.mean(0), bias - bias.mean()
        return layer._replace(weight=centred[0], bias=centred[1], norm=norm)
    mean, variance = _arrays(weights, name, "running_mean", "running_var")
    scale = gain / np.sqrt(variance + EPS)
    return layer._replace(weight=scale[:, None] * weight, bias=scale * (bias - mean) + shift)


def _arrays(weights: _Weights, name: str, *parts: str) -> Iterator[NDArray[np.float64]]:
    """Yield copies of a layer's arrays in double precision."""
    return (weights[f"{name}.{part}"].astype(np.float64) for part in parts)


def _torch_names(weights: _Weights) -> _Weights:
    """Return the weights under the names of the torch engine, for a single picture."""
    modules = {"linear": "network.layers", "norm": "network.norms"}

    def renamed(name: str) -> str:
        found = re.fullmatch(r"(linear|norm)(\d+\..*)", name)
        if found:
            return f"{modules[found[1]]}.{found[2]}"
        # The encodings of several pictures contain that of one.
        return name.replace("encoding.encoding.", "encoding.").replace(".pyramid.", ".")

    return {renamed(name): value for name, value in weights.items()}
