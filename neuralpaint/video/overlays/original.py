"""Overlays that show the original: mask and wipe over the network's picture, side next to it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuralpaint.config.settings import setting
from neuralpaint.image.alpha import opaque
from neuralpaint.image.pictures import Frame
from neuralpaint.video.drawing import WHITE, blend, caption
from neuralpaint.video.overlays.arrangement import Layout, Panel
from neuralpaint.video.overlays.overlay import Overlay, Scene, overlays

__all__ = ["MaskOverlay", "Side", "Wipe"]

_BLACK = (0, 0, 0)
_LABEL = "original"
_GREYS = np.array([118, 140], np.uint8)  # of the checkerboard
_FIELDS = 40  # of the checkerboard, along the shorter side
_HOLE_DELAY = 0.6  # the hole starts to fade at this fraction of the fade of the known part


@overlays.register("mask")
@dataclass(frozen=True)
class MaskOverlay(Overlay):
    """The picture with its hole, shown for a moment; then it fades into the network's picture."""

    layer: ClassVar[int] = -1
    needs_mask: ClassVar[bool] = True

    hold: float = setting(
        0.08, "how long it is shown", unit="parts of the clip", minimum=0, maximum=0.9
    )
    fade: float = setting(
        0.08, "how long the known part fades", unit="parts of the clip", minimum=0, maximum=0.9
    )
    hole_fade: float = setting(
        0.2, "how long the hole fades", unit="parts of the clip", minimum=0, maximum=0.9
    )

    def draw(self, frame: Frame, scene: Scene) -> None:
        """Blend the original over the network's picture, and a checkerboard over the hole.

        The checkerboard stands for transparency, as in image editors. It fades last, to show where
        the network has no data.
        """
        progress = scene.moment.progress
        known = _opacity(progress, self.hold, self.fade)
        hole = _opacity(progress, self.hold + _HOLE_DELAY * self.fade, self.hole_fade)
        if max(known, hole) == 0:
            return
        unknown = scene.unknown()
        if unknown is None:
            return
        if known > 0:
            blend(frame, scene.original, np.broadcast_to(known, unknown.shape))
        blend(frame, _checkerboard(*frame.shape[:2]), hole * unknown)


@overlays.register("side")
@dataclass(frozen=True)
class Side(Overlay):
    """The original next to the network's picture."""

    layout: Layout = setting(
        "auto",
        "where it is placed; auto: where the frame is nearer to 16:9, or with --size where it is "
        "larger",
    )

    @property
    def panel(self) -> Panel:
        """A panel with the caption `original`."""
        return Panel(_LABEL, self.layout)

    def draw(self, frame: Frame, scene: Scene) -> None:
        """Fill the panel with the original."""
        frame[:] = opaque(scene.original, channels=frame.shape[2])


@overlays.register("wipe")
@dataclass(frozen=True)
class Wipe(Overlay):
    """A line that glides in from the right, uncovers the original, and glides out again."""

    layer: ClassVar[int] = 0

    sweeps: int = setting(2, "how often it glides in and out", minimum=1, maximum=100)
    reach: float = setting(0.85, "how far in", unit="of the width", minimum=0.05, maximum=1)

    def draw(self, frame: Frame, scene: Scene) -> None:
        """Draw the original right of the line, which is out of view at both ends of the clip."""
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
        """Return the position of the line, from 0 (left edge) to 1 (out of view on the right).

        A cosine, so that the line slows down where it turns and at the end of the clip.
        """
        return 1 - self.reach * (1 - math.cos(2 * math.pi * self.sweeps * progress)) / 2


def _opacity(progress: float, begin: float, length: float) -> np.float32:
    """Return the opacity of a fade-out that begins at `begin`; 0 at the end of the clip."""
    if progress >= min(1.0, begin + length):
        return np.float32(0)
    t = max(0.0, (progress - begin) / (min(1.0, begin + length) - begin))
    return np.float32(1 - t * t * (3 - 2 * t))


def _checkerboard(height: int, width: int) -> Frame:
    side = max(2, round(min(height, width) / _FIELDS))
    dark = (np.arange(height)[:, None] // side + np.arange(width) // side) % 2
    return np.repeat(_GREYS[dark][..., None], 3, axis=2)


def _uncover(frame: Frame, behind: Frame, line: float) -> None:
    """Copy `behind` to `frame` right of column `line`, which may lie inside a pixel."""
    behind = opaque(behind, channels=frame.shape[2])
    first = max(0, math.ceil(line))
    frame[:, first:] = behind[:, first:]
    edge = math.floor(line)
    if edge < line and 0 <= edge < frame.shape[1]:
        part = np.s_[:, edge : edge + 1]
        covered = np.full(frame[part].shape[:2], edge + 1 - line, np.float32)
        blend(frame[part], behind[part], covered)


def _draw_line(frame: Frame, line: float, *, thickness: float, shade: float) -> None:
    width = frame.shape[1]
    columns = slice(max(0, math.floor(line - shade)), min(width, math.ceil(line + shade)))
    if columns.start >= columns.stop:
        return
    distance = np.abs(np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5 - line)
    shadow = 0.45 * (1 - np.minimum(distance / shade, 1)) ** 2
    stroke = np.clip(thickness / 2 + 0.5 - distance, 0, 1)
    part = frame[:, columns]
    blend(part, _BLACK, np.broadcast_to(shadow, part.shape[:2]))
    blend(part, WHITE, np.broadcast_to(stroke, part.shape[:2]))
