"""The oracle: the same layers and losses as torch has them, to be differentiated by its autograd.

For the gradient check only: no training and no painting comes by here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from neuralpaint.scratch.activations import Colours
from neuralpaint.scratch.choices import ACTIVATIONS
from neuralpaint.scratch.dropout import Dropout
from neuralpaint.scratch.layers import Layer
from neuralpaint.scratch.linear import Linear
from neuralpaint.scratch.losses import MAE, Huber, Loss
from neuralpaint.scratch.normalization import BatchNorm, LayerNorm

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["layer_in_torch", "loss_in_torch"]


def layer_in_torch(layer: Layer, values: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
    """Return what torch makes of values (n, inputs) with these parameters, in training.

    A dropout layer lends the mask of its newest forward pass.
    """
    import torch
    from torch.nn import functional

    if isinstance(layer, Linear):
        return functional.linear(values, parameters["weight"], parameters.get("bias"))
    if isinstance(layer, LayerNorm):
        return functional.layer_norm(
            values, values.shape[1:], parameters["weight"], parameters["bias"]
        )
    if isinstance(layer, BatchNorm):
        return functional.batch_norm(
            values, None, None, parameters["weight"], parameters["bias"], training=True
        )
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
    return next(functions[name] for name, kind in ACTIVATIONS.items() if isinstance(layer, kind))(
        values
    )


def loss_in_torch(loss: Loss, prediction: Tensor, target: Tensor) -> Tensor:
    """Return torch's loss, a scalar, of colours (n, 3)."""
    from torch.nn import functional

    if isinstance(loss, Huber):
        return functional.huber_loss(prediction, target, delta=loss.delta)
    if isinstance(loss, MAE):
        return functional.l1_loss(prediction, target)
    return functional.mse_loss(prediction, target)
