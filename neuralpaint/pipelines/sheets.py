"""Sheets: pictures side by side on a dark background, with headings, captions and a legend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from neuralpaint.image.typography import text_mask, text_width
from neuralpaint.video.drawing import (
    ACCENT,
    NIGHT,
    WHITE,
    Colour,
    Frame,
    blend,
    colour_scale,
    rounded,
    stamp,
)

__all__ = [
    "LEGEND_LINE",
    "QUIET",
    "Column",
    "Print",
    "blank",
    "draw_columns",
    "draw_contact_sheet",
    "draw_ramps",
    "place",
    "shortened",
    "write",
]

LEGEND_LINE = 34
"""Pixels from one colour scale to the next."""
QUIET = 0.62
"""Opacity of secondary text."""

_TYPE, _SMALL = 20, 17
_WIDEST = 1920  # pixels of a contact sheet, about
_LARGEST_TILE, _SMALLEST_TILE = 320, 64  # pixels of the longer side of a print


class Column(NamedTuple):
    """Tiles above each other, under a heading of two lines."""

    name: str
    note: str
    tiles: Sequence[Frame]  # uint8 (side, side, 3), of one size in all columns
    best: bool = False


def blank(height: int, width: int) -> Frame:
    """Return an empty sheet, uint8 (height, width, 3)."""
    sheet = np.empty((height, width, 3), np.uint8)
    sheet[:] = NIGHT
    return sheet


def shortened(text: str, size: int, room: float) -> str:
    """Return the text, cut so that it fits into `room` pixels."""
    if text_width(text, size) <= room:
        return text
    kept = len(text)
    while kept > 1 and text_width(f"{text[:kept].rstrip()}...", size) > room:
        kept -= 1
    return f"{text[:kept].rstrip()}..."


def write(
    sheet: Frame,
    text: str,
    size: int,
    start: tuple[float, float],
    *,
    room: float | None = None,
    colour: Colour = WHITE,
    opacity: float = 0.95,
    anchor: float = 0.0,
) -> int:
    """Write a line of text, shortened to `room` pixels, and return its width.

    `start` is a (row, column): the row is the vertical middle of the text; the column is its left
    end for an `anchor` of 0, its centre for 0.5, and its right end for 1.
    """
    mask = text_mask(text if room is None else shortened(text, size, max(1.0, room)), size)
    centre = (start[0], start[1] + (0.5 - anchor) * mask.shape[1])
    stamp(sheet, mask, centre=centre, colour=colour, opacity=opacity)
    return int(mask.shape[1])


def place(sheet: Frame, corner: tuple[int, int], frame: Frame, tile: tuple[int, int]) -> None:
    """Put a frame on the sheet in the size of a tile; enlarged pixels become squares."""
    larger = tile[0] > frame.shape[0]
    how = Image.Resampling.NEAREST if larger else Image.Resampling.LANCZOS
    shown = np.asarray(Image.fromarray(frame).resize(tile[::-1], how))
    sheet[corner[0] : corner[0] + tile[0], corner[1] : corner[1] + tile[1]] = shown


def draw_columns(columns: Sequence[Column], *, title: str, note: str, legend: str) -> Frame:
    """Return a sheet of square details, uint8 (h, w, 3); each pixel of a tile becomes a square."""
    gap, margin, title_size = 12, 36, 26
    sides = [tile.shape[0] for tile in columns[0].tiles]
    times = max(2, (256 if len(columns) <= 8 else 192) // max(sides))
    tile = times * sides[0]
    head, heading = round(2.2 * title_size), round(3.1 * _TYPE)
    height = 2 * margin + head + heading + len(sides) * (tile + gap) + gap + _SMALL
    width = 2 * margin + len(columns) * (tile + gap) - gap
    sheet = blank(height, max(width, 720))
    room = sheet.shape[1] - 2 * margin
    middle = margin + title_size // 2
    left = margin + write(sheet, title, title_size, (middle, margin), room=room) + title_size
    write(sheet, note, _TYPE, (middle, left), room=room - left + margin, opacity=QUIET)
    for number, column in enumerate(columns):
        top, left = margin + head, margin + number * (tile + gap)
        colour, opacity = (ACCENT, 0.95) if column.best else (WHITE, QUIET)
        write(sheet, column.name, _TYPE, (top + _TYPE // 2, left), room=tile, colour=colour)
        below = top + round(1.8 * _TYPE)
        write(sheet, column.note, _SMALL, (below, left), room=tile, colour=colour, opacity=opacity)
        for row, frame in enumerate(column.tiles):
            top = margin + head + heading + row * (tile + gap)
            shown = frame.repeat(times, axis=0).repeat(times, axis=1)
            sheet[top : top + shown.shape[0], left : left + shown.shape[1]] = shown
    bottom = sheet.shape[0] - margin - _SMALL // 2
    write(sheet, legend, _SMALL, (bottom, margin), room=room, opacity=QUIET)
    return sheet


def draw_ramps(sheet: Frame, start: tuple[int, int], ramps: Sequence[tuple[str, str]]) -> None:
    """Draw a legend: colour scales below each other, each between two (first, last) labels."""
    (middle, left), long, thick = start, 180, 10
    ramp = np.broadcast_to(colour_scale(long), (thick, long, 3))
    before = max(text_width(first, _SMALL) for first, _ in ramps)
    for first, last in ramps:
        write(sheet, first, _SMALL, (middle, left), opacity=0.7)
        bar = left + round(before) + 12
        part = sheet[middle - thick // 2 : middle - thick // 2 + thick, bar : bar + long]
        blend(part, ramp, rounded(thick, long, thick / 2))
        write(sheet, last, _SMALL, (middle, bar + long + 12), opacity=0.7)
        middle += LEGEND_LINE


class Print(NamedTuple):
    """One picture of a contact sheet."""

    frame: Frame  # uint8 (h, w, 3), all of one size
    caption: str


def draw_contact_sheet(prints: Sequence[Print], *, columns: int | None = None) -> Frame:
    """Return pictures side by side with their captions, uint8 (h, w, 3).

    By default, the number of columns is chosen so that the sheet has the shape of a screen.
    """
    gap, margin, below = 14, 36, round(2.2 * _SMALL)
    height, width = prints[0].frame.shape[:2]
    columns = columns or _columns(len(prints), height / width)
    tile = _tile(height, width, room=(_WIDEST - 2 * margin) / columns - gap)
    rows = -(-len(prints) // columns)
    sheet = blank(
        2 * margin + rows * (tile[0] + below) + (rows - 1) * gap,
        2 * margin + columns * (tile[1] + gap) - gap,
    )
    for i, (frame, caption) in enumerate(prints):
        row, column = divmod(i, columns)
        top, left = margin + row * (tile[0] + below + gap), margin + column * (tile[1] + gap)
        place(sheet, (top, left), frame, tile)
        start = top + tile[0] + 0.6 * below, float(left)
        write(sheet, caption, _SMALL, start, room=tile[1], opacity=0.75)
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
    longest = max(_SMALLEST_TILE, min(_LARGEST_TILE, room, room * height / width))
    factor = longest / max(height, width)
    factor = int(factor) if factor >= 2 else factor
    return max(1, round(factor * height)), max(1, round(factor * width))
