"""Push-pull: a smooth fill from a pyramid of means, nearly the membrane over the hole.

Known pixels are pushed down a pyramid, as the means of those that are known, until nothing is
unknown; on the way back each level fills the holes of the next finer one (Gortler et al. 1996, The
lumigraph, SIGGRAPH). A few steps of Jacobi's iteration at each level,

    x <- mean of the four neighbours,       in the hole

take it towards the solution of Laplace's equation, whose border is the known pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["halved", "larger", "spread"]

_JACOBI = 6  # steps at each level


def spread(x: Tensor, unknown: Tensor) -> Tensor:
    """Return x (c, h, w) with what is unknown, bool (h, w), filled smoothly from around it.

    At least one pixel is known. What x holds in the hole does not matter.
    """
    if not unknown.any():
        return x
    coarse, still_unknown = halved(x, unknown)
    filled = larger(spread(coarse, still_unknown), *unknown.shape)
    filled = torch.where(unknown, filled, x)
    for _ in range(_JACOBI):
        padded = functional.pad(filled[None], (1, 1, 1, 1), mode="replicate")[0]
        mean = padded[:, :-2, 1:-1] + padded[:, 2:, 1:-1]
        mean += padded[:, 1:-1, :-2]
        mean += padded[:, 1:-1, 2:]
        filled = torch.where(unknown, mean.mul_(0.25), x)
    return filled


def halved(x: Tensor, unknown: Tensor) -> tuple[Tensor, Tensor]:
    """Return the means of the known pixels of each 2 x 2, and where there is none of them."""
    height, width = unknown.shape
    to_even = (0, width % 2, 0, height % 2)
    known = functional.pad((~unknown).to(x.dtype)[None], to_even)
    values = functional.pad(x.masked_fill(unknown, 0), to_even)
    share = functional.avg_pool2d(known, 2)
    means = functional.avg_pool2d(values, 2).div_(share.clamp(min=0.25))
    return means, share[0] == 0


def larger(x: Tensor, height: int, width: int) -> Tensor:
    """Return x, interpolated to twice its size and cut to height and width."""
    twice = functional.interpolate(x[None], scale_factor=2.0, mode="bilinear")[0]
    return twice[:, :height, :width]
