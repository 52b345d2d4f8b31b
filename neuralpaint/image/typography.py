"""Text rasterised as coverage masks.

Text is rendered several times too large and averaged down: without hinting, spacing is even at
every size.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from neuralpaint.image.fonts import font_of, runs

__all__ = ["Coverage", "margin", "small_size", "text_mask", "text_width", "type_size"]

Coverage = npt.NDArray[np.float32]
"""The covered fraction of each pixel, (h, w) in [0, 1]."""

_OVERSAMPLING = 4
_SMALLEST = 7  # pixels: smaller letters cannot be read
_FULL = 720  # pixels: from this length of the shorter side, text is in proportion to it
_CAPITAL = 0.69  # of the size: the height of a capital letter
_WEIGHT = 0.8  # an exponent of the coverage: light letters on dark panels look too thin


def type_size(height: int, width: int) -> int:
    """Return the size in pixels of ordinary text on a frame.

    It is in proportion to the shorter side from 720 pixels on, and to its square root below: small
    frames need relatively large letters.
    """
    side = min(height, width)
    return max(_SMALLEST, round(math.sqrt(side * max(1.0, side / _FULL))))


def small_size(height: int, width: int) -> int:
    """Return the size in pixels of captions and axis labels."""
    return max(_SMALLEST, round(0.82 * type_size(height, width)))


def margin(height: int, width: int) -> int:
    """Return the distance in pixels between overlays and the frame's edge."""
    return round(1 + 0.03 * min(height, width))


@functools.lru_cache(maxsize=1024)
def text_width(text: str, size: int) -> int:
    """Return the advance of `text` at `size` in whole pixels."""
    return -int(-sum(_advances(text, size)) // _OVERSAMPLING)


# A small cache: a counter's numbers never repeat, and at 4K a mask is large.
@functools.lru_cache(maxsize=64)
def text_mask(text: str, size: int) -> Coverage:
    """Return the coverage of `text`, (2 * size, text_width), read-only.

    The centre of the mask is the centre of a capital letter: centring the mask centres the text.

    Raises:
        EncodingError: the font is not installed, or Pillow was built without FreeType.
    """
    height, width = 2 * size, text_width(text, size)
    image = Image.new("L", (max(1, width) * _OVERSAMPLING, height * _OVERSAMPLING))
    draw, left, baseline = (
        ImageDraw.Draw(image),
        0.0,
        _OVERSAMPLING * (height + _CAPITAL * size) / 2,
    )
    for (part, path), advance in zip(runs(text), _advances(text, size), strict=True):
        font = font_of(path, size * _OVERSAMPLING)
        draw.text((left, baseline), part, fill=255, font=font, anchor="ls")
        left += advance
    coverage = np.asarray(image.reduce(_OVERSAMPLING), np.float32) / np.float32(255)
    mask: Coverage = np.power(coverage, np.float32(_WEIGHT))
    mask.flags.writeable = False
    return mask


def _advances(text: str, size: int) -> list[float]:
    """Return the advance of each run of the text, in oversampled pixels."""
    return [font_of(path, size * _OVERSAMPLING).getlength(part) for part, path in runs(text)]
