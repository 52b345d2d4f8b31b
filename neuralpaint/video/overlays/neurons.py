"""The values of single hidden units over the whole picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from neuralpaint.config.settings import setting
from neuralpaint.image.pictures import Frame
from neuralpaint.video.drawing import NIGHT, blend, caption, caption_size, rounded, signed_scale
from neuralpaint.video.overlays.overlay import Scene, overlays
from neuralpaint.video.overlays.panel import PanelOverlay
from neuralpaint.video.units import (
    differing_units,
    resized,
    typical_largest,
    unit_canvas,
    unit_colours,
)

__all__ = ["Neurons"]

_ROOMY = 200  # pixels of the shorter side from which four units fit along it


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
            scale = typical_largest(values[layer])
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


def _label(tile: Frame, text: str, whole: Frame) -> None:
    tall, wide = caption_size(text, height=whole.shape[0], width=whole.shape[1])
    if 3 * tall <= tile.shape[0] and wide + tall < tile.shape[1]:
        inner = round(0.3 * tall)
        caption(tile, (tile.shape[0] - tall - inner, inner, tall, wide), text)
