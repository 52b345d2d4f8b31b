"""Composition: several overlays and one frame become the finished frame."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

import numpy as np

from neuralpaint.errors import UsageError
from neuralpaint.video.drawing import Frame, caption
from neuralpaint.video.overlays.overlay import Corners, Moment, Overlay, Panel, Scene
from neuralpaint.video.typography import Mask

__all__ = ["compose", "composed_size"]

_GAP = 12
_WIDESCREEN = 16 / 9


def composed_size(overlays: Sequence[Overlay], *, height: int, width: int) -> tuple[int, int]:
    """Return the (height, width) that `compose` makes of frames of that size.

    Raises:
        UsageError: one panel asks to lie beside the picture and another to be stacked.
    """
    panels = [overlay.panel for overlay in overlays if overlay.panel]
    down, right = _offset(panels, height=height, width=width)
    return height + len(panels) * down, width + len(panels) * right


def compose(
    overlays: Sequence[Overlay],
    frame: Frame,
    *,
    moment: Moment,
    original: Frame | Callable[[], Frame],
    hidden: Callable[[], Mask | None] = lambda: None,
    unjudged: Callable[[], Mask | None] = lambda: None,
) -> Frame:
    """Return `frame` with every overlay, uint8 of `composed_size`; `frame` itself is not changed.

    The rule: annotations are drawn on the network's picture, and panels are pictures of the same
    size laid out after it, in the order they are named. So annotations and panels may be named in
    any order among each other; every overlay sees `original` and the untouched `frame`, both uint8
    (h, w, 3), pixel on pixel; and type is as large on one picture as on its neighbour. Among the
    annotations the lower `layer` is drawn first, and what asks for a corner already taken moves
    next to what is there, in the order named.

    An `original` that takes time to show may be a function: it is called once, and only if an
    overlay looks at it. So are `hidden` and `unjudged`, see `Scene`.

    Raises:
        UsageError: the two pictures differ in size, or the panels in layout.
    """

    @functools.cache
    def seen() -> Frame:
        shown = original() if callable(original) else original
        if frame.shape != shown.shape:
            raise UsageError(f"the frame is {frame.shape} but the original is {shown.shape}")
        return shown

    if not callable(original):
        seen()  # what is wrong with it is said at the first frame
    height, width = frame.shape[:2]
    annotations = [overlay for overlay in overlays if not overlay.panel]
    panels = [(overlay, overlay.panel) for overlay in overlays if overlay.panel]
    down, right = _offset([panel for _, panel in panels], height=height, width=width)

    drawn = [(annotations, "network" if panels else "")]
    drawn += [([overlay], panel.caption) for overlay, panel in panels]
    size = composed_size(overlays, height=height, width=width)
    finished = np.full((*size, 3), _GAP, np.uint8)
    for number, (entries, label) in enumerate(drawn):
        scene = Scene(moment, frame, seen, Corners(height, width), hidden, unjudged)
        part = finished[number * down :, number * right :][:height, :width]
        if number == 0:
            part[:] = frame
        _draw(entries, part, scene, label)
    return finished


def _draw(entries: Sequence[Overlay], part: Frame, scene: Scene, label: str) -> None:
    """Draw one picture with its caption, whose corner is taken before anything else's."""
    box = scene.corners.place_caption("top-left", label) if label else None
    for overlay in sorted(entries, key=lambda overlay: overlay.layer):
        overlay.draw(part, scene)
    if box:
        caption(part, box, label)


def _offset(panels: Sequence[Panel], *, height: int, width: int) -> tuple[int, int]:
    """Return how far (down, right) one picture lies from the last."""
    # Even, so that two pictures of an even size and their gap stay even, as yuv420p needs.
    gap = 2 * round(min(height, width) / 250)
    stacked = (height + gap, 0)
    beside = (0, width + gap)
    asked = {panel.layout for panel in panels} - {"auto"}
    if len(asked) > 1:
        raise UsageError("one overlay asks to lie beside the picture and another to be stacked")
    if asked:
        return stacked if "stacked" in asked else beside

    def distance(offset: tuple[int, int]) -> float:
        size = height + len(panels) * offset[0], width + len(panels) * offset[1]
        return abs(math.log(size[1] / size[0] / _WIDESCREEN))

    return min(beside, stacked, key=distance)
