"""One contestant learns: it is looked at, filmed, and kept, however it ends."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from neuralpaint.canvas import CanvasSettings
from neuralpaint.errors import DeviceError, DivergedError
from neuralpaint.learning import Learner, Snapshot, learn, learner, stops_at, stops_by_clock
from neuralpaint.pictures import Picture
from neuralpaint.recipes.compare.contestants import Contestant
from neuralpaint.recipes.compare.measures import Judge, Scores
from neuralpaint.recipes.compare.result import CurvePoint, Outcome, Status
from neuralpaint.recipes.compare.settings import CompareSettings
from neuralpaint.recipes.compare.words import paint_note
from neuralpaint.recipes.inbetweens import film
from neuralpaint.recipes.stage import Stage
from neuralpaint.rendering import render
from neuralpaint.stills import save_still
from neuralpaint.video.writer import ClipWriter

__all__ = ["Training", "Watch"]

Watch = Callable[[Learner, float, float | None, float], None]
"""Hears, several times a second: the learner, its loss, its PSNR, and how much is done."""

_LOOKS = 36  # points of a curve
# Looking and filming may take this part of the time that training takes, and a few seconds more;
# beyond that, more frames are blended.
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
        self._judge = Judge(picture, settings.train_on)
        self._watch = watch
        self._stage: Stage | None = None
        if cell is not None:
            size = CanvasSettings(size=f"{cell[1]}x{cell[0]}", fit="stretch")
            self._stage = Stage(picture, size, bars=(0, 0, 0))
        self._fractions = settings.fractions if cell else settings.moments.fractions(_LOOKS)
        count = len(self._fractions)
        self._looks = set(
            np.linspace(0, count - 1, min(_LOOKS, count)).round().astype(int).tolist()
        )
        self._curve: list[CurvePoint] = []
        self._newest: Snapshot | None = None
        self._status: Status = "finished"
        self._message = ""
        self._filmed = 0
        self._loss = math.nan
        self._mean = _Mean()

    def run(self, folder: Path) -> Outcome:
        """Train to the end, or as far as it goes, and leave the still and the film in `folder`.

        Raises:
            EncodingError: they cannot be written.
        """
        self._began = time.perf_counter()
        pupil = self._begin()
        if pupil is None:
            return self._outcome(weights=0, steps=0, seconds=0.0)
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
        except DeviceError as error:
            self._fail("failed", error)
            return None

    def _shots(self, pupil: Learner) -> Iterator[Snapshot]:
        """Yield a snapshot at every moment of the film; some of them are looked at."""

        def look(loss: float) -> None:
            self._loss = loss
            self._tell(pupil)

        for index, snapshot in enumerate(learn(pupil, self._stops(pupil), look=look)):
            if snapshot is not self._newest:
                # Read before anything is rendered: a GPU tells only now that it has diverged.
                self._mean.add(snapshot)
            self._newest = snapshot
            if index in self._looks:
                self._note(index, snapshot, self._judge.glance(snapshot.painting))
                self._tell(pupil)
            yield snapshot

    def _stops(self, pupil: Learner) -> Iterator[int] | Sequence[int]:
        budget = self._settings.seconds
        if budget is None:
            return stops_at(self._fractions, steps=pupil.steps)
        return stops_by_clock(pupil, self._fractions, left=lambda: budget - pupil.seconds)

    def _note(self, index: int, snapshot: Snapshot, scores: Scores) -> None:
        self._curve.append(
            CurvePoint(
                fraction=self._fractions[index],
                step=snapshot.step,
                seconds=snapshot.seconds,
                loss=self._mean.take(),
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
        except DeviceError as error:
            self._fail("failed", error)

    def _fail(self, status: Status, error: Exception) -> None:
        self._status, self._message = status, str(error)

    def _film(self, shots: Iterator[Snapshot], stage: Stage, path: Path, pupil: Learner) -> None:
        def hurried() -> bool:
            overhead = time.perf_counter() - self._began - pupil.seconds
            return overhead > _OVERHEAD * pupil.seconds + _GRACE

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
                for filmed in film(shots, stage, blending=blending, hurried=hurried):
                    writer.write(filmed.frame)
                    self._filmed += 1
            except KeyboardInterrupt:
                writer.abort()  # half a film is of no use
                raise
            except DeviceError as error:  # while rendering
                self._fail("failed", error)
            if not self._filmed:
                writer.abort()

    def _finish(self, snapshot: Snapshot, path: Path) -> Path | None:
        """Save what was learned last, and measure it at every pixel."""
        try:
            frame = render(snapshot.painting, self._picture.canvas)
        except DeviceError as error:
            self._fail("failed", error)
            return None
        scores = self._judge.judge(frame)
        if self._curve and self._curve[-1].step == snapshot.step:
            last = self._curve.pop()
            self._mean.put_back(last.loss)
            index = self._fractions.index(last.fraction)
        else:
            index = min(self._filmed, len(self._fractions)) - 1
        self._note(index, snapshot, scores)
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
        budget = self._settings.seconds
        done = pupil.seconds / budget if budget else pupil.step / max(1, pupil.steps)
        psnr = self._curve[-1].psnr if self._curve else None
        self._watch(pupil, self._loss, psnr, min(1.0, done))


class _Mean:
    """The mean loss of the steps since it was last taken."""

    def __init__(self) -> None:
        self._step = 0
        self._sum, self._steps = 0.0, 0
        self._back = math.nan

    def add(self, snapshot: Snapshot) -> None:
        """Take in a snapshot. Raises DivergedError where a device tells only now that it has."""
        steps, loss = snapshot.step - self._step, snapshot.loss
        self._step = snapshot.step
        if steps:
            self._sum += steps * loss
            self._steps += steps

    def take(self) -> float:
        """Return the mean, and begin anew; NaN of no steps."""
        mean = self._sum / self._steps if self._steps else self._back
        self._sum, self._steps, self._back = 0.0, 0, math.nan
        return mean

    def put_back(self, mean: float) -> None:
        """Have the next `take` return it, if there are no steps until then."""
        self._back = mean
