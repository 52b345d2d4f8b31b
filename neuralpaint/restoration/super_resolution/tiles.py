"""Tiles: a large picture in parts that overlap by what they need to know of each other."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

from neuralpaint.restoration.super_resolution.kernels import Axis

__all__ = ["Tile", "tiles"]


class Tile(NamedTuple):
    """A part of an axis: what is made of it, and with which margin."""

    core: slice  # of the result
    axis: Axis  # with the margin

    @property
    def inner(self) -> slice:
        """The core, among the finer pixels of the axis."""
        start = self.axis.high.start
        return slice(self.core.start - start, self.core.stop - start)


def tiles(low: int, high: int, *, most: int, margin: int) -> list[Tile]:
    """Return the equal parts of a side of `low` pixels, of about `most` of the `high` finer ones.

    The margin is in finer pixels. Borders are those of the picture's pixels, as far as these are
    borders between finer ones.
    """
    count = min(low, math.ceil(high / most))
    scale = high / low
    ends = [round(i * low / count) for i in range(count + 1)]
    reach = math.ceil(margin / scale)
    made = []
    for first, last in pairwise(ends):
        outer = slice(max(0, first - reach), min(low, last + reach))
        fine = slice(round(outer.start * scale), round(outer.stop * scale))
        core = slice(round(first * scale), round(last * scale))
        made.append(Tile(core, Axis(outer, fine, scale)))
    return made
