"""The code as further features, beside those of any encoding."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuralpaint.models.encodings.encoding import Encoding

__all__ = ["Coded"]

# By how much, in radians, the phase of a sine differs between two codes as the training begins.
# At half of it the pictures in between are cross-fades, at twice as much they are noise.
_STRENGTH = 1.2


class Coded(Encoding):
    """An encoding, and the code: centred, and measured by how far the trained codes are apart.

    Over a grid the code of each row is of the rows' part where the encoding has one, so that a
    network keeps its fast way over grids. Everywhere else it is a part of its own.
    """

    hears_code = True

    _centre: Tensor  # (k,): of the trained codes

    def __init__(self, encoding: Encoding, codes: NDArray[np.floating]) -> None:
        """Take the codes (pictures, k) that will be trained."""
        super().__init__()
        self.encoding = encoding
        self.rate, self.separable = encoding.rate, encoding.separable
        self.sine_strengths = encoding.sine_strengths
        *others, last = encoding.widths
        count = codes.shape[1]
        self.widths = (*others, last + count) if self.separable else (*others, last, count)
        self._spread = _spread(codes)
        # Not a weight: the codes already say it.
        centre = torch.from_numpy(codes.mean(axis=0, dtype=float).astype(np.float32))
        self.register_buffer("_centre", centre, persistent=False)

    @property
    def spectra(self) -> tuple[Tensor, ...]:
        """Those of the encoding, and the deviation that moves every phase by what suits it."""
        *others, last = self.encoding.spectra
        first, further = self.sine_strengths
        of_code = torch.full_like(self._centre.cpu(), _STRENGTH / math.sqrt(first * further))
        if self.separable:
            return (*others, torch.cat([last, of_code]))
        return (*others, last, of_code)

    @property
    def shortest_period(self) -> float:
        """The encoding's: along an axis the code does not change."""
        return self.encoding.shortest_period

    def pace(self, progress: float) -> None:
        """Tell the encoding."""
        self.encoding.pace(progress)

    def forward(self, x: Tensor, y: Tensor, code: Tensor) -> tuple[Tensor, ...]:
        """Return the encoding's parts at x and y, and the code (..., k), which broadcasts."""
        *others, last = self.encoding.parts(x, y, code)
        heard = (code - self._centre) / self._spread
        if self.separable and _is_of_rows(heard, last):
            return (*others, torch.cat([last, heard.expand(*last.shape[:-1], -1)], -1))
        return (*others, last, heard)


def _spread(codes: NDArray[np.floating]) -> float:
    """Return the root of the mean squared distance between two different codes (pictures, k)."""
    pictures = len(codes)
    return math.sqrt(2 * codes.var(axis=0, dtype=float).sum() * pictures / (pictures - 1))


def _is_of_rows(code: Tensor, rows: Tensor) -> bool:
    """Say whether the code differs from row to row at the most: whether it expands to them."""
    return code.ndim == rows.ndim and all(
        own in (1, side) for own, side in zip(code.shape[:-1], rows.shape[:-1], strict=True)
    )
