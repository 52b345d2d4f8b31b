"""Smooth fills of a hole, and the seam between known pixels and a painting.

A hole is filled by push-pull: known pixels are averaged down a pyramid until nothing is unknown; on
the way back, each level fills the holes of the finer level below (Gortler et al. 1996, The
lumigraph, SIGGRAPH). A few Jacobi iterations at each level,

    x <- mean of the four neighbours,       in the hole

bring it close to the membrane: the solution of Laplace's equation with the known pixels as
boundary values.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from neuralpaint.errors import UsageError

__all__ = ["distance", "double", "fill_smoothly", "halve", "is_deeper", "restore_known"]

Level = TypeVar("Level", np.uint8, np.uint16)

_JACOBI = 6  # iterations at each level
_LEAST_FADE, _MOST_FADE = 3, 8  # pixels over which the seam's correction fades


def fill_smoothly(x: Tensor, unknown: Tensor) -> Tensor:
    """Return x (c, h, w) with the unknown pixels, bool (h, w), filled from their surroundings.

    At least one pixel must be known. The values of unknown pixels are ignored.
    """
    if not unknown.any():
        return x
    coarse, still_unknown = halve(x, unknown)
    filled = double(fill_smoothly(coarse, still_unknown), *unknown.shape)
    filled = torch.where(unknown, filled, x)
    for _ in range(_JACOBI):
        padded = functional.pad(filled[None], (1, 1, 1, 1), mode="replicate")[0]
        mean = padded[:, :-2, 1:-1] + padded[:, 2:, 1:-1]
        mean += padded[:, 1:-1, :-2]
        mean += padded[:, 1:-1, 2:]
        filled = torch.where(unknown, mean.mul_(0.25), x)
    return filled


def halve(x: Tensor, unknown: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean of the known pixels of each 2 x 2 block, and where all four are unknown."""
    height, width = unknown.shape
    to_even = (0, width % 2, 0, height % 2)
    known = functional.pad((~unknown).to(x.dtype)[None], to_even)
    values = functional.pad(x.masked_fill(unknown, 0), to_even)
    share = functional.avg_pool2d(known, 2)
    means = functional.avg_pool2d(values, 2).div_(share.clamp(min=0.25))
    return means, share[0] == 0


def double(x: Tensor, height: int, width: int) -> Tensor:
    """Return x (c, h, w) interpolated to twice its size and cropped to height and width."""
    twice = functional.interpolate(x[None], scale_factor=2.0, mode="bilinear")[0]
    return twice[:, :height, :width]


def is_deeper(unknown: Tensor, steps: int) -> bool:
    """Return whether a square of 2 steps + 1 pixels fits into the unknown pixels, bool (h, w).

    At the border of the picture, pixels outside count as unknown.
    """
    known = (~unknown).float()[None]
    for _ in range(steps):
        known = functional.max_pool2d(known, 3, stride=1, padding=1)
    return not bool(known.all())


def distance(unknown: Tensor, most: int) -> Tensor:
    """Return the steps to the nearest known pixel, float32 (h, w), up to most + 1.

    Every second step can be diagonal, so that the distances are octagonal.
    """
    known, steps = (~unknown).float()[None], unknown.float()
    for i in range(most):  # dilate the known pixels
        down = functional.max_pool2d(known, (3, 1), stride=1, padding=(1, 0))
        if i % 2:
            known = functional.max_pool2d(down, (1, 3), stride=1, padding=(0, 1))
        else:
            across = functional.max_pool2d(known, (1, 3), stride=1, padding=(0, 1))
            known = torch.maximum(down, across)
        steps = steps + 1 - known[0]
    return steps


def restore_known(
    still: NDArray[Level],
    pixels: NDArray[np.uint8],
    *,
    unknown: NDArray[np.float32] | NDArray[np.bool_],
) -> NDArray[Level]:
    """Return a still (h, w, 3) of 8 or 16 bits with the known `pixels`, uint8 (h, w, 3), restored.

    Known pixels are restored exactly. In the hole, with n the still and p the pixels, the result is

        n + c s,    c = the membrane of p - n,   s = smoothstep of the distance to the rim

    so that the colours match at the rim and the correction fades within a few pixels (Perez,
    Gangnet, Blake 2003, Poisson image editing, ACM TOG 22). If `unknown`, (h, w) in [0, 1], is
    between one half and 1, it is the weight of this result, and p has the rest.

    Raises:
        UsageError: the sizes differ, or all pixels are unknown.
    """
    if not still.shape[:2] == pixels.shape[:2] == unknown.shape:
        raise UsageError(
            f"the still is {still.shape[:2]}, the mask {unknown.shape}, the picture "
            f"{pixels.shape[:2]}: known pixels can be kept only at the picture's own size"
        )
    share = np.asarray(unknown, np.float32)
    hole = share > 0.5
    if hole.all():
        raise UsageError("all pixels are unknown: there are none to keep")
    scale = int(np.iinfo(still.dtype).max) // 255
    result = (pixels.astype(still.dtype) * still.dtype.type(scale)).astype(still.dtype)
    if not hole.any():
        return result
    with torch.no_grad():
        hole_tensor = torch.from_numpy(hole)
        fading = _fading(hole_tensor)[hole]
        for channel in range(3):  # one at a time, to save memory
            error = result[..., channel].astype(np.float32) - still[..., channel]
            membrane = fill_smoothly(torch.from_numpy(error)[None], hole_tensor)[0].numpy()[hole]
            inside = still[..., channel][hole] + membrane * fading
            known = result[..., channel][hole]
            mixed = known + share[hole] * (inside - known)
            levels = np.rint(mixed).clip(0, 255 * scale)
            result[..., channel][hole] = levels.astype(still.dtype)
    return result


def _fading(hole: Tensor) -> NDArray[np.float32]:
    """Return the weight of the correction, (h, w): 1 at the rim, 0 where it has faded."""
    steps = distance(hole, _MOST_FADE)
    reach = min(_MOST_FADE, max(_LEAST_FADE, int(steps.max())))
    t = (1 - steps / (reach + 1)).clamp_(min=0)
    return (t * t * (3 - 2 * t)).numpy()
