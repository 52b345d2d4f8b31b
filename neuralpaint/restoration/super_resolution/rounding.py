"""Rounding: what a JPEG file has rounded off a picture, and so nobody can hold a result to."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

__all__ = ["COSINES", "SIDE", "Rounding"]

SIDE = 8
"""Rows and columns of JPEG's blocks."""

_places = np.arange(SIDE)
COSINES: NDArray[np.float64] = np.cos(np.outer(_places, 2 * _places + 1) * math.pi / 16) / 2
"""The cosine transform of a block b is COSINES b COSINES^T; it turns, without stretching."""
COSINES[0] /= math.sqrt(2)

_SHARE = 0.25  # of a step: how far rounding is off in the mean. Half and twice as much do worse
_COLOUR = 1 / 255  # tolerance of Cb and Cr, whose blocks are of another size as often as not


class Rounding(NamedTuple):
    """The steps to which the coefficients of luma's blocks were rounded."""

    steps: Tensor  # float32 (8, 8), of planes in [0, 1]

    def on(self, device: torch.device) -> Rounding:
        """Return the same, on a device."""
        return Rounding(self.steps.to(device))

    def beyond(self, residual: Tensor, *, corner: tuple[int, int]) -> Tensor:
        """Return what of a residual (3, h, w) is more than rounding explains.

        Of each block's coefficients, so much is left out as they are likely to be off. `corner` is
        the picture's row and column at which the residual begins.
        """
        height, width = residual.shape[-2:]
        top, left = (start % SIDE for start in corner)
        below, right = -(top + height) % SIDE, -(left + width) % SIDE
        blocks = functional.pad(residual[0], (left, right, top, below))
        rows, columns = blocks.shape
        cosines = torch.from_numpy(COSINES).to(residual)
        found = (cosines @ blocks.view(-1, SIDE, columns)).view(-1, SIDE, columns // SIDE, SIDE)
        found = found @ cosines.T  # (rows / 8, 8, columns / 8, 8)
        likely = (_SHARE * self.steps)[:, None]
        found -= found.clamp(-likely, likely)
        found = (found @ cosines).view(-1, SIDE, columns)
        luma = (cosines.T @ found).view(rows, columns)
        out = functional.softshrink(residual, _COLOUR)
        out[0] = luma[top : top + height, left : left + width]
        return out
