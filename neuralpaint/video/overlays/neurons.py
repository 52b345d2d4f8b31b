"""The values of single hidden units over the whole picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from neuralpaint.config.settings import setting
from neuralpaint.image.canvas import Canvas
from neuralpaint.image.pictures import Frame
from neuralpaint.video.drawing import NIGHT, blend, caption, caption_size, rounded, signed_scale
from neuralpaint.video.overlays.overlay import Scene, overlays
from neuralpaint.video.overlays.panel import PanelOverlay

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = ["Neurons", "differing_units", "resized", "unit_canvas", "unit_colours"]

Values = npt.NDArray[np.float32]

_ROOMY = 200  # pixels of the shorter side from which four units fit along it
_MOST_COMPUTED = 320  # pixels of the longer side of a tile
_PROBE = 48  # pixels of the longer side on which units are compared
_LEAST_SPREAD = 0.1  # of the largest deviation of a unit
_PERCENTILE = 99  # of the values of a layer: the brightest colour


@overlays.register("neurons")
@dataclass(frozen=True)
class Neurons(PanelOverlay):
    """What single hidden units answer at every place of the picture.

    Blue is negative, black 0 and orange positive, on one scale for all units of a layer. The rows
    go from the first hidden layer to the last. The units are chosen to differ, and keep their
    places.
    """

    caption: ClassVar[str] = "hidden units"
    needs_layers: ClassVar[bool] = True
    needs_picture: ClassVar[bool] = False

    side: int | None = setting(
        None, "units along each side; unset, 4, or 3 in a small picture", minimum=1, maximum=16
    )

    def picture(self, height: int, width: int, scene: Scene) -> Frame:
        """Return the answers of some units, layer by layer."""
        side = self.side or (4 if min(height, width) >= _ROOMY else 3)
        if self not in scene.memory:
            scene.memory[self] = differing_units(scene.latest())
        # No more than there are units, so that no tile stays empty.
        side = min(side, math.isqrt(sum(len(units) for units in scene.memory[self])))
        rows = _rows(scene.memory[self], side)
        painting = scene.painting()
        drawn = np.empty((height, width, 3), np.uint8)
        drawn[:] = NIGHT
        gap = max(1, round(min(height, width) / 120))
        tall, wide = ((length + gap) // side - gap for length in (height, width))
        if min(tall, wide) < 1:
            return drawn
        values = painting.layer_values(unit_canvas(painting, tall, wide).grid())
        mask = rounded(tall, wide, 0.04 * min(tall, wide))
        for row, (layer, units) in enumerate(rows):
            scale = max(1e-6, float(np.percentile(np.abs(values[layer]), _PERCENTILE)))
            top = row * (tall + gap)
            for column, unit in enumerate(units):
                left = column * (wide + gap)
                tile = resized(unit_colours(values[layer][..., unit], scale), tall, wide)
                blend(drawn[top : top + tall, left : left + wide], tile, mask)
            if row == 0 or layer != rows[row - 1][0]:
                _label(drawn[top : top + tall, :wide], f"layer {layer + 1}", drawn)
        return drawn

    def legend(self) -> tuple[Sequence[str], npt.NDArray[np.uint8]]:
        """Return the scale of the units' values."""
        return ("negative", "positive"), signed_scale(256)


def differing_units(painting: Painting) -> list[list[int]]:
    """Return the units of each hidden layer in an order in which the first ones differ most.

    The first one varies most over the picture. Each other one is the least correlated with those
    before; the sign does not count.
    """
    longer = max(painting.canvas.height, painting.canvas.width)
    grid = painting.canvas.scaled(min(1.0, _PROBE / longer)).grid()
    hidden = painting.layer_values(grid)[:-1]
    return [_differing(values.reshape(-1, values.shape[-1])) for values in hidden]


def _rows(units: list[list[int]], side: int) -> list[tuple[int, list[int]]]:
    """Return the layer of each of `side` rows, and `side` of its units that no row above shows."""
    layers = [i * len(units) // side for i in range(side)]
    if len(units) > side:
        layers = [round(i * (len(units) - 1) / max(1, side - 1)) for i in range(side)]
    firsts = [side * layers[:i].count(layer) for i, layer in enumerate(layers)]
    return [
        (layer, units[layer][first : first + side])
        for layer, first in zip(layers, firsts, strict=True)
    ]


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


def _label(tile: Frame, text: str, whole: Frame) -> None:
    tall, wide = caption_size(text, height=whole.shape[0], width=whole.shape[1])
    if 3 * tall <= tile.shape[0] and wide + tall < tile.shape[1]:
        inner = round(0.3 * tall)
        caption(tile, (tile.shape[0] - tall - inner, inner, tall, wide), text)
