"""What can be drawn as unknown, under one name each."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UsageError
from neuralpaint.image.sources import Source

__all__ = [
    "AlphaMask",
    "CentreMask",
    "CheckerboardMask",
    "LinesMask",
    "Mask",
    "RandomMask",
    "TextMask",
    "Unknown",
    "masks",
]

Unknown = npt.NDArray[np.float32]
"""How unknown each pixel is, (height, width) in [0, 1]."""

_MOST = 0.999  # of a picture that may be hidden by a fraction
_ALLOWED = 2**62  # pixels
_COVERED = 0.25  # of a pixel under a letter, which then is unknown


@dataclass(frozen=True)
class Mask(Settings, ABC):
    """What is unknown of a picture of any size; drawn again, it is the same."""

    @abstractmethod
    def draw(self, height: int, width: int, *, source: Source | None = None) -> Unknown:
        """Return what is unknown of a picture of that size, (height, width) in [0, 1].

        `source` is where the picture came from, for those that look it up there.
        """


masks: Registry[Mask] = Registry("mask")


@masks.register("random")
@dataclass(frozen=True)
class RandomMask(Mask):
    """Single pixels, anywhere."""

    fraction: float = setting(0.5, "share of the pixels", above=0.0, maximum=_MOST)
    seed: int = setting(0, "another one, other pixels", minimum=0)

    def draw(self, height: int, width: int, *, source: Source | None = None) -> Unknown:
        """Return what chance hides: each pixel with the same probability."""
        numbers = np.random.default_rng(self.seed).random((height, width))
        return _unknown(numbers < self.fraction)


@masks.register("centre", also=("center",))
@dataclass(frozen=True)
class CentreMask(Mask):
    """A disc in the middle."""

    fraction: float = setting(0.1, "share of the area", above=0.0, maximum=_MOST)

    def draw(self, height: int, width: int, *, source: Source | None = None) -> Unknown:
        """Return the disc; where it is too large for the picture, its part inside is the share."""
        y, x = _middles(height), _middles(width)
        apart = (y - height / 2)[:, None] ** 2 + (x - width / 2) ** 2
        count = max(1, round(self.fraction * apart.size))
        return _unknown(apart <= np.partition(apart, count - 1, axis=None)[count - 1])


@masks.register("checkerboard")
@dataclass(frozen=True)
class CheckerboardMask(Mask):
    """Every other field of a board."""

    fraction: float = setting(0.5, "share of the area", above=0.0, maximum=_MOST)
    block: int = setting(16, "side of a field", unit="pixels", minimum=1, maximum=65536)

    def draw(self, height: int, width: int, *, source: Source | None = None) -> Unknown:
        """Return the board: the hidden fields shrink below one half, the known ones above."""
        lesser = min(self.fraction, 1 - self.fraction)
        reach = self.block * math.sqrt(2 * lesser) / 2
        (row, down), (column, across) = (self._fields(side) for side in (height, width))
        dark = (row[:, None] + column) % 2 == (1 if self.fraction <= 0.5 else 0)
        within = (np.abs(down) < reach)[:, None] & (np.abs(across) < reach)
        return _unknown((dark & within) == (self.fraction <= 0.5))

    def _fields(self, side: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Return in which field each pixel of a side lies, and how far from the field's middle."""
        field = np.arange(side) // self.block
        return field, _middles(side) - (field + 0.5) * self.block


@masks.register("lines")
@dataclass(frozen=True)
class LinesMask(Mask):
    """Thin scratches from border to border, in all directions."""

    width: int = setting(2, "thickness", unit="pixels", minimum=1, maximum=1024)
    spacing: float = setting(
        24.0, "distance of two scratches, in the mean", unit="pixels", minimum=1, maximum=65536
    )
    seed: int = setting(0, "another one, other scratches", minimum=0)

    def draw(self, height: int, width: int, *, source: Source | None = None) -> Unknown:
        """Return the scratches: random lines, alike in all directions and places.

        Those that meet a convex figure have a mean chord of pi area / perimeter (Crofton), so there
        are as many as give a length of area / spacing.
        """
        from PIL import Image, ImageDraw

        draw = np.random.default_rng(self.seed)
        sheet = Image.new("L", (width, height))
        pen = ImageDraw.Draw(sheet)
        reach = math.hypot(height, width)
        # Lines that meet the circle around the picture; some of them miss the picture itself.
        for _ in range(max(1, round(reach / self.spacing))):
            angle, offset = draw.uniform(0, math.pi), draw.uniform(-0.5, 0.5) * reach
            along, across = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))
            ends = [
                tuple(
                    middle / 2 + offset * a + way * reach * b
                    for middle, a, b in zip((width, height), across, along, strict=True)
                )
                for way in (-1, 1)
            ]
            pen.line([end for point in ends for end in point], fill=1, width=self.width)
        return np.asarray(sheet, np.float32)


@masks.register("text")
@dataclass(frozen=True)
class TextMask(Mask):
    """Words, written over the picture again and again."""

    words: str = setting("neuralpaint", "what is written")
    size: int | None = setting(
        None, "of the type; unset, by the picture's", unit="pixels", minimum=4, maximum=1024
    )

    def draw(self, height: int, width: int, *, source: Source | None = None) -> Unknown:
        """Return what lies under the letters."""
        from neuralpaint.video.typography import text_mask, type_size

        size = self.size or type_size(height, width)
        letters = text_mask(f"{self.words.strip()} ", size) > _COVERED
        if not letters.any():
            raise UsageError(f"the mask text has no words to write: {self.words!r}")
        leading = round(1.25 * size)
        first = size - leading // 2  # the middle of a line is that of its capitals
        line = letters[first : first + leading]
        drawn = np.zeros((height, width), bool)
        for number, top in enumerate(range(0, height, leading)):
            # Each line begins elsewhere, so that words do not stand in columns.
            row = np.roll(line[: height - top], -number * len(line[0]) // 3, axis=1)
            drawn[top : top + leading] = np.resize(row.T, (width, len(row))).T
        return _unknown(drawn)


@masks.register("alpha")
@dataclass(frozen=True)
class AlphaMask(Mask):
    """What is transparent in the picture's own file."""

    def draw(self, height: int, width: int, *, source: Source | None = None) -> Unknown:
        """Return what is not opaque: the background is in the colours of these pixels.

        Raises:
            UsageError: the picture does not come from a file, or is opaque.
            PictureError: the file cannot be read.
        """
        from neuralpaint.image.masks.files import transparency

        if source is None:
            raise UsageError("the mask alpha is told by a picture's file: give a mask of its own")
        # The picture itself has been read from it: whoever allowed that allows this.
        return transparency(source, height=height, width=width, max_pixels=_ALLOWED)


def _middles(side: int) -> npt.NDArray[np.float64]:
    return np.arange(side, dtype=np.float64) + 0.5


def _unknown(hidden: npt.NDArray[np.bool_]) -> Unknown:
    return hidden.astype(np.float32)
