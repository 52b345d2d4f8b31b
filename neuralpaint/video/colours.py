"""A colour scale in equal perceptual steps, worked out in the OKLab space.

A few anchor colours are joined by straight lines in OKLab (Ottosson, "A perceptual color space for
image processing", 2020), where distance is how different two colours look, and the path is cut
into pieces of equal length. So equal errors look equally different all along the scale.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

__all__ = ["colour_scale", "oklab"]

Floats = npt.NDArray[np.float64]

# OKLab: lightness, green to red, blue to yellow. Night, violet, ember, straw: lightness rises all
# the way, so the scale reads in grey and to the colour-blind too.
_ANCHORS = np.array(
    [
        [0.16, 0.005, -0.035],
        [0.37, 0.095, -0.105],
        [0.60, 0.180, 0.045],
        [0.80, 0.070, 0.135],
        [0.96, -0.020, 0.100],
    ]
)

# Linear sRGB to cone responses, and their cube roots to lightness and two opponent colours.
_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


@functools.cache
def colour_scale(count: int) -> npt.NDArray[np.uint8]:
    """Return `count` colours from dark to light in equal perceptual steps, uint8 (count, 3)."""
    # Smooth the corners of the path before it is measured.
    fine = np.linspace(0, len(_ANCHORS) - 1, 1025)
    path = np.stack([np.interp(fine, range(len(_ANCHORS)), axis) for axis in _ANCHORS.T], axis=-1)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    even = np.linspace(0, length[-1], count)
    lab = np.stack([np.interp(even, length, axis) for axis in path.T], axis=-1)
    colours = np.rint(255 * _srgb(lab)).astype(np.uint8)
    colours.flags.writeable = False
    return colours


def oklab(colours: npt.NDArray[np.uint8]) -> Floats:
    """Return the OKLab coordinates (n, 3) of sRGB colours, uint8 (n, 3)."""
    coded = colours / 255
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    lab: Floats = np.cbrt(linear @ _TO_CONES.T) @ _TO_LAB.T
    return lab


def _srgb(lab: Floats) -> Floats:
    """Return sRGB in [0, 1] of OKLab coordinates (n, 3)."""
    cones = (lab @ np.linalg.inv(_TO_LAB).T) ** 3
    linear = np.clip(cones @ np.linalg.inv(_TO_CONES).T, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
