"""The gradient check compares every backward pass with finite differences and with torch.

A derivative is a limit of differences, so a small difference approximates it. For each entry x of
the inputs and of the parameters, with all other entries fixed, the central difference

    (L(x + h) - L(x - h)) / 2h = dL/dx + O(h^2)

needs the forward pass only. The loss of a layer is L = sum of R * outputs with a random R, so that
errors of different outputs do not cancel. In float64 with h = 1e-5 a correct one agrees to about
1e-9, and a gradient with a wrong sign, factor or axis does not agree in any digit. torch's autograd
of the same function agrees to rounding. The error is |a - b| / max(|a|, |b|), of whole arrays.

At a kink (of a rectifier or the absolute error at 0, of Huber's loss at delta) there is no
derivative, and a difference across a kink is the mean of two slopes. So all values stay much
farther than h from a kink: inputs of layers and losses are moved away, networks are drawn again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neuralpaint.image.canvas import Canvas
from neuralpaint.models import ButtonsModel, MLPModel
from neuralpaint.scratch.activations import ACTIVATIONS, Colours, LeakyReLU, ReLU
from neuralpaint.scratch.layers import Array, Layer, Linear
from neuralpaint.scratch.losses import MAE, MSE, Huber, Loss
from neuralpaint.scratch.network import Network, SupportedModel, build_network
from neuralpaint.scratch.regularization import NORMS, BatchNorm, Dropout, LayerNorm

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "TOLERANCE",
    "Check",
    "check_gradients",
    "check_layer",
    "check_loss",
    "check_network",
    "layer_in_torch",
]

TOLERANCE = 1e-6
"""The relative error above which a gradient counts as wrong."""

_STEP = 1e-5
_MARGIN = 1e-2  # from a kink, for single layers and losses
_NETWORK_MARGIN = 1e-3
_POINTS, _UNITS = 6, 5
_CANVAS = Canvas.of(height=3, width=4)
_DELTA = 0.3


@dataclass(frozen=True)
class Check:
    """The relative errors of one analytic gradient."""

    name: str  # of the layer, loss or network
    what: str  # the array with respect to which the loss is differentiated
    differences: float
    torch: float

    @property
    def passes(self) -> bool:
        """Whether both errors are within the tolerance; false for NaN."""
        return self.differences <= TOLERANCE and self.torch <= TOLERANCE


def check_gradients(*, seed: int = 0) -> Iterator[Check]:
    """Yield a check for every gradient of layers, losses and whole networks."""
    rng = np.random.default_rng(seed)
    for name, layer in _layers(rng).items():
        yield from check_layer(name, layer, rng)
    losses: dict[str, Loss] = {"mse": MSE(), "mae": MAE(), "huber": Huber(_DELTA)}
    for name, loss in losses.items():
        yield from check_loss(name, loss, rng)
    for name, model in _models().items():
        yield from check_network(name, model, rng)


def _layers(rng: np.random.Generator) -> dict[str, Layer]:
    linear = Linear(rng.normal(size=(4, _UNITS)), rng.normal(size=4))
    layers: dict[str, Layer] = {"linear": linear}
    layers |= {name: layer() for name, layer in ACTIVATIONS.items()}
    layers["colours"] = Colours()
    layers |= {f"{name} norm": norm(_UNITS, np.dtype(np.float64)) for name, norm in NORMS.items()}
    layers["dropout"] = Dropout(0.4, rng)
    for layer in layers.values():
        for parameter in layer.parameters().values():
            parameter.value += rng.normal(scale=0.3, size=parameter.value.shape)
    return layers


def _models() -> dict[str, SupportedModel]:
    changes: dict[str, dict[str, object]] = {
        **{name: {"activation": name} for name in ACTIVATIONS},
        **{f"{name} norm": {"norm": name, "activation": "tanh"} for name in NORMS},
        "dropout": {"dropout": 0.3, "activation": "tanh"},
    }
    small = {"encoding": "gaussian:features=4,sigma=1", "hidden_size": 8, "hidden_layers": 2}
    models: dict[str, SupportedModel] = {
        f"network, {name}": MLPModel.from_dict(small | options) for name, options in changes.items()
    }
    return models | {"network, buttons": ButtonsModel(hidden_size=8, gain=2, output_gain=1)}


def check_layer(name: str, layer: Layer, rng: np.random.Generator) -> Iterator[Check]:
    """Yield the checks of a float64 layer with 5 inputs: for its inputs and each parameter."""
    values = rng.normal(size=(_POINTS, _UNITS))
    values += _MARGIN * np.where(values < 0, -1, 1)  # at least this far from 0
    forward = _repeatable(layer)
    outputs = forward(values)
    weights = rng.normal(size=outputs.shape)
    arrays: dict[str, Array] = {"values": values}
    arrays |= {part: parameter.value for part, parameter in layer.parameters().items()}
    gradients = {"values": layer.backward(weights.copy())}
    gradients |= {part: parameter.gradient for part, parameter in layer.parameters().items()}

    def in_torch(tensors: dict[str, Tensor]) -> Tensor:
        import torch

        return (layer_in_torch(layer, tensors["values"], tensors) * torch.from_numpy(weights)).sum()

    def measure() -> float:
        return float(np.sum(weights * forward(values)))

    yield from _compare(name, arrays, gradients, measure=measure, in_torch=in_torch)


def check_loss(name: str, loss: Loss, rng: np.random.Generator) -> Iterator[Check]:
    """Yield the check of a loss for its prediction."""
    target = rng.uniform(size=(_POINTS, 3))
    size = rng.uniform(_MARGIN, 1, size=target.shape)
    size[np.abs(size - _DELTA) < _MARGIN] += 3 * _MARGIN
    prediction = target + size * rng.choice([-1, 1], size=target.shape)

    def in_torch(tensors: dict[str, Tensor]) -> Tensor:
        import torch
        from torch.nn import functional

        colours, expected = tensors["prediction"], torch.from_numpy(target)
        if isinstance(loss, Huber):
            return functional.huber_loss(colours, expected, delta=loss.delta)
        if isinstance(loss, MAE):
            return functional.l1_loss(colours, expected)
        return functional.mse_loss(colours, expected)

    yield from _compare(
        name,
        {"prediction": prediction},
        {"prediction": loss.gradient(prediction, target)},
        measure=lambda: loss.value(prediction, target),
        in_torch=in_torch,
    )


def check_network(name: str, model: SupportedModel, rng: np.random.Generator) -> Iterator[Check]:
    """Yield the check of a network with a squared error, for all its weights as one array."""
    loss, codes = MSE(), np.eye(_UNITS, dtype=np.float32) if model.needs_codes else None
    while True:
        seed = int(rng.integers(2**31))
        network = build_network(model, _CANVAS, seed=seed, codes=codes, dtype=np.float64)
        points = rng.uniform(-1, 1, size=(_POINTS, 2 if codes is None else _UNITS))
        if _avoids_kinks(network, points):
            break
    layers = [_repeatable(layer) for layer in network.layers]

    def forward() -> Array:
        values = network.features(points)
        for layer in layers:
            values = layer(values)
        return values

    def in_torch(tensors: dict[str, Tensor]) -> Tensor:
        import torch

        values, start = torch.from_numpy(network.features(points)), 0
        for layer in network.layers:
            own = {}
            for part, parameter in layer.parameters().items():
                end = start + parameter.value.size
                own[part] = tensors["weights"][start:end].view(parameter.value.shape)
                start = end
            values = layer_in_torch(layer, values, own)
        return torch.nn.functional.mse_loss(values, torch.from_numpy(target))

    target = rng.uniform(size=forward().shape)
    network.backward(loss.gradient(forward(), target))
    yield from _compare(
        name,
        {"weights": network.weights},
        {"weights": network.gradients},
        measure=lambda: loss.value(forward(), target),
        in_torch=in_torch,
    )


def _avoids_kinks(network: Network, points: Array) -> bool:
    values = network.features(points)
    for layer in network.layers:
        if isinstance(layer, ReLU | LeakyReLU) and np.abs(values).min() < _NETWORK_MARGIN:
            return False
        values = layer.forward(values, training=True)
    return True


def _repeatable(layer: Layer) -> Callable[[Array], Array]:
    """Return a forward pass in training that copies its values and always uses the same mask."""

    def forward(values: Array) -> Array:
        if isinstance(layer, Dropout):
            layer.rng = np.random.default_rng(0)
        return layer.forward(values.copy(), training=True)

    return forward


def layer_in_torch(layer: Layer, values: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
    """Return torch's outputs of a layer in training for values (n, inputs) and parameters.

    Dropout uses the mask of the layer's latest forward pass.
    """
    import torch
    from torch.nn import functional

    weight, bias = parameters.get("weight"), parameters.get("bias")
    if isinstance(layer, Linear):
        return functional.linear(values, parameters["weight"], bias)
    if isinstance(layer, LayerNorm):
        return functional.layer_norm(values, values.shape[1:], weight, bias)
    if isinstance(layer, BatchNorm):
        return functional.batch_norm(values, None, None, weight, bias, training=True)
    if isinstance(layer, Dropout):
        return values * torch.from_numpy(layer.mask)
    if isinstance(layer, Colours):
        return (torch.tanh(values) + 1) / 2
    functions: dict[str, Callable[[Tensor], Tensor]] = {
        "leaky_relu": functional.leaky_relu,
        "relu": functional.relu,
        "sigmoid": torch.sigmoid,
        "silu": functional.silu,
        "sine": torch.sin,
        "tanh": torch.tanh,
    }
    name = next(name for name, kind in ACTIVATIONS.items() if isinstance(layer, kind))
    return functions[name](values)


def _compare(
    name: str,
    arrays: Mapping[str, Array],
    gradients: Mapping[str, Array],
    *,
    measure: Callable[[], float],
    in_torch: Callable[[dict[str, Tensor]], Tensor],
) -> Iterator[Check]:
    """Yield one check for each array; `measure` returns the loss of their current entries."""
    import torch

    gradients = {what: gradient.copy() for what, gradient in gradients.items()}
    tensors = {what: torch.tensor(array, requires_grad=True) for what, array in arrays.items()}
    torch.autograd.backward(in_torch(tensors))
    for what, array in arrays.items():
        differences = _central_differences(measure, array)
        grad = tensors[what].grad
        by_torch = np.zeros_like(array) if grad is None else grad.numpy()
        yield Check(
            name,
            what,
            differences=_relative_error(gradients[what], differences),
            torch=_relative_error(gradients[what], by_torch),
        )


def _central_differences(measure: Callable[[], float], array: Array) -> Array:
    """Return dL/darray, measured entry by entry; the array is unchanged afterwards."""
    gradient = np.empty_like(array)
    for index in np.ndindex(array.shape):
        middle = array[index]
        array[index] = middle + _STEP
        above = measure()
        array[index] = middle - _STEP
        below = measure()
        array[index] = middle
        gradient[index] = (above - below) / (2 * _STEP)
    return gradient


def _relative_error(a: Array, b: Array) -> float:
    size = max(float(np.linalg.norm(a)), float(np.linalg.norm(b)))
    return float(np.linalg.norm(a - b)) / size if size else 0.0
