"""One contestant learns: it is looked at, filmed, and kept, however it ends."""

from __future__ import annotations

import logging
import math
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from neuralpaint.errors import DivergedError
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.image.pictures import Picture
from neuralpaint.image.stills import save_still
from neuralpaint.pipelines.compare.contestants import Contestant
from neuralpaint.pipelines.compare.measures import Judge, Scores
from neuralpaint.pipelines.compare.result import MISHAPS, CurvePoint, Outcome, Status, mishap
from neuralpaint.pipelines.compare.settings import CompareSettings
from neuralpaint.pipelines.compare.words import paint_note
from neuralpaint.pipelines.learner import learner
from neuralpaint.rendering.film import film
from neuralpaint.rendering.rendering import render
from neuralpaint.rendering.viewport import Viewport
from neuralpaint.training.learner import Learner
from neuralpaint.training.learning import Snapshot, learn, stops_at, stops_by_clock
from neuralpaint.video.writer import ClipWriter

__all__ = ["Training", "Watch"]

Watch = Callable[[Learner, float, float | None, float], None]
"""Hears, several times a second: the learner, its loss, its score, and how much is done."""

_log = logging.getLogger(__name__)

_LOOKS = 36  # points of a curve
_SELDOM = 8  # of the looks one is taken, at least
_TAIL = 0.1  # the part of the training over which its final loss is the mean
# Looking and filming may take this part of the time that training takes, and a few seconds more;
# beyond that, fewer looks are taken and more frames are blended.
_OVERHEAD, _GRACE = 0.5, 3.0


class Training:
    """The training of one contestant."""

    def __init__(
        self,
        contestant: Contestant,
        picture: Picture,
        *,
        settings: CompareSettings,
        cell: tuple[int, int] | None,
        watch: Watch,
    ) -> None:
        """Prepare it; a film is made where the (height, width) of a race's `cell` is given."""
        self._contestant = contestant
        self._picture = picture
        self._settings = settings
        self._judge = Judge(picture, settings.optimization.train_on)
        self._watch = watch
        self._stage: Viewport | None = None
        if cell is not None:
            size = CanvasSettings(size=f"{cell[1]}x{cell[0]}", fit="stretch")
            self._stage = Viewport(
                picture.canvas, size, picture=picture, target=settings.target, bars=(0, 0, 0)
            )
        self._fractions = settings.fractions if cell else settings.moments.fractions(_LOOKS)
        last = len(self._fractions) - 1
        looks = np.linspace(0, last, min(_LOOKS, last + 1)).round().astype(int).tolist()
        # The last is taken at every pixel, when all is done.
        self._looks = set(looks) - ({last} if last else set())
        self._looks_to_come, self._gap = 1, 1
        self._curve: list[CurvePoint] = []
        self._newest: Snapshot | None = None
        self._status: Status = "finished"
        self._message = ""
        self._fraction = 0.0
        self._filmed = 0
        self._loss = math.nan
        self._losses = _Losses()

    def run(self, folder: Path) -> Outcome:
        """Train to the end, or as far as it goes, and leave the still and the film in `folder`.

        Raises:
            EncodingError: they cannot be written.
        """
        pupil = self._begin()
        if pupil is None:
            return self._outcome(weights=0, steps=0, seconds=0.0)
        self._began = time.perf_counter()
        shots = self._until_failed(self._shots(pupil))
        if self._stage is None:
            for _ in shots:
                pass
        else:
            self._film(shots, self._stage, folder / "film.mkv", pupil)
        steps, seconds = pupil.step, pupil.seconds
        if self._newest is None:
            return self._outcome(weights=pupil.weights, steps=steps, seconds=seconds)
        still = self._finish(self._newest, folder / "still.png")
        return self._outcome(weights=pupil.weights, steps=steps, seconds=seconds, still=still)

    def _begin(self) -> Learner | None:
        try:
            return learner(self._picture, self._contestant.settings)
        except MISHAPS as error:
            self._fail("failed", error)
            return None

    def _shots(self, pupil: Learner) -> Iterator[Snapshot]:
        """Yield a snapshot at every moment of the film; some of them are looked at."""

        def look(loss: float) -> None:
            self._loss = loss
            self._tell(pupil)

        stops, tail = self._stops(pupil)
        for index, snapshot in enumerate(learn(pupil, stops, look=look)):
            if snapshot is not self._newest:
                # Read before anything is rendered: a GPU tells only now that it has diverged.
                self._losses.add(snapshot)
            self._newest = snapshot
            if index == tail:
                continue
            shot = index - (index > tail)
            self._fraction = self._fractions[shot]
            if shot in self._looks and self._is_due(snapshot, pupil):
                loss = self._losses.since(self._curve[-1].step if self._curve else 0)
                self._note(snapshot, self._judge.glance(snapshot.painting), loss=loss)
                self._tell(pupil)
            yield snapshot

    def _stops(self, pupil: Learner) -> tuple[Iterator[int] | Sequence[int], int]:
        """Return where to stop, and which of the stops is no shot: it is where the tail begins."""
        budget = self._settings.optimization.seconds
        if budget is None:
            stops, begin = stops_at(self._fractions, steps=pupil.steps), _tail_of(pupil.steps)
            tail = bisect_left(stops, begin)
            return [*stops[:tail], begin, *stops[tail:]], tail
        tail = bisect_left(self._fractions, 1 - _TAIL)
        fractions = [*self._fractions[:tail], 1 - _TAIL, *self._fractions[tail:]]
        return stops_by_clock(pupil, fractions, left=lambda: budget - pupil.seconds), tail

    def _is_due(self, snapshot: Snapshot, pupil: Learner) -> bool:
        """Say whether to look at what was not seen yet; in a hurry, at ever less of it."""
        if self._curve and self._curve[-1].step == snapshot.step:
            return False
        self._looks_to_come -= 1
        if self._looks_to_come > 0:
            return False
        self._gap = min(_SELDOM, 2 * self._gap) if self._is_hurried(pupil) else 1
        self._looks_to_come = self._gap
        return True

    def _is_hurried(self, pupil: Learner) -> bool:
        overhead = time.perf_counter() - self._began - pupil.seconds
        return overhead > _OVERHEAD * pupil.seconds + _GRACE

    def _note(self, snapshot: Snapshot, scores: Scores, *, loss: float) -> None:
        self._curve.append(
            CurvePoint(
                fraction=self._fraction,
                step=snapshot.step,
                seconds=snapshot.seconds,
                loss=loss,
                psnr=scores.all,
                psnr_train=scores.train,
                psnr_held_out=scores.held_out,
            )
        )

    def _until_failed(self, snapshots: Iterator[Snapshot]) -> Iterator[Snapshot]:
        try:
            yield from snapshots
        except DivergedError as error:
            self._fail("diverged", error)
        except MISHAPS as error:
            self._fail("failed", error)

    def _fail(self, status: Status, error: Exception) -> None:
        _log.debug("%s: %s", self._contestant.name, status, exc_info=error)
        self._status, self._message = status, mishap(error)

    def _film(self, shots: Iterator[Snapshot], stage: Viewport, path: Path, pupil: Learner) -> None:
        def hurried() -> bool:
            return self._is_hurried(pupil)

        # A GPU renders a frame in less time than the blend would take.
        blending = pupil.device == "cpu"
        with ClipWriter(
            path,
            height=stage.height,
            width=stage.width,
            fps=self._settings.fps,
            overwrite=True,
        ) as writer:
            try:
                count = len(self._fractions)
                for filmed in film(shots, stage, count=count, blends=blending, hurries=hurried):
                    writer.write(filmed.frame)
                    self._filmed += 1
            except KeyboardInterrupt:
                writer.abort()  # half a film is of no use
                raise
            except MISHAPS as error:  # while rendering
                self._fail("failed", error)
            if not self._filmed:
                writer.abort()

    def _finish(self, snapshot: Snapshot, path: Path) -> Path | None:
        """Save what was learned last, and measure it at every pixel."""
        try:
            frame = render(snapshot.painting, self._picture.canvas)
        except MISHAPS as error:
            self._fail("failed", error)
            return None
        if self._curve and self._curve[-1].step == snapshot.step:
            self._fraction = self._curve.pop().fraction
        loss = self._losses.since(_tail_of(snapshot.step))
        self._note(snapshot, self._judge.judge(frame), loss=loss)
        contestant = self._contestant
        note = paint_note(
            self._settings, contestant.settings, picture=self._picture.name, slug=contestant.slug
        )
        return save_still(frame, path, tag=note.text(), overwrite=True)

    def _outcome(
        self, *, weights: int, steps: int, seconds: float, still: Path | None = None
    ) -> Outcome:
        contestant = self._contestant
        return Outcome(
            name=contestant.name,
            slug=contestant.slug,
            settings=contestant.settings,
            status=self._status,
            message=self._message,
            weights=weights,
            steps=steps,
            train_seconds=seconds,
            curve=tuple(self._curve),
            fractions=tuple(self._fractions[: self._filmed]),
            still=still,
            film=still.with_name("film.mkv") if still and self._filmed else None,
        )

    def _tell(self, pupil: Learner) -> None:
        budget = self._settings.optimization.seconds
        done = pupil.seconds / budget if budget else pupil.step / max(1, pupil.steps)
        score = self._curve[-1].score if self._curve else None
        self._watch(pupil, self._loss, score, min(1.0, done))


class _Losses:
    """The losses of a training, as far as its snapshots tell of them."""

    def __init__(self) -> None:
        self._steps, self._totals = [0], [0.0]

    def add(self, snapshot: Snapshot) -> None:
        """Take in a snapshot. Raises DivergedError where a device tells only now that it has."""
        steps, loss = snapshot.step - self._steps[-1], snapshot.loss
        if steps:
            self._steps.append(snapshot.step)
            self._totals.append(self._totals[-1] + steps * loss)

    def since(self, step: int) -> float:
        """Return the mean loss since a step, or the snapshot before it; NaN of no steps."""
        index = bisect_right(self._steps, step) - 1
        steps = self._steps[-1] - self._steps[index]
        return (self._totals[-1] - self._totals[index]) / steps if steps else math.nan


def _tail_of(steps: int) -> int:
    """Return the step after which the last part of a training begins: one step, at least."""
    return max(0, min(steps - 1, round((1 - _TAIL) * steps)))
