"""Live frames: what the tabs of a page see of a network, rendered between its training steps.

The newest frame replaces one that was not sent, so nothing queues. The thread that trains renders
the frames too: the weights cannot change meanwhile, and the frames take no more than a small share
of the time. A tab that is hidden, or that has not fetched its last frame, costs nothing.
"""

from __future__ import annotations

import io
import math
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from PIL import Image

from neuralpaint.image.alpha import over
from neuralpaint.rendering.render import PendingFrame
from neuralpaint.studio.session_api import LiveFrame
from neuralpaint.studio.view import View
from neuralpaint.training.viewer import Viewer

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting
    from neuralpaint.training.learner import Learner

__all__ = ["Live"]

_SHARE = 0.06  # of the time of a training, for its frames
_INTERVAL = 0.04  # seconds between two visits, if somebody is looking
_QUICK = 0.06  # seconds that a frame of a network at rest may take while somebody zooms
_PREVIEW = 0.016  # seconds that a frame may take while the network learns
_PAPER = (255, 255, 255)  # behind transparent parts


class _Tab:
    """What is known of one tab."""

    def __init__(self, on_frame: Callable[[], None]) -> None:
        self.on_frame = on_frame
        self.view = View()
        self.frame: LiveFrame | None = None  # the newest
        self.is_taken = True  # whether the newest frame has been fetched
        self.seen: View | None = None  # the view of the newest frame, inside the picture
        self.drawn: tuple[int, View] | None = None  # version and view of the newest exact frame

    @property
    def moves(self) -> bool:
        """Whether it shows another region than its newest frame."""
        return self.seen is not None and self.seen != self.view.inside()

    @property
    def waits(self) -> bool:
        """Whether it is visible and has nothing new to draw."""
        return self.view.visible and (self.is_taken or self.moves)


class Live(Viewer):
    """Renders frames for tabs: while a network learns, and of a network at rest."""

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        """Prepare; `wake` is called, from any thread, when a tab waits for a frame."""
        self.wake = wake
        self._tabs: dict[int, _Tab] = {}
        self._count = 0
        self._lock = threading.Lock()
        self._painting: Callable[[], Painting] | None = None
        self._step = 0
        self._version = self._number = 0
        self._pace = 2e-7  # seconds per pixel, until it has been measured
        self._credit, self._visited = 0.0, time.perf_counter()

    def add_view(self, on_frame: Callable[[], None]) -> int:
        """Add a tab, which shows nothing yet; `on_frame` is called when it has a frame."""
        with self._lock:
            self._count += 1
            self._tabs[self._count] = _Tab(on_frame)
            return self._count

    def set_view(self, tab: int, view: View) -> None:
        """Set what a tab shows."""
        with self._lock:
            self._tabs[tab].view = view
        self.wake()

    def frame(self, tab: int) -> LiveFrame | None:
        """Return the newest frame of a tab; None before the first one."""
        with self._lock:
            known = self._tabs[tab]
            was_taken, known.is_taken = known.is_taken, True
        if not was_taken:
            self.wake()
        return known.frame

    def remove_view(self, tab: int) -> None:
        """Forget a tab that was closed."""
        with self._lock:
            del self._tabs[tab]

    @property
    def has_tabs(self) -> bool:
        """Whether a tab is open."""
        return bool(self._tabs)

    @property
    def is_watched(self) -> bool:
        """Whether a tab is visible."""
        return any(tab.view.visible for tab in self._all())

    def _all(self) -> list[_Tab]:
        with self._lock:
            return [*self._tabs.values()]

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
        self.show(learner.painting, step=learner.step)
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

    def show(self, painting: Callable[[], Painting] | None, *, step: int = 0) -> None:
        """Set the network at rest that `refresh` renders; None: there is nothing to be seen."""
        self._painting, self._step = painting, step
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

    def _lacks(self, tab: _Tab) -> bool:
        view = tab.view.inside()
        return view is not None and tab.drawn != (self._version, view)

    def _render(self, tab: _Tab, painting: Painting, *, pixels: float) -> None:
        """Render a frame of at most so many pixels."""
        view = tab.view.inside()
        if view is None:
            return
        shown = view.at_most(pixels)
        began = time.perf_counter()
        exact = shown == view
        canvas = shown.canvas(painting.canvas)
        # Whether a small frame may be interpolated takes longer to find out than to render it.
        rendered = PendingFrame(painting, canvas, may_interpolate=exact)
        frame = over(rendered.frame(), _PAPER)
        encoded = io.BytesIO()
        quality = {"quality": 95, "subsampling": 0} if exact else {"quality": 88}
        Image.fromarray(frame).save(encoded, "JPEG", **quality)
        pace = (time.perf_counter() - began) / (shown.width * shown.height)
        self._pace += 0.3 * (pace - self._pace)
        self._number += 1
        tab.frame = LiveFrame(
            self._number, shown.region, shown.width, shown.height, self._step, exact,
            encoded.getvalue(),
        )  # fmt: skip
        tab.seen, tab.is_taken = view, False
        if exact:
            tab.drawn = self._version, view
        tab.on_frame()
