"""A small line plot on a card: a heading with the newest value, ticks, a line with a glow below it.

The opacity of a pixel follows from its distance to the line, with four samples per column.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from neuralpaint.image.pictures import Frame
from neuralpaint.image.typography import text_mask, text_width
from neuralpaint.video.drawing import ACCENT, WHITE, blend, disc, stamp

__all__ = ["Plot", "draw_plot", "roomy_width"]

Floats = npt.NDArray[np.float64]

_SUBCOLUMNS = 4
_MIN_EMS_FOR_TEXT = 8.5  # of the type size: the width of the heading; narrower cards have no text
_TICK_EMS = 1.2  # from one tick label to the next


@dataclass(frozen=True)
class Plot:
    """A curve and its labels. Positions are fractions of the axes, in [0, 1], y upwards."""

    x: Floats
    """Positions (n,), increasing; n can be 0."""
    y: Floats
    """Positions (n,)."""
    ticks: Mapping[float, str]
    """The label of each tick, by its y."""
    widest: str
    """The widest possible tick label, for which space is reserved."""
    title: str
    value: str
    """The newest value."""


class _Area(NamedTuple):
    """The part of the card inside the axes."""

    top: int
    left: int
    height: int
    width: int

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the (row, column) on the card where a point of the plot is drawn."""
        return self.top + (1 - y) * self.height, self.left + x * self.width


def roomy_width(size: int) -> int:
    """Return the width of the narrowest card on which text of `size` fits."""
    return math.ceil(_MIN_EMS_FOR_TEXT * size)


def draw_plot(card: Frame, plot: Plot, *, size: int) -> None:
    """Draw `plot` on `card`, uint8 (h, w, 3), in place, with text of `size` if it fits."""
    height, width = card.shape[:2]
    small = round(0.85 * size)
    if width >= roomy_width(size):
        pad = round(0.8 * size)
        _write_heading(card, plot, row=0.95 * size, pad=pad, sizes=(small, size))
        top, left = round(2.05 * size), pad + text_width(plot.widest, small) + round(0.5 * size)
        area = _Area(top, left, height - top - pad, width - left - round(0.95 * size))
        _draw_ticks(card, area, plot, small)
    else:
        pad = max(2, height // 6)
        area = _Area(pad, pad, height - 2 * pad, width - 2 * pad)
    if not len(plot.x):
        return
    thickness = max(1.2, size / 7.5)
    _draw_line(card, area, plot, thickness)
    tip = area.at(plot.x[-1], plot.y[-1])
    stamp(card, disc(3.2 * thickness), centre=tip, colour=ACCENT, opacity=0.28)
    stamp(card, disc(1.45 * thickness), centre=tip, colour=WHITE)


def _write_heading(
    card: Frame, plot: Plot, *, row: float, pad: int, sizes: tuple[int, int]
) -> None:
    """Write the title on the left and the value on the right, where the line cannot reach them."""
    title, value = text_mask(plot.title, sizes[0]), text_mask(plot.value, sizes[1])
    stamp(card, title, centre=(row, pad + title.shape[1] / 2), colour=WHITE, opacity=0.62)
    right = card.shape[1] - pad
    stamp(card, value, centre=(row, right - value.shape[1] / 2), colour=WHITE)


def _draw_ticks(card: Frame, area: _Area, plot: Plot, size: int) -> None:
    for y in _spaced(sorted(plot.ticks), least=_TICK_EMS * size / max(1, area.height)):
        row, _ = area.at(0, y)
        top = int(row) - 1
        part = card[top : top + 3, area.left : area.left + area.width]
        rows = np.arange(top, top + 3, dtype=np.float32) + 0.5
        rule = 0.17 * np.clip(1 - np.abs(rows - row), 0, 1)[: len(part)]
        blend(part, WHITE, np.broadcast_to(rule[:, None], part.shape[:2]))
        mask = text_mask(plot.ticks[y], size)
        column = area.left - 0.5 * size - mask.shape[1] / 2
        stamp(card, mask, centre=(row, column), colour=WHITE, opacity=0.6)


def _spaced(ticks: list[float], *, least: float) -> list[float]:
    """Return every n-th of some evenly spaced ticks, so that they are at least `least` apart."""
    if len(ticks) < 2:
        return ticks
    return ticks[:: max(1, math.ceil(least / (ticks[1] - ticks[0])))]


def _draw_line(card: Frame, area: _Area, plot: Plot, thickness: float) -> None:
    reach = int(np.ceil(thickness))
    first = area.left - reach
    last = min(card.shape[1], int(np.ceil(area.left + plot.x[-1] * area.width)) + reach)
    columns = np.arange(first, last, 1 / _SUBCOLUMNS) + 0.5 / _SUBCOLUMNS
    start, end = area.left + plot.x[0] * area.width, area.left + plot.x[-1] * area.width
    height = area.top + (1 - plot.y) * area.height
    line = np.interp(columns, area.left + plot.x * area.width, height)
    # The distance to a sloping line is its vertical distance times the cosine of its angle.
    cosine = 1 / np.hypot(1, np.gradient(line, 1 / _SUBCOLUMNS))
    rows = np.arange(card.shape[0])[:, None] + np.float32(0.5)
    inside = ((columns >= start) & (columns <= end)).astype(np.float32)
    below = rows - line.astype(np.float32)
    distance = np.abs(below) * cosine.astype(np.float32)
    stroke = np.clip(np.float32(thickness / 2 + 0.5) - distance, 0, 1)
    base = np.float32(area.top + area.height)
    depth = np.clip((base - rows) / np.float32(max(1, area.height)), 0, 1)
    light = np.clip(below + np.float32(0.5), 0, 1) * (np.float32(0.30) * depth**2)
    alpha = (stroke + light * (1 - stroke)) * inside
    alpha = alpha.reshape(len(rows), -1, _SUBCOLUMNS).mean(axis=2)
    blend(card[:, first:last], ACCENT, alpha)
