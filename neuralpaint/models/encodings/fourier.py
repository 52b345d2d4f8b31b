"""Fourier features: the harmonics of each axis, and waves with a table of frequencies."""

from __future__ import annotations

import math
from abc import abstractmethod

import numpy as np
import torch
from torch import Tensor

from neuralpaint.models.encodings.encoding import Encoding

__all__ = [
    "AxisHarmonics",
    "AxisWaves",
    "Cosine",
    "Harmonic",
    "Waves",
    "cosine_counts",
    "draw_frequencies",
]

_MIDDLE = 0.14  # the frequency of amplitude 1, as a fraction of the highest


class AxisHarmonics(Encoding):
    """Waves along the axes whose amplitudes fall with the frequency and rise during the training.

    Adam moves all weights by about the same amount per step, whatever their gradients, so the
    amplitude of a feature is the rate at which the network learns it. If all amplitudes are equal,
    the many high frequencies are learned as fast as the few low ones, and the first frames show a
    fine weave.

    A window opens from the lowest frequency to the highest, as in BARF (Lin et al. 2021, eq. 14),
    but evenly in octaves. A closed feature has no gradient, so its weights stay as they were drawn.
    """

    separable = True

    amplitudes: Tensor | None  # (features of x and of y,), at this step; None: all are always 1
    _final: Tensor  # the same when the window is open
    _octaves: Tensor  # log2 of the frequencies

    def __init__(
        self,
        frequencies: tuple[Tensor, Tensor],
        *,
        anneal: float = 0.0,
        decay: float = 0.0,
        strength: float = 8.0,
    ) -> None:
        """Prepare features of these frequencies, in periods along the longer side.

        Args:
            frequencies: of the features of x (m,) and of y (n,); 0 for a feature that is no wave,
                whose amplitude is 1.
            anneal: fraction of the training in which the window opens; 0: it is always open.
            decay: amplitudes are proportional to frequency^-decay.
            strength: deviation of the first layer's phases over the picture, in radians. If it is
                small, nothing but large soft shapes is seen at first.
        """
        super().__init__()
        self.widths = len(frequencies[0]), len(frequencies[1])
        self.sine_strengths = strength, strength / 2
        waves = torch.cat(frequencies)
        final = torch.where(waves > 0, (waves / (_MIDDLE * waves.max())) ** -decay, 1.0)
        # A photograph consists mostly of low frequencies.
        falling = torch.where(waves > 0, waves.clamp(min=1) ** -1.5, 0.0)
        falling = falling * (2 / falling.square().sum()).sqrt()
        self.spectra = (falling / final).split(self.widths)
        self._anneal, self._highest = anneal, float(waves.max())
        # A buffer, so that every snapshot and saved file has the amplitudes of its step.
        self.register_buffer("amplitudes", final.clone() if anneal > 0 or decay > 0 else None)
        self.register_buffer("_final", final, persistent=False)
        self.register_buffer("_octaves", waves.clamp(min=1).log2(), persistent=False)
        self._edge = math.nan  # of the window, in octaves
        self.set_progress(0.0)

    @property
    def shortest_period(self) -> float:
        """Period of the highest frequency, in coordinate units."""
        return 2 / self._highest

    @torch.no_grad()
    def set_progress(self, progress: float) -> None:
        """Set the amplitudes for the progress of the training, in [0, 1]."""
        if self.amplitudes is None or self._anneal == 0:
            return
        edge = math.log2(self._highest) * min(1.0, progress / self._anneal)
        if edge == self._edge:  # unchanged: the window is open most of the time
            return
        self._edge = edge
        opened = (1 + edge - self._octaves).clamp_(0, 1)
        torch.mul(self._final, opened.square() * (3 - 2 * opened), out=self.amplitudes)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the parts (..., m) for x and (..., n) for y of any shape."""
        across, down = self._waves(x, 0), self._waves(y, 1)
        if self.amplitudes is None:
            return across, down
        of_x, of_y = self.amplitudes.split(self.widths)
        return across * of_x, down * of_y

    @abstractmethod
    def _waves(self, coordinate: Tensor, axis: int) -> Tensor:
        """Return the features of amplitude 1 of x (axis 0) or y (axis 1)."""


class Harmonic(AxisHarmonics):
    """sin(k t) and cos(k t) for k = 1..order, and t itself, for each axis.

    The longer side is scaled from [-1, 1] to t in [-pi, pi], so harmonic k has k periods across the
    picture, and t has different values at the two ends.
    """

    orders: Tensor  # (order,)

    def __init__(self, order: int, **options: float) -> None:
        """Take the number of harmonics, and the options of `AxisHarmonics`."""
        orders = torch.arange(1, order + 1, dtype=torch.float32)
        axis = torch.cat([orders, orders, torch.zeros(1)])
        super().__init__((axis, axis), **options)
        self.register_buffer("orders", orders, persistent=False)

    def _waves(self, coordinate: Tensor, axis: int) -> Tensor:
        t = (coordinate * math.pi).unsqueeze(-1)
        phase = self.orders * t
        return torch.cat([phase.sin(), phase.cos(), t], dim=-1)


class Cosine(AxisHarmonics):
    """cos(k s) for k = 1..n, for each axis: the functions of the discrete cosine transform.

    Each side is scaled to s in [0, pi], so harmonic k has k / 2 periods across it, and all features
    are even about all four edges: beyond them the picture continues as its mirror image.
    """

    _of_x: Tensor  # (m,): k
    _of_y: Tensor  # (n,)

    def __init__(self, order: int, *, span: tuple[float, float], **options: float) -> None:
        """Take the highest frequency, in periods along the longer side.

        `span` is the height and width of the picture in coordinates. For the other options see
        `AxisHarmonics`.
        """
        self._half_sides = span[1] / 2, span[0] / 2
        counts = cosine_counts(order, span=span)
        orders = [torch.arange(1, count + 1, dtype=torch.float32) for count in counts]
        of_x, of_y = (k / (2 * half) for k, half in zip(orders, self._half_sides, strict=True))
        super().__init__((of_x, of_y), **options)
        self.register_buffer("_of_x", orders[0], persistent=False)
        self.register_buffer("_of_y", orders[1], persistent=False)

    def product_scales(self, share: float = 1.0) -> Tensor:
        """Return the factors (m + 1, n + 1) that give products of features falling amplitudes.

        The products are of a feature of x and one of y, up to a `share` of the frequencies; the
        first factors are for a feature that is 1. With an open window, a product has the amplitude
        1 / max(1, k), where k is the length of its frequency, in half periods along the side of a
        square as large as the picture.
        """
        side = math.sqrt(math.prod(self._half_sides))
        of_x, of_y = (
            torch.cat([torch.zeros(1), k[: max(1, round(share * len(k)))]]) * (side / half)
            for k, half in zip((self._of_x, self._of_y), self._half_sides, strict=True)
        )
        lengths = torch.hypot(of_x[:, None], of_y)
        own_x, own_y = (
            torch.cat([torch.ones(1), final])[: len(k)]
            for final, k in zip(self._final.split(self.widths), (of_x, of_y), strict=True)
        )
        return 1 / (lengths.clamp(min=1) * own_x[:, None] * own_y)

    def _waves(self, coordinate: Tensor, axis: int) -> Tensor:
        s = (coordinate / self._half_sides[axis] + 1).unsqueeze(-1)
        periods = s * ((self._of_x, self._of_y)[axis] / 4)
        return ((2 * math.pi) * (periods - periods.round())).cos()


def cosine_counts(order: int, *, span: tuple[float, float]) -> tuple[int, int]:
    """Return the numbers of cosines along x and y; for the arguments see `Cosine`."""
    height, width = span
    return max(1, round(order * width)), max(1, round(order * height))


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
        shape = np.broadcast_shapes(sin_x.shape, sin_y.shape)
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
