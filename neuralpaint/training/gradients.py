"""Gradients of a batch: taken whole, or in parts of its rows side by side."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from neuralpaint.models.networks.network import ColourModel
from neuralpaint.runtime.threads import parallel_map, thread_count
from neuralpaint.training.losses import LEAST_WEIGHT, Loss
from neuralpaint.training.target import Batch

__all__ = ["backpropagate", "penalize"]

_PART = 512  # pixels at the least: with fewer, threads wait for each other more than they work
_LARGEST = 2048  # pixels: what a network makes of more is fetched from memory again and again


def backpropagate(
    model: ColourModel, loss: Loss, batch: Batch, *, parameters: Sequence[Tensor]
) -> tuple[Tensor, Tensor]:
    """Set the gradients of the parameters; return the loss and what was said, (h, w, 3).

    Where the model and the loss take each pixel by itself, every thread of the CPU takes some rows
    there and back, and the gradients are added up.
    """
    cuts = _cuts(batch) if model.is_splittable and loss.pixelwise else []
    if len(cuts) <= 2:
        prediction = model(batch.x, batch.y, batch.code)
        value = loss(prediction, batch.colours, weights=batch.weights)
        value.backward()
        return value.detach(), prediction.detach()

    def learn(rows: slice) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        part = batch.rows(rows)
        with torch.enable_grad():
            prediction = model(part.x, part.y, part.code)
            value = loss(prediction, part.colours, weights=part.weights)
            value = _share(part, batch) * value
            gradients = torch.autograd.grad(value, parameters)
        return value.detach(), prediction.detach(), gradients

    values, predictions, gradients = zip(
        *parallel_map(learn, [slice(*cut) for cut in pairwise(cuts)]), strict=True
    )
    for parameter, parts in zip(parameters, zip(*gradients, strict=True), strict=True):
        parameter.grad = torch.stack(parts).sum(0)
    return torch.stack(values).sum(), torch.cat(predictions)


def _share(part: Batch, whole: Batch) -> Tensor | float:
    """Return how much of the whole batch's loss is that of a part."""
    if part.weights is None or whole.weights is None:
        return len(part.y) / len(whole.y)
    return part.weights.sum() / whole.weights.sum().clamp(min=LEAST_WEIGHT)


def _cuts(batch: Batch) -> list[int]:
    """Return the rows at which each part begins, and the end."""
    rows, width = batch.colours.shape[:2]
    parts = 1
    if batch.y.device.type == "cpu":
        pixels = rows * width
        parts = max(1, min(max(thread_count(), -(-pixels // _LARGEST)), rows, pixels // _PART))
    return [rows * i // parts for i in range(parts + 1)]


def penalize(parameters: Sequence[Tensor], *, l1: float, l2: float) -> Tensor | float:
    """Add to the gradients what pulls the weights towards 0; return what that adds to the loss.

    The penalty is l1 |w| + l2 w^2 / 2, summed over the weights; biases go free.
    """
    penalty: Tensor | float = 0.0
    for parameter in parameters if l1 or l2 else ():
        if parameter.ndim < 2 or parameter.grad is None:
            continue
        weight = parameter.detach()
        if l1:
            parameter.grad.add_(weight.sign(), alpha=l1)
            penalty = penalty + l1 * weight.abs().sum()
        if l2:
            parameter.grad.add_(weight, alpha=l2)
            penalty = penalty + l2 / 2 * weight.square().sum()
    return penalty
