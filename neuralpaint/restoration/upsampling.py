"""Upsampling: a picture is enlarged, with detail from similar parts of it.

    x <- Lanczos interpolation, back-projected
    x <- (non-local means of x at h), back-projected; h falling     with `enhance`
    x <- (x plus the error that is expected of it), back-projected  with `enhance`

A structure often occurs several times in a picture, at different offsets from the pixel lattice.
Together these copies contain the detail between the pixels: non-local means combine them, and
back-projection keeps the result consistent with the picture. The use of a denoiser for another task
follows Venkatakrishnan et al. 2013 (Plug-and-play priors, GlobalSIP). The expected error is learned
from a shrunk copy of the picture, see `error_filters`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuralpaint.image.pictures import Picture
from neuralpaint.image.resampling_kernels import Axis
from neuralpaint.restoration.back_projection import BackProjection
from neuralpaint.restoration.error_filters import ErrorFilters
from neuralpaint.restoration.jpeg import pixels_to_ycc, ycc_to_pixels
from neuralpaint.restoration.non_local_means import Window, non_local_means
from neuralpaint.restoration.observation import Observation, observe
from neuralpaint.restoration.settings import TargetSettings
from neuralpaint.runtime.progress import DoneCallback, ignore, part_of

__all__ = ["upsample"]

Size = tuple[int, int]

# Chosen by the mean PSNR of twelve photographs, enlarged to two, three and four times their size:
_MOST_SCALE = 2  # of one stage; 4: 0.04 dB worse at four times the size; 1.5: 0.03 dB at twice
_STEPS = 10  # 6: 0.1 dB worse; 20: 0.02 dB better, but worse on half of the pictures
_STRENGTHS = 0.167, 0.018  # h of the first and the last step
_CHROMA, _OWN = 4.0, 0.5  # 0 and 1: 0.1 dB worse
_WINDOW = Window.whole(12)  # 6: 0.1 dB worse, mainly at four times the size
_SHARE = 0.25  # of the far offsets, redrawn in each step; as good as a full smaller window
_POINTWISE = 3  # the first steps average pixels instead of patches: 0.03 dB better
_FIRST_PATCH, _PATCH, _AVERAGE = 1, 2, 1  # radii; averaging whole patches: 0.1 dB better
_PROJECTIONS = 2  # after each step; more do not help
_SEED = 0
_LEARNED = 1 << 19  # pixels of the picture from which the filters of the error are learned
_LEAST_LEARNED = 160  # pixels along a side of the picture; with 120, 2 of 3 pictures got worse

_TILE, _MARGIN = 1024, 32  # pixels of the result along a side; seams differ by at most one level


def upsample(
    picture: Picture,
    *,
    height: int,
    width: int,
    settings: TargetSettings,
    device: torch.device | None = None,
    on_done: DoneCallback = ignore,
) -> NDArray[np.uint8]:
    """Return the picture with `height` x `width` pixels, uint8 (height, width, 3).

    Downsampling the result with `settings.kernel` gives the picture back, except for removed noise
    and compression errors. At its own size, the picture is returned unchanged, or without noise if
    the settings give its strength.

    Factors above 2 are reached in stages with equal factors. `on_done` is called on this thread
    several times a second. Memory beyond the result stays below a gigabyte. The result does not
    depend on the number of threads.

    Raises:
        ValueError: the size is smaller than the picture.
    """
    if height < picture.height or width < picture.width:
        raise ValueError(f"{height} x {width} is smaller than {picture.height} x {picture.width}")
    low, high = (picture.height, picture.width), (height, width)
    if low == high and not settings.denoise:
        return picture.pixels
    known = observe(picture, settings=settings, device=device)
    enhance = settings.enhance and low != high
    sizes = _stage_sizes(low, high)
    learned = _centre(low) if enhance and min(low) >= _LEAST_LEARNED else None
    done = 0 if learned is None else math.prod(part.stop - part.start for part in learned)
    pixels, total = picture.pixels, done + sum(h * w for h, w in sizes)
    filters = None
    with torch.no_grad():
        if learned is not None:
            learning = part_of(on_done, first=0, last=done / total)
            filters = _learn_filters(known, learned, size=sizes[0], on_done=learning)
        for i, (h, w) in enumerate(sizes):
            stage = _Stage(
                known,
                None if i == 0 else pixels,
                size=(h, w),
                enhance=enhance,
                filters=filters,
                on_done=part_of(on_done, first=done / total, last=(done + h * w) / total),
            )
            pixels = stage.run()
            done += h * w
    return pixels


def _stage_sizes(low: Size, high: Size) -> list[Size]:
    """Return the size after each stage; the factors are equal and at most 2."""
    factors = high[0] / low[0], high[1] / low[1]
    count = max(1, math.ceil(math.log(max(factors), _MOST_SCALE) - 1e-9))
    sides = [
        [round(side * f ** (i / count)) for i in range(1, count)]
        for side, f in zip(low, factors, strict=True)
    ]
    return [*zip(*sides, strict=True), high]


def _centre(size: Size) -> tuple[slice, slice]:
    """Return the rows and columns in the middle of a picture, with at most `_LEARNED` pixels."""
    share = min(1.0, math.sqrt(_LEARNED / math.prod(size)))
    short, long = sorted(size)
    breadth = max(_LEAST_LEARNED, round(short * share))
    length = min(long, _LEARNED // breadth)
    sides = (breadth, length) if size[0] == short else (length, breadth)
    rows, columns = (
        slice((side - part) // 2, (side - part) // 2 + part)
        for side, part in zip(size, sides, strict=True)
    )
    return rows, columns


class _Tile(NamedTuple):
    """A part of an axis of the result, and the same part with a margin."""

    core: slice  # of the result
    axis: Axis  # with the margin

    @property
    def inner(self) -> slice:
        """The core, counted from the first pixel of the margin."""
        start = self.axis.high.start
        return slice(self.core.start - start, self.core.stop - start)


def _tiles(low: int, high: int) -> list[_Tile]:
    """Split a side of `low` pixels, enlarged to `high` pixels, into equal tiles.

    Tiles end at borders between the picture's pixels, rounded to pixels of the result.
    """
    count = min(low, math.ceil(high / _TILE))
    scale = high / low
    ends = [round(i * low / count) for i in range(count + 1)]
    margin = math.ceil(_MARGIN / scale)
    made = []
    for first, last in pairwise(ends):
        outer = slice(max(0, first - margin), min(low, last + margin))
        fine = slice(round(outer.start * scale), round(outer.stop * scale))
        core = slice(round(first * scale), round(last * scale))
        made.append(_Tile(core, Axis(outer, fine, scale)))
    return made


@dataclass(frozen=True)
class _Stage:
    """One enlargement of the observation, or of the result of the stage before."""

    known: Observation
    before: NDArray[np.uint8] | None
    size: Size
    enhance: bool
    filters: ErrorFilters | None
    on_done: DoneCallback

    def run(self) -> NDArray[np.uint8]:
        """Return uint8 (height, width, 3)."""
        result = np.empty((*self.size, 3), np.uint8)
        rows, columns = map(_tiles, self.known.pixels.shape[:2], self.size)
        parts = [(row, column) for row in rows for column in columns]
        for i, (row, column) in enumerate(parts):
            on_done = part_of(self.on_done, first=i / len(parts), last=(i + 1) / len(parts))
            on_done(0)
            x = self._tile(row, column, on_done)
            result[row.core, column.core] = ycc_to_pixels(x[:, row.inner, column.inner])
            on_done(1)
        return result

    def _tile(self, row: _Tile, column: _Tile, on_done: DoneCallback) -> Tensor:
        """Return the planes of a tile and its margin, float32 (3, h, w)."""
        known = self.known
        y = known.planes(row.axis.low, column.axis.low, on_done=lambda _: on_done(0))
        projection = BackProjection(row.axis, column.axis, known=known)
        x = (
            projection.up(y)
            if self.before is None
            else self._interpolated(self.before, row, column)
        )
        projection.project(x, y, times=known.projections)
        if self.enhance:
            interpolated, x = x, _enhanced(x, y, projection, on_done)
            if self.filters:
                x[0] += self.filters(x[0], interpolated=interpolated[0])
            if not known.noise:  # otherwise the remaining noise would return
                projection.project(x, y, times=known.projections)
        return x

    def _interpolated(self, before: NDArray[np.uint8], row: _Tile, column: _Tile) -> Tensor:
        """Return a tile interpolated from the result of the stage before."""
        (down, rows), (across, columns) = (
            Axis.whole(low, high).up().part(tile.axis.high)
            for low, high, tile in zip(before.shape[:2], self.size, (row, column), strict=True)
        )
        device = self.known.device
        x = across.on(device).along_columns(pixels_to_ycc(before[rows, columns], device=device))
        return down.on(device).along_rows(x)


def _learn_filters(
    known: Observation, part: tuple[slice, slice], *, size: Size, on_done: DoneCallback
) -> ErrorFilters:
    """Shrink a part of the picture as much as `size` enlarges it, enlarge it, and fit filters."""
    rows, columns = part
    truth = known.planes(rows, columns, on_done=lambda _: on_done(0))
    down, across = (
        Axis.whole(round(side * whole / larger), side)
        for side, whole, larger in zip(truth.shape[1:], known.pixels.shape[:2], size, strict=True)
    )
    copy = replace(known, noise=0.0, quantization=None)
    projection = BackProjection(down, across, known=copy)
    y = pixels_to_ycc(ycc_to_pixels(projection.down(truth)), device=known.device)
    interpolated = projection.project(projection.up(y), y, times=copy.projections)
    enlarged = _enhanced(interpolated, y, projection, on_done)
    return ErrorFilters.fit(truth[0], enlarged=enlarged[0], interpolated=interpolated[0])


def _enhanced(x: Tensor, y: Tensor, projection: BackProjection, on_done: DoneCallback) -> Tensor:
    generator = np.random.default_rng(_SEED)  # one seed for all tiles, so that their edges match
    for i, h in enumerate(np.geomspace(*_STRENGTHS, _STEPS).tolist()):
        pointwise = i < _POINTWISE
        x = non_local_means(
            x,
            h,
            _WINDOW.thinned(_SHARE, generator),
            patch=_FIRST_PATCH if pointwise else _PATCH,
            average=0 if pointwise else _AVERAGE,
            chroma=_CHROMA,
            own=_OWN,
            on_done=part_of(on_done, first=i / _STEPS, last=(i + 1) / _STEPS),
        )
        projection.project(x, y, times=_PROJECTIONS)
    return x
