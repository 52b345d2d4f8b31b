"""Alpha: transparent pixels are premultiplied everywhere but in files, where they are straight.

Premultiplied red, green and blue are those of the picture over black, so no colour is larger than
its alpha. What a pixel shows over a background is linear in it, colour + (1 - alpha) background:
frames can be averaged, resized and blended like opaque ones, without dark or light edges.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["image_of", "opaque", "over", "straight"]

_ROWS = 64  # at a time, so that the temporary arrays of a large frame stay in the caches


def over(pixels: NDArray[Any], colour: tuple[int, int, int]) -> NDArray[Any]:
    """Return pixels over a colour of 8 bits, (h, w, 3) of the same type.

    The pixels are premultiplied, uint8 or uint16 (h, w, 4); those without alpha are returned as
    they are.
    """
    if pixels.shape[2] == 3:
        return pixels
    white = int(np.iinfo(pixels.dtype).max)
    behind = np.array(colour, np.float32) / 255
    result = np.empty((*pixels.shape[:2], 3), pixels.dtype)
    for top in range(0, len(pixels), _ROWS):
        strip = pixels[top : top + _ROWS].astype(np.float32)
        shown = strip[..., :3] + (white - strip[..., 3:]) * behind
        result[top : top + _ROWS] = np.rint(shown).clip(0, white)
    return result


def straight(pixels: NDArray[Any], *, depth: Literal[8, 16] | None = None) -> NDArray[Any]:
    """Return premultiplied pixels, uint8 or uint16 (h, w, 4), with straight colours, as in files.

    They have as many bits, or with a `depth` of 16, all 16. Over any background they differ from
    the premultiplied ones by one level at most. Pixels without alpha are returned as they are. A
    transparent pixel is black.
    """
    if pixels.shape[2] == 3:
        return pixels
    dtype = pixels.dtype if depth is None else np.dtype(f"uint{depth}")
    full = int(np.iinfo(dtype).max)
    result = np.empty(pixels.shape, dtype)
    result[..., 3] = pixels[..., 3]
    if dtype != pixels.dtype:
        result[..., 3] *= full // 255
    for top in range(0, len(pixels), _ROWS):
        rows = slice(top, top + _ROWS)
        colours, alpha = pixels[rows, :, :3], pixels[rows, :, 3:]
        if pixels.dtype == np.uint8:
            result[rows, :, :3] = _quotients(full)[alpha, colours]
        else:
            divided = colours * (np.float32(full) / np.maximum(alpha, 1))
            result[rows, :, :3] = np.rint(divided).clip(0, full)
    return result


@cache
def _quotients(full: int) -> NDArray[Any]:
    """Return the straight level of each one of 8 bits, by alpha and by level, (256, 256)."""
    alpha, level = np.ogrid[:256, :256]
    levels = np.rint(full * level / np.maximum(alpha, 1)).clip(0, full)
    return levels.astype(np.uint8 if full == 255 else np.uint16)


def opaque(colour: Any, *, channels: int) -> NDArray[Any]:
    """Return colours (..., 3) of 8 bits in so many channels: with a fourth, alpha is 255."""
    colours = np.asarray(colour)
    if colours.shape[-1] == channels:
        return colours
    return np.concatenate([colours, np.full_like(colours[..., :1], 255)], -1)


def image_of(pixels: NDArray[np.uint8]) -> Image.Image:
    """Return pixels (h, w, 3), or premultiplied ones (h, w, 4), as an image to be resampled.

    Pillow would multiply the colours of a mode with straight alpha by it.
    """
    if pixels.ndim == 2 or pixels.shape[2] == 3:
        return Image.fromarray(pixels)
    size = pixels.shape[1], pixels.shape[0]
    return Image.frombuffer("RGBa", size, np.ascontiguousarray(pixels), "raw", "RGBa", 0, 1)
