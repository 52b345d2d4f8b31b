"""Back-projection: a larger picture is corrected so that, downsampled, it equals the original.

    x <- x + U s(y - D x)        (Irani & Peleg 1991, Improving resolution by image registration,
                                  CVGIP 53)

y is the picture, D downsamples the result x, U is Lanczos interpolation, and s removes the part
that compression explains. Each round adds U of a correction, so several rounds can be computed as
one: x + U c, where c is summed at the picture's own resolution, c <- c + s(y - D x - D U c).
"""

from __future__ import annotations

import torch
from torch import Tensor

from neuralpaint.image.resampling_kernels import Axis
from neuralpaint.restoration.jpeg import SIDE
from neuralpaint.restoration.observation import Observation

__all__ = ["BackProjection"]


class BackProjection:
    """Back-projection of a finer picture onto a picture, or on a part of both."""

    def __init__(self, rows: Axis, columns: Axis, *, known: Observation) -> None:
        down, up = [axis.down(known.kernel) for axis in (rows, columns)], [rows.up(), columns.up()]
        self._down_up = [d.after(u).on(known.device) for d, u in zip(down, up, strict=True)]
        self._down, self._up = ([band.on(known.device) for band in bands] for bands in (down, up))
        self._corner = rows.low.start, columns.low.start
        self._quantization = known.quantization

    def down(self, x: Tensor) -> Tensor:
        """Return D x: (..., h, w) as (..., low h, low w)."""
        rows, columns = self._down
        return columns.along_columns(rows.along_rows(x))

    def up(self, y: Tensor) -> Tensor:
        """Return U y: (..., low h, low w) as (..., h, w)."""
        rows, columns = self._up
        return rows.along_rows(columns.along_columns(y))

    def down_up(self, y: Tensor, *, first: int = 0) -> Tensor:
        """Return D U y for y (3, low h, low w), or for its rows from `first` on."""
        rows, columns = self._down_up
        rows = rows.within(slice(first, first + y.shape[-2]))
        return columns.along_columns(rows.along_rows(y))

    def project(self, x: Tensor, y: Tensor, *, times: int) -> Tensor:
        """Return x after `times` back-projections onto y; x is changed in place."""
        return x.add_(self.up(self.correction(y - self.down(x), times=times)))

    def correction(self, residual: Tensor, *, times: int, first: int = 0) -> Tensor:
        """Return c such that x + U c is x after `times` back-projections.

        `residual` is y - D x, (3, low h, low w). It can also be only some rows, from `first` on;
        then `reach` rows of c at both ends are wrong.
        """
        c = self._unexplained(residual, first)
        for _ in range(times - 1):
            c = c + self._unexplained(residual - self.down_up(c, first=first), first)
        return c

    def reach(self, *, times: int) -> int:
        """Return the number of neighbouring rows on either side that a correction depends on."""
        places = self._down_up[0].indices
        own = torch.arange(places.shape[1], device=places.device)
        return times * (int((places - own).abs().max()) + SIDE)

    def _unexplained(self, residual: Tensor, first: int) -> Tensor:
        if self._quantization is None:
            return residual
        top, left = self._corner
        return self._quantization.unexplained(residual, corner=(top + first, left))
