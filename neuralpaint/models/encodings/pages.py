"""Pages: planes of learned features for every picture, mixed by the code."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuralpaint.models.encodings.encoding import Encoding
from neuralpaint.models.encodings.pyramid import Pyramid
from neuralpaint.models.encodings.shares import Shares

__all__ = ["Pages"]


class Pages(Encoding):
    """One part: what a pyramid with a page for every picture says, each by its share in the code.

    While training, a place is of one picture, and only the page of the nearest code is read.
    """

    hears_code = True

    def __init__(self, pyramid: Pyramid, codes: NDArray[np.floating]) -> None:
        """Take planes with as many pages as there are codes (pictures, k)."""
        super().__init__()
        self.pyramid = pyramid
        self.shares = Shares(codes)
        self.rate, self.widths = pyramid.rate, pyramid.widths
        self.sine_strengths = pyramid.sine_strengths

    @property
    def spectra(self) -> tuple[Tensor, ...]:
        """Those of the planes."""
        return self.pyramid.spectra

    def pace(self, progress: float) -> None:
        """Let the planes of all pages come in."""
        self.pyramid.pace(progress)

    def forward(self, x: Tensor, y: Tensor, code: Tensor) -> tuple[Tensor]:
        """Map x and y, which broadcast to some shape, to one part (*shape, width).

        `code` (..., k) broadcasts with them; while training one code is that of a whole row.
        """
        if self.training:
            page = self.shares.nearest(code if code.ndim == 2 else code[:, 0])
            return (self.pyramid.read(x, y, page.expand(len(y))),)
        shares = self.shares(code)
        # A place mixes few pages, and most places the same ones.
        mixed = shares.flatten(0, -2).amax(0).nonzero().flatten()
        parts = []
        for page in mixed:
            features = self.pyramid.read(x, y, page.expand(len(y)))
            parts.append(features if len(mixed) == 1 else shares[..., page, None] * features)
        return (torch.stack(parts).sum(0) if len(parts) > 2 else sum(parts[1:], parts[0]),)
