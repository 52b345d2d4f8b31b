"""The training of one variant of a race: it is measured and filmed while it learns."""

from __future__ import annotations

import math
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuralpaint.config.settings import options
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.image.metrics import psnr
from neuralpaint.image.pictures import Picture, TrainOn, held_out
from neuralpaint.image.still_files import save_still
from neuralpaint.pipelines.compare.detail import Detail, DetailMeter, Places
from neuralpaint.pipelines.compare.outcome import (
    FAILURES,
    CurvePoint,
    RaceOutcome,
    Status,
    failure_of,
)
from neuralpaint.pipelines.compare.settings import CompareSettings
from neuralpaint.pipelines.compare.variants import Variant
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.pipelines.note import Note
from neuralpaint.pipelines.paint import PaintSettings
from neuralpaint.rendering.film import film
from neuralpaint.rendering.render import PendingFrame, render
from neuralpaint.rendering.viewport import Viewport
from neuralpaint.runtime.progress import Progress, Report
from neuralpaint.runtime.threads import set_threads
from neuralpaint.training.learner import Learner
from neuralpaint.training.learning import Snapshot, learn, stops_at, stops_by_clock
from neuralpaint.training.viewer import Viewer
from neuralpaint.video.writer import ClipWriter

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = [
    "Evaluator",
    "Scores",
    "Training",
    "paint_note",
    "stops_of",
    "train_variant",
    "training_progress",
]

_POINTS = 36  # of a curve, at most
_LARGEST_INTERVAL = 8  # at least every eighth point is measured
_TAIL = 0.1  # of the training: the final loss is the mean over this last part
# If measuring and filming take more than this fraction of the training time, plus a few seconds,
# fewer points are measured and more frames are blended.
_OVERHEAD, _GRACE = 0.5, 3.0


class Scores(NamedTuple):
    """PSNR in dB, and the detail."""

    all: float
    train: float
    held_out: float | None  # None where every pixel is learned
    detail: Detail = Detail()


class Evaluator:
    """Measures the PSNR over all, the learned and the held-out pixels, and the detail."""

    def __init__(self, picture: Picture, train_on: TrainOn) -> None:
        self._picture = picture
        self._held_out = None if train_on == "all" else held_out(picture, train_on)
        self._meter = DetailMeter(picture)

    def evaluate(self, frame: NDArray[np.uint8]) -> Scores:
        """Return the scores of a frame of the picture's size, uint8 (h, w, 3)."""
        return self._scores(frame, 1)

    def estimate(self, painting: Painting) -> Scores:
        """Return the scores of a painting at every few rows and columns of a large picture."""
        stride = self._meter.stride
        grid = self._picture.canvas.grid().thinned(stride)
        return self._scores(PendingFrame(painting, grid).frame(), stride)

    def places(self, frame: NDArray[np.uint8]) -> Places:
        """Return where the errors of a frame of the picture's size are."""
        return self._meter.places(self._sampled(frame, 1))

    def _scores(self, frame: NDArray[np.uint8], stride: int) -> Scores:
        detail = self._meter.measure(self._sampled(frame, stride))
        reference = self._picture.pixels[::stride, ::stride]
        every = psnr(frame, reference)
        if self._held_out is None:
            return Scores(every, every, None, detail)
        out = self._held_out[::stride, ::stride]
        learned, rest = (psnr(frame, reference, where=where) for where in (~out, out))
        return Scores(every, learned, rest, detail)

    def _sampled(self, frame: NDArray[np.uint8], stride: int) -> NDArray[np.uint8]:
        """Return the sampled pixels of a frame that has every `stride`-th row and column."""
        left = self._meter.stride // stride
        return frame[::left, ::left]


def stops_of(learner: Learner, fractions: Sequence[float]) -> Iterable[int]:
    """Return the stops at fractions of a training, limited by its steps or by its seconds."""
    budget = learner.settings.optimization.seconds
    if budget is None:
        return stops_at(fractions, steps=learner.steps)
    return stops_by_clock(learner, fractions, left=lambda: budget - learner.seconds)


def training_progress(learner: Learner, *, loss: float, psnr: float | None = None) -> Progress:
    """Return the progress of one training."""
    budget = learner.settings.optimization.seconds
    done = learner.seconds / budget if budget else learner.step / max(1, learner.steps)
    return Progress(
        phase="train",
        done=min(1.0, done),
        step=learner.step,
        steps=learner.steps,
        train_seconds=learner.seconds,
        loss=loss,
        psnr=psnr,
    )


class Training:
    """The training of one variant."""

    def __init__(
        self,
        variant: Variant,
        picture: Picture,
        *,
        settings: CompareSettings,
        film_size: tuple[int, int] | None,
        report: Report,
        viewer: Viewer,
    ) -> None:
        """Prepare a training of `picture`; it is filmed at the (height, width) `film_size`."""
        self._variant, self._picture, self._settings = variant, picture, settings
        self._evaluator = Evaluator(picture, settings.optimization.train_on)
        self._report, self._viewer = report, viewer
        self._viewport: Viewport | None = None
        if film_size is not None:
            size = CanvasSettings(size=f"{film_size[1]}x{film_size[0]}", fit="stretch")
            self._viewport = Viewport(
                picture.canvas, size, picture=picture, target=settings.target, bars=(0, 0, 0)
            )
        self._fractions = settings.fractions if film_size else settings.moments.fractions(_POINTS)
        last = len(self._fractions) - 1
        points = np.linspace(0, last, min(_POINTS, last + 1)).round().astype(int).tolist()
        # The last one is measured at every pixel, after the training.
        self._points = set(points) - ({last} if last else set())
        self._until_due, self._interval = 1, 1
        self._curve: list[CurvePoint] = []
        self._newest: Snapshot | None = None
        self._status: Status = "finished"
        self._message = ""
        self._fraction = 0.0
        self._filmed = 0
        self._places: Places | None = None
        self._loss = math.nan
        self._losses = _Losses()

    def run(self, folder: Path) -> RaceOutcome:
        """Train to the end, or until it fails, and write still.png and film.mkv into `folder`.

        Raises:
            EncodingError: a file cannot be written.
        """
        try:
            trained = learner(self._picture, self._variant.settings)
        except FAILURES as error:
            self._fail(error)
            return self._outcome()
        self._began = time.perf_counter()
        shots = self._until_failed(self._shots(trained))
        if self._viewport is None:
            for _ in shots:
                pass
        else:
            self._film(shots, self._viewport, folder / "film.mkv", trained)
        still = None
        if self._newest is not None:
            still = self._finish(self._newest, folder / "still.png")
        return replace(
            self._outcome(),
            weights=trained.weights,
            steps=trained.step,
            train_seconds=trained.seconds,
            still=still,
            film=folder / "film.mkv" if still and self._filmed else None,
        )

    def _shots(self, learner: Learner) -> Iterator[Snapshot]:
        """Yield a snapshot at every moment of the film; some of them are measured."""

        def look(loss: float) -> None:
            self._loss = loss
            self._report_progress(learner)
            while self._viewer.visit(learner, name=self._variant.name):
                pass

        stops, shots = self._stops(learner)
        snapshots = learn(learner, stops, look=look, interval=self._viewer.interval)
        for shot, snapshot in zip(shots, snapshots, strict=True):
            if snapshot is not self._newest:
                self._losses.add(snapshot)
            self._newest = snapshot
            if shot is None:
                continue
            self._fraction = self._fractions[shot]
            if shot in self._points and self._is_due(snapshot, learner):
                loss = self._losses.since(self._curve[-1].step if self._curve else 0)
                self._add_point(snapshot, self._evaluator.estimate(snapshot.painting), loss=loss)
                self._report_progress(learner)
            yield snapshot
        self._losses.read()

    def _stops(self, learner: Learner) -> tuple[Iterable[int], list[int | None]]:
        """Return the stops, and the index of the shot at each; None where the tail begins."""
        fractions = list(self._fractions)
        if self._settings.optimization.seconds is None:
            steps = stops_at(fractions, steps=learner.steps)
            begin = _tail_of(learner.steps)
            tail = bisect_left(steps, begin)
            stops: Iterable[int] = [*steps[:tail], begin, *steps[tail:]]
        else:
            tail = bisect_left(fractions, 1 - _TAIL)
            stops = stops_of(learner, [*fractions[:tail], 1 - _TAIL, *fractions[tail:]])
        return stops, [*range(tail), None, *range(tail, len(fractions))]

    def _is_due(self, snapshot: Snapshot, learner: Learner) -> bool:
        """Return whether to measure a snapshot; if time is short, fewer and fewer are measured."""
        if self._curve and self._curve[-1].step == snapshot.step:
            return False
        self._until_due -= 1
        if self._until_due > 0:
            return False
        self._interval = (
            min(_LARGEST_INTERVAL, 2 * self._interval) if self._is_hurried(learner) else 1
        )
        self._until_due = self._interval
        return True

    def _is_hurried(self, learner: Learner) -> bool:
        overhead = time.perf_counter() - self._began - learner.seconds
        return overhead > _OVERHEAD * learner.seconds + _GRACE

    def _add_point(self, snapshot: Snapshot, scores: Scores, *, loss: float) -> None:
        self._curve.append(
            CurvePoint(
                fraction=self._fraction,
                step=snapshot.step,
                seconds=snapshot.seconds,
                loss=loss,
                psnr=scores.all,
                psnr_train=scores.train,
                psnr_held_out=scores.held_out,
                detail=scores.detail.shown,
                detail_error=scores.detail.wrong,
            )
        )

    def _until_failed(self, snapshots: Iterator[Snapshot]) -> Iterator[Snapshot]:
        try:
            yield from snapshots
        except FAILURES as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._status, self._message = failure_of(error)

    def _film(
        self, shots: Iterator[Snapshot], viewport: Viewport, path: Path, learner: Learner
    ) -> None:
        def hurries() -> bool:
            return self._is_hurried(learner)

        # A GPU renders a frame in less time than blending it would take.
        blends = learner.device == "cpu"
        count, fps = len(self._fractions), self._settings.fps
        with ClipWriter(
            path, height=viewport.height, width=viewport.width, fps=fps, overwrite=True
        ) as writer:
            try:
                for filmed in film(
                    shots, viewport, count=count, blends=blends, interpolates=True, hurries=hurries
                ):
                    writer.write(filmed.frame)
                    self._filmed += 1
            except KeyboardInterrupt:
                writer.abort()  # an incomplete film cannot be used
                raise
            except FAILURES as error:  # while rendering
                self._fail(error)
            if not self._filmed:
                writer.abort()

    def _finish(self, snapshot: Snapshot, path: Path) -> Path | None:
        """Save the final picture, and measure it at every pixel."""
        try:
            frame = render(snapshot.painting, self._picture.canvas)
        except FAILURES as error:
            self._fail(error)
            return None
        if self._curve and self._curve[-1].step == snapshot.step:
            self._fraction = self._curve.pop().fraction
        loss = self._losses.since(_tail_of(snapshot.step))
        self._add_point(snapshot, self._evaluator.evaluate(frame), loss=loss)
        self._places = self._evaluator.places(frame)
        note = paint_note(self._settings, self._variant, picture=self._picture.name)
        return save_still(frame, path, tag=note.text(), overwrite=True)

    def _outcome(self) -> RaceOutcome:
        return RaceOutcome(
            self._variant,
            self._status,
            self._message,
            curve=tuple(self._curve),
            fractions=tuple(self._fractions[: self._filmed]),
            places=self._places,
        )

    def _report_progress(self, learner: Learner) -> None:
        score = self._curve[-1].score if self._curve else None
        self._report(training_progress(learner, loss=self._loss, psnr=score))


def train_variant(
    variant: Variant,
    picture: Picture,
    settings: CompareSettings,
    film_size: tuple[int, int] | None,
    *,
    files: Mapping[str, Path],
    report: Report,
) -> RaceOutcome:
    """Train a variant; the function of a task, which writes the files `still` and `film`."""
    set_threads(settings.machine.threads)
    training = Training(
        variant, picture, settings=settings, film_size=film_size, report=report, viewer=Viewer()
    )
    return training.run(files["still"].parent)


class _Losses:
    """The mean loss between any two snapshots.

    A GPU finishes a snapshot when its loss is read, so each is read after the next one has been
    queued. That is before its frame is used, which arrives as late, and so no frame of a diverged
    network is shown.
    """

    def __init__(self) -> None:
        self._steps, self._totals = [0], [0.0]
        self._newest: Snapshot | None = None  # whose loss has not been read

    def add(self, snapshot: Snapshot) -> None:
        """Add a snapshot, and read the loss of the one before; raises DivergedError if it has."""
        self.read()
        self._newest = snapshot

    def read(self) -> None:
        """Read the loss of the newest snapshot; raises DivergedError if it has diverged."""
        if self._newest is None:
            return
        snapshot, self._newest = self._newest, None
        steps, loss = snapshot.step - self._steps[-1], snapshot.loss
        if steps:
            self._steps.append(snapshot.step)
            self._totals.append(self._totals[-1] + steps * loss)

    def since(self, step: int) -> float:
        """Return the mean loss since a step, or since the snapshot before it; NaN without steps."""
        self.read()
        index = bisect_right(self._steps, step) - 1
        steps = self._steps[-1] - self._steps[index]
        return (self._totals[-1] - self._totals[index]) / steps if steps else math.nan


def _tail_of(steps: int) -> int:
    """Return the step after which the last part of a training begins; that has at least 1 step."""
    return max(0, min(steps - 1, round((1 - _TAIL) * steps)))


def paint_note(settings: CompareSettings, variant: Variant, *, picture: str) -> Note:
    """Return the note from which `paint` makes the final picture of a variant."""
    shared = settings.to_dict()
    values = {name: shared[name] for name in options(PaintSettings) if name in shared}
    own = PaintSettings.from_dict(values | variant.settings.to_dict())
    return Note("paint", picture, f"{variant.slug}.png", own)
