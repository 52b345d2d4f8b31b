"""Resampling kernels along one axis of any part of a picture, as products with banded matrices.

The kernels equal Pillow's, except for a box that is not a whole number of pixels wide. Pillow
then counts each pixel fully or not at all, an error of up to half a pixel, which back-projection
would amplify without bound at scales just above 1. Here the box is the exact mean of the area.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuralpaint.image.resampling import Kernel

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["REACH", "Axis", "BandedMatrix"]

REACH: dict[Kernel, float] = {"box": 0.5, "bicubic": 2.0, "lanczos": 3.0}
"""Half the width of each kernel, in pixels of the coarser picture."""

_EPSILON = 1e-9  # of a pixel: smaller weights are rounding errors


class BandedMatrix(NamedTuple):
    """A banded matrix: each output is a weighted sum of a few neighbouring inputs."""

    indices: Tensor  # (taps, outputs), int64: indices of inputs
    weights: Tensor  # (taps, outputs), float32

    @classmethod
    def of(
        cls, centres: NDArray[np.float64], *, stretch: float, inputs: int, kernel: Kernel
    ) -> BandedMatrix:
        """Return the kernel, stretched and centred at positions in a row of `inputs` inputs.

        Input i is at i + 0.5. At the ends the weights of the existing inputs are normalised to 1.
        """
        import torch

        reach = REACH[kernel] * stretch
        # Inputs whose centre is within reach, and for a box also those that it covers partly.
        more = 0.5 - _EPSILON if kernel == "box" else 0.0
        first = np.maximum(0, (centres - reach + 0.5 - more).astype(np.int64))
        last = np.minimum(inputs, (centres + reach + 0.5 + more).astype(np.int64))
        indices = first + np.arange((last - first).max(initial=1))[:, None]
        away = indices + 0.5 - centres
        weights = _shares(away, reach) if kernel == "box" else _kernel(away / stretch, kernel)
        weights[indices >= last] = 0
        weights /= weights.sum(0)
        return cls(
            torch.from_numpy(np.minimum(indices, inputs - 1)),
            torch.from_numpy(weights.astype(np.float32)),
        )

    def on(self, device: torch.device) -> BandedMatrix:
        """Return a copy on `device`."""
        return BandedMatrix(self.indices.to(device), self.weights.to(device))

    def part(self, outputs: slice) -> tuple[BandedMatrix, slice]:
        """Return the rows for some of the outputs, and the slice of inputs that they need."""
        indices, weights = self.indices[:, outputs], self.weights[:, outputs]
        first, last = int(indices.min()), int(indices.max()) + 1
        return BandedMatrix(indices - first, weights), slice(first, last)

    def within(self, part: slice) -> BandedMatrix:
        """Return the square block for some inputs and the same outputs.

        Inputs outside the slice are replaced by the nearest one inside.
        """
        indices = self.indices[:, part].clamp(part.start, part.stop - 1)
        return BandedMatrix(indices - part.start, self.weights[:, part])

    def after(self, inner: BandedMatrix) -> BandedMatrix:
        """Return the product of this matrix and `inner`: first `inner`, then this one."""
        import torch

        indices = inner.indices[:, self.indices]  # (inner taps, taps, outputs)
        weights = inner.weights[:, self.indices] * self.weights
        indices, weights = indices.flatten(0, 1), weights.flatten(0, 1)
        first = indices.amin(0)
        taps = int((indices - first).max()) + 1
        sums = weights.new_zeros(taps, len(first)).scatter_add_(0, indices - first, weights)
        spread = first + torch.arange(taps, device=first.device)[:, None]
        return BandedMatrix(spread.clamp_(max=int(indices.max())), sums)

    def along_rows(self, x: Tensor) -> Tensor:
        """Return x (..., inputs, w) as (..., outputs, w)."""
        out = x.index_select(-2, self.indices[0]).mul_(self.weights[0, :, None])
        for place, weight in zip(self.indices[1:], self.weights[1:], strict=True):
            out.addcmul_(x.index_select(-2, place), weight[:, None])
        return out

    def along_columns(self, x: Tensor) -> Tensor:
        """Return x (..., h, inputs) as (..., h, outputs)."""
        # Gathering whole rows is many times faster than gathering columns.
        return self.along_rows(x.mT.contiguous()).mT.contiguous()


@dataclass(frozen=True)
class Axis:
    """The positions of a picture's pixels and of finer pixels along one axis.

    Fine pixel j extends from origin + j / scale to origin + (j + 1) / scale, in the picture's
    pixels. It covers the picture's pixels in the slice `low` and the fine pixels in `high`.
    """

    low: slice
    high: slice
    scale: float
    origin: float = 0.0

    @classmethod
    def whole(cls, low: int, high: int) -> Axis:
        """Return a whole side of `low` pixels, divided into `high` fine pixels."""
        return cls(slice(0, low), slice(0, high), high / low)

    def down(self, kernel: Kernel) -> BandedMatrix:
        """Return the matrix that shrinks fine pixels to the picture's."""
        low = np.arange(self.low.start, self.low.stop)
        centres = (low + 0.5 - self.origin) * self.scale - self.high.start
        inputs = self.high.stop - self.high.start
        return BandedMatrix.of(centres, stretch=self.scale, inputs=inputs, kernel=kernel)

    def up(self) -> BandedMatrix:
        """Return the matrix that interpolates fine pixels from the picture's (Lanczos)."""
        high = np.arange(self.high.start, self.high.stop)
        inputs = self.low.stop - self.low.start
        # Beyond the ends the last pixel is repeated.
        centres = self.origin + (high + 0.5) / self.scale - self.low.start
        centres = np.clip(centres, 0, inputs)
        return BandedMatrix.of(centres, stretch=1, inputs=inputs, kernel="lanczos")


def _shares(x: NDArray[np.float64], reach: float) -> NDArray[np.float64]:
    """Return the fraction of each pixel, at distance `x` from a box's centre, inside the box."""
    shares = np.minimum(x + 0.5, reach) - np.maximum(x - 0.5, -reach)
    shares[shares < _EPSILON] = 0
    return shares


def _kernel(x: NDArray[np.float64], kernel: Kernel) -> NDArray[np.float64]:
    x = np.abs(x)
    if kernel == "bicubic":  # Keys 1981, a = -1/2
        near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
        return np.where(x < 1, near, np.where(x < 2, far, 0))
    return np.where(x < 3, np.sinc(x) * np.sinc(x / 3), 0)
