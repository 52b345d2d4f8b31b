"""Filling: the unknown pixels of a picture are inpainted from its known pixels.

patches   The most likely colours. A deep hole is first filled at half the size, and the refinement
          starts from that fill; for a narrow hole, the refinement starts from a smooth fill.
texture   The wide parts of a hole are filled with the picture's own texture, all others as above.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuralpaint.errors import UsageError
from neuralpaint.image.pictures import Fill
from neuralpaint.restoration.refinement import Noise, refine
from neuralpaint.restoration.smooth_fill import double, fill_smoothly, halve, is_deeper
from neuralpaint.restoration.texture_fill import fill_texture, textured_part
from neuralpaint.runtime.progress import DoneCallback, ignore, part_of

__all__ = ["fill_hole"]

_DEPTH = 2  # pixels from the rim: patches deeper in a hole contain too few known pixels
_SMALLEST = 48  # pixels of the shorter side: smaller pictures are not halved
_NOISE: Noise = (0.05, 0.005)
_COARSE_NOISE: Noise = (0.1, 0.01)  # a coarse fill has larger errors
_MARGIN = 128  # pixels around the hole from which the fill is learned
_STRIP_PIXELS = 1 << 24  # larger pictures are filled in strips, from top to bottom
_FINE_SHARE = 0.75  # of the work, when a coarser size is filled first


def fill_hole(
    pixels: NDArray[np.uint8],
    unknown: NDArray[np.float32] | NDArray[np.bool_],
    *,
    fill: Fill = "patches",
    seed: int = 0,
    device: torch.device | None = None,
    on_done: DoneCallback = ignore,
) -> NDArray[np.uint8]:
    """Return `pixels`, uint8 (h, w, 3), with the `unknown` pixels, (h, w) in [0, 1], filled.

    Pixels with `unknown` up to one half are kept. Above one half, `unknown` is the weight of the
    fill, and the old pixel has the rest. `seed` changes only a texture. `on_done` is called on this
    thread several times a second. The result does not depend on the number of threads. Memory
    beyond the result stays below 2 GB.

    Raises:
        UsageError: the sizes differ, or all pixels are unknown.
    """
    if pixels.shape[:2] != unknown.shape:
        raise UsageError(
            f"the mask has the size {unknown.shape} and the picture {pixels.shape[:2]}: "
            "give a mask of the picture's size"
        )
    share = np.asarray(unknown, np.float32)
    hole = share > 0.5
    if not hole.any():
        return pixels.copy()
    if hole.all():
        raise UsageError("all pixels are unknown: leave some to learn from")
    rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
    margin = _MARGIN
    if fill == "texture":  # a large hole needs much texture
        margin = max(margin, int(np.ptp(rows)), int(np.ptp(columns)))
    box = _with_margin(rows, margin), _with_margin(columns, margin)
    part, part_hole = pixels[box].copy(), hole[box]
    wide = textured_part(part_hole) if fill == "texture" else np.zeros_like(part_hole)
    first = 0.0 if np.array_equal(wide, part_hole) else 0.5 if wide.any() else 1.0
    if first > 0:
        before = part_of(on_done, first=0, last=first)
        part = _fill_patches(part, part_hole, device or torch.device("cpu"), before)
    if first < 1:
        after = part_of(on_done, first=first, last=1)
        part = fill_texture(part, wide, seed=seed, on_done=after)
    result = pixels.copy()
    result[box] = part
    soft = hole & (share < 1)
    mixed = pixels[soft] + share[soft][:, None] * (result[soft].astype(np.float32) - pixels[soft])
    result[soft] = np.rint(mixed).astype(np.uint8)
    on_done(1.0)
    return result


def _with_margin(places: NDArray[np.intp], margin: int) -> slice:
    """Return the slice from the first to the last of sorted indices, with a margin."""
    return slice(max(0, int(places[0]) - margin), int(places[-1]) + 1 + margin)


def _fill_patches(
    pixels: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    device: torch.device,
    on_done: DoneCallback,
) -> NDArray[np.uint8]:
    """Return pixels (h, w, 3) with the hole, bool (h, w), filled in strips."""
    result, strips = pixels.copy(), _strips(hole)
    for i, (rows, outer) in enumerate(strips):
        above, strip_hole = rows.start - outer.start, hole[outer].copy()
        strip_hole[:above] = False  # filled by the strip above
        report = part_of(on_done, first=i / len(strips), last=(i + 1) / len(strips))
        filled = _fill_strip(result[outer], strip_hole, device, report)
        result[rows] = filled[above : above + rows.stop - rows.start]
    return result


def _strips(hole: NDArray[np.bool_]) -> list[tuple[slice, slice]]:
    """Return the rows of each strip, without and with its margin, from top to bottom."""
    height, width = hole.shape
    count = math.ceil(height * width / _STRIP_PIXELS)
    ends = [round(i * height / count) for i in range(count + 1)]
    # If the top rows are all unknown, the first strip must reach down to a known pixel.
    known = int(np.flatnonzero(~hole.all(1))[0]) + 1
    return [
        (
            slice(first, last),
            slice(max(0, first - _MARGIN), min(height, max(last, known) + _MARGIN)),
        )
        for first, last in pairwise(ends)
    ]


def _fill_strip(
    pixels: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    device: torch.device,
    on_done: DoneCallback,
) -> NDArray[np.uint8]:
    """Return pixels (h, w, 3) with the hole, bool (h, w), filled."""
    with torch.no_grad():
        x = torch.from_numpy(pixels).to(device).permute(2, 0, 1).float().div_(255)
        x = _fill(x, torch.from_numpy(hole).to(device), noise=_NOISE, on_done=on_done)
        levels = x.mul_(255).round_().clamp_(0, 255).byte()
        return levels.permute(1, 2, 0).contiguous().cpu().numpy()


def _fill(x: Tensor, hole: Tensor, *, noise: Noise, on_done: DoneCallback) -> Tensor:
    """Return x (3, h, w) in [0, 1] with the hole, bool (h, w), filled, coarse to fine."""
    height, width = hole.shape
    fine = 1.0
    if min(height, width) >= _SMALLEST and is_deeper(hole, _DEPTH):
        fine = _FINE_SHARE
        coarse, still_unknown = halve(x, hole)
        before = part_of(on_done, first=0, last=1 - fine)
        coarse = _fill(coarse, still_unknown, noise=_COARSE_NOISE, on_done=before)
        x = torch.where(hole, double(coarse, height, width), x)
    else:
        x = fill_smoothly(x, hole)
    return refine(x, hole, noise=noise, on_done=part_of(on_done, first=1 - fine, last=1))
