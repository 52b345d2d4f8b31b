"""Side by side: the original next to the network's picture."""

from __future__ import annotations

from dataclasses import dataclass

from neuralpaint.config.settings import setting
from neuralpaint.video.drawing import Frame
from neuralpaint.video.overlays.overlay import Layout, Overlay, Panel, Scene, overlays

__all__ = ["Side"]


@overlays.register("side")
@dataclass(frozen=True)
class Side(Overlay):
    """The original next to the network's picture."""

    layout: Layout = setting("auto", "beside, stacked, or whichever is nearer to 16:9")

    @property
    def panel(self) -> Panel:
        """A picture of its own, named `original`."""
        return Panel("original", self.layout)

    def draw(self, frame: Frame, scene: Scene) -> None:
        """Fill the panel with the original."""
        frame[:] = scene.original
