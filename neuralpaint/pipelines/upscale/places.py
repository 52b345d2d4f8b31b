"""Places: where the methods differ most, for that is where a look at them tells something."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from neuralpaint.pipelines.compare.maps import Crop
from neuralpaint.video.drawing import Frame

__all__ = ["disagreement", "telling_places"]

_FINENESS = 4  # places are looked for at every fourth of a side
_APART = 1.6  # sides between the corners of two places: beside each other they would show the same


def disagreement(frames: Iterable[Frame]) -> NDArray[np.float32]:
    """Return by how much frames, uint8 (h, w, 3), differ at each pixel, in levels, (h, w).

    It is the standard deviation of their brightness. What the picture itself looks like is not
    asked: a place may well be chosen because a method is wrong there.
    """
    greys = (frame.mean(axis=2, dtype=np.float32) for frame in frames)
    # From the first, not from black: so the variance of bright levels is exact enough.
    first = next(greys)
    count, total, squares = 1, np.zeros_like(first), np.zeros_like(first)
    for grey in greys:
        away = grey - first
        count, total, squares = count + 1, total + away, squares + away * away
    variance: NDArray[np.float32] = squares / count - (total / count) ** 2
    return np.sqrt(np.maximum(variance, 0))


def telling_places(
    interest: NDArray[np.float32], *, side: int, border: int, count: int
) -> list[Crop]:
    """Return up to `count` squares, well apart, where the interest (h, w) is highest; at least one.

    They keep away from a border that is judged nowhere. Where nothing is of interest it is the
    middle.
    """
    step = max(1, side // _FINENESS)
    inner = interest[border:-border, border:-border].astype(np.float64)
    rows, columns = (length // step for length in inner.shape)
    cells = inner[: rows * step, : columns * step].reshape(rows, step, columns, step).sum((1, 3))
    reach = -(-side // step)
    windows = sliding_window_view(cells, (min(reach, rows), min(reach, columns)))
    sums = windows.sum((2, 3))
    places: list[Crop] = []
    for _ in range(count):
        row, column = divmod(int(sums.argmax()), sums.shape[1])
        if sums[row, column] <= 0:
            break
        places.append(_square(border + row * step, border + column * step, side, interest.shape))
        apart = round(_APART * reach)
        sums[max(0, row - apart + 1) : row + apart, max(0, column - apart + 1) : column + apart] = 0
    height, width = interest.shape
    return places or [_square((height - side) // 2, (width - side) // 2, side, interest.shape)]


def _square(top: int, left: int, side: int, shape: tuple[int, ...]) -> Crop:
    """Return a square that lies within a picture of that shape."""
    height, width = min(side, shape[0]), min(side, shape[1])
    return Crop(min(top, shape[0] - height), min(left, shape[1] - width), height, width)
