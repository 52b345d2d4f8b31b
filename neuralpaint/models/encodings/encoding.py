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
    hears_code = False
    """Whether `forward` takes the code too, for features that depend on it."""
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

    def parts(self, x: Tensor, y: Tensor, code: Tensor | None = None) -> tuple[Tensor, ...]:
        """Return the parts at x and y, and at a code (..., k) where the encoding hears it."""
        place = (x, y, code) if self.hears_code else (x, y)
        found: tuple[Tensor, ...] = self(*place)
        return found

    def pace(self, progress: float) -> None:
        """Hear how far the training has come, in [0, 1], before every step."""
