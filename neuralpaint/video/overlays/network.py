"""The network as a diagram: its layers with their sizes, and some units as small pictures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from neuralpaint.image.canvas import Canvas
from neuralpaint.image.pictures import Frame
from neuralpaint.image.typography import small_size, text_mask, text_width
from neuralpaint.models.layer_weights import layer_weights, series_weights
from neuralpaint.video.drawing import NIGHT, WHITE, Colour, blend, rounded, signed_scale, stamp
from neuralpaint.video.overlays.overlay import Scene, overlays
from neuralpaint.video.overlays.panel import PanelOverlay
from neuralpaint.video.units import (
    differing_units,
    resized,
    typical_largest,
    unit_canvas,
    unit_colours,
)

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = ["NetworkDiagram"]

Values = npt.NDArray[np.float32]

_MOST_LAYERS, _MOST_UNITS = 4, 5  # drawn
_OVERSAMPLING = 2  # of the lines
_QUIET: Colour = (58, 61, 72)
_WIDE, _TALL = 0.62, 0.86  # of the room for a unit, that its picture takes
_LEAST_TILE = 4  # pixels


class _Column(NamedTuple):
    """The coordinates, a hidden layer or the colours, as they are drawn."""

    title: str
    size: str
    tiles: list[Frame]
    layer: int  # of the network, from 0; -1: the coordinates
    units: list[int]  # one for each tile


@overlays.register("network")
@dataclass(frozen=True)
class NetworkDiagram(PanelOverlay):
    """The network as a diagram: coordinates, hidden layers and colours, with some of their units.

    Every unit is a small picture of what it answers over the whole picture. The lines are the
    weights between the units that are drawn: the larger, the brighter; blue ones are negative. Grey
    lines stand for more than one weight.
    """

    caption: ClassVar[str] = "inside the network"
    is_diagram: ClassVar[bool] = True
    needs_layers: ClassVar[bool] = True
    needs_picture: ClassVar[bool] = False

    def picture(self, height: int, width: int, scene: Scene) -> Frame:
        """Return the diagram, from the coordinates on the left to the colours on the right."""
        drawn = np.empty((height, width, 3), np.uint8)
        drawn[:] = NIGHT
        painting = scene.painting()
        if self not in scene.memory:
            scene.memory[self] = differing_units(scene.latest())
        units: list[list[int]] = scene.memory[self]
        layers = _spread(len(units))
        size = small_size(height, width)
        head = 4 * size if height > 16 * size and width > 20 * size else 0  # room for the words
        pitch = width / (len(layers) + 2)
        aspect = painting.canvas.width / painting.canvas.height
        wide = int(min(_WIDE * pitch, _TALL * aspect * (height - 2 * head) / 4))
        tall = round(wide / aspect)
        if min(wide, tall) < _LEAST_TILE:
            return drawn
        count = max(3, min(_MOST_UNITS, int(_TALL * (height - 2 * head) / tall)))
        canvas = unit_canvas(painting, tall, wide)
        shown = {layer: units[layer][:count] for layer in layers}
        columns = list(_columns(painting, canvas, shown))
        tops = [_tops(len(column.tiles), tall, head, height) for column in columns]
        lefts = [round((i + 0.5) * pitch - wide / 2) for i in range(len(columns))]
        _draw_lines(drawn, painting, columns, tops=tops, lefts=lefts, tile=(tall, wide))
        mask = rounded(tall, wide, 0.08 * min(tall, wide))
        for column, left, rows in zip(columns, lefts, tops, strict=True):
            for tile, top in zip(column.tiles, rows, strict=True):
                part = drawn[top : top + tall, left : left + wide]
                blend(part, resized(tile, tall, wide), mask)
            if head:
                centre = left + wide / 2
                for row, words, opacity in (
                    (rows[0] - 1.1 * size, column.title, 0.85),
                    (rows[-1] + tall + 1.1 * size, column.size, 0.6),
                ):
                    if text_width(words, size) < 1.05 * pitch:
                        stamp(drawn, text_mask(words, size), centre=(row, centre), colour=WHITE,
                              opacity=opacity)  # fmt: skip
        if head:
            for i, note in enumerate(reversed(_notes(painting, units))):
                if text_width(note, size) < width - 2 * size:
                    row = height - (0.9 + 1.2 * i) * size
                    stamp(drawn, text_mask(note, size), centre=(row, width / 2), colour=WHITE,
                          opacity=0.5)  # fmt: skip
        return drawn

    def legend(self) -> None:
        """Return None: the diagram has its own words."""


def _spread(layers: int) -> list[int]:
    """Return the hidden layers that are drawn: the first, the last and some between."""
    count = min(layers, _MOST_LAYERS)
    return [round(i * (layers - 1) / max(1, count - 1)) for i in range(count)]


def _tops(count: int, tall: int, head: int, height: int) -> list[int]:
    """Return the first pixel of each tile of a column, around the middle of the diagram."""
    step = min(tall * (1 + (1 - _TALL) / _TALL), (height - 2 * head) / count)
    first = (height - step * (count - 1) - tall) / 2
    return [round(first + i * step) for i in range(count)]


def _columns(painting: Painting, canvas: Canvas, shown: dict[int, list[int]]) -> Iterator[_Column]:
    grid = canvas.grid()
    *hidden, signal = painting.layer_values(grid)
    shape = grid.shape
    across = [np.broadcast_to(axis, shape).astype(np.float32) for axis in (grid.x, grid.y)]
    yield _Column("place", "x and y", [unit_colours(axis, 1.0) for axis in across], -1, [0, 1])
    for layer, units in shown.items():
        values = hidden[layer]
        scale = typical_largest(values)
        tiles = [unit_colours(values[..., unit], scale) for unit in units]
        yield _Column(f"layer {layer + 1}", f"{values.shape[-1]} units", tiles, layer, units)
    levels = np.rint(255 * (np.tanh(signal) + 1) / 2).astype(np.uint8)
    channels = levels.shape[2]
    tints = [*np.eye(3, dtype=np.uint8), np.ones(3, np.uint8)][:channels]  # alpha is grey
    tiles = [levels[..., i : i + 1] * tint for i, tint in enumerate(tints)]
    names = "red, green, blue" + ", alpha" * (channels - 3)
    yield _Column("colour", names, tiles, len(hidden), list(range(channels)))


def _draw_lines(
    drawn: Frame,
    painting: Painting,
    columns: Sequence[_Column],
    *,
    tops: Sequence[Sequence[int]],
    lefts: Sequence[int],
    tile: tuple[int, int],
) -> None:
    """Draw the weights between the tiles of neighbouring columns, bright ones last."""
    lines: list[tuple[float, Colour, tuple[float, float, float, float]]] = []
    colours = signed_scale(256)
    ends: tuple[float, float, float, float]
    for i, (before, after) in enumerate(pairwise(columns)):
        weights = _weights_between(painting, before, after)
        for k, bottom in enumerate(tops[i + 1]):
            for j, top in enumerate(tops[i]):
                ends = (
                    lefts[i] + tile[1], top + tile[0] / 2, lefts[i + 1], bottom + tile[0] / 2,
                )  # fmt: skip
                if weights is None:
                    lines.append((0.0, _QUIET, ends))
                    continue
                level = float(np.clip(weights[k, j], -1, 1))
                red, green, blue = colours[round(127.5 + 127.5 * level)]
                lines.append((abs(level), (int(red), int(green), int(blue)), ends))
    height, width = drawn.shape[:2]
    image = Image.new("RGB", (_OVERSAMPLING * width, _OVERSAMPLING * height), NIGHT)
    pen = ImageDraw.Draw(image)
    thickness = max(1, round(_OVERSAMPLING * math.sqrt(height * width) / 350))
    for _, colour, ends in sorted(lines):
        pen.line([_OVERSAMPLING * end for end in ends], fill=colour, width=thickness)
    drawn[:] = np.asarray(image.reduce(_OVERSAMPLING))


def _weights_between(painting: Painting, before: _Column, after: _Column) -> Values | None:
    """Return the weights (units, units) relative to the large ones of the layer, if they exist.

    None for the coordinates, which features lie between, and for layers that are not neighbours.
    """
    if before.layer < 0 or after.layer != before.layer + 1:
        return None
    layers = layer_weights(painting)
    if after.layer >= len(layers):
        return None
    weight = layers[after.layer].weight
    found = weight[np.ix_(after.units, before.units)] / typical_largest(weight)
    return np.asarray(found, np.float32)


def _notes(painting: Painting, units: Sequence[Sequence[int]]) -> list[str]:
    """Return what the diagram does not draw."""
    layers = layer_weights(painting)
    if not layers:
        return []
    features = layers[0].weight.shape[1]
    reached = "every layer" if layers[-1].reads_more_than(len(units[-1])) else "layer 1"
    notes = [f"{features:,} features of the place enter {reached}"]
    for light in [*series_weights(painting).values()][:1]:
        notes.append(f"{light.size:,} waves add detail")
    return notes
