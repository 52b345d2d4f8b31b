"""Hidden units as small pictures: which of them, at which size, in which colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from neuralpaint.image.canvas import Canvas
from neuralpaint.image.pictures import Frame
from neuralpaint.video.drawing import signed_scale

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = ["differing_units", "resized", "typical_largest", "unit_canvas", "unit_colours"]

Values = npt.NDArray[np.float32]

_PROBE = 48  # pixels of the longer side on which units are compared
_LEAST_SPREAD = 0.1  # of the largest deviation of a unit
_PERCENTILE = 99
_MOST_COMPUTED = 320  # pixels of the longer side of a tile


def differing_units(painting: Painting) -> list[list[int]]:
    """Return the units of each hidden layer in an order in which the first ones differ most.

    The first one varies most over the picture. Each other one is the least correlated with those
    before; the sign does not count.
    """
    longer = max(painting.canvas.height, painting.canvas.width)
    grid = painting.canvas.scaled(min(1.0, _PROBE / longer)).grid()
    hidden = painting.layer_values(grid)[:-1]
    return [_differing(values.reshape(-1, values.shape[-1])) for values in hidden]


def _differing(values: Values) -> list[int]:
    """Return all units of values (points, units), those that differ most first."""
    centred = values - values.mean(0)
    spread = np.sqrt(np.square(centred).sum(0))
    alike = np.abs(centred.T @ centred) / np.maximum(np.outer(spread, spread), 1e-12)
    order = [int(spread.argmax())]
    nearest = alike[order[0]].copy()
    nearest[spread < _LEAST_SPREAD * spread.max()] = 1.0  # nearly constant ones are last
    while len(order) < len(spread):
        nearest[order] = np.inf
        order.append(int(nearest.argmin()))
        nearest = np.maximum(nearest, alike[order[-1]])
    return order


def typical_largest(values: npt.NDArray[Any]) -> float:
    """Return the size that one value in a hundred exceeds, more than 0."""
    return max(1e-6, float(np.percentile(np.abs(values), _PERCENTILE)))


def unit_canvas(painting: Painting, height: int, width: int) -> Canvas:
    """Return the canvas on which units are computed for a tile, with a longer side of 320 pixels.

    At 4K, computing every pixel of a tile takes as long as the frame, and shows no more.
    """
    factor = min(1.0, _MOST_COMPUTED / max(height, width))
    sides = (max(1, round(factor * side)) for side in (height, width))
    return painting.canvas.resized(height=next(sides), width=next(sides))


def resized(tile: Frame, height: int, width: int) -> Frame:
    """Return a tile, uint8 (h, w, 3), at another size."""
    if tile.shape[:2] == (height, width):
        return tile
    return np.asarray(Image.fromarray(tile).resize((width, height), Image.Resampling.BICUBIC))


def unit_colours(values: Values, scale: float) -> Frame:
    """Return values (h, w) in colours, uint8 (h, w, 3): `scale` and -`scale` are the brightest."""
    index = np.rint(127.5 + 127.5 * np.clip(np.nan_to_num(values / scale), -1, 1)).astype(np.intp)
    colours: Frame = signed_scale(256)[index]
    return colours
