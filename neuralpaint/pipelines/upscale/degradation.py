"""The degradation: a picture is made small, as a worse camera would have seen it."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.errors import UsageError
from neuralpaint.image.kernels import Axis
from neuralpaint.image.metrics import SSIM_WINDOW
from neuralpaint.image.pictures import Picture
from neuralpaint.image.resampling import Kernel
from neuralpaint.pipelines.upscale.settings import UpscaleSettings

__all__ = ["border_of", "cropped", "degraded"]

_LEAST = 8  # pixels of a side of the small picture: of fewer there is nothing to be learned


def border_of(factor: float) -> int:
    """Return how many pixels along each edge no figure counts: they know one side only."""
    return math.ceil(factor)


def cropped(picture: Picture, factor: float) -> Picture:
    """Return a picture whose sides a whole factor divides: rows and columns at the end are left.

    Raises:
        UsageError: too little would be left of it to be made small and to be judged.
    """
    height, width = picture.height, picture.width
    if factor.is_integer():
        height, width = (side - side % int(factor) for side in (height, width))
    small = min(height, width) / factor
    judged = min(height, width) - 2 * border_of(factor)
    if small < _LEAST or judged < SSIM_WINDOW:
        raise UsageError(
            f"the picture, {picture.width}x{picture.height}, is too small to be made {factor:g} "
            "times smaller: lower --upscale, or take a larger one"
        )
    if (height, width) == (picture.height, picture.width):
        return picture
    return replace(picture, pixels=picture.pixels[:height, :width])


def degraded(picture: Picture, settings: UpscaleSettings) -> Picture:
    """Return a picture made small, then noisy, then sent through a JPEG, as far as is wanted."""
    pixels = _shrunk(picture.pixels, settings.factor, settings.shrinks_by)
    pixels = _noisy(pixels, settings.degradation.noise, seed=settings.optimization.seed)
    if settings.degradation.jpeg is not None:
        pixels = _through_jpeg(pixels, settings.degradation.jpeg)
    return Picture(pixels, name=picture.name)


def _shrunk(pixels: NDArray[np.uint8], factor: float, kernel: Kernel) -> NDArray[np.uint8]:
    """Return pixels (h, w, 3) so many times smaller."""
    height, width = (round(side / factor) for side in pixels.shape[:2])
    if kernel == "box" and not factor.is_integer():
        # Pillow's would take pixels as a whole or not at all, which is no mean of an area.
        return _means(pixels, height=height, width=width)
    resampling = Image.Resampling[kernel.upper()]
    return np.asarray(Image.fromarray(pixels).resize((width, height), resampling))


def _means(pixels: NDArray[np.uint8], *, height: int, width: int) -> NDArray[np.uint8]:
    """Return the means of the areas of so many larger pixels, rounded."""
    rows, columns = (
        Axis.whole(low, high).down("box")
        for low, high in zip((height, width), pixels.shape[:2], strict=True)
    )
    x = torch.tensor(pixels, dtype=torch.float32).permute(2, 0, 1)
    means = columns.along_columns(rows.along_rows(x)).round_().byte()
    return means.permute(1, 2, 0).contiguous().numpy()


def _noisy(pixels: NDArray[np.uint8], sigma: float, *, seed: int) -> NDArray[np.uint8]:
    """Return levels (h, w, 3) with Gaussian noise of so many levels, rounded again."""
    if sigma == 0:
        return pixels
    noise = np.random.default_rng(seed).normal(0, sigma, pixels.shape)
    return np.rint(np.clip(pixels + noise, 0, 255)).astype(np.uint8)


def _through_jpeg(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Return what a JPEG of that quality, its colours at half the resolution, leaves."""
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "JPEG", quality=quality, subsampling="4:2:0")
    with Image.open(encoded) as image:
        return np.asarray(image.convert("RGB"))
