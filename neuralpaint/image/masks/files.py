"""Mask files: a picture of any size tells what is unknown of another one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from neuralpaint.errors import UsageError
from neuralpaint.image.masks.entries import Unknown
from neuralpaint.image.pictures import Picture, PictureSettings
from neuralpaint.image.sources import Source, label, opened
from neuralpaint.image.srgb import srgb_pixels

__all__ = ["read_mask", "transparency"]

_MOST_PIXELS = PictureSettings.max_pixels
_OPAQUE = 5  # levels of transparency that are none
_BLACK, _WHITE = 8, 247  # levels that are so: compression does not keep the ends
_SLANT = 0.02  # by which two shapes differ that are one, but for rounding to whole pixels


def read_mask(
    source: Source,
    *,
    height: int,
    width: int,
    kind: str = "mask",
    max_pixels: int = _MOST_PIXELS,
) -> Unknown:
    """Read what a file says is unknown of a picture, (height, width) in [0, 1].

    `kind` is what an error calls it.

    White is unknown and black is known. A file with transparent parts says it by these alone,
    whatever its colours are: transparent is unknown. It may have any size of the picture's shape.

    Raises:
        UsageError: no such file, or of another shape than the picture.
        PictureError: it cannot be read.
    """
    transparent, levels = _read(source, max_pixels=max_pixels)
    if transparent.max() > _OPAQUE:
        levels = transparent
    rows, columns = levels.shape
    # One pixel more or less may be due to rounding, of the smaller of the two.
    slack = _SLANT + 1 / min(rows, columns, height, width)
    if abs(np.log(rows * width / (columns * height))) > slack:
        raise UsageError(
            f"the {kind} {label(source)!r} is {columns}x{rows} and the picture {width}x{height}: "
            f"give a {kind} of the same shape, of any size"
        )
    if (rows, columns) != (height, width):
        # It has no overshoots, and averages where the mask is larger.
        sheet = Image.fromarray(levels).resize((width, height), Image.Resampling.BILINEAR)
        levels = np.asarray(sheet)
    return ((levels.astype(np.float32) - _BLACK) / (_WHITE - _BLACK)).clip(0, 1)


def transparency(
    source: Source, *, height: int, width: int, max_pixels: int = _MOST_PIXELS
) -> Unknown:
    """Read what is transparent in a picture's own file, (height, width), 0 or 1.

    Of another size it is what a `Picture.covering` of that size shows. What is partly transparent
    counts as unknown: nobody can tell its colour from that of the background.

    Raises:
        UsageError: no such file, or it is opaque.
        PictureError: it cannot be read.
    """
    transparent, _ = _read(source, max_pixels=max_pixels)
    if transparent.max() <= _OPAQUE:
        raise UsageError(
            f"{label(source)!r} has no transparent parts: give a file that says it, not alpha"
        )
    if transparent.shape != (height, width):
        sheet = Picture.from_array(transparent, name=Path(label(source)).name)
        transparent = sheet.covering(height=height, width=width).pixels[..., 0]
    return (transparent > _OPAQUE).astype(np.float32)


def _read(
    source: Source, *, max_pixels: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return the transparency and the luma of a file, upright, each uint8 (h, w)."""
    with opened(source, max_pixels=max_pixels) as image:
        image.load()
        dark = srgb_pixels(image, background=(0, 0, 0))
        light = srgb_pixels(image, background=(255, 255, 255))
    # A pixel is as much lighter over white than over black as it is transparent.
    transparent = (light[..., 0] - dark[..., 0]).copy()
    return transparent, np.asarray(Image.fromarray(dark).convert("L"))
