"""Samples: the pixels of a picture as its file stores them, in any type and with any white.

They are used where 8 bits per sample do not suffice, or do not mean what Pillow takes them for.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["Colours", "Levels", "Rows", "Samples", "UnreadableKind", "is_deep"]

logger = logging.getLogger(__name__)

Colours = Literal["L", "RGB", "CMYK"]
Rows = Callable[[int, int], npt.NDArray[Any]]
Levels = npt.NDArray[np.floating[Any]]

# Values that are taken as white in files of floats or wide integers, which do not store it.
_WHITES = (1.0, 255.0, 65535.0)
_INFINITE = 2.0**31  # takes the place of infinity
# Float pictures in [0, 1] may have highlights up to this value; with larger values white is not 1.
_HIGHLIGHTS = 16.0
_CHANNELS: dict[Colours, int] = {"L": 1, "RGB": 3, "CMYK": 4}


class UnreadableKind(Exception):  # noqa: N818
    """A kind of file that cannot be read; the text completes "the picture is ..."."""


@dataclass(frozen=True, eq=False)
class Samples:
    """The samples of a picture.

    `rows(top, bottom)` returns rows as stored, (bottom - top, width, channels): the channels of
    `colours`, then alpha if there is any. `header` is the file's image, of which only the profile
    and the orientation are used.
    """

    header: Image.Image
    width: int
    height: int
    rows: Rows
    colours: Colours
    white: float | None = None
    """The value of white, full ink and opaque; None if the file does not define it."""
    video_range: bool = False
    """Whether black is 16 and white 235 of 255; alpha has the full range."""
    has_alpha: bool = False
    premultiplied: bool = False
    inverted: bool = False
    """Whether 0 is white."""
    clear: tuple[int, ...] | None = None
    """The colour that is transparent."""

    @classmethod
    def of_image(cls, image: Image.Image, *, white: float | None = None, **how: Any) -> Samples:
        """Return the samples of a decoded image in mode L, RGB or CMYK, with alpha or deep."""
        clear = image.info.get("transparency")
        if is_deep(image):
            colours: Colours = "L"
            white = white or (65535.0 if image.mode.startswith("I;16") else None)
            how["clear"] = (clear,) if isinstance(clear, int) else None
            stored = image
        else:
            colours = "L" if image.mode in ("L", "LA") and clear is None else "RGB"
            colours = "CMYK" if image.mode == "CMYK" else colours
            how["has_alpha"] = image.has_transparency_data
            stored = image.convert(colours + "A" * how["has_alpha"])
            white = white or 255.0

        def rows(top: int, bottom: int) -> npt.NDArray[Any]:
            values = np.asarray(stored.crop((0, top, stored.width, bottom)))
            return values.reshape(*values.shape[:2], -1)

        return cls(image, image.width, image.height, rows, colours, white, **how)

    def levels(self, strips: Sequence[tuple[int, int]]) -> Iterator[tuple[Levels, Levels | None]]:
        """Yield the colours and the alpha of each strip, which is (top, bottom).

        Colours are float32 (rows, width, channels), from 0 for black, or no ink, to 255, not
        clipped. Alpha is float32 (rows, width, 1) in [0, 1]; None if all is opaque.
        """
        channels = _CHANNELS[self.colours]
        white = self._white(strips, slice(channels), name="white")
        opaque = self._white(strips, slice(channels, None), name="opaque") if self.has_alpha else 1
        step = (white + 1) / 256
        black, brightest = (16 * step, 235 * step) if self.video_range else (0.0, white)
        for top, bottom in strips:
            stored = self.rows(top, bottom)
            levels = (_finite(stored[..., :channels]) - black) * (255 / (brightest - black))
            if self.inverted:
                levels = 255 - levels
            alpha = None
            if self.has_alpha:
                alpha = (_finite(stored[..., channels:]) / opaque).clip(0, 1)
            elif self.clear is not None:
                alpha = (stored != self.clear).any(axis=2, keepdims=True).astype(np.float32)
            if self.premultiplied and alpha is not None:
                levels /= np.maximum(alpha, 1 / 65536)
            yield levels, alpha

    def _white(self, strips: Sequence[tuple[int, int]], channels: slice, *, name: str) -> float:
        """Return `white`; if it is None, the usual value that fits the largest sample."""
        if self.white is not None:
            return self.white
        dtype = self.rows(0, 1).dtype
        peak = max(_peak(self.rows(*strip)[..., channels]) for strip in strips)
        if dtype.kind != "f":
            usual = [_WHITES[2], float(np.iinfo(dtype).max)]
        elif peak > _HIGHLIGHTS:
            usual = [*_WHITES, peak]
        else:
            usual = [1.0]  # above it are highlights
        white = next((value for value in usual if peak <= value), usual[-1])
        if peak > 1 and (dtype.kind == "f" or white != _WHITES[2]):
            logger.warning("the picture's values reach %g: %g is taken as %s", peak, white, name)
        return white


def is_deep(image: Image.Image) -> bool:
    """Return whether the image is grey with more than 8 bits, which Pillow clips, not scales."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def _peak(values: npt.NDArray[Any]) -> float:
    """Return the largest finite value, at least 0."""
    with np.errstate(over="ignore"):
        floats = values.astype(np.float32)
    return float(floats.max(initial=0, where=np.isfinite(floats)))


def _finite(values: npt.NDArray[Any]) -> Levels:
    with np.errstate(over="ignore"):
        floats = values.astype(np.float32)
    return np.nan_to_num(floats, nan=0.0, posinf=_INFINITE, neginf=0.0)
