"""Noise: how much of it a picture has, told from its flattest parts."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from neuralpaint.restoration.super_resolution.planes import GAINS, planes

__all__ = ["noise_of"]

_SIDE = 8  # of the blocks that are flat or are not
_ROWS = 16 * _SIDE  # looked at at once
_SAMPLE = 1 << 22  # pixels that tell enough
_FEWEST = 16  # blocks that tell anything
_FLAT = 0.1  # of the blocks there is taken to be nothing but noise in
_FLATTEST = 0.85  # of all the noise, what those blocks show that were chosen for showing little
_CLEAN = 1.0  # levels: what rounding and grain of clean photographs look like
_GREY = 1e-3  # deviation of colour differences below which these tell nothing
_ENDS = 2 / 255, 253 / 255  # luma beyond which noise is cut off


def noise_of(pixels: NDArray[np.uint8]) -> float:
    """Return the noise of uint8 pixels (h, w, 3): a standard deviation of R, G and B, in levels.

    It is 0 where a picture is as clean as photographs are. Immerkaer's mask (1996, Fast noise
    variance estimation, CVIU 64) sees neither slopes nor edges along the axes; of its mean moduli
    in small blocks a low quantile is taken, so that texture does not count. Texture is mostly in
    luma and noise in all channels: of what Y, Cb and Cr say, the least is taken.
    """
    seen = list(_blocks(pixels))
    moduli = torch.cat([moduli for moduli, _ in seen], 1) if seen else torch.empty(3, 0)
    if moduli.shape[1] < _FEWEST:
        return 0.0
    # The mean modulus of noise of 1 is sqrt(2 / pi).
    noise = torch.quantile(moduli, _FLAT, dim=1) * (255 * math.sqrt(math.pi / 2) / _FLATTEST)
    has_colour = any(spread > _GREY for _, spread in seen)
    says = [level / gain for level, gain in zip(noise.tolist(), GAINS, strict=True)]
    least = min(says if has_colour else says[:1])
    return math.sqrt(max(0.0, least**2 - _CLEAN**2))


def _blocks(pixels: NDArray[np.uint8]) -> Iterator[tuple[Tensor, float]]:
    """Yield mean moduli (3, blocks) of blocks without clipped pixels, and how colours deviate."""
    mask = torch.tensor([[1.0, -2, 1], [-2, 4, -2], [1, -2, 1]]) / 6
    if pixels.shape[1] < _SIDE + 2:
        return
    tops = range(0, len(pixels) - _SIDE - 1, _ROWS)
    for top in tops[:: math.ceil(pixels.shape[0] * pixels.shape[1] / _SAMPLE)]:
        ycc = planes(pixels[top : top + _ROWS + 2], device=torch.device("cpu"))
        moduli = functional.conv2d(ycc[:, None], mask[None, None]).abs_()
        clipped = ((ycc[:1] <= _ENDS[0]) | (ycc[:1] >= _ENDS[1])).float()
        clipped = functional.max_pool2d(functional.max_pool2d(clipped, 3, 1), _SIDE)
        means = functional.avg_pool2d(moduli[:, 0], _SIDE).flatten(1)
        yield means[:, clipped.flatten() == 0], float(ycc[1:].std())
