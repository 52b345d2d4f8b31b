"""Base class of overlays that are pictures of their own: a panel, or small in a corner."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from neuralpaint.config.settings import setting
from neuralpaint.image.alpha import opaque
from neuralpaint.image.pictures import Frame
from neuralpaint.image.typography import small_size, text_mask, text_width
from neuralpaint.video.drawing import (
    NIGHT,
    WHITE,
    Box,
    blend,
    caption,
    caption_size,
    glass,
    rounded,
    stamp,
)
from neuralpaint.video.overlays.arrangement import Panel
from neuralpaint.video.overlays.overlay import Corner, Overlay, Scene

__all__ = ["PanelOverlay"]

_INSET = 0.34  # of each side of the frame
_LEAST_INSET = 12  # pixels


@dataclass(frozen=True)
class PanelOverlay(Overlay):
    """A picture beside the network's picture, below it, or small in one of its corners."""

    caption: ClassVar[str]
    is_diagram: ClassVar[bool] = False
    """Whether the caption is above the picture, not on it."""

    placement: Literal["auto", "beside", "stacked", "inset"] = setting(
        "auto",
        "a panel, or small in a corner (inset); auto: where the frame is nearer to 16:9, or with "
        "--size where the panel is larger",
    )
    corner: Corner = setting("top-right", "where the inset is")

    @property
    def panel(self) -> Panel | None:
        """A panel with the caption, unless the picture is an inset."""
        return None if self.placement == "inset" else Panel(self.caption, self.placement)

    @abstractmethod
    def picture(self, height: int, width: int, scene: Scene) -> Frame:
        """Return the picture, uint8 (height, width, 3)."""

    def legend(self) -> tuple[Sequence[str], npt.NDArray[np.uint8]] | None:
        """Return the words at both ends of the colour scale, and its colours (n, 3), if any."""
        return None

    def draw(self, frame: Frame, scene: Scene) -> None:
        """Fill the panel, or draw the inset."""
        if self.placement == "inset":
            self._draw_inset(frame, scene)
            return
        self._fill(frame, scene, below=None if scene.caption is None else _below(scene.caption))
        legend = self.legend()
        has_all_corners = scene.corners.share >= 1  # not in the middle of the picture
        if legend is not None and has_all_corners:
            _draw_legend(frame, scene, *legend)

    def _draw_inset(self, frame: Frame, scene: Scene) -> None:
        height, width = frame.shape[:2]
        share = _INSET * scene.corners.share
        size = round(share * height), round(share * width)
        box = scene.corners.place(self.corner, height=size[0], width=size[1])
        if not box or min(size) < _LEAST_INSET:
            self.report_left_out(frame)
            return
        top, left, tall, wide = box
        rim = max(1, round(min(height, width) / 400))
        around = frame[top - rim : top + tall + rim, left - rim : left + wide + rim]
        radius = 0.45 * small_size(height, width)
        blend(around, WHITE, 0.7 * rounded(tall + 2 * rim, wide + 2 * rim, radius + rim))
        part = frame[top : top + tall, left : left + wide]
        label = caption_size(self.caption, height=height, width=width)
        inner = round(0.3 * label[0])
        box = (inner, inner, *label)
        has_caption = 3 * label[0] < tall and label[1] + 2 * inner < wide
        inset = np.empty_like(part)
        self._fill(inset, scene, below=_below(box) if has_caption else None)
        if has_caption:
            caption(inset, box, self.caption)
        blend(part, inset, rounded(tall, wide, radius))

    def _fill(self, frame: Frame, scene: Scene, *, below: int | None) -> None:
        """Fill a frame, a diagram only below the caption, whose last row is `below`."""
        top = below if below is not None and self.is_diagram else 0
        height, width, channels = frame.shape
        frame[:top] = (*NIGHT, 255)[:channels]
        frame[top:] = opaque(self.picture(height - top, width, scene), channels=channels)


def _below(box: Box) -> int:
    """Return the first row below a box and a gap."""
    return box[0] + box[2] + box[0] // 2


def _draw_legend(
    frame: Frame, scene: Scene, words: Sequence[str], colours: npt.NDArray[np.uint8]
) -> None:
    size = small_size(*frame.shape[:2])
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
    along = np.linspace(0, len(colours) - 1, long).round().astype(np.intp)
    bar = np.broadcast_to(colours[along], (thick, long, 3))
    part = pill[bar_top : bar_top + thick, bar_left : bar_left + long]
    blend(part, bar, rounded(thick, long, thick / 2))
