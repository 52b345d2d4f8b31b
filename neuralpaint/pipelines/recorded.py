"""Recorded footage: a take, or a single painting, seen again without training."""

from __future__ import annotations

import bisect
import logging
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import UsageError
from neuralpaint.pipelines.footage import Direction, Footage
from neuralpaint.pipelines.provenance import Note
from neuralpaint.training.learning import Snapshot, stops_at

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting
    from neuralpaint.storage.take import Take

__all__ = ["PaintedFootage", "RecordedFootage"]


logger = logging.getLogger(__name__)


class _Saved(Footage):
    """What lies in a file, where nothing can be lost any more."""

    def leave(self, error: BaseException) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class RecordedFootage(_Saved):
    """A take: the moments that were recorded, and all that lie between."""

    def __init__(self, take: Take, *, note: Note, as_filmed: bool) -> None:
        """Take a take; `as_filmed` says that it is paced as it was when it was recorded.

        Raises:
            UsageError: it holds no snapshot yet.
        """
        self._take, self._as_filmed = take, as_filmed
        self._recorded = [snapshot.step for snapshot in take]
        self._now = take.at(math.inf)
        self._index = len(take) - 1
        if not take.finished:
            logger.info(
                "this take ends at step %d of %d: the recording was not finished",
                self._recorded[-1],
                take.steps,
            )
        self.note, self.source, self.taught = note, note.source, take.settings
        self.seed, self.picture, self.canvas = (
            take.settings.optimization.seed,
            take.picture,
            take.picture.canvas,
        )
        self.pictures = take.pictures
        self.device = self._now.painting.device.type

    @property
    def step(self) -> int:
        """The step of what it shows now."""
        return self._now.step

    @property
    def steps(self) -> int:
        """The last step that was recorded."""
        return self._recorded[-1]

    @property
    def seconds(self) -> float:
        """Time that was trained up to `step`."""
        return self._now.seconds

    def facts(self) -> dict[str, Any]:
        """Return what was recorded."""
        return {
            "input": self.source,
            "input_width": self.canvas.width,
            "input_height": self.canvas.height,
            "steps": self.steps,
            "snapshots": len(self._take),
            "model": self._take.settings.model,
            "device": self.device,
        }

    def painting(self) -> Painting:
        """Return what the model said at the newest moment."""
        return self._now.painting

    def snapshots(self, fractions: Sequence[float], direction: Direction) -> Iterator[Snapshot]:
        """Yield the moment at each fraction: as it was recorded, or between two that were."""
        at: float | None = None
        for step in self._moments(fractions, every=direction.every):
            if step != at:
                self._now, at = self._take.at(step), step
            self._index = max(0, bisect.bisect_right(self._recorded, step) - 1)
            yield self._now

    def _moments(self, fractions: Sequence[float], *, every: int) -> Sequence[float]:
        """Return the step of each fraction; in slow motion it lies between two whole ones."""
        shown = self._take.shown or range(len(self._recorded))
        if self._as_filmed and len(fractions) == len(shown):
            return [self._recorded[index] for index in shown]
        stops = stops_at(fractions, steps=self.steps, every=every)
        if set(stops) <= set(self._recorded):
            return stops
        return [fraction * self.steps for fraction in fractions]

    def begin_sketch(self, frame: NDArray[np.uint8]) -> None:
        """Check that there is a sketch.

        Raises:
            UsageError: the take holds none.
        """
        if self._take.sketch(0) is None:
            raise UsageError(
                "--frames-from training: this take holds no sketches; choose --frames-from auto"
            )

    def sketch(self) -> NDArray[np.uint8]:
        """Return the sketch of the newest moment."""
        sketch = self._take.sketch(self._index)
        if sketch is None:
            raise RuntimeError("begin_sketch has not been called")
        return sketch


class PaintedFootage(_Saved):
    """A painting: one moment, for a still or for a camera that moves over it."""

    picture = None
    step = steps = 0
    seconds = 0.0

    def __init__(self, painting: Painting, *, note: Note) -> None:
        self._painting = painting
        self.note, self.source, self.taught = note, note.source, painting.settings
        self.seed, self.canvas = painting.settings.optimization.seed, painting.canvas
        self.device = painting.device.type

    def facts(self) -> dict[str, Any]:
        """Return what was saved."""
        return {
            "input": self.source,
            "input_width": self.canvas.width,
            "input_height": self.canvas.height,
            "model": self._painting.settings.model,
            "device": self.device,
        }

    def painting(self) -> Painting:
        """Return it."""
        return self._painting

    def snapshots(self, fractions: Sequence[float], direction: Direction) -> Iterator[Snapshot]:
        """Yield it as often as it is asked for."""
        snapshot = Snapshot(self.step, self.seconds, float("nan"), self._painting)
        for _ in fractions:
            yield snapshot

    def begin_sketch(self, frame: NDArray[np.uint8]) -> None:
        """Refuse: a painting was not watched.

        Raises:
            UsageError: always.
        """
        raise UsageError("--frames-from training: a painting holds no sketches; render a take")

    def sketch(self) -> NDArray[np.uint8]:
        """There is none."""
        raise RuntimeError("a painting holds no sketches")
