"""The wipe: a line glides over the picture and uncovers the original behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuralpaint.config.settings import setting
from neuralpaint.video.drawing import WHITE, Frame, blend, caption
from neuralpaint.video.overlays.overlay import Overlay, Scene, overlays

__all__ = ["Wipe"]

_BLACK = (0, 0, 0)
_LABEL = "original"


@overlays.register("wipe")
@dataclass(frozen=True)
class Wipe(Overlay):
    """A line that glides in from the right, uncovers the original, and glides out again."""

    layer: ClassVar[int] = 0

    sweeps: int = setting(2, "how often it glides in and out", minimum=1, maximum=100)
    reach: float = setting(0.85, "how far in", unit="of the width", minimum=0.05, maximum=1)

    def draw(self, frame: Frame, scene: Scene) -> None:
        """Draw the original right of the line; the clip begins and ends without it."""
        height, width = frame.shape[:2]
        thickness = max(1.5, min(height, width) / 240)
        shade = 6 * thickness
        box = scene.corners.place_caption("top-right", _LABEL)
        line = self.position(scene.moment.progress) * (width + 2 * shade) - shade
        if line - shade >= width:
            return
        _uncover(frame, scene.original, line)
        if box:
            top, left, tall, wide = box
            part = np.s_[top : top + tall, left : left + wide]
            label = scene.original[part].copy()
            caption(label, (0, 0, tall, wide), _LABEL)
            _uncover(frame[part], label, line - left)
        _draw_line(frame, line, thickness=thickness, shade=shade)

    def position(self, progress: float) -> float:
        """Return where the line stands, from 0 (left) to 1 (right, out of sight).

        A cosine: it slows down where it turns, and rests out of sight when the clip ends.
        """
        return 1 - self.reach * (1 - math.cos(2 * math.pi * self.sweeps * progress)) / 2


def _uncover(frame: Frame, behind: Frame, line: float) -> None:
    """Put `behind` on `frame` from column `line` on, which may lie within a pixel."""
    first = max(0, math.ceil(line))
    frame[:, first:] = behind[:, first:]
    edge = math.floor(line)
    if edge < line and 0 <= edge < frame.shape[1]:
        part = np.s_[:, edge : edge + 1]
        share = np.full(frame[part].shape[:2], edge + 1 - line, np.float32)
        blend(frame[part], behind[part], share)


def _draw_line(frame: Frame, line: float, *, thickness: float, shade: float) -> None:
    width = frame.shape[1]
    columns = slice(max(0, math.floor(line - shade)), min(width, math.ceil(line + shade)))
    if columns.start >= columns.stop:
        return
    away = np.abs(np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5 - line)
    shadow = 0.45 * (1 - np.minimum(away / shade, 1)) ** 2
    stroke = np.clip(thickness / 2 + 0.5 - away, 0, 1)
    part = frame[:, columns]
    blend(part, _BLACK, np.broadcast_to(shadow, part.shape[:2]))
    blend(part, WHITE, np.broadcast_to(stroke, part.shape[:2]))
