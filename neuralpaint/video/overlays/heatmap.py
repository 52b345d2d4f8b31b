"""The heat map of the error of each pixel."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image

from neuralpaint.config.settings import setting
from neuralpaint.image.pictures import Frame
from neuralpaint.video.drawing import colour_scale
from neuralpaint.video.overlays.overlay import Scene, overlays
from neuralpaint.video.overlays.panel import PanelOverlay

__all__ = ["Heatmap"]


@overlays.register("heatmap")
@dataclass(frozen=True)
class Heatmap(PanelOverlay):
    """Error of every pixel, on one colour scale for the whole clip.

    Where a mask hides the picture and the original is not known, the error is shown as 0.
    """

    caption: ClassVar[str] = "error"

    scale: float = setting(
        50, "error with the brightest colour", unit="of 255 levels", minimum=1, maximum=255
    )

    def picture(self, height: int, width: int, scene: Scene) -> Frame:
        """Return the errors in colours; a smaller picture shows means of them."""
        error = _error(scene.network, scene.original)
        without_truth = scene.without_truth()
        if without_truth is not None:
            error[without_truth > 0.5] = 0
        if error.shape != (height, width):
            image = Image.fromarray(error.astype(np.float32))
            means = np.asarray(image.resize((width, height), Image.Resampling.BOX))
            error = np.rint(means).astype(np.uint16)
        return np.take(_ramp(self.scale), error, axis=0)

    def legend(self) -> tuple[Sequence[str], npt.NDArray[np.uint8]]:
        """Return the scale from 0."""
        return ("0", f"{self.scale:g}"), colour_scale(256)


def _error(network: Frame, original: Frame) -> npt.NDArray[np.uint16]:
    """Return the absolute error (h, w), summed over the channels, in [0, 765]."""
    away = np.maximum(network, original)
    away -= np.minimum(network, original)
    error: npt.NDArray[np.uint16] = away[..., 0].astype(np.uint16)
    error += away[..., 1]
    error += away[..., 2]
    return error


@functools.lru_cache(maxsize=8)
def _ramp(scale: float) -> Frame:
    """Return the colour of each summed error, (766, 3)."""
    position = np.minimum(np.arange(766) / (3 * scale), 1)
    ramp: Frame = colour_scale(256)[np.rint(255 * position).astype(np.intp)]
    return ramp
