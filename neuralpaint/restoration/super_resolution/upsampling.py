"""Upsampling: a picture, larger, in more detail than any resampler knows.

    x <- Lanczos's interpolation, back-projected
    x <- (non-local means of x at h), back-projected; h falling     where it is to be enhanced

A picture repeats itself, at other places of the lattice of its pixels. So it knows what is between
them: non-local means bring that together, and back-projection keeps to the picture. A denoiser
plugged into another task was Venkatakrishnan's idea (et al. 2013, Plug-and-play priors, GlobalSIP).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuralpaint.image.pictures import Picture
from neuralpaint.restoration.settings import TargetSettings
from neuralpaint.restoration.super_resolution.back_projection import Projection
from neuralpaint.restoration.super_resolution.kernels import Axis
from neuralpaint.restoration.super_resolution.non_local_means import Window, non_local_means
from neuralpaint.restoration.super_resolution.observation import Observation, observe
from neuralpaint.restoration.super_resolution.planes import levels, planes
from neuralpaint.restoration.super_resolution.tiles import Tile, tiles
from neuralpaint.runtime.progress import DoneCallback, part_of

__all__ = ["upsampled"]

Size = tuple[int, int]

_STAGE = 4  # times as many pixels along a side at most; further steps look alike at any distance
# In gain over Lanczos on six photographs, twice and four times as large, mean:
_STEPS = 10  # with 6, 0.1 dB less
_STRENGTHS = 0.14, 0.015  # h of the first step and of the last
_WINDOW = Window.whole(12)  # with 6, 0.1 dB less, mostly at four times
_SHARE = 0.25  # of the window's far offsets, drawn anew at each step: as good as a smaller whole
_POINTWISE = 3  # first steps, which average pixels, and not patches: 0.03 dB
_FIRST_PATCH, _PATCH, _AVERAGE = 1, 2, 1  # radii; averages of whole patches: 0.1 dB
_PROJECTIONS = 2  # after each step; more do not pay
_SEED = 0

_TILE, _MARGIN = 1024, 32  # pixels of the result along a side; no seam is more than a level


def upsampled(
    picture: Picture,
    *,
    height: int,
    width: int,
    settings: TargetSettings,
    device: torch.device | None = None,
    look: DoneCallback = lambda done: None,
) -> NDArray[np.uint8]:
    """Return the picture with `height` x `width` pixels, uint8 (height, width, 3).

    These are at least the picture's own along each side. Shrunk by `settings.kernel` they become
    the picture, but for noise, of which it is freed first, and for what compression has rounded
    off. At its own size it is the picture itself, without noise where the settings say how much.

    Beyond four times as large it is made in equal stages. `look` is told on this thread how much is
    done, in [0, 1], some times a second; what it raises ends the work. Memory beyond the result
    stays below a gigabyte. The result is the same with any number of `workers`.

    Raises:
        ValueError: fewer pixels than the picture has.
    """
    if height < picture.height or width < picture.width:
        raise ValueError(f"{height} x {width} is smaller than {picture.height} x {picture.width}")
    low, high = (picture.height, picture.width), (height, width)
    if low == high and not settings.denoise:
        return picture.pixels
    known = observe(picture, settings=settings, device=device)
    sizes = _stages(low, high)
    pixels, before, total = picture.pixels, 0, sum(h * w for h, w in sizes)
    with torch.no_grad():
        for i, (h, w) in enumerate(sizes):
            stage = _Stage(
                known,
                None if i == 0 else pixels,
                size=(h, w),
                enhance=settings.enhance and low != high,
                look=part_of(look, first=before / total, last=(before + h * w) / total),
            )
            pixels = stage.made()
            before += h * w
    return pixels


def _stages(low: Size, high: Size) -> list[Size]:
    """Return the sizes on the way from one to the other, by equal factors of at most 4."""
    factors = high[0] / low[0], high[1] / low[1]
    count = max(1, math.ceil(math.log(max(factors), _STAGE) - 1e-9))
    ways = [
        [round(side * f ** (i / count)) for i in range(1, count)]
        for side, f in zip(low, factors, strict=True)
    ]
    return [*zip(*ways, strict=True), high]


@dataclass(frozen=True)
class _Stage:
    """One enlargement: of what is known, or of what the stage before has made of it."""

    known: Observation
    before: NDArray[np.uint8] | None
    size: Size
    enhance: bool
    look: DoneCallback

    def made(self) -> NDArray[np.uint8]:
        """Return uint8 (height, width, 3)."""
        result = np.empty((*self.size, 3), np.uint8)
        rows, columns = (
            tiles(low, high, most=_TILE, margin=_MARGIN)
            for low, high in zip(self.known.pixels.shape[:2], self.size, strict=True)
        )
        parts = [(row, column) for row in rows for column in columns]
        for i, (row, column) in enumerate(parts):
            look = part_of(self.look, first=i / len(parts), last=(i + 1) / len(parts))
            look(0)
            x = self._tile(row, column, look)
            result[row.core, column.core] = levels(x[:, row.inner, column.inner])
            look(1)
        return result

    def _tile(self, row: Tile, column: Tile, look: DoneCallback) -> Tensor:
        """Return the planes of a tile and its margin, float32 (3, h, w)."""
        known = self.known
        y = known.planes(row.axis.low, column.axis.low, look=lambda _: look(0))
        projection = Projection(row.axis, column.axis, known=known)
        x = projection.up(y) if self.before is None else self._from(self.before, row, column)
        projection.project(x, y, times=known.projections)
        if self.enhance:
            x = _annealed(x, y, projection, look)
            if not known.noise:  # what is left of it would come in again
                projection.project(x, y, times=known.projections)
        return x

    def _from(self, before: NDArray[np.uint8], row: Tile, column: Tile) -> Tensor:
        """Return a tile, interpolated from what the stage before has made."""
        (down, rows), (across, columns) = (
            Axis.whole(low, high).up().part(tile.axis.high)
            for low, high, tile in zip(before.shape[:2], self.size, (row, column), strict=True)
        )
        device = self.known.device
        x = across.on(device).along_columns(planes(before[rows, columns], device=device))
        return down.on(device).along_rows(x)


def _annealed(x: Tensor, y: Tensor, projection: Projection, look: DoneCallback) -> Tensor:
    """Return x after all steps; with one seed for all tiles, which so fit together."""
    draw = np.random.default_rng(_SEED)
    for i, h in enumerate(np.geomspace(*_STRENGTHS, _STEPS).tolist()):
        pointwise = i < _POINTWISE
        x = non_local_means(
            x,
            h,
            _WINDOW.thinned(_SHARE, draw),
            patch=_FIRST_PATCH if pointwise else _PATCH,
            average=0 if pointwise else _AVERAGE,
            look=part_of(look, first=i / _STEPS, last=(i + 1) / _STEPS),
        )
        projection.project(x, y, times=_PROJECTIONS)
    return x
