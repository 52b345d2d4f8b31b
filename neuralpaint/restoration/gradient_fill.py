"""Gradient fill: a hole is filled with the colours whose gradients are nearest to given ones.

The known pixels are boundary values, so there is no seam: v is 0 outside of the hole, and

    screen v + D^T D v = D^T (wanted differences - D start)                         in the hole

(a screened Poisson equation; Bhat et al. 2008, Fourier analysis of the 2D screened Poisson equation
for gradient domain problems, ECCV.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from neuralpaint.runtime.progress import DoneCallback, part_of

__all__ = ["integrate"]

_SCREEN, _FAR_SCREEN = 0.05, 0.0005  # weights of the colours, if that of the gradients is 1
_SMALL_ERROR = 0.1  # of a colour in [0, 1]
_CG_STEPS = 7  # over the square root of the weight, which is how far a correction reaches
_EPSILON = 1e-30


def integrate(x: Tensor, hole: Tensor, means: Sequence[Tensor], on_done: DoneCallback) -> Tensor:
    """Return x (3, h, w) with the hole, bool (h, w), filled.

    The means are the wanted colours and their differences to the pixel on the right and to the
    pixel below, each (3, h, w).

    A large error of the colours at the rim is corrected near the rim only, so that no colour bleeds
    into the hole; a small one is corrected far into it, so that the light changes slowly.
    """
    start = torch.where(hole, means[0], x)
    error = _adjoint(means[1][..., :-1] - start.diff(dim=2), means[2][:, :-1] - start.diff(dim=1))
    near, far = (
        _solve(error * hole, hole, screen, part_of(on_done, first=i / 2, last=(i + 1) / 2))
        for i, screen in enumerate((_SCREEN, _FAR_SCREEN))
    )
    share = (far.abs().amax(0) / -_SMALL_ERROR).exp_()
    return start + near + share * (far - near)


def _solve(error: Tensor, hole: Tensor, screen: float, on_done: DoneCallback) -> Tensor:
    """Return the v (3, h, w), 0 outside of the hole, for which screen v + D^T D v = error.

    D are the differences to the right and below. With conjugate gradients.
    """
    solution, direction, norm = torch.zeros_like(error), error.clone(), error.square().sum()
    steps = round(_CG_STEPS / math.sqrt(screen))
    for i in range(steps):
        on_done(i / steps)
        image = _adjoint(direction.diff(dim=2), direction.diff(dim=1))
        image.add_(direction, alpha=screen).mul_(hole)
        step = norm / (direction * image).sum().clamp_min(_EPSILON)
        solution.add_(step * direction)
        error = error - step * image
        norm, before = error.square().sum(), norm
        direction = error + norm / before.clamp_min(_EPSILON) * direction
    return solution


def _adjoint(right: Tensor, below: Tensor) -> Tensor:
    """Return the adjoint of the differences (c, h, w - 1) to the right and (c, h - 1, w) below."""
    total = functional.pad(right, (1, 0)) - functional.pad(right, (0, 1))
    total += functional.pad(below, (0, 0, 1, 0))
    total -= functional.pad(below, (0, 0, 0, 1))
    return total
