"""What every encoding answers beside its features."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from torch import Tensor, nn

__all__ = ["Encoding"]


class Encoding(nn.Module, ABC):
    """Maps coordinates to the parts of a feature vector."""

    rate = 1.0
    """Learning rate of its weights as a multiple of the network's."""
    widths: tuple[int, ...]
    """Features of each part."""
    separable = False
    """Whether there are two parts, of x alone and of y alone."""
    sine_strengths: tuple[float, float]
    """Of the input of a sine network, in its first layer and further in: `SkipConn`."""

    @property
    @abstractmethod
    def spectra(self) -> tuple[Tensor, ...]:
        """The deviation of a sine network's initial weights at strength 1, (width,) per part."""

    @property
    def shortest_period(self) -> float:
        """Of the features of a separable one along their axis, in coordinates: none by default."""
        return math.inf

    def pace(self, progress: float) -> None:
        """Hear how far the training has come, in [0, 1], before every step."""
