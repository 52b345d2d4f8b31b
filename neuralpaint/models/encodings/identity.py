"""The coordinates themselves as features."""

from __future__ import annotations

import torch
from torch import Tensor

from neuralpaint.models.encodings.encoding import Encoding

__all__ = ["Identity"]


class Identity(Encoding):
    """One feature per axis."""

    widths = (1, 1)
    separable = True
    sine_strengths = (40.0, 5.0)
    """Of a sine network over coordinates, measured on photographs: `SkipConn.initialize_sine`."""

    @property
    def spectra(self) -> tuple[Tensor, Tensor]:
        """The deviation of the initial weights of each feature at strength 1, (1,) per axis."""
        return torch.ones(1), torch.ones(1)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Map x and y of any shape to the parts (..., 1) and (..., 1)."""
        return x.unsqueeze(-1), y.unsqueeze(-1)
