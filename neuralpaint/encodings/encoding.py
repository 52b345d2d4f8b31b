"""What every encoding answers beside its features."""

from __future__ import annotations

from torch import nn

__all__ = ["Encoding"]


class Encoding(nn.Module):
    """Maps coordinates to the parts of a feature vector."""

    rate = 1.0
    """Learning rate of its weights as a multiple of the network's."""

    def pace(self, progress: float) -> None:
        """Hear how far the training has come, in [0, 1], before every step."""
