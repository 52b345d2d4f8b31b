"""The mask: what the network is given, shown first; then its own picture comes through.

The hole is a board of two greys, as editors show what is not there, and is the last to dissolve: so
one sees where the network had nothing to go by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuralpaint.config.settings import setting
from neuralpaint.video.drawing import Frame, blend
from neuralpaint.video.overlays.overlay import Overlay, Scene, overlays

__all__ = ["MaskOverlay"]

_GREYS = np.array([118, 140], np.uint8)  # the darker, the lighter
_FIELDS = 40  # along the shorter side
_LINGERING = 0.6  # how much of the fading of the known part has passed when that of the hole begins


@overlays.register("mask")
@dataclass(frozen=True)
class MaskOverlay(Overlay):
    """The picture with its hole for a moment, which dissolves as the learning begins."""

    layer: ClassVar[int] = -1

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
        """Lay the picture over the network's, and the board over the hole."""
        progress = scene.moment.progress
        known = _left(progress, self.hold, self.fade)
        hole = _left(progress, self.hold + _LINGERING * self.fade, self.hole_fade)
        if max(known, hole) == 0:
            return
        hidden = scene.hidden()
        if hidden is None:
            return
        if known > 0:
            blend(frame, scene.original, np.broadcast_to(known, hidden.shape))
        blend(frame, _board(*frame.shape[:2]), hole * hidden)


def _left(progress: float, begin: float, length: float) -> np.float32:
    """Return what is left of something that fades smoothly, in [0, 1]; at the end nothing is."""
    if progress >= min(1.0, begin + length):
        return np.float32(0)
    t = max(0.0, (progress - begin) / (min(1.0, begin + length) - begin))
    return np.float32(1 - t * t * (3 - 2 * t))


def _board(height: int, width: int) -> Frame:
    """Return a board of two greys, uint8 (height, width, 3)."""
    side = max(2, round(min(height, width) / _FIELDS))
    dark = (np.arange(height)[:, None] // side + np.arange(width) // side) % 2
    return np.repeat(_GREYS[dark][..., None], 3, axis=2)
