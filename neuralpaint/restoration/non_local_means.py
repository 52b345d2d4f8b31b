"""Non-local means: each pixel becomes the mean of the pixels with similar surroundings.

Buades, Coll, Morel 2005 (A review of image denoising algorithms, with a new one, SIAM MMS 4). The
weight of p + o for p is exp(-d^2 / h^2), where d^2 is the mean squared difference of luma between
their patches, plus that of their chroma with a factor. To average whole patches instead of their
centres, the weights are box-filtered.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from neuralpaint.runtime.progress import DoneCallback, ignore
from neuralpaint.runtime.threads import parallel_map

__all__ = ["Window", "non_local_means"]

_NEAR = 2  # pixels: a thinned window keeps all offsets up to this distance
_LEAST_EXPONENT = -64.0  # 2 to this power is practically 0
_CPU_TILE = 256, 1024  # larger ones do not fit into the caches, smaller ones keep threads waiting
_GPU_TILE = 2048, 2048  # large, for fewer calls


class Window(NamedTuple):
    """One offset (down, across) of each opposite pair, because both have the same weights."""

    offsets: list[tuple[int, int]]

    @classmethod
    def whole(cls, reach: int) -> Window:
        """Return one offset of every opposite pair up to `reach`."""
        return cls(
            [
                (dy, dx)
                for dy in range(reach + 1)
                for dx in range(-reach, reach + 1)
                if dy > 0 or dx > 0
            ]
        )

    def thinned(self, share: float, generator: np.random.Generator) -> Window:
        """Return the near offsets and a random share of the others."""
        near = [o for o in self.offsets if max(map(abs, o)) <= _NEAR]
        far = [o for o in self.offsets if max(map(abs, o)) > _NEAR]
        chosen = generator.permutation(len(far))[: round(share * len(far))]
        return Window(near + [far[i] for i in sorted(chosen.tolist())])

    def margin(self, *, patch: int, average: int) -> int:
        """Return the distance in pixels up to which other pixels influence a result."""
        return max(max(abs(dy), abs(dx)) for dy, dx in self.offsets) + patch + average


def non_local_means(
    x: Tensor,
    h: float,
    window: Window,
    *,
    patch: int,
    average: int = 0,
    chroma: float = 0.0,
    own: float = 1.0,
    on_done: DoneCallback = ignore,
) -> Tensor:
    """Return x (3, height, width) averaged over a window, with weights from x (Y, Cb and Cr).

    Patches have a side of 2 patch + 1 pixels, the box filter of the weights 2 average + 1. The
    squared differences of Cb and Cr, at the patches' centres only, count `chroma` times. `own` is a
    pixel's weight for itself. x is mirrored at its edges. `on_done` is called on this thread.
    """
    margin = window.margin(patch=patch, average=average)
    height, width = x.shape[-2:]
    padded = x[:, _mirrored(height, margin)[:, None], _mirrored(width, margin)]
    out = torch.empty_like(x)
    tiles = list(_tiles(height, width, _CPU_TILE if x.device.type == "cpu" else _GPU_TILE))
    caller, finished = threading.get_ident(), []
    means = partial(
        _means, h=h, window=window, patch=patch, average=average, chroma=chroma, own=own
    )

    def average_tile(tile: tuple[slice, slice]) -> None:
        rows, columns = tile
        both = 2 * margin
        part = padded[:, rows.start : rows.stop + both, columns.start : columns.stop + both]
        out[:, rows, columns] = means(part.contiguous())
        finished.append(tile)
        if threading.get_ident() == caller:
            on_done(len(finished) / len(tiles))

    parallel_map(average_tile, tiles, device=x.device)
    return out


def _mirrored(side: int, margin: int) -> Tensor:
    """Return the indices of a mirrored row from -margin to side + margin - 1: 2 1 0 1 2 1 0."""
    places = torch.arange(-margin, side + margin) % max(1, 2 * side - 2)
    return torch.minimum(places, 2 * side - 2 - places)


def _tiles(height: int, width: int, tile: tuple[int, int]) -> Iterator[tuple[slice, slice]]:
    for top in range(0, height, tile[0]):
        for left in range(0, width, tile[1]):
            yield (
                slice(top, min(height, top + tile[0])),
                slice(left, min(width, left + tile[1])),
            )


def _means(
    x: Tensor,
    *,
    h: float,
    window: Window,
    patch: int,
    average: int,
    chroma: float,
    own: float,
) -> Tensor:
    """Return the means of a tile (3, ...), given with a margin on all sides."""
    margin = window.margin(patch=patch, average=average)
    height, width = (side - 2 * margin for side in x.shape[-2:])
    reach = patch + average
    # Scaled so that weight = 2^-(sum of squared differences).
    gain = math.sqrt(math.log2(math.e)) / h
    guide = x[0] * (gain / (2 * patch + 1))
    hues = [plane * (gain * math.sqrt(chroma)) for plane in x[1:]] if chroma else []
    planes = torch.cat([x, torch.ones_like(x[:1])])  # the last plane sums the weights

    def at(dy: int, dx: int) -> Tensor:
        return planes[:, margin + dy : margin + dy + height, margin + dx : margin + dx + width]

    total = at(0, 0) * (own * (2 * average + 1) ** 2)
    for dy, dx in window.offsets:
        # Compute each weight of (p, p + o) once: it is also the weight of (p + o, p).
        left, right = min(0, -dx), width + max(0, -dx)
        rows = slice(margin - dy - reach, margin + height + reach)
        columns = slice(margin + left - reach, margin + right + reach)
        shifted = guide[rows.start + dy : rows.stop + dy, columns.start + dx : columns.stop + dx]
        difference = guide[rows, columns] - shifted
        exponent = _sums(difference.mul_(difference), 2 * patch + 1)
        # The centres of the patches.
        rows = slice(rows.start + patch, rows.stop - patch)
        columns = slice(columns.start + patch, columns.stop - patch)
        for hue in hues:
            shifted = hue[rows.start + dy : rows.stop + dy, columns.start + dx : columns.stop + dx]
            difference = hue[rows, columns] - shifted
            exponent.addcmul_(difference, difference)
        # exp2 is twice as fast as exp, and ten times as fast where the result is near 0.
        weight = _sums(exponent.neg_().clamp_(min=_LEAST_EXPONENT).exp2_(), 2 * average + 1)
        total.addcmul_(weight[dy : dy + height, -left : -left + width], at(dy, dx))
        total.addcmul_(weight[:height, -dx - left : -dx - left + width], at(-dy, -dx))
    return total[:3] / total[3]


def _sums(x: Tensor, side: int) -> Tensor:
    """Return the sums over all squares with this side inside x."""
    return _runs(_runs(x, side, axis=1), side, axis=0)


def _runs(x: Tensor, length: int, *, axis: int) -> Tensor:
    """Return the sums of `length` neighbours along an axis."""
    if length == 1:
        return x
    half = length // 2  # adding two sums of half the length takes fewer additions
    sums = _runs(x, half, axis=axis)
    count = x.shape[axis] - length + 1
    whole = sums.narrow(axis, 0, count) + sums.narrow(axis, half, count)
    if length % 2:
        whole += x.narrow(axis, length - 1, count)
    return whole
