"""The contact sheet: pictures side by side, each with what it is below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from neuralpaint.image.typography import text_mask
from neuralpaint.pipelines.sheets import NIGHT, shortened
from neuralpaint.video.drawing import WHITE, Frame, stamp

__all__ = ["Print", "draw_contact_sheet"]

_WIDEST = 1920  # pixels of a sheet, about
_TILE, _SMALLEST = 320, 64  # pixels of a print's longer side, at most and at least
_GAP, _MARGIN, _TYPE = 14, 36, 17


class Print(NamedTuple):
    """One picture on the sheet."""

    frame: Frame  # uint8 (h, w, 3), all of one size
    caption: str


def draw_contact_sheet(prints: Sequence[Print], *, columns: int | None = None) -> Frame:
    """Return the sheet, uint8 (h, w, 3), in so many columns or in as many as look best."""
    height, width = prints[0].frame.shape[:2]
    count = len(prints)
    columns = columns or _columns(count, height / width)
    tile = _tile(height, width, room=(_WIDEST - 2 * _MARGIN) / columns - _GAP)
    rows, below = -(-count // columns), round(2.2 * _TYPE)
    sheet = np.empty(
        (
            2 * _MARGIN + rows * (tile[0] + below) + (rows - 1) * _GAP,
            2 * _MARGIN + columns * (tile[1] + _GAP) - _GAP,
            3,
        ),
        np.uint8,
    )
    sheet[:] = NIGHT
    for i, (frame, caption) in enumerate(prints):
        row, column = divmod(i, columns)
        top = _MARGIN + row * (tile[0] + below + _GAP)
        left = _MARGIN + column * (tile[1] + _GAP)
        sheet[top : top + tile[0], left : left + tile[1]] = _resized(frame, tile)
        mask = text_mask(shortened(caption, _TYPE, tile[1]), _TYPE)
        centre = top + tile[0] + 0.6 * below, left + mask.shape[1] / 2
        stamp(sheet, mask, centre=centre, colour=WHITE, opacity=0.75)
    return sheet


def _columns(count: int, aspect: float) -> int:
    """Return the columns that make a sheet about as wide as a screen and leave few places empty."""

    def badness(columns: int) -> float:
        rows = -(-count // columns)
        shape = abs(np.log(rows * aspect / columns * 16 / 9))
        return float(shape + (rows * columns - count) / count)

    return min(range(1, count + 1), key=badness)


def _tile(height: int, width: int, *, room: float) -> tuple[int, int]:
    """Return the (height, width) of a print; a small picture's pixels become whole squares."""
    longest = max(_SMALLEST, min(_TILE, room, room * height / width))
    factor = longest / max(height, width)
    factor = int(factor) if factor >= 2 else factor
    return max(1, round(factor * height)), max(1, round(factor * width))


def _resized(frame: Frame, tile: tuple[int, int]) -> Frame:
    larger = tile[0] > frame.shape[0]
    how = Image.Resampling.NEAREST if larger else Image.Resampling.LANCZOS
    return np.asarray(Image.fromarray(frame).resize(tile[::-1], how))
