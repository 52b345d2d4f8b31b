"""Tiles: how the cells of a race lie in its frame, and how its writing is set."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass

import numpy as np

from neuralpaint.image.typography import text_mask, text_width, type_size
from neuralpaint.video.drawing import WHITE, Box, Colour, Frame, blend, glass, rounded, stamp

__all__ = ["ACCENT", "NIGHT", "Layout", "arrange", "shortened", "write_label", "write_line"]

ACCENT: Colour = (255, 206, 110)
NIGHT: Colour = (13, 14, 18)

_WIDEST, _HIGHEST = 1920, 1080  # what every player takes
_GAP = 10  # pixels between two cells
_SQUARES = 3  # times: a picture that is enlarged so much shows its pixels as squares
_QUIET = 0.66


@dataclass(frozen=True)
class Layout:
    """Cells in rows, the last of which stands in the middle, over a line of writing."""

    height: int  # of the whole, in pixels
    width: int
    cell: tuple[int, int]  # (height, width)
    film: tuple[int, int]  # the same, or that of a picture that is smaller
    corners: tuple[tuple[int, int], ...]  # (top, left) of each cell
    line: Box  # where is written how far everybody is
    size: int  # of type on the line

    def box(self, index: int) -> Box:
        """Return where a cell lies."""
        return (*self.corners[index], *self.cell)


def arrange(count: int, *, height: int, width: int) -> Layout:
    """Return the layout of so many cells that show a picture of `height` x `width` pixels.

    The cells are as large as they can be within 1920x1080. A picture that is larger than its cell
    is filmed at the size of the cell; one that is smaller at its own, and enlarged.
    """
    size = round(0.8 * type_size(_HIGHEST, _WIDEST))
    room = _HIGHEST - round(2.2 * size)

    def scale(columns: int) -> float:
        rows = -(-count // columns)
        across = (_WIDEST - (columns + 1) * _GAP) / (columns * width)
        return min(across, (room - (rows + 1) * _GAP) / (rows * height))

    # Of equally good ones the one with the fewest empty places.
    columns = max(range(1, count + 1), key=lambda c: (round(scale(c), 3), -(-count % c)))
    rows, factor = -(-count // columns), scale(columns)
    if factor >= _SQUARES:
        factor = math.floor(factor)
    cell = max(1, math.floor(factor * height)), max(1, math.floor(factor * width))
    film = min(cell[0], height), min(cell[1], width)
    total = columns * (cell[1] + _GAP) + _GAP
    below = rows * (cell[0] + _GAP) + _GAP
    size = max(9, min(size, round(0.8 * type_size(below, total))))
    strip = round(2.2 * size)
    corners = []
    for index in range(count):
        row, column = divmod(index, columns)
        full = min(columns, count - row * columns)
        start = (total - full * (cell[1] + _GAP) + _GAP) // 2
        corners.append((_GAP + row * (cell[0] + _GAP), start + column * (cell[1] + _GAP)))
    line = (below, _GAP, strip - _GAP, total - 2 * _GAP)
    # Even, so that the encoder need not repeat a row.
    return Layout(
        (below + strip + 1) // 2 * 2, (total + 1) // 2 * 2, cell, film, tuple(corners), line, size
    )


def write_label(cell: Frame, name: str, value: str = "", *, colour: Colour = WHITE) -> None:
    """Write a name, and a value of up to `00.0 dB`, on glass in a corner of a cell."""
    height, width = cell.shape[:2]
    size = round(1.1 * type_size(height, width))
    pad, edge = round(0.6 * size), max(2, round(0.35 * size))
    high, room = round(1.8 * size), width - 2 * edge - 2 * pad
    if room < 3 * size or high + 2 * edge > height:
        return
    text = shortened(name, size, room)
    wide = text_width(text, size) + 2 * pad
    # As wide as it can become: the pill must not change while it counts.
    figure = max(text_width("00.0 dB", size), text_width(value, size)) if value else 0
    beside = bool(value) and wide + size + figure <= room + 2 * pad
    pill_width = wide + size + figure if beside else wide
    pill = glass(cell, (edge, edge, high, pill_width), radius=0.45 * size)
    _word(pill, text, size, (high / 2, pad))
    right = pill_width - pad
    if value and not beside:
        if figure > room or 2 * (high + edge) + edge > height:
            return
        box = (height - edge - high, edge, high, figure + 2 * pad)
        pill, right = glass(cell, box, radius=0.45 * size), figure + pad
    if value:
        mask = text_mask(value, size)
        centre = (high / 2, right - mask.shape[1] / 2)
        stamp(pill, mask, centre=centre, colour=colour, opacity=0.95)


def write_line(
    frame: Frame, layout: Layout, *, progress: float, left: str, right: str, accented: bool
) -> None:
    """Write how far everybody is: a bar, a counter on the left, words on the right."""
    top, start, high, wide = layout.line
    size, bar = layout.size, max(2, layout.size // 10)
    frame[top:] = NIGHT
    rail = frame[top : top + bar, start : start + wide]
    blend(rail, WHITE, np.float32(0.14) * rounded(bar, wide, bar / 2))
    done = round(progress * wide)
    if done > 0:
        blend(rail[:, :done], ACCENT, rounded(bar, done, bar / 2))
    middle = top + (high + bar) / 2
    counter = shortened(left, size, wide)
    _word(frame, counter, size, (middle, start))
    room = wide - text_width(counter, size) - 2 * size
    words = shortened(right, size, room) if room > 4 * size else ""
    if words:
        mask = text_mask(words, size)
        centre = (middle, start + wide - mask.shape[1] / 2)
        colour, opacity = (ACCENT, 1.0) if accented else (WHITE, _QUIET)
        stamp(frame, mask, centre=centre, colour=colour, opacity=opacity)


def _word(frame: Frame, text: str, size: int, start: tuple[float, float]) -> None:
    mask = text_mask(text, size)
    centre = (start[0], start[1] + mask.shape[1] / 2)
    stamp(frame, mask, centre=centre, colour=WHITE, opacity=0.95)


def shortened(text: str, size: int, room: float) -> str:
    """Return the text in letters that the font has, cut so that it fits into `room` pixels."""
    decomposed = unicodedata.normalize("NFKD", text)
    text = "".join(c for c in decomposed if not unicodedata.combining(c))
    text = text.encode("ascii", "replace").decode()
    if text_width(text, size) <= room:
        return text
    kept = len(text)
    while kept > 1 and text_width(f"{text[:kept].rstrip()}...", size) > room:
        kept -= 1
    return f"{text[:kept].rstrip()}..."
