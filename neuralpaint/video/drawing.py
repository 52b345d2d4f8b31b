"""Drawing on a frame in place: anti-aliased shapes, captions on glass, and a colour scale.

Only pixels inside the given box change, and shapes are clipped at the edges of the frame.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from neuralpaint.image.alpha import opaque
from neuralpaint.image.pictures import Frame
from neuralpaint.image.typography import Coverage, small_size, text_mask, text_width

__all__ = [
    "ACCENT",
    "NIGHT",
    "WHITE",
    "Box",
    "Colour",
    "Frame",
    "blend",
    "caption",
    "caption_size",
    "colour_scale",
    "disc",
    "glass",
    "rounded",
    "signed_scale",
    "stamp",
]

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]
"""Top, left, height and width, in pixels."""

WHITE: Colour = (255, 255, 255)
ACCENT: Colour = (255, 206, 110)
NIGHT: Colour = (13, 14, 18)

_GLASS_OPACITY = 0.62  # the contrast of white text is at least 5:1, even over pure white

# Anchors of the colour scale, in OKLab: lightness, green to red, blue to yellow. They go from dark
# blue over violet and orange to yellow. Lightness always increases, so that the scale also works in
# grey and for colour-blind viewers.
_ANCHORS = np.array(
    [
        [0.16, 0.005, -0.035],
        [0.37, 0.095, -0.105],
        [0.60, 0.180, 0.045],
        [0.80, 0.070, 0.135],
        [0.96, -0.020, 0.100],
    ]
)

# Anchors of the signed scale, likewise: both ends are equally bright.
_SIGNED_ANCHORS = np.array([[0.80, -0.08, -0.10], [0.13, 0.0, -0.005], [0.80, 0.06, 0.14]])

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


def blend(part: Frame, colour: Colour | Frame, alpha: Coverage) -> None:
    """Blend `colour`, one or (h, w, 3), over `part` with the opacities `alpha` (h, w).

    Where `part` (h, w, channels) is transparent, it becomes as opaque as that.
    """
    under = part.astype(np.float32)
    over = opaque(colour, channels=part.shape[2]).astype(np.float32)
    under += (over - under) * alpha[..., None]
    np.copyto(part, np.rint(under), casting="unsafe")


def stamp(
    frame: Frame,
    mask: Coverage,
    *,
    centre: tuple[float, float],
    colour: Colour,
    opacity: float = 1.0,
) -> None:
    """Blend `colour` over `frame` through `mask` (h, w), centred at `centre` (y, x).

    The centre may lie between pixels, so that slow movements are smooth.
    """
    top, left = centre[0] - mask.shape[0] / 2, centre[1] - mask.shape[1] / 2
    row, column = int(np.floor(top)), int(np.floor(left))
    mask = _shifted(mask, down=top - row, right=left - column)
    above, before = max(0, -row), max(0, -column)
    mask = mask[above : max(above, frame.shape[0] - row), before:]
    mask = mask[:, : max(0, frame.shape[1] - max(0, column))]
    if mask.size:
        row, column = max(0, row), max(0, column)
        part = frame[row : row + mask.shape[0], column : column + mask.shape[1]]
        blend(part, colour, mask * np.float32(opacity))


@functools.lru_cache(maxsize=64)
def rounded(height: int, width: int, radius: float) -> Coverage:
    """Return the read-only coverage (height, width) of a rectangle with rounded corners."""
    radius = min(radius, height / 2, width / 2)
    y = np.abs(np.arange(height) + 0.5 - height / 2) - (height / 2 - radius)
    x = np.abs(np.arange(width) + 0.5 - width / 2) - (width / 2 - radius)
    beyond = np.hypot(np.maximum(y, 0)[:, None], np.maximum(x, 0)[None, :])
    return _read_only(np.clip(radius + 0.5 - beyond, 0, 1))


@functools.lru_cache(maxsize=64)
def disc(radius: float) -> Coverage:
    """Return the read-only coverage of a disc, in the smallest square that contains the disc."""
    side = int(np.ceil(2 * radius)) + 2
    away = np.abs(np.arange(side) + 0.5 - side / 2)
    return _read_only(np.clip(radius + 0.5 - np.hypot(away[:, None], away[None, :]), 0, 1))


def glass(frame: Frame, box: Box, *, radius: float) -> Frame:
    """Draw frosted dark glass in `box` and return that part of `frame`, a view.

    The background is blurred and darkened, so that text stays legible on busy pictures. A
    transparent one is taken as black, and becomes opaque.
    """
    top, left, height, width = box
    part = frame[top : top + height, left : left + width]
    blurred = Image.fromarray(np.ascontiguousarray(part[..., :3])).filter(
        ImageFilter.BoxBlur(max(1.0, min(height, width) / 8))
    )
    behind = np.asarray(blurred, np.float32)
    tint = np.asarray(NIGHT, np.float32)
    surface = behind + (tint - behind) * np.float32(_GLASS_OPACITY)
    blend(part, np.rint(surface).astype(np.uint8), rounded(height, width, radius))
    return part


def caption_size(text: str, *, height: int, width: int) -> tuple[int, int]:
    """Return the (height, width) of the box for a caption on a frame of that size."""
    size = small_size(height, width)
    return 2 * round(0.85 * size), text_width(text, size) + round(1.1 * size)


def caption(frame: Frame, box: Box, text: str) -> None:
    """Draw `text` on glass in a box of `caption_size`."""
    size = round(box[2] / 1.7)
    pill = glass(frame, box, radius=0.42 * size)
    middle = (pill.shape[0] / 2, pill.shape[1] / 2)
    stamp(pill, text_mask(text, size), centre=middle, colour=WHITE, opacity=0.92)


@functools.cache
def colour_scale(count: int) -> npt.NDArray[np.uint8]:
    """Return `count` colours from dark to light in equal perceptual steps, uint8 (count, 3).

    The steps have equal length in OKLab, where distance is perceived difference (Ottosson, "A
    perceptual color space for image processing", 2020). So equal differences in value look equal.
    """
    # Sampled finely, to measure lengths along the path.
    fine = np.linspace(0, len(_ANCHORS) - 1, 1025)
    path = np.stack([np.interp(fine, range(len(_ANCHORS)), axis) for axis in _ANCHORS.T], axis=-1)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    even = np.linspace(0, length[-1], count)
    lab = np.stack([np.interp(even, length, axis) for axis in path.T], axis=-1)
    colours = np.rint(255 * _srgb(lab)).astype(np.uint8)
    colours.flags.writeable = False
    return colours


@functools.cache
def signed_scale(count: int) -> npt.NDArray[np.uint8]:
    """Return `count` colours from blue (negative) over black (0) to orange, uint8 (count, 3)."""
    t = np.linspace(-1, 1, count)
    lab = np.stack([np.interp(t, (-1, 0, 1), axis) for axis in _SIGNED_ANCHORS.T], axis=-1)
    colours = np.rint(255 * _srgb(lab)).astype(np.uint8)
    colours.flags.writeable = False
    return colours


def _read_only(mask: npt.NDArray[np.floating]) -> Coverage:
    result = mask.astype(np.float32)
    result.flags.writeable = False
    return result


def _shifted(mask: Coverage, *, down: float, right: float) -> Coverage:
    """Return `mask` shifted by a fraction of a pixel; it grows by one row and one column."""
    height, width = mask.shape
    moved = np.zeros((height + 1, width + 1), np.float32)
    for row, column, share in (
        (0, 0, (1 - down) * (1 - right)),
        (0, 1, (1 - down) * right),
        (1, 0, down * (1 - right)),
        (1, 1, down * right),
    ):
        if share:
            moved[row : row + height, column : column + width] += mask * np.float32(share)
    return moved


def _srgb(lab: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Convert OKLab coordinates (n, 3) to sRGB in [0, 1]."""
    cones = (lab @ np.linalg.inv(_TO_LAB).T) ** 3
    linear = np.clip(cones @ np.linalg.inv(_TO_CONES).T, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
