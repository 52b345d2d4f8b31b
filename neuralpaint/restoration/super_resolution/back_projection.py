"""Back-projection: what is missing from the shrunk result is made large and added to it.

    x <- x + U s(y - D x)        (Irani & Peleg 1991, Improving resolution by image registration,
                                  CVGIP 53)

y is the picture, D makes it of the result x, U is Lanczos's interpolation, and s leaves out what
compression explains. All that is ever added to x is U of something, so that several rounds are one:
x + U c, where c is summed up at the picture's own resolution, c <- c + s(y - D x - D U c).
"""

from __future__ import annotations

import torch
from torch import Tensor

from neuralpaint.restoration.super_resolution.kernels import Axis
from neuralpaint.restoration.super_resolution.observation import Observation
from neuralpaint.restoration.super_resolution.rounding import SIDE

__all__ = ["Correction", "Projection"]


class Correction:
    """What back-projection does at the picture's resolution."""

    def __init__(self, rows: Axis, columns: Axis, *, known: Observation) -> None:
        """Take two axes of what is to become, where it is shrunk, what is known."""
        self._again = [
            axis.down(known.kernel).after(axis.up()).on(known.device) for axis in (rows, columns)
        ]
        self._corner = rows.low.start, columns.low.start
        self._known = known

    def __call__(self, missing: Tensor, *, times: int, first: int = 0) -> Tensor:
        """Return c, for which x + U c is x back-projected so many times.

        `missing` is y - D x, (3, low height, low width), or some of its rows from `first` on; then
        c is right but for `reach` rows at either end.
        """
        c = self._beyond(missing, first)
        for _ in range(times - 1):
            c = c + self._beyond(missing - self.again(c, first=first), first)
        return c

    def again(self, y: Tensor, *, first: int = 0) -> Tensor:
        """Return D U y, of y (3, low height, low width) or of some of its rows from `first` on."""
        rows, columns = self._again
        rows = rows.within(slice(first, first + y.shape[-2]))
        return columns.along_columns(rows.along_rows(y))

    def reach(self, *, times: int) -> int:
        """Return how many rows further than its own a c depends on what is missing."""
        places = self._again[0].places
        own = torch.arange(places.shape[1], device=places.device)
        return times * (int((places - own).abs().max()) + SIDE)

    def _beyond(self, residual: Tensor, first: int) -> Tensor:
        if self._known.rounding is None:
            return residual
        top, left = self._corner
        return self._known.rounding.beyond(residual, corner=(top + first, left))


class Projection:
    """A picture (or a part of it) and something finer that is to become it where it is shrunk."""

    def __init__(self, rows: Axis, columns: Axis, *, known: Observation) -> None:
        axes = rows, columns
        self._down = [axis.down(known.kernel).on(known.device) for axis in axes]
        self._up = [axis.up().on(known.device) for axis in axes]
        self._correction = Correction(rows, columns, known=known)

    def down(self, x: Tensor) -> Tensor:
        """Return (..., h, w) as (..., low h, low w)."""
        rows, columns = self._down
        return columns.along_columns(rows.along_rows(x))

    def up(self, y: Tensor) -> Tensor:
        """Return (..., low h, low w) as (..., h, w)."""
        rows, columns = self._up
        return rows.along_rows(columns.along_columns(y))

    def project(self, x: Tensor, y: Tensor, *, times: int) -> Tensor:
        """Return x, in place, back-projected onto y so many times."""
        return x.add_(self.up(self._correction(y - self.down(x), times=times)))
