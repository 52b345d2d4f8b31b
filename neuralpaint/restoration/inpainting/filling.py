"""Filling: a picture with a hole becomes one without, from nothing but itself.

A deep hole is filled in half the size first, and that fill is where the refinement starts; at a
narrow one it starts from the smooth fill of `push_pull`.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from neuralpaint.errors import UsageError
from neuralpaint.restoration.inpainting.holes import is_deeper
from neuralpaint.restoration.inpainting.push_pull import halved, larger, spread
from neuralpaint.restoration.inpainting.refinement import Noise, refined
from neuralpaint.runtime.progress import DoneCallback, part_of

__all__ = ["filled"]


_DEPTH = 2  # steps from the rim of a hole, beyond which patches see too little of what is known
_SMALLEST = 48  # side that is halved
_NOISE: Noise = (0.05, 0.005)
_COARSE_NOISE: Noise = (0.1, 0.01)  # a start for what comes after it, farther from the truth
_MARGIN = 128  # pixels around all that is unknown, which the fill is learned from
_AT_ONCE = 1 << 24  # pixels; larger pictures are filled strip by strip, each knowing the one before


def filled(
    pixels: npt.NDArray[np.uint8],
    unknown: npt.NDArray[np.float32] | npt.NDArray[np.bool_],
    *,
    device: torch.device | None = None,
    look: DoneCallback = lambda done: None,
) -> npt.NDArray[np.uint8]:
    """Return pixels, uint8 (h, w, 3), with what is unknown of them, (h, w) in [0, 1], filled.

    What is unknown by at most one half is known and stays as it is; by more, it is that share of
    what it is filled with, and the rest of what it was. `look` is told on this thread how much is
    done, in [0, 1], some times a second; what it raises ends the work. The result is the same with
    any number of `workers`. Memory beyond the result stays below 2 GB.

    Raises:
        UsageError: the two differ in size, or all is unknown.
    """
    if pixels.shape[:2] != unknown.shape:
        raise UsageError(f"a mask of {unknown.shape} is not one of a picture of {pixels.shape[:2]}")
    share = np.asarray(unknown, np.float32)
    hole = share > 0.5
    if not hole.any():
        return pixels.copy()
    if hole.all():
        raise UsageError("all pixels are unknown: leave some to learn from")
    box = _around(np.flatnonzero(hole.any(1))), _around(np.flatnonzero(hole.any(0)))
    part, hole_there = pixels[box].copy(), hole[box]
    strips = _strips(hole_there)
    for i, (rows, outer) in enumerate(strips):
        above, there = rows.start - outer.start, hole_there[outer].copy()
        there[:above] = False  # the strip before has filled it
        strip = _Strip(part[outer], there, device or torch.device("cpu"))
        fill = strip.filled(part_of(look, first=i / len(strips), last=(i + 1) / len(strips)))
        part[rows] = fill[above : above + rows.stop - rows.start]
    result = pixels.copy()
    result[box] = part
    soft = hole & (share < 1)
    mixed = pixels[soft] + share[soft][:, None] * (result[soft].astype(np.float32) - pixels[soft])
    result[soft] = np.rint(mixed).astype(np.uint8)
    look(1.0)
    return result


def _around(places: npt.NDArray[np.intp]) -> slice:
    """Return what lies between some places along a side, with a margin."""
    return slice(max(0, int(places[0]) - _MARGIN), int(places[-1]) + 1 + _MARGIN)


def _strips(hole: npt.NDArray[np.bool_]) -> list[tuple[slice, slice]]:
    """Return rows in parts of some megapixels, from top to bottom, each without and with others."""
    height, width = hole.shape
    count = math.ceil(height * width / _AT_ONCE)
    ends = [round(i * height / count) for i in range(count + 1)]
    # Where all is unknown at first, the first strip reaches down to what is known.
    known = int(np.flatnonzero(~hole.all(1))[0]) + 1
    return [
        (
            slice(first, last),
            slice(max(0, first - _MARGIN), min(height, max(last, known) + _MARGIN)),
        )
        for first, last in pairwise(ends)
    ]


class _Strip(NamedTuple):
    """Pixels, uint8 (h, w, 3), with a hole, bool (h, w), that are filled at once."""

    pixels: npt.NDArray[np.uint8]
    hole: npt.NDArray[np.bool_]
    device: torch.device

    def filled(self, look: DoneCallback) -> npt.NDArray[np.uint8]:
        """Return the pixels without the hole."""
        with torch.no_grad():
            levels = torch.from_numpy(self.pixels).to(self.device).permute(2, 0, 1)
            hole = torch.from_numpy(self.hole).to(self.device)
            x = _without(levels.float().div_(255), hole, noise=_NOISE, look=look)
            rounded = x.mul_(255).round_().clamp_(0, 255).byte()
            return rounded.permute(1, 2, 0).contiguous().cpu().numpy()


def _without(x: Tensor, hole: Tensor, *, noise: Noise, look: DoneCallback) -> Tensor:
    """Return x (3, h, w) without the hole, bool (h, w)."""
    height, width = hole.shape
    alone = 1.0  # share of the work that is done at this size
    if min(height, width) >= _SMALLEST and is_deeper(hole, _DEPTH):
        alone = 0.75
        coarse, still = halved(x, hole)
        before = part_of(look, first=0, last=1 - alone)
        coarse = _without(coarse, still, noise=_COARSE_NOISE, look=before)
        x = torch.where(hole, larger(coarse, height, width), x)
    else:
        x = spread(x, hole)
    return refined(x, hole, noise=noise, look=part_of(look, first=1 - alone, last=1))
