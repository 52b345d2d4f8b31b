"""Text rasterised as coverage masks.

The font is Aileron Regular by Sora Sagano, which Pillow includes (`ImageFont.load_default`); it is
in the public domain ("No Rights Reserved" in its name table, CC0 at its source). All its digits
have the same advance, so a counter does not move while it counts. Text is rendered several times
too large and averaged down: without hinting, spacing is even at every size.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from neuralpaint.errors import EncodingError

__all__ = ["Coverage", "margin", "small_size", "text_mask", "text_width", "type_size"]

Coverage = npt.NDArray[np.float32]
"""The covered fraction of each pixel, (h, w) in [0, 1]."""

_OVERSAMPLING = 4
_SMALLEST = 7  # pixels: smaller letters cannot be read
_FULL = 720  # pixels: from this length of the shorter side, text is in proportion to it
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
    return -int(-_font(size * _OVERSAMPLING).getlength(text) // _OVERSAMPLING)


# A small cache: a counter's numbers never repeat, and at 4K a mask is large.
@functools.lru_cache(maxsize=64)
def text_mask(text: str, size: int) -> Coverage:
    """Return the coverage of `text`, (2 * size, text_width), read-only.

    The centre of the mask is the centre of a capital letter: centring the mask centres the text.

    Raises:
        EncodingError: Pillow was built without FreeType and cannot render text.
    """
    font = _font(size * _OVERSAMPLING)
    height, width = 2 * size, text_width(text, size)
    image = Image.new("L", (max(1, width) * _OVERSAMPLING, height * _OVERSAMPLING))
    capital = -font.getbbox("H", anchor="ls")[1]
    baseline = (height * _OVERSAMPLING + capital) / 2
    ImageDraw.Draw(image).text((0, baseline), text, fill=255, font=font, anchor="ls")
    coverage = np.asarray(image.reduce(_OVERSAMPLING), np.float32) / np.float32(255)
    mask: Coverage = np.power(coverage, np.float32(_WEIGHT))
    mask.flags.writeable = False
    return mask


@functools.lru_cache(maxsize=32)
def _font(size: int) -> ImageFont.FreeTypeFont:
    try:
        font = ImageFont.load_default(size)
    except ImportError:
        font = None
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise EncodingError(
            "this Pillow has no FreeType and cannot write text: reinstall it with "
            "`pip install --force-reinstall pillow`, or leave the overlays out"
        )
    return font
