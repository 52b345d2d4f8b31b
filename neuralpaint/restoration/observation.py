"""The observation: a picture's planes without noise, and how exact their values are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from neuralpaint.image.pictures import Picture
from neuralpaint.image.resampling import Kernel
from neuralpaint.restoration.jpeg import (
    NOISE_GAINS,
    Quantization,
    detect_quantization,
    pixels_to_ycc,
)
from neuralpaint.restoration.kernel_estimation import estimate_kernel
from neuralpaint.restoration.non_local_means import Window, non_local_means
from neuralpaint.restoration.settings import TargetSettings
from neuralpaint.runtime.progress import DoneCallback, ignore

__all__ = ["Observation", "estimate_noise", "observe"]

# Noise is removed gently, because back-projection cannot restore detail that is lost here.
_WINDOW = Window.whole(6)
_PATCH, _AVERAGE = 2, 1
_FAINTEST = 0.4  # levels: weaker noise is not removed

_SIDE = 8  # pixels of a block for which noise is estimated
_ROWS = 16 * _SIDE  # examined at once
_SAMPLE = 1 << 22  # pixels that are examined in total
_LEAST_BLOCKS = 16
_FLAT = 0.1  # this fraction of the blocks is assumed to contain only noise
_FLATTEST = 0.85  # noise in the flattest blocks, relative to the true noise
_CLEAN = 1.0  # levels: rounding and grain of a clean photograph
_GREY = 1e-3  # standard deviation of Cb and Cr below which a picture has no colour
_CLIPPED = 2 / 255, 253 / 255  # luma below and above which noise is clipped


@dataclass(frozen=True)
class Observation:
    """A picture from which a larger target is computed."""

    pixels: NDArray[np.uint8]  # (h, w, 3)
    kernel: Kernel
    noise: float  # standard deviation of the removed noise of R, G and B, in levels
    quantization: Quantization | None  # by JPEG
    device: torch.device

    @property
    def exact(self) -> Observation:
        """The observation without its compression."""
        return replace(self, quantization=None)

    @property
    def projections(self) -> int:
        """The number of back-projections onto this observation.

        More than 2 would reproduce the remaining noise: for noisy pictures, 2 are as good as 5 on
        average and better in the worst case.
        """
        return 2 if self.noise else 5

    def planes(self, rows: slice, columns: slice, *, on_done: DoneCallback = ignore) -> Tensor:
        """Return Y, Cb and Cr of a part, without noise, as float32 (3, h, w) on the device.

        The value of a pixel does not depend on the requested part.
        """
        if not self.noise:
            return pixels_to_ycc(self.pixels[rows, columns], device=self.device)
        margin = _WINDOW.margin(patch=_PATCH, average=_AVERAGE)
        (outer_rows, top), (outer_columns, left) = (
            (slice(max(0, part.start - margin), part.stop + margin), min(part.start, margin))
            for part in (rows, columns)
        )
        noisy = pixels_to_ycc(self.pixels[outer_rows, outer_columns], device=self.device)
        h = NOISE_GAINS[0] * self.noise / 255  # the noise of luma
        clean = non_local_means(noisy, h, _WINDOW, patch=_PATCH, average=_AVERAGE, on_done=on_done)
        return clean[
            :,
            top : top + rows.stop - rows.start,
            left : left + columns.stop - columns.start,
        ]


def observe(
    picture: Picture, *, settings: TargetSettings, device: torch.device | None = None
) -> Observation:
    """Return the observation of a picture; estimate what the settings leave open about it."""
    noise = settings.denoise
    if noise is None:
        estimated = estimate_noise(picture.pixels)
        noise = estimated if estimated > _FAINTEST else 0.0
    kernel = settings.kernel
    device = device or torch.device("cpu")
    quantization = detect_quantization(picture.pixels)
    return Observation(
        picture.pixels,
        kernel=estimate_kernel(picture.pixels) if kernel == "auto" else kernel,
        noise=noise,
        quantization=quantization and quantization.to(device),
        device=device,
    )


def estimate_noise(pixels: NDArray[np.uint8]) -> float:
    """Estimate the noise of uint8 pixels (h, w, 3): standard deviation of R, G and B, in levels.

    It is 0 for an ordinary clean photograph. Immerkaer's mask (1996, Fast noise variance
    estimation, CVIU 64) removes slopes and edges along the axes; a low quantile of its mean
    absolute value in small blocks ignores texture. Texture is mostly in luma, noise in all
    channels: so the result is the smallest estimate of Y, Cb and Cr.
    """
    parts = list(_block_moduli(pixels))
    moduli = torch.cat([moduli for moduli, _ in parts], 1) if parts else torch.empty(3, 0)
    if moduli.shape[1] < _LEAST_BLOCKS:
        return 0.0
    # The mean absolute value of normal noise with a deviation of 1 is sqrt(2 / pi).
    noise = torch.quantile(moduli, _FLAT, dim=1) * (255 * math.sqrt(math.pi / 2) / _FLATTEST)
    has_colour = any(spread > _GREY for _, spread in parts)
    estimates = [level / gain for level, gain in zip(noise.tolist(), NOISE_GAINS, strict=True)]
    least = min(estimates if has_colour else estimates[:1])
    return math.sqrt(max(0.0, least**2 - _CLEAN**2))


def _block_moduli(pixels: NDArray[np.uint8]) -> Iterator[tuple[Tensor, float]]:
    """Yield mean moduli (3, blocks) of blocks without clipped pixels, and the chroma's spread."""
    mask = torch.tensor([[1.0, -2, 1], [-2, 4, -2], [1, -2, 1]]) / 6
    if pixels.shape[1] < _SIDE + 2:
        return
    tops = range(0, len(pixels) - _SIDE - 1, _ROWS)
    for top in tops[:: math.ceil(pixels.shape[0] * pixels.shape[1] / _SAMPLE)]:
        ycc = pixels_to_ycc(pixels[top : top + _ROWS + 2], device=torch.device("cpu"))
        moduli = functional.conv2d(ycc[:, None], mask[None, None]).abs_()
        clipped = ((ycc[:1] <= _CLIPPED[0]) | (ycc[:1] >= _CLIPPED[1])).float()
        clipped = functional.max_pool2d(functional.max_pool2d(clipped, 3, 1), _SIDE)
        means = functional.avg_pool2d(moduli[:, 0], _SIDE).flatten(1)
        yield means[:, clipped.flatten() == 0], float(ycc[1:].std())
