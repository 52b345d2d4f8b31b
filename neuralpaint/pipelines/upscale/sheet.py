"""The sheet: a few places of the picture, as every method brought them back, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from neuralpaint.image.typography import text_mask
from neuralpaint.pipelines.compare.tiles import ACCENT, NIGHT, shortened
from neuralpaint.video.drawing import WHITE, Colour, Frame, stamp

__all__ = ["Column", "crop_side", "draw_sheet"]

_TILE, _MANY_TILE = 256, 192  # pixels of a tile's side, about; of more columns than `_FEW`
_FEW = 8
_CROP = 64  # pixels of a crop's side, at most: so each is shown as a square of four
_PART = 6  # a crop's side is at most this part of the picture's shorter side
_LEAST_CROP = 16
_GAP, _MARGIN = 12, 36
_TITLE, _TYPE, _SMALL = 26, 20, 17
_LEAST_WIDTH = 720
_QUIET = 0.62


class Column(NamedTuple):
    """One method on the sheet."""

    name: str
    note: str
    best: bool
    tiles: Sequence[Frame]  # a crop at each of the places, uint8 (side, side, 3)


def crop_side(height: int, width: int, *, border: int) -> int:
    """Return the side in pixels of the crops of a picture, a border of which is not shown."""
    shorter = min(height, width)
    return min(shorter - 2 * border, max(_LEAST_CROP, min(_CROP, shorter // _PART)))


def draw_sheet(columns: Sequence[Column], *, title: str, note: str, legend: str) -> Frame:
    """Return the sheet, uint8 (h, w, 3); every pixel of a crop is shown as a square."""
    sizes = [tile.shape[0] for tile in columns[0].tiles]
    wanted = _TILE if len(columns) <= _FEW else _MANY_TILE
    times = max(2, wanted // max(sizes))
    tile = times * sizes[0]
    head, heading = round(2.2 * _TITLE), round(3.1 * _TYPE)
    body = head + heading
    height = 2 * _MARGIN + body + len(sizes) * (tile + _GAP) + _GAP + _SMALL
    width = 2 * _MARGIN + len(columns) * (tile + _GAP) - _GAP
    sheet = np.empty((height, max(width, _LEAST_WIDTH), 3), np.uint8)
    sheet[:] = NIGHT
    room = sheet.shape[1] - 2 * _MARGIN
    middle = _MARGIN + _TITLE // 2
    right = _MARGIN + _write(sheet, title, _TITLE, (middle, _MARGIN), room=room)
    left = right + _TITLE
    _write(sheet, note, _TYPE, (middle, left), room=room - left + _MARGIN, opacity=_QUIET)
    for number, column in enumerate(columns):
        left = _MARGIN + number * (tile + _GAP)
        _write_head(sheet, (_MARGIN + head, left), column, room=tile)
        for row, crop in enumerate(column.tiles):
            top = _MARGIN + body + row * (tile + _GAP)
            shown = crop.repeat(times, axis=0).repeat(times, axis=1)
            sheet[top : top + shown.shape[0], left : left + shown.shape[1]] = shown
    bottom = sheet.shape[0] - _MARGIN - _SMALL // 2
    _write(sheet, legend, _SMALL, (bottom, _MARGIN), room=room, opacity=_QUIET)
    return sheet


def _write_head(sheet: Frame, corner: tuple[int, int], column: Column, *, room: int) -> None:
    """Write the name of a method and how good it is."""
    top, left = corner
    colour = ACCENT if column.best else WHITE
    _write(sheet, column.name, _TYPE, (top + _TYPE // 2, left), room=room, colour=colour)
    _write(
        sheet, column.note, _SMALL, (top + round(1.8 * _TYPE), left), room=room, colour=colour,
        opacity=0.95 if column.best else _QUIET,
    )  # fmt: skip


def _write(
    sheet: Frame,
    text: str,
    size: int,
    start: tuple[float, float],
    *,
    room: float,
    colour: Colour = WHITE,
    opacity: float = 0.95,
) -> int:
    """Write a line whose middle and left end are at `start`, and return its width."""
    mask = text_mask(shortened(text, size, max(1.0, room)), size)
    centre = (start[0], start[1] + mask.shape[1] / 2)
    stamp(sheet, mask, centre=centre, colour=colour, opacity=opacity)
    return int(mask.shape[1])
