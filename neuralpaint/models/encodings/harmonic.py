"""The harmonics of each axis: a Fourier series whose coefficients a network chooses."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from neuralpaint.models.encodings.encoding import Encoding

__all__ = ["Harmonic"]


class Harmonic(Encoding):
    """Per axis sin(k t) and cos(k t) for k = 1..order, and t itself.

    The longer side is scaled from [-1, 1] to t in [-pi, pi], so harmonic k has k periods
    across the picture and the raw t tells the two ends apart.
    """

    separable = True
    sine_strengths = (8.0, 4.0)
    """Of a sine network over harmonics, measured on photographs: `SkipConn.initialize_sine`.

    Weaker ones are behind in short trainings and show streaks along the axes for longer; half as
    much again is no better.
    """

    orders: Tensor  # (order,)

    def __init__(self, order: int) -> None:
        super().__init__()
        self.widths = (2 * order + 1, 2 * order + 1)
        # Not a weight: the order in the settings already says it.
        orders = torch.arange(1, order + 1, dtype=torch.float32)
        self.register_buffer("orders", orders, persistent=False)

    @property
    def spectra(self) -> tuple[Tensor, Tensor]:
        """The deviation of the initial weights of each feature at strength 1, (width,) per axis.

        It falls with the harmonic k as k^-1.5, for a photograph has far more to say in its low
        frequencies; the weighted sum of all features has deviation 1 over the picture.
        """
        falling = self.orders.cpu() ** -1.5
        falling = falling / falling.square().sum().mul(2).sqrt()
        axis = torch.cat([falling, falling, torch.zeros(1)])
        return axis, axis

    @property
    def shortest_period(self) -> float:
        """The last harmonic's, in coordinates."""
        return 2 / len(self.orders)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Map x and y of any shape to the parts (..., 2 order + 1) and (..., 2 order + 1)."""
        return self._axis(x), self._axis(y)

    def _axis(self, coordinate: Tensor) -> Tensor:
        t = (coordinate * math.pi).unsqueeze(-1)
        phase = self.orders * t
        return torch.cat([phase.sin(), phase.cos(), t], dim=-1)
