"""The weights of the network, matrix by matrix."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from neuralpaint.image.pictures import Frame
from neuralpaint.models.layer_weights import layer_of
from neuralpaint.video.drawing import NIGHT, caption, caption_size, colour_scale
from neuralpaint.video.overlays.overlay import Scene, overlays
from neuralpaint.video.overlays.panel import PanelOverlay

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = ["Weights", "matrices_of"]

Matrix = npt.NDArray[np.float32]

_MOST = 6  # matrices
_LOWEST, _HIGHEST = -2.5, 1.0  # log10 of a weight over its matrix's, at both ends of the scale


@overlays.register("weights")
@dataclass(frozen=True)
class Weights(PanelOverlay):
    """The sizes of the weights, matrix by matrix; the largest six if there are more.

    The scale is logarithmic: a weight of the brightest colour is ten times as large as the root
    mean square of its matrix, one of the darkest a 300th.
    """

    caption: ClassVar[str] = "weights"
    is_diagram: ClassVar[bool] = True
    needs_picture: ClassVar[bool] = False

    def picture(self, height: int, width: int, scene: Scene) -> Frame:
        """Return the matrices below each other: a row for each sum, a column for each input."""
        drawn = np.empty((height, width, 3), np.uint8)
        drawn[:] = NIGHT
        matrices = matrices_of(scene.painting())
        gap = max(1, round(min(height, width) / 120))
        room = height - (len(matrices) - 1) * gap
        if room < len(matrices):
            return drawn
        # Large matrices get more room, in proportion to the root of the root of their size.
        parts = np.array([matrix.size**0.25 for _, matrix in matrices])
        edges = np.rint(np.append(0, np.cumsum(parts) / parts.sum()) * room).astype(int)
        for i, (name, matrix) in enumerate(matrices):
            top, bottom = edges[i] + i * gap, edges[i + 1] + i * gap
            if bottom > top:
                band = drawn[top:bottom]
                band[:] = _coloured(matrix, height=bottom - top, width=width)
                label = f"{name}  {matrix.shape[0]} x {matrix.shape[1]}"
                tall, wide = caption_size(label, height=height, width=width)
                if 1.6 * tall < bottom - top and 1.1 * wide < width:
                    inner = round(0.3 * tall)
                    caption(band, (bottom - top - tall - inner, inner, tall, wide), label)
        return drawn

    def legend(self) -> tuple[Sequence[str], npt.NDArray[np.uint8]]:
        """Return the scale of the weights' sizes."""
        return ("small", "large"), colour_scale(256)


def matrices_of(painting: Painting) -> list[tuple[str, Matrix]]:
    """Return the name and the sizes (rows, columns) of the largest matrices of weights.

    Those of the layers are the first ones.

    A tensor of more axes is a matrix with a row for each entry of its first axis, or a column for
    each entry of its last one where that is shorter.
    """
    found = []
    for name, weight in painting.read_weights().items():
        if name not in painting.trained or weight.ndim < 2 or weight.size < 2:
            continue
        matrix = np.abs(weight.astype(np.float32, copy=False))
        while matrix.ndim > 2:
            short = min(range(matrix.ndim), key=lambda axis: (matrix.shape[axis], axis))
            matrix = matrix.mean(short)  # the channels of a table or a plane
        found.append((_title(name), matrix))
    largest = {name for name, _ in sorted(found, key=lambda each: -each[1].size)[:_MOST]}
    chosen = [each for each in found if each[0] in largest]
    return sorted(chosen, key=lambda each: not each[0].startswith("layer"))


def _title(name: str) -> str:
    """Return `layer 2` for the weight of layer 1, and the last words of other names."""
    layer = layer_of(name)
    if layer is not None:
        return f"layer {layer + 1}"
    words = [word for word in name.split(".") if word not in ("weight", "network", "encoding")]
    return " ".join(words).replace("_", " ").strip()


def _coloured(matrix: Matrix, *, height: int, width: int) -> Frame:
    """Return a matrix of sizes in colours, uint8 (height, width, 3)."""
    scale = math.sqrt(float(np.square(matrix, dtype=np.float64).mean())) or 1.0
    resample = [
        Image.Resampling.BOX if now >= then else Image.Resampling.NEAREST
        for now, then in zip(matrix.shape, (height, width), strict=True)
    ]
    image = Image.fromarray(np.ascontiguousarray(matrix / np.float32(scale)))
    image = image.resize((image.width, height), resample[0])
    image = image.resize((width, height), resample[1])
    sizes = np.log10(np.maximum(np.asarray(image), 10.0**_LOWEST))
    sizes = np.nan_to_num(sizes)
    index = np.rint(255 * np.clip((sizes - _LOWEST) / (_HIGHEST - _LOWEST), 0, 1)).astype(np.intp)
    colours: Frame = colour_scale(256)[index]
    return colours
