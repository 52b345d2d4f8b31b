"""Still correction: a still is changed so that, downsampled, it equals the picture.

Between the pixels, a network does not reproduce its target exactly; back-projection corrects that.
The correction is computed at the picture's resolution (see `back_projection`). It takes two passes
over the strips of the still: one to downsample it, one to add the correction.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuralpaint.image.pictures import Picture
from neuralpaint.image.resampling import Kernel
from neuralpaint.image.resampling_kernels import REACH, Axis
from neuralpaint.restoration.back_projection import BackProjection
from neuralpaint.restoration.jpeg import rgb_to_ycc, ycc_to_rgb
from neuralpaint.restoration.observation import Observation, observe
from neuralpaint.restoration.settings import TargetSettings

__all__ = ["fits_in_memory", "match_still"]

Strips = Iterator[NDArray[np.uint16]]

_MOST_BYTES = 1 << 28  # larger stills are rendered twice instead of kept in memory
_BYTES = 6  # per pixel
_BLOCK = 1 << 21  # pixels of the picture that are corrected at once
_ROUNDING = 1e-6  # pixels: rounding error of a window


def fits_in_memory(*, height: int, width: int) -> bool:
    """Return whether `match_still` keeps the still in memory, and so renders it only once."""
    return height * width * _BYTES <= _MOST_BYTES


def match_still(
    render: Callable[[], Strips],
    picture: Picture,
    *,
    height: int,
    width: int,
    window: tuple[float, float, float, float],
    settings: TargetSettings,
    depth: Literal[8, 16],
) -> Iterator[NDArray[Any]]:
    """Yield a still's strips (rows, width, 3), uint8 or uint16, corrected to match the picture.

    Downsampling the result with `settings.kernel` gives the picture without its noise. `render`
    yields strips from top to bottom, uint16 with white 65535, and is called twice for a large
    still. `window` is the part of the picture that the still shows, in the picture's pixels: top,
    left, bottom, right. A pixel that is shown in part gets the correction of its neighbours.

    The memory is proportional to the picture, plus at most 256 MB for the still.

    Raises:
        ValueError: the window is not inside the picture, or the still is not larger than it.
    """
    top, left, bottom, right = window
    known = observe(picture, settings=settings)
    rows = _axis(top, bottom, side=picture.height, pixels=height, kernel=known.kernel)
    columns = _axis(left, right, side=picture.width, pixels=width, kernel=known.kernel)
    return _matched(render, known, rows, columns, enhanced=settings.enhance, full=2**depth - 1)


def _axis(first: float, last: float, *, side: int, pixels: int, kernel: Kernel) -> Axis:
    """Return an axis of the still; its `low` slice covers the pixels that are shown completely."""
    first, last = _snapped(first), _snapped(last)
    if not 0 <= first < last <= side:
        raise ValueError(f"the window from {first:g} to {last:g} is not inside {side} pixels")
    if pixels <= last - first:
        raise ValueError(
            f"a still of {pixels} pixels is no larger than the {last - first:g} pixels it shows"
        )
    # At the picture's own edges, the kernel needs no pixels outside.
    beyond = REACH[kernel] - 0.5
    start = 0 if first == 0 else math.ceil(first + beyond)
    stop = side if last == side else math.floor(last - beyond)
    return Axis(slice(start, stop), slice(0, pixels), pixels / (last - first), first)


def _snapped(position: float) -> float:
    return round(position) if abs(position - round(position)) < _ROUNDING else position


def _matched(
    render: Callable[[], Strips],
    known: Observation,
    rows: Axis,
    columns: Axis,
    *,
    enhanced: bool,
    full: int,
) -> Iterator[NDArray[Any]]:
    if rows.low.start >= rows.low.stop or columns.low.start >= columns.low.stop:
        for strip in render():  # no pixel of the picture is shown completely
            yield _levels(_to_planes(strip), full)
        return
    if fits_in_memory(height=rows.high.stop, width=columns.high.stop):
        render = partial(iter, list(render()))
    with torch.no_grad():
        shrunk = _shrink(render(), rows, columns, kernel=known.kernel)
        correction = _correction(shrunk, rows, columns, known, enhanced=enhanced)
        down, across = rows.up(), columns.up()
    top = 0
    for strip in render():
        part, low = down.part(slice(top, top + len(strip)))
        top += len(strip)
        with torch.no_grad():  # ends before the caller gets the strip
            added = across.along_columns(part.along_rows(correction[:, low]))
            yield _levels(_to_planes(strip).add_(added), full)


def _shrink(strips: Strips, rows: Axis, columns: Axis, *, kernel: Kernel) -> Tensor:
    """Downsample a still, given in strips, to R, G and B (3, low height, low width)."""
    down, across = rows.down(kernel), columns.down(kernel)
    total = torch.zeros(3, down.indices.shape[1], across.indices.shape[1])
    top = 0
    for strip in strips:
        narrow = across.along_columns(_to_planes(strip))
        for place, weight in zip(down.indices - top, down.weights, strict=True):
            # Only the kernel taps in this strip.
            outputs = ((place >= 0) & (place < len(strip))).nonzero().flatten()
            total.index_add_(1, outputs, narrow[:, place[outputs]].mul_(weight[outputs, None]))
        top += len(strip)
    return total


def _correction(
    shrunk: Tensor, rows: Axis, columns: Axis, known: Observation, *, enhanced: bool
) -> Tensor:
    """Return the correction (R, G and B) that is interpolated and added to the still.

    If the picture was compressed and the target is not enhanced, the still must match the
    downsampled target: the target deviates from the picture because of the compression, but the
    still deviates from the target because of the network. An enhanced target would take too long to
    compute again; then the still may deviate from the picture as far as the target may.
    """
    follow, exact = (BackProjection(rows, columns, known=each) for each in (known, known.exact))
    plain = known.quantization is not None and not enhanced
    times = known.projections
    reach = (2 * times + 1 if plain else times) * follow.reach(times=1)
    found = torch.empty_like(shrunk)
    height, width = shrunk.shape[1:]
    block = max(1, _BLOCK // width)
    for top in range(0, height, block):
        bottom = min(height, top + block)
        first, last = max(0, top - reach), min(height, bottom + reach)
        low = slice(rows.low.start + first, rows.low.start + last)
        y = known.planes(low, columns.low)
        if plain:
            c = follow.correction(y - follow.down_up(y, first=first), times=times, first=first)
            y = follow.down_up(y + c, first=first)
        onto = exact if plain else follow
        c = onto.correction(y - rgb_to_ycc(shrunk[:, first:last]), times=times, first=first)
        found[:, top:bottom] = ycc_to_rgb(c[:, top - first : bottom - first])
    return found


def _to_planes(strip: NDArray[np.uint16]) -> Tensor:
    """Return uint16 (rows, width, 3) as float32 (3, rows, width) in [0, 1]."""
    return torch.from_numpy(strip.astype(np.float32)).permute(2, 0, 1).div(65_535)


def _levels(rgb: Tensor, full: int) -> NDArray[Any]:
    """Return R, G and B (3, rows, width) as the nearest levels (rows, width, 3)."""
    levels = rgb.mul(full).round_().clamp_(0, full).permute(1, 2, 0).numpy()
    return levels.astype(np.uint8 if full == 255 else np.uint16, order="C")
