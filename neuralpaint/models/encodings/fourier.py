"""Fourier features: the harmonics of each axis, and waves with a table of frequencies."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from neuralpaint.models.encodings.encoding import Encoding

__all__ = ["AxisWaves", "Harmonic", "Waves", "draw_frequencies"]


class Harmonic(Encoding):
    """sin(k t) and cos(k t) for k = 1..order, and t itself, for each axis.

    The longer side is scaled from [-1, 1] to t in [-pi, pi], so harmonic k has k periods across the
    picture, and t has different values at the two ends.
    """

    separable = True
    # Smaller strengths learn more slowly at first and show streaks along the axes for longer; 1.5
    # times as large is no better.
    sine_strengths = (8.0, 4.0)

    orders: Tensor  # (order,)

    def __init__(self, order: int) -> None:
        super().__init__()
        self.widths = (2 * order + 1, 2 * order + 1)
        orders = torch.arange(1, order + 1, dtype=torch.float32)
        self.register_buffer("orders", orders, persistent=False)
        falling = orders**-1.5  # a photograph consists mostly of low frequencies
        falling = falling / falling.square().sum().mul(2).sqrt()
        axis = torch.cat([falling, falling, torch.zeros(1)])
        self.spectra = axis, axis

    @property
    def shortest_period(self) -> float:
        """Period of the highest harmonic, in coordinate units."""
        return 2 / len(self.orders)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the parts (..., 2 order + 1) for x and for y of any shape."""
        return self._axis(x), self._axis(y)

    def _axis(self, coordinate: Tensor) -> Tensor:
        t = (coordinate * math.pi).unsqueeze(-1)
        phase = self.orders * t
        return torch.cat([phase.sin(), phase.cos(), t], dim=-1)


def draw_frequencies(
    count: int, *, lowest: float, highest: float, generator: torch.Generator
) -> Tensor:
    """Draw frequencies B (count, 2) with evenly distributed directions and lengths.

    One direction is drawn in each of `count` equal sectors of the half plane; the lengths form a
    geometric series, assigned at random.
    """
    sectors = (torch.arange(count) + torch.rand(count, generator=generator)) / count
    rise = (torch.randperm(count, generator=generator) + 0.5) / count
    lengths = lowest * (highest / lowest) ** rise
    angles = math.pi * sectors
    return torch.stack([lengths * angles.cos(), lengths * angles.sin()], 1)


class Waves(Encoding):
    """[cos 2 pi B v, sin 2 pi B v] of v = (x + 1, y + 1) / 2 (Tancik et al. 2020, eq. 5).

    B is saved with the weights.
    """

    sine_strengths = (4.0, 1.0)

    frequencies: Tensor  # (m, 2) float32: B

    def __init__(self, frequencies: Tensor) -> None:
        """Take B (m, 2), in periods along the longer side of the picture, x first."""
        super().__init__()
        self.register_buffer("frequencies", frequencies)
        self.widths = (2 * len(frequencies),)
        falling = _falling(frequencies.square().sum(1).sqrt())
        self.spectra = (torch.cat([falling, falling]),)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        """Return one part (*shape, 2 m) for x and y that broadcast to some shape.

        cos(a + b) and sin(a + b) are computed by the addition formulas, from the values for x and
        for y. On a grid these are two short tables, so no sine is computed per pixel.
        """
        sin_x, cos_x = _sin_cos(x, self.frequencies[:, 0])
        sin_y, cos_y = _sin_cos(y, self.frequencies[:, 1])
        shape = torch.broadcast_shapes(sin_x.shape, sin_y.shape)
        count = shape[-1]
        features = x.new_empty(*shape[:-1], 2 * count)
        torch.mul(cos_x, cos_y, out=features[..., :count]).addcmul_(sin_x, sin_y, value=-1)
        torch.mul(sin_x, cos_y, out=features[..., count:]).addcmul_(cos_x, sin_y)
        return (features,)


class AxisWaves(Waves):
    """Waves along the axes: one part for x and one for y."""

    separable = True
    sine_strengths = (8.0, 4.0)

    _of_x: Tensor  # int64: the rows of B whose waves are along x
    _of_y: Tensor  # int64: the rows of B whose waves are along y

    def __init__(self, frequencies: Tensor) -> None:
        """Take B (m, 2), each row of which contains exactly one 0."""
        super().__init__(frequencies)
        for axis, name in enumerate(("_of_x", "_of_y")):
            rows = frequencies[:, axis].nonzero().flatten()
            self.register_buffer(name, rows, persistent=False)
        self.widths = (2 * len(self._of_x), 2 * len(self._of_y))
        both = _falling(frequencies.sum(1))
        self.spectra = tuple(both[rows].repeat(2) for rows in (self._of_x, self._of_y))

    @property
    def shortest_period(self) -> float:
        """Period of the highest frequency, in coordinate units."""
        highest = float(self.frequencies.abs().max())
        return 2 / highest if highest else math.inf

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        """Return the parts (..., width) for x and for y of any shape."""
        along_x, along_y = self.frequencies.unbind(1)
        return _waves(x, along_x[self._of_x]), _waves(y, along_y[self._of_y])


def _waves(coordinate: Tensor, frequencies: Tensor) -> Tensor:
    """Return cosines and sines (..., 2 m) of coordinates (...)."""
    sines, cosines = _sin_cos(coordinate, frequencies)
    return torch.cat([cosines, sines], -1)


def _sin_cos(coordinate: Tensor, frequencies: Tensor) -> tuple[Tensor, Tensor]:
    """Return sine and cosine (..., m) of coordinates (...) times each frequency.

    Whole periods are subtracted before multiplying by 2 pi, because there the subtraction is exact.
    """
    periods = ((coordinate + 1) / 2).unsqueeze(-1) * frequencies
    phase = (2 * math.pi) * (periods - periods.round())
    return phase.sin(), phase.cos()


def _falling(frequencies: Tensor) -> Tensor:
    """Return standard deviations (m,) proportional to 1 / frequency, whose squares sum to 1."""
    falling = frequencies.abs().clamp(min=1) ** -1.0
    return falling / falling.square().sum().sqrt()
