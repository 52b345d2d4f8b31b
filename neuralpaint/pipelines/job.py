"""A job: one file to be made from the footage of one training."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from neuralpaint.errors import DeviceError, DivergedError, UsageError
from neuralpaint.pipelines.footage import Direction, Footage
from neuralpaint.pipelines.report import Phase, Progress, Report, Result, peak_memory_mb
from neuralpaint.rendering.stage import Stage
from neuralpaint.training.learning import Snapshot

__all__ = ["Job", "Stopped"]

_FILLED = 0.5

T = TypeVar("T")
Stopped = KeyboardInterrupt | DivergedError | DeviceError


class Job(ABC):
    """What all that make a file share."""

    def __init__(
        self,
        output: str | Path,
        *,
        footage: Footage,
        stage: Stage,
        budget: float | None = None,
        began: float | None = None,
    ) -> None:
        """Prepare it; the job `began` then, by `time.perf_counter()`, or now.

        `budget` are the seconds that everything may take.
        """
        self._began = time.perf_counter() if began is None else began
        self.output = Path(output)
        self.footage, self.stage = footage, stage
        self.stopped: Stopped | None = None
        self.shot = self.shots = 0  # filmed so far, and in all
        self._budget = budget
        self._loss = math.nan
        self._psnr: float | None = None
        self._prepared = 0.0  # of what comes before the first step

    def run(self, report: Report) -> Result:
        """Do the job; whatever ends it early, the training is not lost."""
        try:
            result = self.work(report)
            self.footage.finish()
        except BaseException as error:
            if self.stopped is None:
                self.footage.leave(error)
            raise
        finally:
            self.footage.close()
        return result

    @abstractmethod
    def work(self, report: Report) -> Result:
        """Make the file."""

    @property
    def interrupted(self) -> bool:
        """Whether a KeyboardInterrupt has asked for an early end."""
        return isinstance(self.stopped, KeyboardInterrupt)

    def facts(self) -> dict[str, Any]:
        """Return what is going to be made, for a person or a program to read."""
        return {**self.footage.facts(), "output": str(self.output)}

    def snapshots(
        self, fractions: Sequence[float], report: Report, *, every: int = 1
    ) -> Iterator[Snapshot]:
        """Yield a snapshot at each fraction of the training."""

        def look(loss: float) -> None:
            self._loss = loss
            report(self.progress("train"))

        def prepare(done: float) -> None:
            self._prepared = done
            report(self.progress(self._preparing))
            if done == 1:
                self.check_budget()

        direction = Direction(every=every, left=self._left, look=look, prepare=prepare)
        return self.footage.snapshots(fractions, direction)

    @property
    def elapsed(self) -> float:
        """Seconds since the job began, those of an earlier run that it goes on with included."""
        return self.footage.elapsed + time.perf_counter() - self._began

    @abstractmethod
    def ahead(self) -> float:
        """Return about how many seconds all that is not training will still take."""

    def check_budget(self) -> None:
        """Raise if there is a budget and it has no time for a training.

        A run that goes on with an earlier one ends then with what there is.

        Raises:
            UsageError: it has not.
        """
        if self._budget is None or self.footage.resumed:
            return
        if self._left() < 0.05 * self._budget:
            least = self.elapsed + self.ahead()
            larger = (
                "--scale or --target-scale" if self.footage.taught.target.factor > 1 else "--size"
            )
            raise UsageError(
                f"--budget {self._budget:g} leaves no time to train: all the rest takes about "
                f"{least:.1f} s; raise it, or lower {larger}, --frames or --duration"
            )

    def _left(self) -> float:
        """Return how many seconds of a budget are left to train."""
        return math.inf if self._budget is None else self._budget - self.elapsed - self.ahead()

    def until_stopped(self, items: Iterator[T]) -> Iterator[T]:
        """Yield the items; an interruption or a failed training ends them, kept in `stopped`."""
        try:
            yield from items
        except (KeyboardInterrupt, DivergedError, DeviceError) as error:
            self.stop(error)

    def stop(self, error: Stopped) -> None:
        """Hear why the job ends early; the training is kept before anything else is done."""
        self.stopped = error
        self.footage.leave(error)

    def progress(self, phase: Phase) -> Progress:
        """Return where the job is."""
        footage = self.footage
        return Progress(
            phase=phase,
            done=self._prepared if phase == self._preparing else self.done,
            step=footage.step,
            steps=footage.steps,
            train_seconds=footage.seconds,
            loss=self._loss,
            psnr=self._psnr,
            shot=self.shot,
            shots=self.shots,
        )

    @property
    def _preparing(self) -> Phase:
        """What comes before the first step, where there is anything."""
        fills = any(picture.to_fill is not None for picture in self.footage.pictures)
        # Where there is both, that is the first half; see `Target`.
        filled = self.footage.taught.target.makes_target and self._prepared > _FILLED
        return "fill" if fills and not filled else "enhance"

    @property
    def done(self) -> float:
        """How much of the work is behind, in [0, 1]."""
        return self.footage.step / max(1, self.footage.steps)

    def result(
        self,
        *,
        height: int,
        width: int,
        frames: int,
        fps: float | None,
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
            steps=self.footage.step,
            train_seconds=self.footage.seconds,
            total_seconds=self.elapsed,
            psnr=psnr,
            hole_psnr=hole_psnr,
            device=self.footage.device,
            seed=self.footage.seed,
            peak_memory_mb=peak_memory_mb(),
            interrupted=self.interrupted,
            pictures=pictures,
        )
