"""Snapshot sources: where the snapshots of a clip or a still come from.

A clip can be made while a network trains (`FromTraining`), from a recorded training (`FromTake`) or
from a saved network (`FromPainting`). Each yields a snapshot for each moment that is requested.
"""

from __future__ import annotations

import bisect
import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.image.metrics import psnr_of_mse
from neuralpaint.image.pictures import Frame, Picture
from neuralpaint.models import models
from neuralpaint.models.codes import Album, Subject
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.pipelines.note import Note
from neuralpaint.pipelines.settings import RunSettings
from neuralpaint.rendering.pacing import Pacing
from neuralpaint.rendering.rhythm import sampled
from neuralpaint.rendering.time_budget import TimeBudget
from neuralpaint.rendering.time_estimate import StepTimer
from neuralpaint.rendering.viewport import target_scale
from neuralpaint.runtime.interruption import Interruption
from neuralpaint.runtime.progress import ProgressTracker
from neuralpaint.storage.resume import Resume
from neuralpaint.training.learning import Snapshot, learn, stops_at, stops_by_clock, stops_by_step
from neuralpaint.training.settings import TrainingSettings
from neuralpaint.training.viewer import Viewer
from neuralpaint.video.timetable import Part

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting
    from neuralpaint.storage.take import Take

__all__ = ["FromPainting", "FromTake", "FromTraining", "Run", "SnapshotSource"]

logger = logging.getLogger(__name__)

_MOST_TRIAL_STEPS = 2**14  # of the learner that measures the speed


class Run(NamedTuple):
    """The progress, the interruption, the time budget and the viewer of one run of a job."""

    progress: ProgressTracker
    interruption: Interruption
    budget: TimeBudget
    viewer: Viewer


class SnapshotSource(ABC):
    """Yields the snapshots of one training."""

    note: Note
    """How the output is made; stored in it."""
    canvas: Canvas
    """The canvas of the picture at its own size."""
    picture: Picture | None = None
    """The picture, if it is known and the network has learned only one."""
    pictures: Sequence[Picture] = ()
    """All pictures that were learned; empty if they are not known."""
    settings: TrainingSettings
    """How the network was trained."""
    device: str
    """The kind of device that renders, such as "cuda"."""
    resume: Resume | None = None
    """The files from which the training can be resumed; None if there is no training."""
    by_clock: bool = False
    """Whether a time limit, and not a number of steps, ends the training."""
    time_limit: float | None = None
    """Seconds after which the training ends, if it is limited by its own time."""
    first_step: int = 0
    """The step at which the training begins: later than 0 in a resumed one."""
    trains: bool = False
    """Whether a network trains while snapshots are requested."""
    trains_first: bool = False
    """Whether the training is over before the first snapshot is yielded."""
    is_static: bool = False
    """Whether all snapshots are equal."""
    makes_sketches: bool = False
    """Whether `begin_sketch` has been called."""

    @property
    @abstractmethod
    def step(self) -> int:
        """The step of the newest snapshot."""

    @property
    @abstractmethod
    def steps(self) -> int:
        """The step at which the training ends, as far as it is known."""

    @property
    @abstractmethod
    def seconds(self) -> float:
        """Seconds of training up to `step`."""

    @property
    def seed(self) -> int:
        """The seed of the training."""
        return self.settings.optimization.seed

    @property
    def makes_target(self) -> bool:
        """Whether a target is still to be made before the training, which takes time."""
        return False

    def psnr_per_picture(self) -> tuple[tuple[str, float], ...]:
        """Return the name of each of several pictures and its PSNR in dB; empty for one picture."""
        return ()

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """Return the facts that are known beforehand, for --dry-run and --json."""

    @abstractmethod
    def painting(self) -> Painting:
        """Return the newest painting."""

    @abstractmethod
    def snapshots(self, fractions: Sequence[float], run: Run, *, every: int) -> Iterator[Snapshot]:
        """Yield a snapshot at each fraction of the training; they ascend from 0 to 1.

        If the training ends after a number of steps, snapshots are taken only at multiples of
        `every` and at the end.
        """

    def parts(self, count: int) -> tuple[Part, ...]:
        """Return what `count` shots show one after another."""
        return (Part(count),)

    def shots(
        self,
        pacing: Pacing,
        run: Run,
        *,
        count: int,
        every: int,
        canvas: Canvas,
        places: Sequence[Sequence[float]] | None = None,
    ) -> Iterator[Snapshot]:
        """Yield the snapshots that a pacing chooses for `count` shots, fewer after an early end.

        `every` is as for `snapshots`; `canvas` is the canvas of the frames. With `places`, there is
        a shot at each of them, see `Timetable.places`; None: `count` evenly spaced shots.
        """
        snapshots = self.snapshots(pacing.fractions(count), run, every=every)
        snapshots = run.interruption.until_stopped(snapshots)
        if pacing.trains_first:
            snapshots = self._with_newest(snapshots, run)
        shots = pacing.choose(snapshots, shots=count, canvas=canvas)
        if places is None:
            return shots
        return sampled(shots, places[0], count=count, blends=not self.makes_sketches)

    def _with_newest(self, snapshots: Iterator[Snapshot], run: Run) -> Iterator[Snapshot]:
        """Yield the snapshots and, after a KeyboardInterrupt, one of what was learned since."""
        newest: Snapshot | None = None
        for newest in snapshots:
            yield newest
        interrupted = isinstance(run.interruption.stop, KeyboardInterrupt)
        if newest is not None and interrupted and self.step > newest.step:
            yield Snapshot(self.step, self.seconds, newest.loss, self.painting())

    def seconds_per_step(self, *, trial: bool = False) -> float | None:
        """Return the seconds of a training step; None until that has been measured.

        With `trial`, it is measured now, in about a second, by training a throw-away learner.
        """
        return 0.0

    def begin_sketch(self, frame: Frame) -> None:
        """Collect the predictions of every training batch in a canvas that starts as `frame`.

        Raises:
            UsageError: this source has no predictions of training batches.
        """
        raise UsageError(
            "--frames-from training needs a training of one picture: choose --frames-from auto"
        )

    def sketch(self) -> Frame:
        """Return the sketch at the newest snapshot, of the picture's size."""
        raise RuntimeError("begin_sketch has not been called")


class FromTraining(SnapshotSource):
    """Trains a network, and saves its state so that the training can be resumed."""

    trains = True

    def __init__(
        self,
        subject: Subject,
        training: TrainingSettings,
        *,
        limits: RunSettings,
        note: Note,
        resume: Resume,
        detail: Callable[[Canvas], float],
        shows_earlier: bool = False,
        reports_psnr: bool = False,
    ) -> None:
        """Create the learner; restore it if an earlier run is resumed.

        Args:
            subject: the picture or pictures to learn.
            training: how to train.
            limits: how long, and how often to save the state.
            note: how the output is made, with all settings of the command.
            resume: the files in which the state of the training is saved.
            detail: returns the greatest number of frame pixels per picture pixel.
            shows_earlier: whether a resumed run yields the snapshots of the earlier run again.
            reports_psnr: whether the loss is the MSE, so that the progress can contain the PSNR.

        Raises:
            UsageError: the earlier run has other settings or another picture.
            DeviceError: the device does not exist or has too little memory.
        """
        self.note, self.resume = note, resume
        self.pictures, self.canvas = subject.pictures, subject.canvas
        self.picture = subject if isinstance(subject, Picture) else None
        self.time_limit = training.optimization.seconds
        self._time_limits = {"seconds": self.time_limit, "budget": limits.budget}
        self.by_clock = any(self._time_limits.values())
        shown, target = detail(self.canvas), training.target
        if target.enhance and shown <= 1 and resume.record is resume.save is None:
            logger.info(
                "--enhance only changes frames larger than the picture: add --scale 2, or record a "
                "take with --record to render such frames later"
            )
        # Such a model has its own weights for every pixel: a larger target only makes it larger.
        needs_all_pixels = models.parse(training.model).needs_all_pixels
        if (
            target.target_scale is None
            and training.optimization.train_on == "all"
            and not needs_all_pixels
        ):
            scale = target_scale(self.canvas, shown, least=target.factor)
            training = training.replaced(target_scale=scale)
        self._subject, self._timer = subject, StepTimer()
        self._learner = learner(subject, training)
        self._prepared = not self._learner.makes_target
        self.settings, self.device = self._learner.settings, self._learner.device
        self._reports_psnr = reports_psnr
        self._sketch: Frame | None = None
        resume.start(
            self._learner,
            subject,
            settings=note.settings,
            note=note.content(),
            interval=limits.checkpoint,
            shows_earlier=shows_earlier,
        )
        self._resume, self.first_step = resume, self._learner.step

    @property
    def step(self) -> int:
        """Steps trained so far."""
        return self._learner.step

    @property
    def steps(self) -> int:
        """The step at which the schedule ends."""
        return self._learner.steps

    @property
    def seconds(self) -> float:
        """Seconds of training so far."""
        return self._learner.seconds

    @property
    def makes_target(self) -> bool:
        """Whether a target is still to be made before the training, which takes time."""
        return not self._prepared

    def facts(self) -> dict[str, Any]:
        """Return the plan of the training."""
        picture = self.pictures[0]
        facts: dict[str, Any] = {
            "input": self.note.source,
            "input_width": picture.width,
            "input_height": picture.height,
        }
        if len(self.pictures) > 1:
            facts["pictures"] = len(self.pictures)
        if self.settings.target.factor > 1:
            learned = picture.canvas.scaled(self.settings.target.factor)
            facts |= {"target_width": learned.width, "target_height": learned.height}
        if picture.known is not None:
            facts["unknown"] = round(1 - float(picture.known.mean()), 4)
        times = {name: seconds for name, seconds in self._time_limits.items() if seconds}
        facts |= times or {"steps": self.steps}
        return facts | {
            "model": self.settings.model,
            "weights": self._learner.weights,
            "device": self.device,
            "seed": self.seed,
        }

    def painting(self) -> Painting:
        """Return what the network has learned so far."""
        return self._learner.painting()

    def snapshots(self, fractions: Sequence[float], run: Run, *, every: int) -> Iterator[Snapshot]:
        """Yield a snapshot at each fraction: first those of an earlier run, then new ones."""
        self._prepare(run)
        resume, learner = self._resume, self._learner
        resume.begin(len(fractions))
        for earlier, self._sketch in resume.earlier():
            yield earlier
        passed = resume.passed

        def look(loss: float) -> None:
            # The learner is between two steps: its state can be saved, and restored later.
            run.interruption.check()
            resume.save_if_due()
            self._report(run, loss)
            while run.viewer.visit(learner):
                run.interruption.check()

        stops: Iterable[int] = (
            stops_by_clock(learner, fractions[passed:], left=lambda: self._seconds_left(run.budget))
            if self.by_clock
            else stops_by_step(learner, fractions[passed:], every=every)
        )
        shown = learn(
            learner,
            stops,
            look=look,
            interval=run.viewer.interval,
            since=resume.since,
            last=resume.last,
        )
        for made in shown:
            if self.makes_sketches:
                self._sketch = learner.sketch()
            snapshot = resume.keep(made, self._sketch)
            run.budget.trained = learner.seconds
            yield snapshot

    def _prepare(self, run: Run) -> None:
        """Compute the target, if that takes time; check that there is time left to train."""
        larger = "--scale or --target-scale" if self.settings.target.factor > 1 else "--size"
        phase = "enhance"

        def begin(name: str) -> None:
            nonlocal phase
            phase = name

        def look(done: float) -> None:
            run.interruption.check()
            run.progress.update(phase, done=done)

        if not self._resume.resumed:
            run.budget.check(larger=larger)
        self._learner.prepare(look, on_phase=begin)
        self._prepared = True
        if not self._resume.resumed:
            run.budget.check(larger=larger)
        run.budget.end_preparation()

    def _report(self, run: Run, loss: float) -> None:
        learner = self._learner
        run.budget.trained = learner.seconds
        self._timer.observe(learner.finished.step, learner.finished.seconds)
        psnr = {"psnr": psnr_of_mse(loss)} if self._reports_psnr else {}
        run.progress.update(
            "train",
            step=learner.step,
            steps=learner.steps,
            train_seconds=learner.seconds,
            loss=loss,
            **psnr,
        )

    def _seconds_left(self, budget: TimeBudget) -> float:
        """Return the seconds that are left to train."""
        budget.trained = self.seconds
        return budget.left() if self.time_limit is None else self.time_limit - self.seconds

    def seconds_per_step(self, *, trial: bool = False) -> float | None:
        """Return the seconds of a training step, from this training or from a trial."""
        if trial and self._timer.seconds_per_step is None:
            self._try()
        return self._timer.seconds_per_step

    def _try(self) -> None:
        """Measure the pace of a learner of the same settings; its target is the picture itself."""
        target = {"target_scale": 1.0, "enhance": False, "denoise": None}
        trial = learner(_without_filling(self._subject), self.settings.replaced(**target))
        steps = 1
        while self._timer.seconds_per_step is None and trial.step < _MOST_TRIAL_STEPS:
            trial.advance(steps)
            newest = trial.newest
            self._timer.observe(newest.step, newest.seconds)
            # Twice as many steps as before, up to a tenth of a second.
            steps = max(1, min(2 * steps, int(0.1 * newest.step / max(newest.seconds, 1e-9))))

    def begin_sketch(self, frame: Frame) -> None:
        """Collect the predictions of every training batch in a canvas that starts as `frame`."""
        if self.picture is None:
            super().begin_sketch(frame)
        self.makes_sketches = True
        if not self._resume.resumed:
            self._learner.begin_sketch(frame)

    def sketch(self) -> Frame:
        """Return the sketch at the newest snapshot."""
        return super().sketch() if self._sketch is None else self._sketch


def _without_filling(subject: Subject) -> Subject:
    """Return the picture or the album with its holes as they are."""
    pictures = [replace(picture, fills=False) for picture in subject.pictures]
    return pictures[0] if isinstance(subject, Picture) else Album(pictures, subject.codes)


class FromTake(SnapshotSource):
    """Yields recorded snapshots, and interpolates between them."""

    def __init__(self, take: Take, *, note: Note, as_recorded: bool) -> None:
        """Prepare a take; `as_recorded`: whether the clip is paced as when it was recorded.

        Raises:
            UsageError: the take has no snapshots.
        """
        self._take, self._as_recorded = take, as_recorded
        self._steps = [snapshot.step for snapshot in take]
        self._newest = take.at(math.inf)
        self._index = len(take) - 1
        if not take.finished:
            logger.info(
                "this take ends at step %d of %d: the recording was interrupted",
                self._steps[-1],
                take.steps,
            )
        self.note, self.settings = note, take.settings
        self.picture, self.canvas = take.picture, take.picture.canvas
        self.pictures = take.pictures
        self.device = self._newest.painting.device.type

    @property
    def step(self) -> int:
        """The step of the newest snapshot."""
        return self._newest.step

    @property
    def steps(self) -> int:
        """The last recorded step."""
        return self._steps[-1]

    @property
    def seconds(self) -> float:
        """Seconds of training up to `step`."""
        return self._newest.seconds

    def facts(self) -> dict[str, Any]:
        """Return the facts of the recording."""
        return {
            "input": self.note.source,
            "input_width": self.canvas.width,
            "input_height": self.canvas.height,
            "steps": self.steps,
            "snapshots": len(self._take),
            "model": self.settings.model,
            "device": self.device,
        }

    def painting(self) -> Painting:
        """Return the painting of the newest snapshot."""
        return self._newest.painting

    def snapshots(self, fractions: Sequence[float], run: Run, *, every: int) -> Iterator[Snapshot]:
        """Yield a snapshot at each fraction: recorded, or interpolated between two of them."""
        at: float | None = None
        for step in self._moments(fractions, every=every):
            if step != at:
                self._newest, at = self._take.at(step), step
            self._index = max(0, bisect.bisect_right(self._steps, step) - 1)
            yield self._newest

    def _moments(self, fractions: Sequence[float], *, every: int) -> Sequence[float]:
        """Return the step of each fraction; in slow motion, also between whole steps."""
        shown = self._take.shown or range(len(self._steps))
        if self._as_recorded and len(fractions) == len(shown):
            return [self._steps[index] for index in shown]
        stops = stops_at(fractions, steps=self.steps, every=every)
        if set(stops) <= set(self._steps):
            return stops
        return [fraction * self.steps for fraction in fractions]

    def begin_sketch(self, frame: Frame) -> None:
        """Check that the take contains sketches.

        Raises:
            UsageError: it does not.
        """
        if self._take.sketch(0) is None:
            raise UsageError(
                "--frames-from training: this take was recorded without it; choose --frames-from "
                "auto"
            )
        self.makes_sketches = True

    def sketch(self) -> Frame:
        """Return the sketch of the newest snapshot."""
        sketch = self._take.sketch(self._index)
        return super().sketch() if sketch is None else sketch


class FromPainting(SnapshotSource):
    """Yields one painting again and again, for a still or a camera that moves over it."""

    step = steps = 0
    seconds = 0.0
    is_static = True

    def __init__(self, painting: Painting, *, note: Note) -> None:
        self._painting, self.note = painting, note
        self.settings, self.canvas = painting.settings, painting.canvas
        self.device = painting.device.type

    def facts(self) -> dict[str, Any]:
        """Return the facts of the painting."""
        return {
            "input": self.note.source,
            "input_width": self.canvas.width,
            "input_height": self.canvas.height,
            "model": self.settings.model,
            "device": self.device,
        }

    def painting(self) -> Painting:
        """Return the painting."""
        return self._painting

    def snapshots(self, fractions: Sequence[float], run: Run, *, every: int) -> Iterator[Snapshot]:
        """Yield the painting once for each fraction."""
        snapshot = Snapshot(self.step, self.seconds, float("nan"), self._painting)
        for _ in fractions:
            yield snapshot
