"""A job: one clip or still that is made from a snapshot source, and its result."""

from __future__ import annotations

import logging
import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from neuralpaint.image.canvas import Canvas
from neuralpaint.image.pictures import Picture
from neuralpaint.models import models
from neuralpaint.pipelines.snapshot_sources import Run, SnapshotSource
from neuralpaint.rendering.time_budget import TimeBudget
from neuralpaint.rendering.time_estimate import TimeEstimate
from neuralpaint.rendering.viewport import Viewport
from neuralpaint.runtime.interruption import Interruption, Stop
from neuralpaint.runtime.progress import Progress, ProgressTracker, Report, ignore
from neuralpaint.training.viewer import Viewer

__all__ = ["TRAINING_LENGTH", "Job", "Result", "peak_memory_mb", "training_done"]

TRAINING_LENGTH = {"steps", "epochs"}
"""The settings whose changes `Job.estimate` can judge in every job; steps replace epochs."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """The file that was made, its quality, and the time it took."""

    output: Path
    width: int
    height: int
    frames: int
    fps: float | None
    """None for a still."""
    steps: int
    """Training steps at the last frame."""
    train_seconds: float
    total_seconds: float
    psnr: float
    """PSNR of the last frame in dB: of the network, rendered at the picture's own pixels as uint8,
    against those that are known. Overlays show the same number."""
    hole_psnr: float
    """The same inside the hole; NaN where the truth is not known."""
    device: str
    seed: int
    peak_memory_mb: float
    interrupted: bool
    pictures: tuple[tuple[str, float], ...] = ()
    """For several pictures, the name of each and its PSNR in dB."""
    stills: tuple[Path, ...] = ()
    """Stills that were written beside the output."""


class Job(ABC):
    """Makes one file. After an early end, the training can be resumed."""

    shots = 0
    """Shots that are going to be rendered."""

    def __init__(
        self,
        output: str | Path,
        *,
        source: SnapshotSource,
        viewport: Viewport,
        budget: float | None = None,
        began: float | None = None,
    ) -> None:
        """Prepare the job.

        Args:
            output: the file.
            source: yields the snapshots to be shown.
            viewport: renders them.
            budget: seconds that the whole run may take; None for no limit.
            began: when the job began, by `time.perf_counter()`; None for now.
        """
        self.output = Path(output)
        self.source, self.viewport = source, viewport
        model = source.settings.model
        if viewport.shows_beyond and models.parse(model).is_clamped:
            logger.warning(
                "beyond the picture, model %s repeats the outermost colours: --edge mirror "
                "reflects the picture, and models without planes and tables show more",
                model,
            )
        self._state_saved = False  # by `_leave`
        earlier = 0.0 if source.resume is None else source.resume.elapsed
        self._budget = TimeBudget(budget, began=began, earlier=earlier)

    @property
    def canvas(self) -> Canvas:
        """The canvas of what is learned, at its own size."""
        return self.source.canvas

    @property
    def picture(self) -> Picture | None:
        """The picture that is learned, the first of several; None if it is not known."""
        return self.source.pictures[0] if self.source.pictures else None

    def facts(self) -> dict[str, Any]:
        """Return the plan of the job, for --dry-run and --json."""
        return {**self.source.facts(), "output": str(self.output)}

    def run(self, report: Report = ignore, viewer: Viewer | None = None) -> Result:
        """Make the file; a `viewer` watches the training.

        After a first KeyboardInterrupt, the file is finished with the result so far; a second one
        stops at once.
        """
        resume = self.source.resume
        try:
            with Interruption(self._leave) as interruption:
                progress = ProgressTracker(report, done=self._done, shots=self.shots)
                result = self._make(Run(progress, interruption, self._budget, viewer or Viewer()))
                if resume is not None:
                    resume.finish()
        except BaseException as error:
            self._leave(error)
            raise
        finally:
            if resume is not None:
                resume.close()
        return result

    def estimate(self, changes: Mapping[str, Any] = MappingProxyType({})) -> TimeEstimate | None:
        """Return how long the whole job takes, or would take if some settings were changed.

        None until that has been measured, and if nothing is known about such changes.
        """
        pace, rest = self.source.seconds_per_step(), self._after_training(changes)
        if pace is None or rest is None or changes.get("epochs") is not None:
            return None
        filming, writing = rest
        budget, first = self._budget, self.source.first_step
        steps = changes.get("steps") or self.source.steps
        if self.source.time_limit is not None:
            training = self.source.time_limit
        elif budget.seconds is not None:
            training = budget.trained + max(0.0, budget.left())
            filming = max(0.0, budget.seconds - budget.preparation - training - writing)
        else:
            training = pace * max(0, steps - first)
        if self.source.by_clock and pace > 0:
            steps = first + round(training / pace)
        return TimeEstimate(
            preparing=budget.preparation,
            training=training,
            filming=filming,
            writing=writing,
            steps=steps,
            makes_target=self.source.makes_target,
        )

    def measure(self) -> TimeEstimate | None:
        """Return the estimate for a job that is not run; the measurement takes about a second."""
        self._budget.end_preparation()
        self._plan()
        self.source.seconds_per_step(trial=True)
        return self.estimate()

    @abstractmethod
    def _plan(self) -> None:
        """Measure what the work costs besides training, and divide the time budget, if any."""

    @abstractmethod
    def _after_training(self, changes: Mapping[str, Any]) -> tuple[float, float] | None:
        """Return the seconds of filming and of writing, after changes of the settings.

        None before `_plan`, and if nothing is known about such changes.
        """

    @abstractmethod
    def _make(self, run: Run) -> Result:
        """Make the file."""

    @abstractmethod
    def _done(self, progress: Progress) -> float:
        """Return the fraction of all the work that is done, in [0, 1]."""

    def _leave(self, error: BaseException | Stop) -> None:
        """Save the state of the training for --resume, once."""
        if self.source.resume is not None and not self._state_saved:
            self._state_saved = True
            self.source.resume.leave(error)

    def _training_fields(self) -> dict[str, Any]:
        """Return the fields of a `Progress` that describe the training."""
        source = self.source
        return {"step": source.step, "steps": source.steps, "train_seconds": source.seconds}

    def _result(
        self,
        run: Run,
        *,
        height: int,
        width: int,
        frames: int,
        fps: float | None,
        steps: int,
        train_seconds: float,
        psnr: float,
        hole_psnr: float = math.nan,
        pictures: tuple[tuple[str, float], ...] = (),
    ) -> Result:
        """Return what has been made."""
        return Result(
            output=self.output,
            width=width,
            height=height,
            frames=frames,
            fps=fps,
            steps=steps,
            train_seconds=train_seconds,
            total_seconds=self._budget.elapsed,
            psnr=psnr,
            hole_psnr=hole_psnr,
            device=self.source.device,
            seed=self.source.seed,
            peak_memory_mb=peak_memory_mb(),
            interrupted=run.interruption.requested,
            pictures=pictures,
        )


def training_done(progress: Progress) -> float:
    """Return the fraction of the training that is done, in [0, 1]."""
    return progress.step / max(1, progress.steps)


def peak_memory_mb() -> float:
    """Return the peak memory of this process so far, in MB; NaN on Windows."""
    try:
        import resource
    except ImportError:
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
