"""The stage: the state, the curve and the live frames of a training, for all tabs."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from neuralpaint.errors import UsageError
from neuralpaint.rendering.render import painting_psnr
from neuralpaint.runtime.progress import Progress
from neuralpaint.studio.live import Live
from neuralpaint.studio.session_api import Curve, Reply
from neuralpaint.training.viewer import Viewer

if TYPE_CHECKING:
    from neuralpaint.image.canvas import Canvas
    from neuralpaint.image.pictures import Picture
    from neuralpaint.models.painting import Painting
    from neuralpaint.studio.folder import MadeFolder
    from neuralpaint.training.learner import Learner

__all__ = ["Stage"]

_MOST_POINTS = 800  # of the curve
_WAIT = 0.1  # seconds between two looks at what is to be done
_MEASURED = 0.5  # seconds between two points of the curve
_PIXELS = 4_000  # that are compared for a point
_LEAST_DONE = 0.02  # fraction of the work before the time left is known

_EMPTY: dict[str, Any] = {
    "phase": "empty",
    "title": None,
    "width": None,
    "height": None,
    "aspect": None,
    "made": None,
    "step": 0,
    "steps": 0,
    "seconds": 0.0,
    "left": None,
    "psnr": None,
    "loss": None,
    "done": 0.0,
    "rate": 1.0,
    "learning": None,
    "fraction": None,
    "message": None,
    "error": None,
    "lines": [],
    "job": None,
}


class _Points:
    """The points of a curve, PSNR over steps; thinned when there are many."""

    def __init__(self) -> None:
        self.number = 0  # as in `Curve`
        self.points: list[tuple[int, float | None]] = []

    def clear(self) -> None:
        """Begin a new curve."""
        self.points = []
        self.number += 1

    def add(self, step: int, psnr: float | None) -> None:
        """Add a point, unless there is one of this step or a later one."""
        if self.points and self.points[-1][0] >= step:
            return
        self.points.append((step, None if psnr is None else round(psnr, 2)))
        if len(self.points) > _MOST_POINTS:
            self.points = [*self.points[:-1:2], self.points[-1]]
            self.number += 1


class Stage(Viewer):
    """A training that can be watched, and not changed."""

    mode = "watch"
    folder: MadeFolder | None = None
    """The folder of what was made; None if the training is only watched."""

    def __init__(self) -> None:
        self.awake = threading.Event()
        """Set when there is something to do for the thread that trains."""
        self.live = Live(wake=self.awake.set)
        self._points = _Points()
        self._state: Mapping[str, Any] = {"mode": self.mode, "offered": None, **_EMPTY}
        self._listeners: list[Callable[[], None]] = []
        self._began = (0.0, 0.0)  # fraction done and time, when the pace is measured from there
        self._measured = -math.inf  # when the newest point of the curve was measured
        self.picture: Picture | None = None
        """What the live frames show, once it has been learned: of several pictures the first."""

    def state(self) -> Mapping[str, Any]:
        """Return what the tabs show, as JSON values; see `_EMPTY`. From any thread."""
        return self._state

    def curve(self) -> Curve:
        """Return the curve so far. From any thread."""
        return Curve(self._points.number, self._points.points)

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener`, from any thread, after each change; return a function that ends this."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def command(self, message: Mapping[str, Any], reply: Reply) -> None:
        """Refuse what a tab asks for."""
        raise UsageError("this page only watches: change the training where it was started")

    def publish(self, **changes: Any) -> None:
        """Change the state and tell all tabs."""
        self._state = {**self._state, **changes}
        for listener in [*self._listeners]:
            listener()

    def begin(self, title: str, canvas: Canvas, **changes: Any) -> None:
        """Put another picture on the stage; the phase is "preparing" unless `changes` has one."""
        self._points.clear()
        self._began = (0.0, time.monotonic())
        height, width = canvas.height, canvas.width
        size = {"width": width, "height": height, "aspect": width / height}
        self.publish(**(_EMPTY | {"phase": "preparing", "title": title} | size | changes))

    def clear(self) -> None:
        """Clear the stage."""
        self._points.clear()
        self.publish(**_EMPTY)

    def interval(self) -> float:
        """Come as often as the live frames need."""
        return self.live.interval()

    def visit(self, learner: Learner, *, name: str = "") -> bool:
        """Render live frames."""
        if name and name != self._state["learning"]:
            self._points.clear()
            self.publish(learning=name)
        now = time.monotonic()
        if self.picture and self.live.is_watched and now - self._measured >= _MEASURED:
            self._measured = now
            psnr = self.measure(learner.step, learner.painting())
            self.publish(psnr=psnr)
        return self.live.visit(learner, name=name)

    def measure(self, step: int, painting: Painting) -> float | None:
        """Add the PSNR of a painting to the curve and return it, in dB; None if it is infinite."""
        if self.picture is None:
            return None
        psnr = painting_psnr(painting, self.picture, pixels=_PIXELS)
        finite = psnr if math.isfinite(psnr) else None
        self._points.add(step, finite)
        return finite

    def report(self, progress: Progress) -> None:
        """Show the progress of the job; while no network learns, also render what tabs wait for."""
        changes: dict[str, Any] = {"done": progress.done, "left": self._left(progress.done)}
        if progress.phase == "train":
            loss = progress.loss if math.isfinite(progress.loss) else None
            changes |= {
                "phase": "training",
                "step": progress.step,
                "steps": progress.steps,
                "seconds": progress.train_seconds,
                "loss": loss,
            }
        else:
            preparing = progress.phase in ("fill", "enhance", "prepare")
            changes["phase"] = "preparing" if preparing else "filming"
            self.live.refresh()
        self.publish(**changes)

    def _left(self, done: float) -> float | None:
        """Return the seconds left at the pace so far; None while that is not known."""
        since, began = self._began
        if done - since < _LEAST_DONE or done >= 1:
            return None
        return (time.monotonic() - began) * (1 - done) / (done - since)

    def rest(self) -> None:
        """Render what tabs wait for, or wait a moment for something to do."""
        if not self.live.refresh():
            self.awake.wait(_WAIT)
            self.awake.clear()

    def restart_clock(self) -> None:
        """Measure the pace from here, for example after a pause."""
        self._began = (self._state["done"], time.monotonic())
