"""Warping: planes read where a flow points, and planes carried along a flow.

A flow is a float32 tensor (2, h, w) in pixels, x before y, or the array (h, w, 2) of it.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["carried", "inside", "resized", "warped"]

_LEAST = 1e-12  # a weight that is none


def _places(height: int, width: int) -> Tensor:
    """Return the x and y of every pixel, (2, h, w)."""
    x, y = torch.arange(float(width)), torch.arange(float(height))
    return torch.stack([x.expand(height, width), y[:, None].expand(height, width)])


def warped(
    planes: Tensor, flow: Tensor, *, mode: Literal["bilinear", "bicubic"] = "bilinear"
) -> Tensor:
    """Return planes (c, h, w) read where the flow points from each pixel; outside, at the edge."""
    h, w = planes.shape[1:]
    pixel = torch.tensor([2 / w, 2 / h]).view(2, 1, 1)
    at = (_places(h, w) + flow).add_(0.5).mul_(pixel).sub_(1).permute(1, 2, 0)
    read: Tensor = functional.grid_sample(
        planes[None], at[None], mode=mode, padding_mode="border", align_corners=False
    )[0]
    return read


def inside(flow: Tensor) -> Tensor:
    """Return where a flow points into the picture, bool (h, w)."""
    h, w = flow.shape[1:]
    x, y = _places(h, w) + flow
    within: Tensor = (x > -0.5) & (x < w - 0.5) & (y > -0.5) & (y < h - 0.5)
    return within


def carried(planes: Tensor, flow: Tensor, *, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Return planes (c, h, w) whose pixels have gone where the flow points, and their weights.

    Where several pixels come together they are averaged with their `weights` (h, w); the weights
    (h, w) that are returned say how much has come, and are 0 in holes.
    """
    c, h, w = planes.shape
    at = _places(h, w) + flow
    corner = at.floor()
    share_x, share_y = (at - corner).flatten(1)
    left, top = corner.long().flatten(1)
    arriving = torch.cat([planes * weights, weights[None]]).flatten(1)
    total = torch.zeros_like(arriving)
    for x, part_x in ((left, 1 - share_x), (left + 1, share_x)):
        for y, part_y in ((top, 1 - share_y), (top + 1, share_y)):
            there = (x >= 0) & (x < w) & (y >= 0) & (y < h)
            index = y.clamp(0, h - 1) * w + x.clamp(0, w - 1)
            total.index_add_(1, index, arriving * (part_x * part_y * there))
    weight = total[c]
    return (total[:c] / weight.clamp_min(_LEAST)).view(c, h, w), weight.view(h, w)


def resized(planes: Tensor, *, height: int, width: int) -> Tensor:
    """Return planes (c, h, w) at another size, averaged where it is smaller."""
    return functional.interpolate(
        planes[None], size=(height, width), mode="bilinear", antialias=True, align_corners=False
    )[0]
