"""Figures: how near what a method brought back is to the picture."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuralpaint.image.metrics import luma_psnr, psnr, ssim

__all__ = ["NOTHING", "Figures", "measure"]


class Figures(NamedTuple):
    """How near; larger is nearer."""

    psnr_y: float  # dB, of the luma
    psnr_rgb: float  # dB, over all channels
    ssim: float  # of the luma; 1 where nothing differs

    def over(self, other: Figures) -> Figures:
        """Return how much more these are than others."""
        return Figures(*(a - b for a, b in zip(self, other, strict=True)))


NOTHING = Figures(math.nan, math.nan, math.nan)
"""Where nothing came of it."""


def measure(frame: NDArray[np.uint8], picture: NDArray[np.uint8], *, border: int) -> Figures:
    """Return the figures of a frame, uint8 (h, w, 3), but for a border of so many pixels."""
    inner = slice(border, -border)
    ours, theirs = frame[inner, inner], picture[inner, inner]
    return Figures(luma_psnr(ours, theirs), psnr(ours, theirs), ssim(ours, theirs))
