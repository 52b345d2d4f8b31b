"""Pictures with a given motion."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional


def photo(seed: int) -> NDArray[np.uint8]:
    """Return a picture (640, 960, 3) with structure at every scale, like a photograph."""
    rng = np.random.default_rng(seed)
    total = np.zeros((640, 960, 3), np.float32)
    for size in (5, 10, 20, 40, 80, 160):
        noise = torch.from_numpy(rng.normal(0, 1, (1, 3, size, size * 3 // 2)).astype(np.float32))
        wide = functional.interpolate(noise, size=(640, 960), mode="bicubic")
        total += wide[0].permute(1, 2, 0).numpy() * size**-0.4
    total = 128 + 55 * (total - total.mean()) / total.std()
    levels: NDArray[np.uint8] = total.clip(0, 255).astype(np.uint8)
    return levels


_PHOTO = torch.from_numpy(photo(0)).permute(2, 0, 1).float()


def seen(
    *,
    shift: tuple[float, float] = (0, 0),
    angle: float = 0.0,
    zoom: float = 1.0,
    size: tuple[int, int] = (64, 80),
) -> NDArray[np.uint8]:
    """Return the middle of the photo, rotated, zoomed and shifted by (x, y) pixels."""
    h, w = size
    y, x = torch.meshgrid(torch.arange(float(h)), torch.arange(float(w)), indexing="ij")
    x, y = x - (w - 1) / 2 - shift[0], y - (h - 1) / 2 - shift[1]
    cos, sin = math.cos(angle) / zoom, math.sin(angle) / zoom
    at = torch.stack([(cos * x + sin * y) / 480, (cos * y - sin * x) / 320], -1)
    read = functional.grid_sample(_PHOTO[None], at[None], mode="bicubic", align_corners=False)
    levels: NDArray[np.uint8] = read[0].permute(1, 2, 0).round().clamp(0, 255).byte().numpy()
    return levels
