"""Waves across the plane: the Fourier features of a table of frequencies."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from neuralpaint.models.encodings.encoding import Encoding

__all__ = ["AxisWaves", "Waves", "all_around"]


def all_around(count: int, *, lowest: float, highest: float, generator: torch.Generator) -> Tensor:
    """Draw frequencies B (count, 2) whose directions and lengths are as even as so few can be.

    Every sector of the half plane has one; their lengths rise by a constant factor, in any order.
    """
    sectors = (torch.arange(count) + torch.rand(count, generator=generator)) / count
    rise = (torch.randperm(count, generator=generator) + 0.5) / count
    lengths = lowest * (highest / lowest) ** rise
    angles = math.pi * sectors
    return torch.stack([lengths * angles.cos(), lengths * angles.sin()], 1)


class Waves(Encoding):
    """[cos 2 pi B v, sin 2 pi B v] of v = (x + 1, y + 1) / 2 (Tancik et al. 2020, eq. 5).

    B is saved with the weights, which mean nothing without it.
    """

    sine_strengths = (4.0, 1.0)

    frequencies: Tensor  # (m, 2) float32: B

    def __init__(self, frequencies: Tensor) -> None:
        """Take B (m, 2), in periods along the longer side of the picture, x first."""
        super().__init__()
        self.register_buffer("frequencies", frequencies)
        self.widths: tuple[int, ...] = (2 * len(frequencies),)

    @property
    def spectra(self) -> tuple[Tensor, ...]:
        """The deviation of a sine network's initial weights at strength 1, (2 m,).

        Like a photograph's spectrum it falls with the frequency.
        """
        falling = _falling(self.frequencies.cpu().square().sum(1).sqrt())
        return (torch.cat([falling, falling]),)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        """Map x and y, which broadcast to some shape, to one part (*shape, 2 m).

        cos(a + b) and sin(a + b) of a wave across the plane come from those of x and y alone. On a
        grid these are two short tables, and no pixel needs a sine of its own.
        """
        sin_x, cos_x = _turned(x, self.frequencies[:, 0])
        sin_y, cos_y = _turned(y, self.frequencies[:, 1])
        shape = torch.broadcast_shapes(sin_x.shape, sin_y.shape)
        count = shape[-1]
        features = x.new_empty(*shape[:-1], 2 * count)
        torch.mul(cos_x, cos_y, out=features[..., :count]).addcmul_(sin_x, sin_y, value=-1)
        torch.mul(sin_x, cos_y, out=features[..., count:]).addcmul_(cos_x, sin_y)
        return (features,)


class AxisWaves(Waves):
    """The same where every wave runs along an axis: one part for x and one for y."""

    separable = True
    sine_strengths = (8.0, 4.0)

    _of_x: Tensor  # int64: the rows of B whose waves run along x
    _of_y: Tensor  # likewise

    def __init__(self, frequencies: Tensor) -> None:
        """Take B (m, 2), in each row of which one frequency is 0."""
        super().__init__(frequencies)
        for axis, name in enumerate(("_of_x", "_of_y")):
            rows = frequencies[:, axis].nonzero().flatten()
            self.register_buffer(name, rows, persistent=False)
        self.widths = (2 * len(self._of_x), 2 * len(self._of_y))

    @property
    def spectra(self) -> tuple[Tensor, ...]:
        """The deviation of a sine network's initial weights at strength 1, (width,) per axis."""
        whole = _falling(self.frequencies.sum(1))
        return tuple(whole[rows].repeat(2).cpu() for rows in (self._of_x, self._of_y))

    @property
    def shortest_period(self) -> float:
        """The highest frequency's, in coordinates."""
        highest = float(self.frequencies.abs().max())
        return 2 / highest if highest else math.inf

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        """Map x and y of any shape to the parts (..., width) and (..., width)."""
        along_x, along_y = self.frequencies.unbind(1)
        return _waves(x, along_x[self._of_x]), _waves(y, along_y[self._of_y])


def _waves(coordinate: Tensor, frequencies: Tensor) -> Tensor:
    """Return the cosines and sines of coordinates (...), (..., 2 m)."""
    sines, cosines = _turned(coordinate, frequencies)
    return torch.cat([cosines, sines], -1)


def _turned(coordinate: Tensor, frequencies: Tensor) -> tuple[Tensor, Tensor]:
    """Return sine and cosine of coordinates (...) turned by each frequency, (..., m).

    Whole turns are taken off while the phase is counted in turns, where that costs no digit.
    """
    turns = ((coordinate + 1) / 2).unsqueeze(-1) * frequencies
    phase = (2 * math.pi) * (turns - turns.round())
    return phase.sin(), phase.cos()


def _falling(frequencies: Tensor) -> Tensor:
    """Return deviations that fall with the frequency, of sines and cosines that add up to 1."""
    falling = frequencies.abs().clamp(min=1) ** -1.0
    return falling / falling.square().sum().sqrt()
