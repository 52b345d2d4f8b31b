"""The stage: what every tab of the page sees of a training, and how it is told."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from neuralpaint.runtime.progress import Progress
from neuralpaint.studio.live import Live
from neuralpaint.training.viewer import Viewer

if TYPE_CHECKING:
    from neuralpaint.training.learner import Learner

__all__ = ["Curve", "Reply", "Stage"]

Reply = Callable[[dict[str, Any]], None]
"""Sends an event to the tab that has asked for something; from any thread."""

_MOST_POINTS = 800  # of the curve
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


class Curve:
    """The PSNR over the steps; thinned when it has many points."""

    def __init__(self) -> None:
        self.generation = 0
        """Changes when points that a tab has seen are no longer those of the curve."""
        self.points: list[tuple[int, float]] = []

    def clear(self) -> None:
        """Begin a new curve."""
        self.points = []
        self.generation += 1

    def add(self, step: int, psnr: float) -> None:
        """Add a point; one of the same step is replaced by the newest."""
        if self.points and self.points[-1][0] >= step:
            return
        self.points.append((step, round(psnr, 2)))
        if len(self.points) > _MOST_POINTS:
            self.points = [*self.points[:-1:2], self.points[-1]]
            self.generation += 1


class Stage(Viewer):
    """A training that can be watched, and not changed."""

    mode = "watch"

    def __init__(self) -> None:
        self.awake = threading.Event()
        """Set when there is something to do for the thread that trains."""
        self.live = Live(wake=self.awake.set)
        self.curve = Curve()
        self._state: Mapping[str, Any] = {"mode": self.mode, **_EMPTY}
        self._listeners: list[Callable[[], None]] = []
        self._began = (0.0, 0.0)  # fraction done and time, when the pace is measured from there

    def state(self) -> Mapping[str, Any]:
        """Return what the tabs show, as JSON values; see `_EMPTY`. From any thread."""
        return self._state

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener`, from any thread, after each change; return a function that ends this."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def command(self, message: Mapping[str, Any], reply: Reply) -> None:
        """Do what a tab asks for; from any thread."""
        reply({"event": "error", "message": "this page only watches", "about": message.get("do")})

    def made(self) -> list[dict[str, Any]]:
        """Return the list of what was made, the newest first; from any thread."""
        return []

    def publish(self, **changes: Any) -> None:
        """Change the state and tell all tabs."""
        self._state = {**self._state, **changes}
        for listener in [*self._listeners]:
            listener()

    def begin(self, *, title: str, width: int, height: int, **changes: Any) -> None:
        """Clear the stage for another picture."""
        self.curve.clear()
        self._began = (0.0, time.monotonic())
        size = {"title": title, "width": width, "height": height, "aspect": width / height}
        self.publish(**(_EMPTY | {"phase": "preparing"} | size | changes))

    def interval(self) -> float:
        """Come as often as the live frames need."""
        return self.live.interval()

    def visit(self, learner: Learner, *, name: str = "") -> bool:
        """Render live frames."""
        if name and name != self._state["learning"]:
            self.curve.clear()
            self.publish(learning=name)
        return self.live.visit(learner, name=name)

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
        if progress.psnr is not None and math.isfinite(progress.psnr):
            changes["psnr"] = progress.psnr
            if progress.phase == "train":
                self.curve.add(progress.step, progress.psnr)
        self.publish(**changes)

    def _left(self, done: float) -> float | None:
        """Return the seconds left at the pace so far; None while that is not known."""
        since, began = self._began
        if done - since < _LEAST_DONE or done >= 1:
            return None
        return (time.monotonic() - began) * (1 - done) / (done - since)

    def restart_clock(self) -> None:
        """Measure the pace from here, for example after a pause."""
        self._began = (self._state["done"], time.monotonic())
