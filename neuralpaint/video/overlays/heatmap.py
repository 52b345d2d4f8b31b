"""The heat map of the error of each pixel."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from neuralpaint.config.settings import setting
from neuralpaint.image.pictures import Frame
from neuralpaint.image.typography import small_size, text_mask, text_width
from neuralpaint.video.drawing import (
    WHITE,
    blend,
    caption,
    caption_size,
    colour_scale,
    glass,
    rounded,
    stamp,
)
from neuralpaint.video.overlays.arrangement import Panel
from neuralpaint.video.overlays.overlay import Corner, Overlay, Scene, overlays

__all__ = ["Heatmap"]

_CAPTION = "error"


@overlays.register("heatmap")
@dataclass(frozen=True)
class Heatmap(Overlay):
    """Error of every pixel, on one colour scale for the whole clip.

    Where a mask hides the picture and the original is not known, the error is shown as 0.
    """

    scale: float = setting(
        50, "error with the brightest colour", unit="of 255 levels", minimum=1, maximum=255
    )
    placement: Literal["auto", "beside", "stacked", "inset"] = setting(
        "auto",
        "a panel, or small in a corner (inset); auto: where the frame is nearer to 16:9, or with "
        "--size where the panel is larger",
    )
    corner: Corner = setting("top-right", "where the inset is")

    @property
    def panel(self) -> Panel | None:
        """A panel with the caption `error`, unless the heat map is an inset."""
        return None if self.placement == "inset" else Panel(_CAPTION, self.placement)

    def draw(self, frame: Frame, scene: Scene) -> None:
        """Fill the panel, or draw the inset."""
        error = _error(scene.network, scene.original)
        without_truth = scene.without_truth()
        if without_truth is not None:
            error[without_truth > 0.5] = 0
        if self.placement == "inset":
            self._draw_inset(frame, error, scene)
            return
        frame[:] = np.take(_ramp(self.scale), error, axis=0)
        self._draw_legend(frame, scene)

    def _draw_inset(self, frame: Frame, error: npt.NDArray[np.uint16], scene: Scene) -> None:
        height, width = frame.shape[:2]
        size = round(0.34 * height), round(0.34 * width)
        box = scene.corners.place(self.corner, height=size[0], width=size[1])
        if not box or min(size) < 12:
            return
        top, left, tall, wide = box
        small = Image.fromarray(error.astype(np.float32)).resize((wide, tall), Image.Resampling.BOX)
        picture = _ramp(self.scale)[np.rint(np.asarray(small)).astype(np.uint16)]
        rim = max(1, round(min(height, width) / 400))
        around = frame[top - rim : top + tall + rim, left - rim : left + wide + rim]
        radius = 0.45 * small_size(height, width)
        blend(around, WHITE, 0.7 * rounded(tall + 2 * rim, wide + 2 * rim, radius + rim))
        part = frame[top : top + tall, left : left + wide]
        blend(part, picture, rounded(tall, wide, radius))
        label = caption_size(_CAPTION, height=height, width=width)
        if 3 * label[0] < tall and 2 * label[1] < wide:
            inner = round(0.4 * label[0])
            caption(part, (inner, inner, *label), _CAPTION)

    def _draw_legend(self, frame: Frame, scene: Scene) -> None:
        size = small_size(*frame.shape[:2])
        words = ("0", f"{self.scale:g}")
        long, thick, space = 6 * size, max(3, round(0.5 * size)), round(0.5 * size)
        ends = [text_width(word, size) for word in words]
        width = sum(ends) + long + 2 * space + round(1.3 * size)
        box = scene.corners.place("bottom-right", height=2 * round(0.85 * size), width=width)
        if not box:
            return
        pill = glass(frame, box, radius=0.42 * size)
        middle, left = pill.shape[0] / 2, round(0.65 * size)
        bar_left, bar_top = left + ends[0] + space, (pill.shape[0] - thick) // 2
        for word, centre in zip(
            words, (left + ends[0] / 2, bar_left + long + space + ends[1] / 2), strict=True
        ):
            stamp(pill, text_mask(word, size), centre=(middle, centre), colour=WHITE, opacity=0.9)
        rim = pill[bar_top - 1 : bar_top + thick + 1, bar_left - 1 : bar_left + long + 1]
        blend(rim, WHITE, 0.3 * rounded(thick + 2, long + 2, thick / 2 + 1))
        bar = np.broadcast_to(colour_scale(long), (thick, long, 3))
        part = pill[bar_top : bar_top + thick, bar_left : bar_left + long]
        blend(part, bar, rounded(thick, long, thick / 2))


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
