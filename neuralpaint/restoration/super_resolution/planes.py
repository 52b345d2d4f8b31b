"""Planes: a picture as luma and two differences of colour, in which noise and detail differ."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["GAINS", "LUMA", "colours", "levels", "planes", "turned"]

LUMA = (0.299, 0.587, 0.114)
"""Y of R, G and B: ITU-R BT.601, as JPEG has it."""

_FROM_RGB = torch.tensor([LUMA, (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312)])
_TO_RGB: Tensor = torch.linalg.inv(_FROM_RGB)

GAINS: tuple[float, ...] = tuple(_FROM_RGB.square().sum(1).sqrt().tolist())
"""Noise of Y, Cb and Cr where R, G and B each have independent noise of 1: .67, .62, .66."""


def planes(pixels: NDArray[np.uint8], *, device: torch.device) -> Tensor:
    """Return uint8 pixels (h, w, 3) as float32 (3, h, w): Y in [0, 1], Cb and Cr around 0."""
    rgb = torch.from_numpy(np.ascontiguousarray(pixels)).to(device).permute(2, 0, 1)
    return turned(rgb.float().div_(255))


def turned(rgb: Tensor) -> Tensor:
    """Return R, G and B (3, ...) as Y, Cb and Cr."""
    return (_FROM_RGB.to(rgb.device) @ rgb.flatten(1)).view(rgb.shape)


def colours(ycc: Tensor) -> Tensor:
    """Return Y, Cb and Cr (3, ...) as R, G and B."""
    return (_TO_RGB.to(ycc.device) @ ycc.flatten(1)).view(ycc.shape)


def levels(ycc: Tensor) -> NDArray[np.uint8]:
    """Return planes (3, h, w) as the nearest uint8 pixels (h, w, 3)."""
    rgb = colours(ycc).mul_(255).round_().clamp_(0, 255)
    return rgb.byte().permute(1, 2, 0).contiguous().cpu().numpy()
