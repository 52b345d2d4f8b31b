"""A job: one clip or still that is made from a snapshot source, and its result."""

from __future__ import annotations

import logging
import math
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuralpaint.models import models
from neuralpaint.pipelines.snapshot_sources import Run, SnapshotSource
from neuralpaint.rendering.time_budget import TimeBudget
from neuralpaint.rendering.viewport import Viewport
from neuralpaint.runtime.interruption import Interruption, Stop
from neuralpaint.runtime.progress import Progress, ProgressTracker, Report, ignore

__all__ = ["Job", "Result", "peak_memory_mb", "training_done"]

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

    def facts(self) -> dict[str, Any]:
        """Return the plan of the job, for --dry-run and --json."""
        return {**self.source.facts(), "output": str(self.output)}

    def run(self, report: Report = ignore) -> Result:
        """Make the file.

        After a first KeyboardInterrupt, the file is finished with the result so far; a second one
        stops at once.
        """
        resume = self.source.resume
        try:
            with Interruption(self._leave) as interruption:
                progress = ProgressTracker(report, done=self._done, shots=self.shots)
                result = self._make(Run(progress, interruption, self._budget))
                if resume is not None:
                    resume.finish()
        except BaseException as error:
            self._leave(error)
            raise
        finally:
            if resume is not None:
                resume.close()
        return result

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
