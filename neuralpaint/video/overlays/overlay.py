"""An overlay draws on a frame; here is what it is told and where it finds room."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings
from neuralpaint.video.drawing import Box, Frame, caption_size
from neuralpaint.video.typography import Mask, margin

__all__ = [
    "Corner",
    "Corners",
    "Layout",
    "Moment",
    "Overlay",
    "Panel",
    "Point",
    "Scene",
    "overlays",
]

Corner = Literal["top-left", "top-right", "bottom-left", "bottom-right"]
Layout = Literal["auto", "beside", "stacked"]


class Point(NamedTuple):
    """One frame of the training's history."""

    step: int
    seconds: float
    loss: float
    psnr: float


@dataclass(frozen=True)
class Moment:
    """Where in the training, and in the clip, a frame stands."""

    index: int
    """Number of this frame, from 0. The held end repeats the last frame and its index."""
    count: int
    """Frames from the first to the last that learns, without the held end."""
    step: int
    steps: int
    """Training steps at the end of the clip."""
    seconds: float
    """Training time so far."""
    loss: float
    """Training loss; NaN before the first step."""
    psnr: float
    """Of this frame against the original, in dB; infinite where they are equal."""
    history: Sequence[Point]
    """Every frame up to and including this one."""

    @property
    def progress(self) -> float:
        """How much of the clip has passed, in [0, 1]; a clip of one frame is at its end."""
        return min(1.0, self.index / (self.count - 1)) if self.count > 1 else 1.0


class Panel(NamedTuple):
    """How an overlay wants to be shown beside the network's picture."""

    caption: str
    layout: Layout


class Corners:
    """The room on a frame, handed out from its corners; what shares a corner is stacked."""

    def __init__(self, height: int, width: int) -> None:
        self._height, self._width = height, width
        self._margin = margin(height, width)
        self._taken: list[Box] = []

    def place(self, corner: Corner, *, height: int, width: int) -> Box | None:
        """Return a free box of that size nearest to `corner`, or None if it would crowd the frame.

        A box may take half of the frame's height and its width without the margins.
        """
        if 2 * height > self._height or width > self._width - 2 * self._margin or width <= 0:
            return None
        below = corner.startswith("bottom")
        left = self._margin
        if corner.endswith("right"):
            left = self._width - self._margin - width
        top = self._height - self._margin - height if below else self._margin
        gap = max(1, self._margin // 2)
        for box in sorted(self._taken, key=lambda box: box[0], reverse=below):
            if _overlap(box, (top, left, height, width), gap):
                top = box[0] - gap - height if below else box[0] + box[2] + gap
        if top < self._margin or top + height > self._height - self._margin:
            return None
        self._taken.append((top, left, height, width))
        return self._taken[-1]

    def place_caption(self, corner: Corner, text: str) -> Box | None:
        """Return a box for `caption`, or None where words would hide too much of the picture."""
        height, width = caption_size(text, height=self._height, width=self._width)
        if 4 * height > self._height:
            return None
        return self.place(corner, height=height, width=width)


@dataclass(frozen=True)
class Scene:
    """What an overlay may look at while it draws on one frame; never written to."""

    moment: Moment
    network: Frame
    """The network's picture before anything was drawn on it, uint8 (h, w, 3)."""
    seen: Callable[[], Frame]
    """Shows the original, once somebody looks at it."""
    corners: Corners
    """The room left on the frame that is drawn on."""
    hidden: Callable[[], Mask | None] = lambda: None
    """Shows what was unknown of the picture, float32 (h, w) in [0, 1]; None if nothing was."""
    unjudged: Callable[[], Mask | None] = lambda: None
    """Shows likewise where nobody knows the original."""

    @property
    def original(self) -> Frame:
        """The picture it learns, at the same size, uint8 (h, w, 3)."""
        return self.seen()


class Overlay(Settings, ABC):
    """Something to draw on every frame of a clip.

    An annotation (the default) draws on the network's picture. An overlay whose `panel` is not
    None is a picture of its own, of the same size, shown beside the network's.
    """

    layer: ClassVar[int] = 1
    """Annotations of a lower layer are drawn first, whatever the order they are named in."""

    @property
    def panel(self) -> Panel | None:
        """How this overlay is shown beside the network's picture; None: drawn on it."""
        return None

    @abstractmethod
    def draw(self, frame: Frame, scene: Scene) -> None:
        """Draw on `frame`, uint8 (h, w, 3), in place.

        `frame` is the network's picture with what was drawn before; a panel fills all of it.
        Where there is too little room to be legible, an overlay leaves itself out.
        """


overlays: Registry[Overlay] = Registry("overlay")


def _overlap(a: Box, b: Box, gap: int) -> bool:
    return (
        a[0] < b[0] + b[2] + gap
        and b[0] < a[0] + a[2] + gap
        and a[1] < b[1] + b[3] + gap
        and b[1] < a[1] + a[3] + gap
    )
