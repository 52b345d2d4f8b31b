"""Anti-aliased drawing on small parts of a frame, in place.

A frame is uint8 (h, w, 3). Nothing here touches a pixel outside the box it is given, and what
would fall outside the frame is cut off.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from neuralpaint.image.pictures import Frame
from neuralpaint.video.typography import Mask, small_size, text_mask, text_width

__all__ = [
    "WHITE",
    "Box",
    "Colour",
    "Frame",
    "blend",
    "caption",
    "caption_size",
    "disc",
    "glass",
    "rounded",
    "stamp",
]

Colour = tuple[int, int, int]
Box = tuple[int, int, int, int]
"""Top, left, height and width in pixels."""

WHITE: Colour = (255, 255, 255)

_GLASS: Colour = (13, 14, 18)
_GLASS_OPACITY = 0.62  # White on it keeps a contrast of 5:1 and more even over pure white.


def blend(part: Frame, colour: Colour | Frame, alpha: Mask) -> None:
    """Lay `colour`, one or (h, w, 3), over `part` (h, w, 3) with opacity `alpha` (h, w)."""
    under = part.astype(np.float32)
    over = np.asarray(colour, np.float32)
    under += (over - under) * alpha[..., None]
    np.copyto(part, np.rint(under), casting="unsafe")


def stamp(
    frame: Frame, mask: Mask, *, centre: tuple[float, float], colour: Colour, opacity: float = 1.0
) -> None:
    """Lay `colour` through `mask` (h, w) on `frame`, with the mask's middle at `centre` (y, x).

    The centre may fall between pixels, so that what moves slowly moves smoothly.
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
def rounded(height: int, width: int, radius: float) -> Mask:
    """Return the coverage (height, width) of a rectangle with rounded corners, read-only."""
    radius = min(radius, height / 2, width / 2)
    y = np.abs(np.arange(height) + 0.5 - height / 2) - (height / 2 - radius)
    x = np.abs(np.arange(width) + 0.5 - width / 2) - (width / 2 - radius)
    beyond = np.hypot(np.maximum(y, 0)[:, None], np.maximum(x, 0)[None, :])
    return _read_only(np.clip(radius + 0.5 - beyond, 0, 1))


@functools.lru_cache(maxsize=64)
def disc(radius: float) -> Mask:
    """Return the coverage of a disc in the smallest square that holds it, read-only."""
    side = int(np.ceil(2 * radius)) + 2
    away = np.abs(np.arange(side) + 0.5 - side / 2)
    return _read_only(np.clip(radius + 0.5 - np.hypot(away[:, None], away[None, :]), 0, 1))


def glass(frame: Frame, box: Box, *, radius: float) -> Frame:
    """Lay frosted dark glass over `box` and return that part of `frame`, a view (h, w, 3).

    What lies behind is blurred as well as darkened: busy pictures leave the writing calm.
    """
    top, left, height, width = box
    part = frame[top : top + height, left : left + width]
    blurred = Image.fromarray(np.ascontiguousarray(part)).filter(
        ImageFilter.BoxBlur(max(1.0, min(height, width) / 8))
    )
    behind = np.asarray(blurred, np.float32)
    tint = np.asarray(_GLASS, np.float32)
    surface = behind + (tint - behind) * np.float32(_GLASS_OPACITY)
    blend(part, np.rint(surface).astype(np.uint8), rounded(height, width, radius))
    return part


def caption_size(text: str, *, height: int, width: int) -> tuple[int, int]:
    """Return the (height, width) of the box that `caption` needs on a frame of that size."""
    size = small_size(height, width)
    return 2 * round(0.85 * size), text_width(text, size) + round(1.1 * size)


def caption(frame: Frame, box: Box, text: str) -> None:
    """Write `text` on glass in a box that was measured with `caption_size`."""
    size = round(box[2] / 1.7)
    pill = glass(frame, box, radius=0.42 * size)
    middle = (pill.shape[0] / 2, pill.shape[1] / 2)
    stamp(pill, text_mask(text, size), centre=middle, colour=WHITE, opacity=0.92)


def _read_only(mask: npt.NDArray[np.floating]) -> Mask:
    result = mask.astype(np.float32)
    result.flags.writeable = False
    return result


def _shifted(mask: Mask, *, down: float, right: float) -> Mask:
    """Return `mask` moved by a fraction of a pixel, one row and column larger."""
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
