"""Kernels: resampling along one axis, of any part of a picture.

It is Pillow's, but for the box where that is not a whole number of pixels wide. Pillow then takes
each pixel as a whole or not at all, so that some results are off by half a pixel; back-projection
would drive that up without end where a picture becomes only a little larger. Here it is the mean of
the area.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuralpaint.restoration.settings import Kernel

__all__ = ["REACH", "Axis", "Band"]

REACH: dict[Kernel, float] = {"box": 0.5, "bicubic": 2.0, "lanczos": 3.0}
"""How far from its centre a kernel is not 0, in pixels of the coarser picture."""

_NOTHING = 1e-9  # of a pixel: what rounding leaves of none


class Band(NamedTuple):
    """Outputs that are weighted sums of a few neighbouring inputs each: a banded matrix."""

    places: Tensor  # (taps, outputs), int64: which inputs
    weights: Tensor  # (taps, outputs), float32: how much of them

    @classmethod
    def of(
        cls, centres: NDArray[np.float64], *, stretch: float, inputs: int, kernel: Kernel
    ) -> Band:
        """Return the kernel, stretched and put at some centres of a row of so many inputs.

        Input i lies at i + 0.5. Beyond the ends nothing is known: there the weights of what is left
        are raised to a sum of 1.
        """
        reach = REACH[kernel] * stretch
        # Pixels count whose centre is within reach, and in a box the part of others that is in it.
        more = 0.5 - _NOTHING if kernel == "box" else 0.0
        first = np.maximum(0, (centres - reach + 0.5 - more).astype(np.int64))
        last = np.minimum(inputs, (centres + reach + 0.5 + more).astype(np.int64))
        places = first + np.arange((last - first).max(initial=1))[:, None]
        away = places + 0.5 - centres
        weights = _shares(away, reach) if kernel == "box" else _kernel(away / stretch, kernel)
        weights[places >= last] = 0
        weights /= weights.sum(0)
        return cls(
            torch.from_numpy(np.minimum(places, inputs - 1)),
            torch.from_numpy(weights.astype(np.float32)),
        )

    def on(self, device: torch.device) -> Band:
        """Return the same, on a device."""
        return Band(self.places.to(device), self.weights.to(device))

    def part(self, outputs: slice) -> tuple[Band, slice]:
        """Return the band of some of the outputs, and of which inputs it is."""
        places, weights = self.places[:, outputs], self.weights[:, outputs]
        first, last = int(places.min()), int(places.max()) + 1
        return Band(places - first, weights), slice(first, last)

    def within(self, part: slice) -> Band:
        """Return the band from some of as many inputs as outputs to the same outputs.

        What it would take of others, it takes of the nearest that is there.
        """
        places = self.places[:, part].clamp(part.start, part.stop - 1)
        return Band(places - part.start, self.weights[:, part])

    def after(self, inner: Band) -> Band:
        """Return the band that does what `inner` does and then this one."""
        places = inner.places[:, self.places]  # (inner taps, taps, outputs)
        weights = inner.weights[:, self.places] * self.weights
        places, weights = places.flatten(0, 1), weights.flatten(0, 1)
        first = places.amin(0)
        taps = int((places - first).max()) + 1
        sums = weights.new_zeros(taps, len(first)).scatter_add_(0, places - first, weights)
        spread = first + torch.arange(taps, device=first.device)[:, None]
        return Band(spread.clamp_(max=int(places.max())), sums)

    def along_rows(self, x: Tensor) -> Tensor:
        """Return x (..., inputs, w) as (..., outputs, w)."""
        out = x.index_select(-2, self.places[0]).mul_(self.weights[0, :, None])
        for place, weight in zip(self.places[1:], self.weights[1:], strict=True):
            out.addcmul_(x.index_select(-2, place), weight[:, None])
        return out

    def along_columns(self, x: Tensor) -> Tensor:
        """Return x (..., h, inputs) as (..., h, outputs)."""
        # Whole rows are gathered many times faster than single columns.
        return self.along_rows(x.mT.contiguous()).mT.contiguous()


@dataclass(frozen=True)
class Axis:
    """How the pixels of a picture and those of something finer lie along one axis.

    Fine pixel j lies from origin + j / scale to origin + (j + 1) / scale, in the picture's pixels.
    Only the slices `low` of the picture and `high` of the finer one are there.
    """

    low: slice
    high: slice
    scale: float
    origin: float = 0.0

    @classmethod
    def whole(cls, low: int, high: int) -> Axis:
        """Return a whole side of so many pixels, and all of it in so many finer ones."""
        return cls(slice(0, low), slice(0, high), high / low)

    def down(self, kernel: Kernel) -> Band:
        """Return what makes the picture's pixels of the finer ones."""
        low = np.arange(self.low.start, self.low.stop)
        centres = (low + 0.5 - self.origin) * self.scale - self.high.start
        inputs = self.high.stop - self.high.start
        return Band.of(centres, stretch=self.scale, inputs=inputs, kernel=kernel)

    def up(self) -> Band:
        """Return what makes finer pixels of the picture's: Lanczos's interpolation."""
        high = np.arange(self.high.start, self.high.stop)
        inputs = self.low.stop - self.low.start
        # Where a part of the picture has ended, its last pixel goes on.
        centres = self.origin + (high + 0.5) / self.scale - self.low.start
        centres = np.clip(centres, 0, inputs)
        return Band.of(centres, stretch=1, inputs=inputs, kernel="lanczos")


def _shares(x: NDArray[np.float64], reach: float) -> NDArray[np.float64]:
    """Return how much of pixels, so far from the centre of a box, lies in it."""
    shares = np.minimum(x + 0.5, reach) - np.maximum(x - 0.5, -reach)
    shares[shares < _NOTHING] = 0
    return shares


def _kernel(x: NDArray[np.float64], kernel: Kernel) -> NDArray[np.float64]:
    x = np.abs(x)
    if kernel == "bicubic":  # Keys 1981, a = -1/2
        near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
        return np.where(x < 1, near, np.where(x < 2, far, 0))
    return np.where(x < 3, np.sinc(x) * np.sinc(x / 3), 0)
