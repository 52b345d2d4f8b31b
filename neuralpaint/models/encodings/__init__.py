"""Encodings map coordinates to features; this file has their settings and their registry.

encoding   base class, and encodings composed of others: concatenation, conditioning on a code
fourier    harmonics and waves
bloom      how the details of planes spread from one place
hash_grid  the multi-resolution hash grid
planes     settings of learned planes
polar      rays and rings around a point
pyramid    planes of learned features, for one or for several pictures

An encoding takes coordinates x and y, whose shapes broadcast, and returns the feature vector in
*parts*: tensors whose shapes broadcast, to be concatenated along the last axis. On a grid, the
features of x alone are a part of shape (1, w, f), those of y alone a part of shape (h, 1, f). A
network multiplies each part by its own columns of the weight matrix before broadcasting, so the
(h, w, features) input is never built.

This file does not import torch; the modules do. To add an encoding, register a subclass of
`EncodingSettings` here and write its `Encoding` in a module.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.models.codes import Codes, Subject
from neuralpaint.models.encodings.planes import PlanesSettings, PyramidSettings

if TYPE_CHECKING:
    import torch

    from neuralpaint.models.encodings.encoding import Encoding
    from neuralpaint.models.encodings.hash_grid import Level

__all__ = [
    "BasicEncoding",
    "EncodingSettings",
    "FrequencyEncoding",
    "GaussianEncoding",
    "HarmonicEncoding",
    "HashEncoding",
    "NoEncoding",
    "PlanesSettings",
    "PolarEncoding",
    "PositionalEncoding",
    "PyramidEncoding",
    "PyramidSettings",
    "encodings",
    "usual_order",
]


@dataclass(frozen=True)
class EncodingSettings(Settings, ABC):
    """Settings from which an encoding is built."""

    @property
    def is_clamped(self) -> bool:
        """Whether the features beyond the picture are those at its edge."""
        return False

    @abstractmethod
    def build_features(
        self, canvas: Canvas, generator: torch.Generator, codes: Codes | None = None
    ) -> Encoding:
        """Return the encoding for pictures of the size of `canvas`, with random weights.

        It may depend on the codes (pictures, k), but the code is not one of its features.
        """

    def placed(self, subject: Subject) -> Self:
        """Return this encoding with the settings that depend on the subject, before `build`."""
        return self

    def build(
        self, canvas: Canvas, generator: torch.Generator, codes: Codes | None = None
    ) -> Encoding:
        """Return the encoding; if there are codes, the code is added to its features."""
        from neuralpaint.models.encodings.encoding import Conditioned

        encoding = self.build_features(canvas, generator, codes)
        return encoding if codes is None else Conditioned(encoding, codes)


encodings: Registry[EncodingSettings] = Registry("encoding")


@encodings.register("none")
@dataclass(frozen=True)
class NoEncoding(EncodingSettings):
    """The coordinates themselves, in [-1, 1] along the longer side."""

    def build_features(
        self, canvas: Canvas, generator: torch.Generator, codes: Codes | None = None
    ) -> Encoding:
        """Return `Identity`."""
        from neuralpaint.models.encodings.encoding import Identity

        return Identity()


class FrequencyEncoding(EncodingSettings):
    """A table of frequencies B: the features are [cos 2 pi B v, sin 2 pi B v].

    v = (coordinate + 1) / 2, x first, spans [0, 1] along the longer side (Tancik et al. 2020).
    """

    separable: ClassVar[bool] = False
    """Whether each row of B contains one 0, so that every wave runs along one axis."""

    @abstractmethod
    def frequencies(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """Return B (m, 2), in periods along the longer side, x first."""

    def build_features(
        self, canvas: Canvas, generator: torch.Generator, codes: Codes | None = None
    ) -> Encoding:
        """Return `AxisWaves` or `Waves`; B depends only on the generator's seed."""
        import torch

        from neuralpaint.models.encodings.fourier import AxisWaves, Waves

        rng = np.random.default_rng(generator.initial_seed())
        table = torch.from_numpy(self.frequencies(rng))
        return (AxisWaves if self.separable else Waves)(table)


@encodings.register("basic")
@dataclass(frozen=True)
class BasicEncoding(FrequencyEncoding):
    """A sine and a cosine of one period along each axis."""

    separable: ClassVar[bool] = True

    def frequencies(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """Return the identity (2, 2)."""
        return np.eye(2, dtype=np.float32)


@encodings.register("positional")
@dataclass(frozen=True)
class PositionalEncoding(FrequencyEncoding):
    """Waves along each axis whose frequencies rise by a constant factor, from 1 to sigma."""

    separable: ClassVar[bool] = True

    features: int = setting(
        256, "frequencies, half of them along each axis", minimum=2, maximum=65536
    )
    sigma: float = setting(64.0, "highest frequency", unit="periods", minimum=1, maximum=4096)

    def frequencies(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """Return sigma^(j / m') along each axis for j = 0..m'-1, (2 m', 2)."""
        half = self.features // 2
        rising = self.sigma ** (np.arange(half) / half)
        table = np.zeros((2 * half, 2), np.float32)
        table[:half, 0] = table[half:, 1] = rising
        return table


@encodings.register("gaussian")
@dataclass(frozen=True)
class GaussianEncoding(FrequencyEncoding):
    """Waves in all directions, their frequencies drawn from a normal distribution."""

    features: int = setting(256, "frequencies", minimum=1, maximum=65536)
    sigma: float = setting(
        10.0, "standard deviation of the frequencies", unit="periods", above=0.0, maximum=1024
    )

    def frequencies(self, rng: np.random.Generator) -> NDArray[np.float32]:
        """Draw B (m, 2) from N(0, sigma^2)."""
        return (self.sigma * rng.standard_normal((self.features, 2))).astype(np.float32)


@encodings.register("harmonic")
@dataclass(frozen=True)
class HarmonicEncoding(EncodingSettings):
    """All the harmonics sin(kx), cos(kx) of each axis up to an order, and the axis itself."""

    order: int | None = setting(
        None,
        "harmonics per axis; unset, one per 3 pixels of the longer side, from 16 to 256",
        minimum=1,
        maximum=4096,
    )

    def order_for(self, canvas: Canvas) -> int:
        """Return the number of harmonics per axis for pictures of the size of `canvas`."""
        return self.order or usual_order(canvas)

    def build_features(
        self, canvas: Canvas, generator: torch.Generator, codes: Codes | None = None
    ) -> Encoding:
        """Return `Harmonic`."""
        from neuralpaint.models.encodings.fourier import Harmonic

        return Harmonic(self.order_for(canvas))


def usual_order(canvas: Canvas, *, pixels: float = 3.0) -> int:
    """Return the longer side divided by `pixels`, at least 16 and at most 768 / `pixels`.

    With more than two pixels per period, a picture's own pixels determine all harmonics.
    """
    return int(max(16.0, min(768, max(canvas.height, canvas.width)) / pixels))


@encodings.register("polar")
@dataclass(frozen=True)
class PolarEncoding(EncodingSettings):
    """Rays and rings around a point, through a kaleidoscope that unfolds while the network learns.

    At first every sector between two mirrors is the same. Then there are fewer and fewer mirrors.
    """

    order: int | None = setting(
        None,
        "most rays around the point; unset, one per 4 pixels of the longer side, from 16 to 192",
        minimum=1,
        maximum=4096,
    )
    mirrors: int = setting(12, "mirrors at the start; 0 for none", minimum=0, maximum=96)
    unfold: float = setting(
        0.6, "fraction of the training after which no mirror is left", above=0, maximum=1
    )
    x: float = setting(0.5, "the point, 0 = left edge, 1 = right edge", minimum=0, maximum=1)
    y: float = setting(0.5, "the point, 0 = top edge, 1 = bottom edge", minimum=0, maximum=1)

    def orders_for(self, canvas: Canvas) -> list[int]:
        """Return the orders of the rays and rings for pictures of the size of `canvas`."""
        from neuralpaint.models.encodings.polar import orders_up_to

        return orders_up_to(self.order or usual_order(canvas, pixels=4))

    def place_for(self, canvas: Canvas) -> tuple[float, float, float]:
        """Return x, y and the core of the point, in coordinates of `canvas`.

        The core is so large that a ray fades where two of them would be closer than a pixel.
        """
        height, width = canvas.span
        pixel = 2 / max(canvas.height, canvas.width)
        core = pixel * math.sqrt(2 * self.orders_for(canvas)[-1]) / math.pi
        return width * (self.x - 0.5), height * (self.y - 0.5), core

    def build_features(
        self, canvas: Canvas, generator: torch.Generator, codes: Codes | None = None
    ) -> Encoding:
        """Return `Polar`."""
        from neuralpaint.models.encodings.polar import Polar

        x, y, core = self.place_for(canvas)
        return Polar(
            self.orders_for(canvas),
            centre=(x, y),
            core=core,
            mirrors=self.mirrors,
            unfold=self.unfold,
        )


@encodings.register("hash")
@dataclass(frozen=True)
class HashEncoding(EncodingSettings):
    """Learned features at the corners of grids of several resolutions (Mueller et al. 2022)."""

    levels: int = setting(8, "grids, from the coarsest to the finest", minimum=1, maximum=32)
    channels: int = setting(2, "features of each level", minimum=1, maximum=16)
    table_size: int = setting(
        16, "log2 of the largest number of entries of a level", minimum=4, maximum=24
    )
    coarsest: int = setting(
        16, "cells of the first level along the longer side", minimum=1, maximum=65536
    )
    finest: int | None = setting(
        None,
        "cells of the last level along the longer side; unset, one per 2 pixels",
        minimum=1,
        maximum=65536,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.finest is not None and self.finest < self.coarsest:
            raise UsageError(
                f"encoding hash: finest={self.finest} is below coarsest={self.coarsest}: "
                "raise finest or lower coarsest"
            )

    @property
    def is_clamped(self) -> bool:
        """Always True."""
        return True

    def levels_for(self, canvas: Canvas) -> list[Level]:
        """Return the levels for pictures of the size of `canvas`, coarsest first."""
        from neuralpaint.models.encodings.hash_grid import grid_levels

        return grid_levels(
            levels=self.levels,
            coarsest=self.coarsest,
            finest=self.finest or max(canvas.height, canvas.width) // 2,
            table_size=2**self.table_size,
            span=canvas.span,
        )

    def build_features(
        self, canvas: Canvas, generator: torch.Generator, codes: Codes | None = None
    ) -> Encoding:
        """Return `HashGrid`."""
        from neuralpaint.models.encodings.hash_grid import HashGrid

        levels, span = self.levels_for(canvas), canvas.span
        return HashGrid(levels, channels=self.channels, span=span, generator=generator)


@encodings.register("pyramid")
@dataclass(frozen=True)
class PyramidEncoding(PyramidSettings, EncodingSettings):
    """Learned planes of features at several resolutions."""

    def build_features(
        self, canvas: Canvas, generator: torch.Generator, codes: Codes | None = None
    ) -> Encoding:
        """Return planes for one picture or, with codes, for each of them; and shared waves."""
        from neuralpaint.models.encodings.encoding import Concatenation
        from neuralpaint.models.encodings.fourier import Waves, draw_frequencies
        from neuralpaint.models.encodings.pyramid import PerPicturePlanes, Pyramid, plane_sizes

        pictures = 1 if codes is None else len(codes)
        resolutions = [(pixels * self.detail, channels) for pixels, channels in self.planes]
        sizes = plane_sizes(
            resolutions, height=canvas.height, width=canvas.width, pictures=pictures
        )
        pyramid = Pyramid(
            sizes,
            span=canvas.span,
            generator=generator,
            fade=self.fade,
            fading=self.fading,
            bloom=self.bloom_over(canvas),
            pictures=pictures,
        )
        planes = pyramid if codes is None else PerPicturePlanes(pyramid, codes)
        if not self.wave_count:
            return planes
        lowest, highest = self.wave_range
        frequencies = draw_frequencies(
            self.wave_count, lowest=lowest, highest=highest, generator=generator
        )
        return Concatenation(Waves(frequencies), planes)
