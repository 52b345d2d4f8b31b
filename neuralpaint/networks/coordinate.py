"""A model: encoding, network and output, from coordinates to colours."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["CoordinateModel"]


class CoordinateModel(nn.Module):
    """f(x, y) -> (r, g, b)."""

    def __init__(self, encoding: nn.Module, network: nn.Module) -> None:
        super().__init__()
        self.encoding = encoding
        self.network = network

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the colours at x and y.

        Args:
            x: float32 of any shape that broadcasts with `y`. A row (1, w) and a column (h, 1) make
                a grid; two (n,) make points.
            y: likewise.

        Returns:
            Colours in [0, 1], of the broadcast shape and 3 channels: (h, w, 3) or (n, 3).
        """
        signal: Tensor = self.network(self.encoding(x, y))
        return (torch.tanh(signal) + 1) / 2
