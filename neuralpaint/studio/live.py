"""Live frames: what the tabs of a page see of a network, rendered between its training steps.

The newest frame replaces one that was not sent, so nothing queues. The thread that trains renders
the frames too: the weights cannot change meanwhile, and the frames take no more than a small share
of the time. A tab that is hidden, or that has not drawn its last frame, costs nothing.
"""

from __future__ import annotations

import io
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from PIL import Image

from neuralpaint.image.alpha import over
from neuralpaint.image.canvas import Canvas
from neuralpaint.rendering.render import PendingFrame
from neuralpaint.training.viewer import Viewer

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting
    from neuralpaint.training.learner import Learner

__all__ = ["Live", "LiveFrame", "Look", "Tab"]

_SHARE = 0.08  # of the time of a training, for its frames
_INTERVAL = 0.04  # seconds between two visits, if somebody is looking
_PATIENCE = 2.0  # seconds to wait for a tab to draw a frame
_QUICK = 0.06  # seconds that a frame of a network at rest may take while somebody zooms
_PREVIEW = 0.016  # seconds that a frame may take while the network learns
_SMALLEST = 96  # pixels of the longer side of a preview
_MOST_PIXELS = 2**22  # of a frame
_PAPER = (255, 255, 255)  # behind transparent parts


@dataclass(frozen=True)
class Look:
    """What a tab shows: a region of the picture, in fractions of it, on so many pixels."""

    left: float = 0.0
    top: float = 0.0
    width: float = 1.0
    height: float = 1.0
    columns: int = 1
    rows: int = 1
    visible: bool = False

    def inside(self) -> Look | None:
        """Return the part that lies in the picture, with its pixels; None if there is none."""
        left, top = max(0.0, self.left), max(0.0, self.top)
        width = min(1.0, self.left + self.width) - left
        height = min(1.0, self.top + self.height) - top
        if width <= 0 or height <= 0:
            return None
        columns = max(1, round(self.columns * width / self.width))
        rows = max(1, round(self.rows * height / self.height))
        look = Look(left, top, width, height, columns, rows, self.visible)
        return look.at_most(_MOST_PIXELS)

    def at_most(self, pixels: float) -> Look:
        """Return the same region on no more than so many pixels, but some."""
        scale = math.sqrt(pixels / (self.columns * self.rows))
        scale = max(scale, min(1.0, _SMALLEST / max(self.columns, self.rows)))
        if scale >= 1:
            return self
        columns, rows = (max(1, round(scale * side)) for side in (self.columns, self.rows))
        return replace(self, columns=columns, rows=rows)

    def canvas(self, picture: Canvas) -> Canvas:
        """Return the canvas of this region of a picture."""
        across, down = picture.extent[1], picture.extent[0]
        return replace(
            picture,
            height=self.rows,
            width=self.columns,
            span=(self.height * down, self.width * across),
            centre=(
                (self.top + self.height / 2 - 0.5) * down,
                (self.left + self.width / 2 - 0.5) * across,
            ),
        )


class LiveFrame(NamedTuple):
    """A frame for a tab: the facts that the page needs to draw it, and a JPEG."""

    facts: dict[str, Any]
    jpeg: bytes


class Tab:
    """One tab of the page. All methods can be called from any thread."""

    def __init__(self, live: Live, on_frame: Callable[[], None]) -> None:
        self._live, self._on_frame = live, on_frame
        self.look = Look()
        self._frame: LiveFrame | None = None
        self._sent = 0  # number of the frame that the tab is drawing; 0: none
        self._sent_at = 0.0
        self.drawn: tuple[int, Look] | None = None  # version and region of the newest exact frame
        self.seen: Look | None = None  # of the newest frame

    def show(self, look: Look) -> None:
        """Set what the tab shows."""
        self.look = look
        self._live.wake()

    def take(self) -> LiveFrame | None:
        """Return the newest frame, once; it is being drawn until `drew`."""
        frame, self._frame = self._frame, None
        if frame is not None:
            self._sent, self._sent_at = frame.facts["frame"], time.monotonic()
        return frame

    def drew(self, number: int) -> None:
        """Note that the tab has drawn a frame."""
        if number == self._sent:
            self._sent = 0
            self._live.wake()

    @property
    def waits(self) -> bool:
        """Whether the tab is visible and has nothing to draw."""
        late = self._sent and time.monotonic() - self._sent_at < _PATIENCE
        return self.look.visible and self._frame is None and not late

    @property
    def moves(self) -> bool:
        """Whether it shows another region than its newest frame."""
        return self.seen is not None and self.seen != self.look.inside()

    def put(self, frame: LiveFrame) -> None:
        """Set the newest frame."""
        self._frame = frame
        self._on_frame()


class Live(Viewer):
    """Renders frames for tabs: while a network learns, and of a network at rest."""

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        """Prepare; `wake` is called, from any thread, when a tab waits for a frame."""
        self.wake = wake
        self._tabs: list[Tab] = []
        self._lock = threading.Lock()
        self._painting: Callable[[], Painting] | None = None
        self._facts: dict[str, Any] = {}
        self._version = self._number = 0
        self._pace = 2e-7  # seconds per pixel, until it has been measured
        self._credit, self._visited = 0.0, time.perf_counter()

    def add(self, on_frame: Callable[[], None] = lambda: None) -> Tab:
        """Add a tab; `on_frame` is called, from the thread that renders, when it has a frame."""
        tab = Tab(self, on_frame)
        with self._lock:
            self._tabs.append(tab)
        return tab

    def remove(self, tab: Tab) -> None:
        """Remove a tab that was closed."""
        with self._lock:
            self._tabs.remove(tab)

    @property
    def is_watched(self) -> bool:
        """Whether a tab is visible."""
        return any(tab.look.visible for tab in self._all())

    def _all(self) -> list[Tab]:
        with self._lock:
            return [*self._tabs]

    def interval(self) -> float:
        """Come often if somebody is looking."""
        return _INTERVAL if self.is_watched else super().interval()

    def visit(self, learner: Learner, *, name: str = "") -> bool:
        """Render a preview for each tab that waits, within this viewer's share of the time."""
        now = time.perf_counter()
        self._credit += _SHARE * (now - self._visited)
        self._credit = min(self._credit, 2 * _SHARE * super().interval())
        self._visited = now
        waiting = [tab for tab in self._all() if tab.waits]
        self.show(learner.painting, step=learner.step, name=name)
        moves = any(tab.moves for tab in waiting)
        if not waiting or self._credit < (0 if moves else _PREVIEW):
            return False
        pixels = max(self._credit, _PREVIEW) / len(waiting) / self._pace
        began = time.perf_counter()
        painting = learner.painting()
        for tab in waiting:
            self._render(tab, painting, pixels=pixels)
        self._credit -= time.perf_counter() - began
        return False

    def show(self, painting: Callable[[], Painting] | None, **facts: Any) -> None:
        """Set the network at rest that `refresh` renders; None: there is nothing to be seen."""
        self._painting, self._facts = painting, facts
        self._version += 1

    def refresh(self) -> bool:
        """Render what each waiting tab shows: while it zooms a preview, then every pixel.

        Returns whether there was anything to render.
        """
        waiting = [tab for tab in self._all() if tab.waits and self._lacks(tab)]
        if self._painting is None or not waiting:
            return False
        painting = self._painting()
        for tab in waiting:
            pixels = _QUICK / self._pace if tab.moves else math.inf
            self._render(tab, painting, pixels=pixels)
        return True

    def _lacks(self, tab: Tab) -> bool:
        look = tab.look.inside()
        return look is not None and tab.drawn != (self._version, look)

    def _render(self, tab: Tab, painting: Painting, *, pixels: float) -> None:
        """Render a frame of at most so many pixels."""
        look = tab.look.inside()
        if look is None:
            return
        shown = look.at_most(pixels)
        began = time.perf_counter()
        canvas = shown.canvas(painting.canvas)
        frame = over(PendingFrame(painting, canvas, may_interpolate=True).frame(), _PAPER)
        exact = shown == look
        encoded = io.BytesIO()
        quality = {"quality": 95, "subsampling": 0} if exact else {"quality": 88}
        Image.fromarray(frame).save(encoded, "JPEG", **quality)
        pace = (time.perf_counter() - began) / (shown.columns * shown.rows)
        self._pace += 0.3 * (pace - self._pace)
        self._number += 1
        tab.seen = look
        if exact:
            tab.drawn = self._version, look
        facts = {
            "frame": self._number,
            "region": [shown.left, shown.top, shown.width, shown.height],
            "width": shown.columns,
            "height": shown.rows,
            "exact": exact,
            **self._facts,
        }
        tab.put(LiveFrame(facts, encoded.getvalue()))
