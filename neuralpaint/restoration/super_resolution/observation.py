"""The observation: what is known of a picture, without its noise, and how exactly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuralpaint.image.pictures import Picture
from neuralpaint.restoration.settings import Kernel, TargetSettings
from neuralpaint.restoration.super_resolution.compression import rounding_of
from neuralpaint.restoration.super_resolution.noise import noise_of
from neuralpaint.restoration.super_resolution.non_local_means import (
    Window,
    margin_of,
    non_local_means,
)
from neuralpaint.restoration.super_resolution.planes import GAINS, planes
from neuralpaint.restoration.super_resolution.rounding import Rounding

__all__ = ["Observation", "observe"]

# How noise is removed: gently, for back-projection brings nothing back.
_WINDOW = Window.whole(6)
_PATCH, _AVERAGE = 2, 1
_FAINTEST = 0.4  # levels of estimated noise that are worth being removed


@dataclass(frozen=True)
class Observation:
    """A picture's planes, free of noise, and how far they can be relied on."""

    pixels: NDArray[np.uint8]  # (h, w, 3)
    kernel: Kernel
    noise: float  # standard deviation of R, G and B, in levels, that is removed
    rounding: Rounding | None  # by compression
    device: torch.device

    @property
    def as_it_is(self) -> Observation:
        """The same, its pixels taken for what they are."""
        return replace(self, rounding=None)

    @property
    def projections(self) -> int:
        """How many times in a row a result is back-projected onto this.

        More would follow what noise is left: on noisy pictures 2 do as well as 5 in the mean, and
        better at the worst.
        """
        return 2 if self.noise else 5

    def planes(
        self, rows: slice, columns: slice, *, look: Callable[[float], None] = lambda done: None
    ) -> Tensor:
        """Return Y, Cb and Cr of a part, without noise, float32 (3, h, w) on the device.

        A pixel is the same in whatever part it is. `look` is told how much is done.
        """
        if not self.noise:
            return planes(self.pixels[rows, columns], device=self.device)
        margin = margin_of(_WINDOW, patch=_PATCH, average=_AVERAGE)
        (outer_rows, top), (outer_columns, left) = (
            (slice(max(0, part.start - margin), part.stop + margin), min(part.start, margin))
            for part in (rows, columns)
        )
        noisy = planes(self.pixels[outer_rows, outer_columns], device=self.device)
        h = GAINS[0] * self.noise / 255  # the noise of luma
        clean = non_local_means(noisy, h, _WINDOW, patch=_PATCH, average=_AVERAGE, look=look)
        return clean[
            :,
            top : top + rows.stop - rows.start,
            left : left + columns.stop - columns.start,
        ]


def observe(
    picture: Picture, *, settings: TargetSettings, device: torch.device | None = None
) -> Observation:
    """Return what is known of a picture that is to become larger."""
    noise = settings.denoise
    if noise is None:
        estimated = noise_of(picture.pixels)
        noise = estimated if estimated > _FAINTEST else 0.0
    device = device or torch.device("cpu")
    rounding = rounding_of(picture.pixels)
    return Observation(
        picture.pixels,
        kernel=settings.kernel,
        noise=noise,
        rounding=rounding and rounding.on(device),
        device=device,
    )
