"""The gradient check: every backward pass against plain arithmetic, and against torch.

A derivative is a limit, and near the limit it can be measured. For each single entry x of the
inputs and of the parameters, with everything else held still, the central difference

    (L(x + h) - L(x - h)) / 2h = dL/dx + O(h^2)

needs the forward pass only. The loss of a layer is L = sum of R * outputs with R drawn at random,
so that no error hides behind another. In float64 with h = 1e-5 a right gradient agrees to about
1e-9, and a wrong sign, factor or axis to no digit at all; where torch's autograd differentiates the
same function, it agrees to rounding. The error is |a - b| / max(|a|, |b|), of whole arrays.

At a kink (a rectifier's or the absolute error's at 0, Huber's at delta) there is no derivative, and
a difference that steps over one measures the mean of two slopes. So values there are kept away from
kinks by far more than h: those of layers and losses are moved, those of networks drawn again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neuralpaint.image.canvas import Canvas
from neuralpaint.models import ButtonsModel, MLPModel
from neuralpaint.scratch.activations import Colours, LeakyReLU, ReLU
from neuralpaint.scratch.choices import ACTIVATIONS, NORMS, KnownModel, build_network
from neuralpaint.scratch.dropout import Dropout
from neuralpaint.scratch.layers import Array, Layer
from neuralpaint.scratch.linear import Linear
from neuralpaint.scratch.losses import MAE, MSE, Huber, Loss
from neuralpaint.scratch.network import Network
from neuralpaint.scratch.oracle import layer_in_torch, loss_in_torch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["TOLERANCE", "Check", "check_gradients", "check_layer", "check_loss", "check_network"]

TOLERANCE = 1e-6
"""The relative error above which a gradient is wrong."""

_STEP = 1e-5
_MARGIN = 1e-2  # from a kink, for single layers and losses
_NETWORK_MARGIN = 1e-3
_POINTS, _UNITS = 6, 5
_CANVAS = Canvas.of(height=3, width=4)
_DELTA = 0.3


@dataclass(frozen=True)
class Check:
    """How far one analytic gradient is from the two others, relatively."""

    name: str  # of the layer, loss or network
    what: str  # the gradient of the loss with respect to this
    differences: float
    torch: float

    @property
    def passes(self) -> bool:
        """Whether both errors are within the tolerance; NaN is not."""
        return self.differences <= TOLERANCE and self.torch <= TOLERANCE


def check_gradients(*, seed: int = 0) -> Iterator[Check]:
    """Yield a check of every gradient there is, of layers, losses and whole networks."""
    rng = np.random.default_rng(seed)
    for name, layer in _layers(rng).items():
        yield from check_layer(name, layer, rng)
    losses: dict[str, Loss] = {"mse": MSE(), "mae": MAE(), "huber": Huber(_DELTA)}
    for name, loss in losses.items():
        yield from check_loss(name, loss, rng)
    for spec, model in _models().items():
        yield from check_network(spec, model, rng)


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


def _models() -> dict[str, KnownModel]:
    small: dict[str, object] = {
        "encoding": "gaussian:features=4,sigma=1",
        "hidden_size": 8,
        "hidden_layers": 2,
    }
    models: dict[str, dict[str, object]] = {
        f"network, {name}": {"activation": name} for name in ACTIVATIONS
    }
    models |= {f"network, {name} norm": {"norm": name, "activation": "tanh"} for name in NORMS}
    models["network, dropout"] = {"dropout": 0.3, "activation": "tanh"}
    found: dict[str, KnownModel] = {
        name: MLPModel.from_dict(small | changes) for name, changes in models.items()
    }
    return found | {"network, buttons": ButtonsModel(hidden_size=8, gain=2, output_gain=1)}


def check_layer(name: str, layer: Layer, rng: np.random.Generator) -> Iterator[Check]:
    """Yield the checks of a layer in float64 that takes 5 values: of those, then its parameters."""
    values = rng.normal(size=(_POINTS, _UNITS))
    values += _MARGIN * np.where(values < 0, -1, 1)  # as far from 0 at least
    forward = _repeatable(layer)
    outputs = forward(values)
    weights = rng.normal(size=outputs.shape)
    pieces: dict[str, Array] = {"values": values}
    pieces |= {part: parameter.value for part, parameter in layer.parameters().items()}
    found = {"values": layer.backward(weights.copy())}
    found |= {part: parameter.gradient for part, parameter in layer.parameters().items()}

    def oracle(tensors: dict[str, Tensor]) -> Tensor:
        import torch

        return (layer_in_torch(layer, tensors["values"], tensors) * torch.from_numpy(weights)).sum()

    def measure() -> float:
        return float(np.sum(weights * forward(values)))

    yield from _compared(name, pieces, found, measure=measure, oracle=oracle)


def check_loss(name: str, loss: Loss, rng: np.random.Generator) -> Iterator[Check]:
    """Yield the check of a loss in its prediction."""
    target = rng.uniform(size=(_POINTS, 3))
    size = rng.uniform(_MARGIN, 1, size=target.shape)
    size[np.abs(size - _DELTA) < _MARGIN] += 3 * _MARGIN
    prediction = target + size * rng.choice([-1, 1], size=target.shape)

    def oracle(tensors: dict[str, Tensor]) -> Tensor:
        import torch

        return loss_in_torch(loss, tensors["prediction"], torch.from_numpy(target))

    yield from _compared(
        name,
        {"prediction": prediction},
        {"prediction": loss.gradient(prediction, target)},
        measure=lambda: loss.value(prediction, target),
        oracle=oracle,
    )


def check_network(name: str, model: KnownModel, rng: np.random.Generator) -> Iterator[Check]:
    """Yield the check of a whole network under a squared error, in all its weights at once."""
    loss, codes = MSE(), np.eye(_UNITS, dtype=np.float32) if model.needs_codes else None
    while True:
        seed = int(rng.integers(2**31))
        network = build_network(model, _CANVAS, seed=seed, codes=codes, dtype=np.float64)
        points = rng.uniform(-1, 1, size=(_POINTS, 2 if codes is None else _UNITS))
        if _is_clear_of_kinks(network, points):
            break
    layers = [_repeatable(layer) for layer in network.layers]

    def forward() -> Array:
        values = network.features(points)
        for layer in layers:
            values = layer(values)
        return values

    def oracle(tensors: dict[str, Tensor]) -> Tensor:
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
    yield from _compared(
        name,
        {"weights": network.weights},
        {"weights": network.gradients},
        measure=lambda: loss.value(forward(), target),
        oracle=oracle,
    )


def _is_clear_of_kinks(network: Network, points: Array) -> bool:
    values = network.features(points)
    for layer in network.layers:
        if isinstance(layer, ReLU | LeakyReLU) and np.abs(values).min() < _NETWORK_MARGIN:
            return False
        values = layer.forward(values, training=True)
    return True


def _repeatable(layer: Layer) -> Callable[[Array], Array]:
    """Return the forward pass of training, which leaves its values alone and forgets the same."""

    def forward(values: Array) -> Array:
        if isinstance(layer, Dropout):
            layer.rng = np.random.default_rng(0)
        return layer.forward(values.copy(), training=True)

    return forward


def _compared(
    name: str,
    pieces: Mapping[str, Array],
    found: Mapping[str, Array],
    *,
    measure: Callable[[], float],
    oracle: Callable[[dict[str, Tensor]], Tensor],
) -> Iterator[Check]:
    """Yield one check per piece, whose entries `measure` reads afresh each time."""
    import torch

    found = {what: gradient.copy() for what, gradient in found.items()}
    tensors = {what: torch.tensor(piece, requires_grad=True) for what, piece in pieces.items()}
    torch.autograd.backward(oracle(tensors))
    for what, piece in pieces.items():
        differences = _central_differences(measure, piece)
        grad = tensors[what].grad
        by_torch = np.zeros_like(piece) if grad is None else grad.numpy()
        yield Check(
            name,
            what,
            differences=_relative_error(found[what], differences),
            torch=_relative_error(found[what], by_torch),
        )


def _central_differences(measure: Callable[[], float], piece: Array) -> Array:
    """Return dL/dpiece, measured entry by entry; the piece is as it was afterwards."""
    gradient = np.empty_like(piece)
    for index in np.ndindex(piece.shape):
        middle = piece[index]
        piece[index] = middle + _STEP
        above = measure()
        piece[index] = middle - _STEP
        below = measure()
        piece[index] = middle
        gradient[index] = (above - below) / (2 * _STEP)
    return gradient


def _relative_error(a: Array, b: Array) -> float:
    size = max(float(np.linalg.norm(a)), float(np.linalg.norm(b)))
    return float(np.linalg.norm(a - b)) / size if size else 0.0
