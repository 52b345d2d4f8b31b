"""Base class of overlays, the data they draw from, and their composition with a frame."""

from __future__ import annotations

import functools
import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings
from neuralpaint.errors import UsageError
from neuralpaint.image.alpha import opaque, over
from neuralpaint.image.pictures import Frame
from neuralpaint.image.typography import Coverage, margin
from neuralpaint.video.drawing import WHITE, Box, Colour, caption, caption_size
from neuralpaint.video.overlays.arrangement import Arrangement, Panel, growing
from neuralpaint.video.overlays.safe_area import SafeArea

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = [
    "Corner",
    "Corners",
    "Edge",
    "Moment",
    "Overlay",
    "Point",
    "Scene",
    "compose",
    "draw_on_clip",
    "overlays",
    "panels_of",
]

_log = logging.getLogger(__name__)

Corner = Literal["top-left", "top-right", "bottom-left", "bottom-right"]
Edge = Literal["top", "bottom"]

_MOST_COVERED = 0.4  # of a frame, by the boxes of all overlays together
_GAP: Colour = (12, 12, 12)  # between two pictures

NO_MARGINS = SafeArea()


class Point(NamedTuple):
    """The state of the training at one shot."""

    step: int
    seconds: float  # of training
    loss: float  # NaN before the first step
    psnr: float  # of the network at the original's own pixels, in dB; infinite if they are equal


@dataclass(frozen=True)
class Moment:
    """The position of a shot in the training and in the clip."""

    index: int
    """Number of the shot, from 0; a shot can be shown in several frames."""
    count: int
    """Number of shots."""
    steps: int
    """Training steps at the end of the clip."""
    history: Sequence[Point]
    """All shots up to and including this one."""
    fps: float = 30.0
    """Shots per second of the clip."""

    @property
    def now(self) -> Point:
        """The state of the training at this shot."""
        return self.history[-1]

    @property
    def progress(self) -> float:
        """The position of the shot among all shots, in [0, 1]; 1 for a single shot."""
        return min(1.0, self.index / (self.count - 1)) if self.count > 1 else 1.0


class Corners:
    """Allocates boxes in the corners and at the edges of a frame; they are stacked."""

    def __init__(self, height: int, width: int, *, safe: Box | None = None) -> None:
        """Begin with a free frame of `height` x `width` pixels.

        Boxes keep a margin to its edges, and stay inside `safe` if it is given.
        """
        self._height, self._width = height, width
        self._margin = margin(height, width)
        self._taken: list[Box] = []
        edge = self._margin
        inner = edge, edge, max(0, height - 2 * edge), max(0, width - 2 * edge)
        self.free = inner if safe is None else _intersection(inner, safe)
        """The area in which boxes are placed."""
        self.share = math.sqrt(self.free[2] * self.free[3] / max(1, inner[2] * inner[3]))
        """The side of the free area, as a part of that without `safe`: large boxes shrink by it."""

    def place(self, corner: Corner | Edge, *, height: int, width: int) -> Box | None:
        """Allocate the free box of this size nearest to `corner`; return None if there is no room.

        At an edge, a box is in the middle of it.

        A box is at most half as high as the frame, and as wide as the free area. All boxes together
        cover at most 40 % of the frame.
        """
        covered = sum(box[2] * box[3] for box in self._taken) + height * width
        if covered > _MOST_COVERED * self._height * self._width:
            return None
        first, left, free_height, free_width = self.free
        last = first + free_height - height
        if 2 * height > self._height or width > free_width or width <= 0:
            return None
        below = corner.startswith("bottom")
        if corner.endswith("right"):
            left += free_width - width
        elif not corner.endswith("left"):
            left += (free_width - width) // 2
        top = last if below else first
        gap = max(1, self._margin // 2)
        for box in sorted(self._taken, key=lambda box: box[0], reverse=below):
            if _overlap(box, (top, left, height, width), gap):
                top = box[0] - gap - height if below else box[0] + box[2] + gap
        if not first <= top <= last:
            return None
        self._taken.append((top, left, height, width))
        return self._taken[-1]

    def place_caption(self, corner: Corner, text: str) -> Box | None:
        """Allocate a box for `caption`; return None if it would hide too much of the picture."""
        height, width = caption_size(text, height=self._height, width=self._width)
        if 5 * height > self._height:
            return None
        return self.place(corner, height=height, width=width)


def _no_painting() -> Painting:
    raise UsageError("these frames show no network")


@dataclass(frozen=True)
class Scene:
    """The read-only data from which an overlay draws one frame."""

    moment: Moment
    network: Frame
    """The network's picture without overlays, uint8 (h, w, 3); transparent parts are white."""
    load_original: Callable[[], Frame]
    """Returns the original; called only if an overlay needs it."""
    corners: Corners
    """The free space on the frame."""
    unknown: Callable[[], Coverage | None] = lambda: None
    """Returns the unknown part of the picture, float32 (h, w) in [0, 1]; None if all is known."""
    without_truth: Callable[[], Coverage | None] = lambda: None
    """Returns, in the same form, the pixels hidden by the mask for which no truth is given."""
    painting: Callable[[], Painting] = _no_painting
    """Returns the network at this moment."""
    latest: Callable[[], Painting] = _no_painting
    """Returns the newest network of the training, which may be ahead of this moment."""
    caption: Box | None = None
    """Where the caption of a panel is drawn afterwards, if it has room."""
    memory: dict[Overlay, Any] = field(default_factory=dict)
    """What overlays remember from frame to frame of a clip, each under itself."""

    @property
    def original(self) -> Frame:
        """The picture that is learned, at the size of the frame, uint8 (h, w, 3)."""
        return self.load_original()


class Overlay(Settings, ABC):
    """Draws on every frame of a clip, or next to it.

    An annotation (the default) draws on the network's picture. An overlay with a `panel` is a
    separate picture of the same size, next to the network's picture.
    """

    layer: ClassVar[int] = 1
    """Annotations with a lower layer are drawn first, independent of their order in the list."""
    needs_mask: ClassVar[bool] = False
    """Whether the overlay shows the unknown part of a picture, and so needs a mask."""
    needs_layers: ClassVar[bool] = False
    """Whether the overlay shows what the layers of the network answer."""
    needs_picture: ClassVar[bool] = True
    """Whether the overlay compares the frames with the picture that is learned."""
    on_clip: ClassVar[bool] = False
    """Whether it is drawn on the frames of the clip in their final order, panels included.

    Its moments are frames; those of other overlays are shots of the training, which --boomerang and
    --reverse show in another order. It is drawn after all others.
    """

    @property
    def panel(self) -> Panel | None:
        """The panel of the overlay; None for an annotation."""
        return None

    @property
    def needs_history(self) -> bool:
        """Whether a frame depends on the measurements of the shots before it."""
        return False

    @abstractmethod
    def draw(self, frame: Frame, scene: Scene) -> None:
        """Draw on `frame`, uint8 (h, w, 3), or (h, w, 4) with premultiplied alpha, in place.

        For an annotation, `frame` is the network's picture with all earlier annotations; a panel
        fills the whole frame. Draws nothing if it would be too small to read.
        """

    def shows(self, moment: Moment) -> bool:
        """Return whether anything may be drawn at a moment."""
        return True

    def report_left_out(self, frame: Frame) -> None:
        """Log, once for each size, that the overlay has no room on a picture."""
        name = overlays.name_of(self)
        _report_left_out(name, height=frame.shape[0], width=frame.shape[1])


overlays: Registry[Overlay] = Registry("overlay")


def panels_of(overlays: Sequence[Overlay]) -> list[Panel]:
    """Return the panels among the overlays."""
    return [overlay.panel for overlay in overlays if overlay.panel]


def compose(
    overlays: Sequence[Overlay],
    frame: Frame,
    *,
    moment: Moment,
    original: Frame | Callable[[], Frame],
    unknown: Callable[[], Coverage | None] = lambda: None,
    without_truth: Callable[[], Coverage | None] = lambda: None,
    painting: Callable[[], Painting] = _no_painting,
    latest: Callable[[], Painting] = _no_painting,
    memory: dict[Overlay, Any] | None = None,
    arrangement: Arrangement | None = None,
    background: Colour | None = None,
    safe: SafeArea = NO_MARGINS,
) -> Frame:
    """Return a copy of `frame` with every overlay.

    Its size is that of the `arrangement`; None for a frame that grows by its panels, see
    `growing`. What the pictures leave has the colour `background`, or is transparent around a frame
    with alpha; None for dark grey.

    Annotations are drawn on the network's picture; an annotation with a lower `layer` is drawn
    first. If two share a corner, the later one is placed next to the earlier one. Panels follow the
    picture in the listed order. Every overlay gets `original` and the unchanged `frame`, both uint8
    (h, w, 3): where `frame` (h, w, 4) has alpha, it is shown on white to them. Overlays and panels
    are opaque.

    Overlays that are placed in a corner stay inside the `safe` area of the whole frame.

    If computing `original` takes time, pass a function: it is called at most once, and only if an
    overlay needs it. The same applies to `unknown`, `without_truth`, `painting` and `latest`, see
    `Scene`. All frames of a clip share one `memory`.

    Raises:
        UsageError: the two pictures differ in size, or the panels in layout.
    """

    @functools.cache
    def load_original() -> Frame:
        loaded = original() if callable(original) else original
        if network.shape != loaded.shape:
            raise UsageError(f"the frame is {network.shape} but the original is {loaded.shape}")
        return loaded

    network = over(frame, WHITE)

    if not callable(original):
        load_original()  # check its size even if no overlay needs it
    height, width = frame.shape[:2]
    annotations = [overlay for overlay in overlays if not overlay.panel and not overlay.on_clip]
    panels = [(overlay, overlay.panel) for overlay in overlays if overlay.panel]
    if arrangement is None:
        arrangement = growing([panel for _, panel in panels], height=height, width=width)
    pictures = [(annotations, "network" if panels else "")]
    pictures += [([overlay], panel.caption) for overlay, panel in panels]
    composed = np.zeros((arrangement.height, arrangement.width, frame.shape[2]), np.uint8)
    if frame.shape[2] == 3 or background is None:
        composed[:] = opaque(background or _GAP, channels=frame.shape[2])
    for (drawn, label), (top, left) in zip(pictures, arrangement.corners, strict=True):
        box = safe.box(arrangement.height, arrangement.width)
        corners = Corners(height, width, safe=(box[0] - top, box[1] - left, *box[2:]))
        scene = Scene(
            moment, network, load_original, corners, unknown, without_truth, painting, latest,
            memory={} if memory is None else memory,
        )  # fmt: skip
        part = composed[top : top + height, left : left + width]
        if drawn is annotations:
            part[:] = frame
        _draw(drawn, part, scene, label)
    return draw_on_clip([each for each in overlays if each.on_clip], composed, moment, safe=safe)


def draw_on_clip(
    overlays: Sequence[Overlay], frame: Frame, moment: Moment, *, safe: SafeArea = NO_MARGINS
) -> Frame:
    """Return a frame of a clip with the overlays that are `on_clip`; `frame` if none is visible."""
    visible = [overlay for overlay in overlays if overlay.shows(moment)]
    if not visible:
        return frame
    drawn = frame.copy()
    height, width = frame.shape[:2]
    corners = Corners(height, width, safe=safe.box(height, width))
    scene = Scene(moment, frame, lambda: frame, corners)
    _draw(visible, drawn, scene, "")
    return drawn


def _draw(overlays: Sequence[Overlay], part: Frame, scene: Scene, label: str) -> None:
    """Draw one picture and its caption; the caption gets its place first."""
    box = scene.corners.place_caption("top-left", label) if label else None
    scene = replace(scene, caption=box)
    for overlay in sorted(overlays, key=lambda overlay: overlay.layer):
        overlay.draw(part, scene)
    if box:
        caption(part, box, label)


def _intersection(a: Box, b: Box) -> Box:
    """Return the area that both boxes contain; its sides can be 0."""
    top, left = max(a[0], b[0]), max(a[1], b[1])
    bottom, right = min(a[0] + a[2], b[0] + b[2]), min(a[1] + a[3], b[1] + b[3])
    return top, left, max(0, bottom - top), max(0, right - left)


def _overlap(a: Box, b: Box, gap: int) -> bool:
    return (
        a[0] < b[0] + b[2] + gap
        and b[0] < a[0] + a[2] + gap
        and a[1] < b[1] + b[3] + gap
        and b[1] < a[1] + a[3] + gap
    )


@functools.cache  # once for a clip
def _report_left_out(name: str, *, height: int, width: int) -> None:
    _log.warning(
        "--overlay %s is left out where it has no room in a picture of %dx%d: choose a larger "
        "--size, or fewer overlays", name, width, height,
    )  # fmt: skip
