"""A job: one file to be made from one picture by one training."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from neuralpaint.canvas import CanvasSettings
from neuralpaint.errors import DeviceError, DivergedError, UsageError
from neuralpaint.learning import Snapshot, learn, learner, stops_at, stops_by_clock
from neuralpaint.pictures import PictureSettings, Source
from neuralpaint.recipes.report import Phase, Progress, Report, Result, peak_memory_mb
from neuralpaint.recipes.stage import Stage
from neuralpaint.settings import setting
from neuralpaint.training import TrainingSettings

__all__ = ["Job", "JobSettings"]

T = TypeVar("T")
Stopped = KeyboardInterrupt | DivergedError | DeviceError


@dataclass(frozen=True)
class JobSettings(CanvasSettings, TrainingSettings, PictureSettings):
    """How to read a picture, train on it, and look at it."""

    section: ClassVar[str] = "Training"
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = (("steps", "seconds", "epochs", "budget"),)

    budget: float | None = setting(
        None,
        "finish everything in this time, from the start of the command to the file: train as long "
        "as reading, rendering and writing leave",
        unit="seconds",
        above=0.0,
    )


class Job(ABC):
    """What all recipes that train share; all that can be checked is checked before training."""

    def __init__(
        self,
        source: Source,
        output: str | Path,
        *,
        settings: JobSettings,
        longest: int | None = None,
        began: float | None = None,
    ) -> None:
        """Check and prepare everything; the job `began` then, by `time.perf_counter()`, or now."""
        self._began = time.perf_counter() if began is None else began
        self.output = Path(output)
        self.settings = settings
        if isinstance(source, (str, Path)) and _is_same_file(source, output):
            raise UsageError(f"output {str(output)!r} is the input itself: choose another name")
        self.picture = settings.load(source)
        self.source = "-" if source == "-" else self.picture.name  # as a command would name it
        self.stage = Stage(self.picture, settings, bars=settings.background_colour, longest=longest)
        self.check()
        self.learner = learner(self.picture, settings)
        self.stopped: Stopped | None = None
        self.shot = self.shots = 0  # filmed so far, and in all
        self._loss = math.nan
        self._psnr: float | None = None

    @abstractmethod
    def check(self) -> None:
        """Raise what would keep the output from being written, as far as it can be known."""

    @abstractmethod
    def run(self, report: Report) -> Result:
        """Do the job."""

    @property
    def interrupted(self) -> bool:
        """Whether a KeyboardInterrupt has asked for an early end."""
        return isinstance(self.stopped, KeyboardInterrupt)

    def facts(self) -> dict[str, Any]:
        """Return what is going to be made, for a person or a program to read."""
        settings = self.settings
        horizon: dict[str, Any] = {"steps": self.learner.steps}
        if self.by_clock:
            horizon = {
                k: v for k, v in (("seconds", settings.seconds), ("budget", settings.budget)) if v
            }
        return {
            "input": self.picture.name,
            "input_width": self.picture.width,
            "input_height": self.picture.height,
            "output": str(self.output),
            **horizon,
            "model": settings.model,
            "weights": self.learner.weights,
            "device": self.learner.device,
            "seed": settings.seed,
        }

    def snapshots(
        self, fractions: Sequence[float], report: Report, *, every: int = 1
    ) -> Iterator[Snapshot]:
        """Yield a snapshot at each fraction of the training."""

        def look(loss: float) -> None:
            self._loss = loss
            report(self.progress("train"))

        stops = (
            stops_by_clock(self.learner, fractions, left=self._left)
            if self.by_clock
            else stops_at(fractions, steps=self.learner.steps, every=every)
        )
        return learn(self.learner, stops, look=look)

    @property
    def elapsed(self) -> float:
        """Seconds since the job began."""
        return time.perf_counter() - self._began

    @property
    def by_clock(self) -> bool:
        """Whether the time says how long to train."""
        return self.settings.seconds is not None or self.settings.budget is not None

    @abstractmethod
    def ahead(self) -> float:
        """Return about how many seconds all that is not training will still take."""

    def check_budget(self) -> None:
        """Raise if there is a budget and it has no time for a training.

        Raises:
            UsageError: it has not.
        """
        budget = self.settings.budget
        if budget is not None and self._left() < 0.05 * budget:
            least = self.elapsed + self.ahead()
            raise UsageError(
                f"--budget {budget:g} leaves no time to train: all the rest takes about "
                f"{least:.0f} s; raise it, or lower --size, --frames or --duration"
            )

    def _left(self) -> float:
        """Return how many seconds are left to train."""
        if self.settings.budget is None:
            return (self.settings.seconds or 0.0) - self.learner.seconds
        return self.settings.budget - self.elapsed - self.ahead()

    def until_stopped(self, items: Iterator[T]) -> Iterator[T]:
        """Yield the items; an interruption or a failed training ends them, kept in `stopped`."""
        try:
            yield from items
        except (KeyboardInterrupt, DivergedError, DeviceError) as error:
            self.stopped = error

    def progress(self, phase: Phase) -> Progress:
        """Return where the job is."""
        learner = self.learner
        return Progress(
            phase=phase,
            done=self.done,
            step=learner.step,
            steps=learner.steps,
            train_seconds=learner.seconds,
            loss=self._loss,
            psnr=self._psnr,
            shot=self.shot,
            shots=self.shots,
        )

    @property
    def done(self) -> float:
        """How much of the work is behind, in [0, 1]."""
        return self.learner.step / max(1, self.learner.steps)

    def result(
        self, *, height: int, width: int, frames: int, fps: float | None, psnr: float
    ) -> Result:
        """Return what has been made."""
        return Result(
            output=self.output,
            width=width,
            height=height,
            frames=frames,
            fps=fps,
            steps=self.learner.step,
            train_seconds=self.learner.seconds,
            total_seconds=self.elapsed,
            psnr=psnr,
            device=self.learner.device,
            seed=self.settings.seed,
            peak_memory_mb=peak_memory_mb(),
            interrupted=self.interrupted,
        )


def _is_same_file(source: str | Path, output: str | Path) -> bool:
    try:
        return Path(source).samefile(output)
    except OSError:
        return False  # one of the two is not there
