"""Matching: a still of any size is made to agree with the picture that it shows.

What a network was trained to say between the pixels is not exactly what it says. Back-projection
mends that; as all of it happens at the picture's resolution (see `back_projection`), it takes two
looks at the still, strip by strip: one to shrink it, one to add to it what was missing.
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
from neuralpaint.restoration.settings import Kernel, TargetSettings
from neuralpaint.restoration.super_resolution.back_projection import Correction
from neuralpaint.restoration.super_resolution.kernels import REACH, Axis
from neuralpaint.restoration.super_resolution.observation import Observation, observe
from neuralpaint.restoration.super_resolution.planes import colours, turned

__all__ = ["is_kept", "matched"]

Strips = Iterator[NDArray[np.uint16]]

_KEPT = 1 << 28  # bytes of a still that are kept rather than rendered again
_BLOCK = 1 << 21  # pixels of the picture that are corrected at once
_BYTES = 6  # of a pixel
_NEARLY = 1e-6  # of a pixel: what rounding does to a window


def is_kept(*, height: int, width: int) -> bool:
    """Return whether a still is kept while it is matched, and so rendered only once."""
    return height * width * _BYTES <= _KEPT


def matched(
    render: Callable[[], Strips],
    picture: Picture,
    *,
    height: int,
    width: int,
    window: tuple[float, float, float, float],
    settings: TargetSettings,
    depth: Literal[8, 16],
) -> Iterator[NDArray[Any]]:
    """Yield a still's strips (rows, width, 3), uint8 or uint16, so changed that they are true.

    Shrunk by `settings.kernel`, the still is then the picture, without its noise. `render` yields
    strips from top to bottom, uint16, 65535 full, and is called twice for a large still. `window`
    is what it shows of the picture, in the picture's pixels: top, left, bottom, right. Pixels that
    it shows in part are not known to be wrong: there the correction of their neighbours goes on.

    Memory grows with the picture, and with the still only up to 256 MB.

    Raises:
        ValueError: the window is not inside the picture, or the still no larger along each axis.
    """
    top, left, bottom, right = window
    rows = _axis(top, bottom, side=picture.height, pixels=height, kernel=settings.kernel)
    columns = _axis(left, right, side=picture.width, pixels=width, kernel=settings.kernel)
    return _matched(render, picture, rows, columns, settings=settings, full=2**depth - 1)


def _axis(first: float, last: float, *, side: int, pixels: int, kernel: Kernel) -> Axis:
    """Return an axis of the still, and which of the picture's pixels it wholly shows."""
    first, last = _whole(first), _whole(last)
    if not 0 <= first < last <= side:
        raise ValueError(f"from {first:g} to {last:g} is not inside {side} pixels")
    if pixels <= last - first:
        raise ValueError(f"{pixels} pixels of {last - first:g} are not more than these")
    # At the picture's own edges a kernel has nothing beyond that could be missing here.
    beyond = REACH[kernel] - 0.5
    start = 0 if first == 0 else math.ceil(first + beyond)
    stop = side if last == side else math.floor(last - beyond)
    return Axis(slice(start, stop), slice(0, pixels), pixels / (last - first), first)


def _whole(position: float) -> float:
    return round(position) if abs(position - round(position)) < _NEARLY else position


def _matched(
    render: Callable[[], Strips],
    picture: Picture,
    rows: Axis,
    columns: Axis,
    *,
    settings: TargetSettings,
    full: int,
) -> Iterator[NDArray[Any]]:
    nothing_whole = rows.low.start >= rows.low.stop or columns.low.start >= columns.low.stop
    if nothing_whole:
        for strip in render():
            yield _levels(_colours(strip), full)
        return
    if is_kept(height=rows.high.stop, width=columns.high.stop):
        render = partial(iter, list(render()))
    with torch.no_grad():
        shrunk = _shrunk(render(), rows, columns, kernel=settings.kernel)
        observation = observe(picture, settings=settings)
        correction = _correction(shrunk, rows, columns, observation, enhanced=settings.enhance)
        down, across = rows.up(), columns.up()
    top = 0
    for strip in render():
        part, known = down.part(slice(top, top + len(strip)))
        top += len(strip)
        with torch.no_grad():  # not while the strip is looked at
            more = across.along_columns(part.along_rows(correction[:, known]))
            yield _levels(_colours(strip).add_(more), full)


def _shrunk(strips: Strips, rows: Axis, columns: Axis, *, kernel: Kernel) -> Tensor:
    """Return R, G and B (3, low height, low width) of a still that comes in strips."""
    down, across = rows.down(kernel), columns.down(kernel)
    total = torch.zeros(3, down.places.shape[1], across.places.shape[1])
    top = 0
    for strip in strips:
        narrow = across.along_columns(_colours(strip))
        for place, weight in zip(down.places - top, down.weights, strict=True):
            # The taps of all pixels that lie in this strip.
            seen = ((place >= 0) & (place < len(strip))).nonzero().flatten()
            total.index_add_(1, seen, narrow[:, place[seen]].mul_(weight[seen, None]))
        top += len(strip)
    return total


def _correction(
    shrunk: Tensor, rows: Axis, columns: Axis, known: Observation, *, enhanced: bool
) -> Tensor:
    """Return, as R, G and B, what interpolated and added makes a still true that is so shrunk.

    Of a picture that compression has rounded, a network that was taught the plain target is made to
    agree with that one, shrunk: what the target does not follow is the file's fault, but what the
    network has added to it is not. An enhanced target is not made a second time for this; there as
    much is left to the network as is left to the target.
    """
    follow, exact = (Correction(rows, columns, known=each) for each in (known, known.as_it_is))
    plain = known.rounding is not None and not enhanced
    times = known.projections
    reach = (2 * times + 1 if plain else times) * follow.reach(times=1)
    found = torch.empty_like(shrunk)
    height, width = shrunk.shape[1:]
    for top in range(0, height, each := max(1, _BLOCK // width)):
        bottom = min(height, top + each)
        first, last = max(0, top - reach), min(height, bottom + reach)
        low = slice(rows.low.start + first, rows.low.start + last)
        y = known.planes(low, columns.low)
        if plain:
            c = follow(y - follow.again(y, first=first), times=times, first=first)
            y = follow.again(y + c, first=first)
        correction = exact if plain else follow
        c = correction(y - turned(shrunk[:, first:last]), times=times, first=first)
        found[:, top:bottom] = colours(c[:, top - first : bottom - first])
    return found


def _colours(strip: NDArray[np.uint16]) -> Tensor:
    """Return uint16 (rows, width, 3) as float32 (3, rows, width) in [0, 1]."""
    return torch.from_numpy(strip.astype(np.float32)).permute(2, 0, 1).div(65_535)


def _levels(rgb: Tensor, full: int) -> NDArray[Any]:
    """Return R, G and B (3, rows, width) as the nearest levels (rows, width, 3)."""
    levels = rgb.mul(full).round_().clamp_(0, full).permute(1, 2, 0).numpy()
    return levels.astype(np.uint8 if full == 255 else np.uint16, order="C")
