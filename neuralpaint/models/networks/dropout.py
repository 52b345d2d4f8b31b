"""Dropout whose chance is its own: a hash of a counter, the same on every device."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Dropout"]

_STRIDE = -1_640_531_527  # 2^32 / golden ratio: the counts of two steps never follow each other
_MIX = 0x7FEB352D, 0x846CA68B - (1 << 32)


class Dropout(nn.Module):
    """In training, sets each value to 0 with some probability and scales the others up.

    So the expected value stays (Srivastava et al. 2014). The masks follow from the seed and from
    how often there was training. Nothing is drawn from torch's generators: those are the user's,
    and a CUDA graph replays a counter on the device as it stands.
    """

    _count: Tensor  # () int32

    def __init__(self, probability: float) -> None:
        super().__init__()
        self._keep = 1 - probability
        self.register_buffer("_count", torch.zeros((), dtype=torch.int32), persistent=False)

    def initialize(self, generator: torch.Generator) -> None:
        """Draw where the counter begins."""
        self._count.random_(generator=generator)

    def forward(self, values: Tensor) -> Tensor:
        """Return values of the same shape."""
        if not self.training:
            return values
        self._count.add_(_STRIDE)
        limit = round(self._keep * (1 << 32)) - (1 << 31)
        return values * ((self._bits(values) < limit) / self._keep)

    def _bits(self, like: Tensor) -> Tensor:
        """Return an evenly distributed int32 for each value."""
        index = torch.arange(like.numel(), dtype=torch.int32, device=like.device)
        bits = index.view(like.shape).mul_(_MIX[0]).add_(self._count)
        for mix in _MIX:
            # The shift brings in copies of the sign and so takes the sign away: a product is last.
            bits.bitwise_xor_(bits >> 16).mul_(mix)
        return bits
