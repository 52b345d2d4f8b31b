"""The comparison: who trains, in which order, and what is told while it goes on."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralpaint.errors import UsageError
from neuralpaint.image.pictures import Source
from neuralpaint.image.typography import text_width
from neuralpaint.pipelines.charts import has_matplotlib
from neuralpaint.pipelines.compare.contestants import Contestant, Variant
from neuralpaint.pipelines.compare.folder import Folder
from neuralpaint.pipelines.compare.race import layout_of
from neuralpaint.pipelines.compare.records import (
    digest_of,
    fingerprint,
    read_record,
    write_record,
)
from neuralpaint.pipelines.compare.result import (
    MISHAPS,
    CompareProgress,
    CompareReport,
    CompareResult,
    Outcome,
    ignore,
)
from neuralpaint.pipelines.compare.settings import CompareSettings
from neuralpaint.pipelines.compare.sweep import Sweep, read_sweep
from neuralpaint.pipelines.learner import learner
from neuralpaint.runtime.devices import find_device
from neuralpaint.runtime.files import remove
from neuralpaint.runtime.threads import set_threads
from neuralpaint.video.formats import formats
from neuralpaint.video.sinks import check_clip

if TYPE_CHECKING:
    from neuralpaint.pipelines.compare.training import Watch
    from neuralpaint.training.learner import Learner

__all__ = ["Compare", "compare"]

_log = logging.getLogger(__name__)


def compare(
    source: Source,
    folder: str | Path,
    *,
    settings: CompareSettings | None = None,
    contestants: Sequence[Variant] = (),
    sweep: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    report: CompareReport = ignore,
    **options: object,
) -> CompareResult:
    """Train several networks on one picture, with the same seed and budget, and sum them up.

    A `KeyboardInterrupt` ends it with those who have finished; the result says so, and calling it
    again with `resume` goes on. A contestant that diverges, for whom memory does not suffice, or
    that fails in another way is reported and does not stop the others.

    Args:
        source: a path, an open binary file, or "-" for standard input.
        folder: where everything goes: tables, curves, pictures, a report and a race.
        settings: what all share; a comma-separated list of models, losses, optimizers, schedules or
            engines makes a contestant of every combination.
        contestants: more of them, or all: each a mapping of settings, such as
            `{"name": "slow", "model": "skipconn", "lr": 0.001, "optimizer.beta1": 0.8}`.
        sweep: a TOML file of contestants and of what they share; what is given here goes before.
        resume: whether contestants that `folder` has finished already are taken as they are.
        overwrite: whether a comparison in `folder` may be replaced.
        report: called with the progress, several times a second.
        **options: fields of `CompareSettings`, in place of `settings`: for example
            `model="skipconn,fourier", seconds=10`.

    Raises:
        UsageError: an option cannot be used, for any of the contestants, or the folder.
        PictureError: the picture cannot be read.
        DeviceError: the device is not there.
        EncodingError: ffmpeg is missing, or a file cannot be written.
    """
    chosen = dict(options) if settings is None else settings.changes()
    if settings is not None and options:
        CompareSettings.given(settings, options)
    read = Sweep() if sweep is None else read_sweep(sweep)
    read = replace(read, singles=(*read.singles, *contestants))
    job = Compare(source, folder, chosen=chosen, sweep=read, resume=resume, overwrite=overwrite)
    return job.run(report)


class Compare:
    """One comparison; all that can be checked is checked, for everybody, before it begins."""

    def __init__(
        self,
        source: Source,
        folder: str | Path,
        *,
        chosen: Mapping[str, Any],
        sweep: Sweep,
        resume: bool = False,
        overwrite: bool = False,
    ) -> None:
        """Prepare it with settings that were `chosen` and those in a sweep."""
        self._began = time.perf_counter()
        self._resume = resume
        self.settings = sweep.settings(chosen)
        self.contestants = sweep.contestants(self.settings, chosen)
        self.folder = Folder(folder)
        self.folder.check(source, resume=resume, overwrite=overwrite)
        check_clip(self.folder.path.parent / "race.mp4", formats["mp4"](), overwrite=True)
        text_width("dB", 20)  # fails where no type can be set
        self.device = find_device(self.settings.machine.device).type
        self.picture = self.settings.picture.load(source)
        self._layout = layout_of(self.picture, self.settings, contestants=len(self.contestants))
        sizes = [self._check(contestant) for contestant in self.contestants]
        self._weights = [size and size[0] for size in sizes]
        steps = next((size[1] for size in sizes if size is not None), None)
        if self.settings.budget[1] is None and steps is not None:
            # Where nothing says how many, everybody gets those that suit the first.
            self.settings = self.settings.replaced(steps=steps)
            self.contestants = sweep.contestants(self.settings, chosen)
        picture = fingerprint(self.picture)
        self._digests = {
            each.slug: digest_of(each.settings, picture=picture) for each in self.contestants
        }

    def _check(self, contestant: Contestant) -> tuple[int, int] | None:
        """Return a contestant's weights and steps, None where it cannot even begin."""
        try:
            pupil = learner(self.picture, contestant.settings)
        except UsageError as error:
            raise UsageError(f"contestant {contestant.name!r}: {error}") from None
        except MISHAPS:  # told, in its turn, like one that fails on the way
            return None
        return pupil.weights, pupil.steps

    def facts(self) -> dict[str, Any]:
        """Return what is going to be done, for a person or a program to read."""
        unit, amount = self.settings.budget
        return {
            "input": self.picture.name,
            "input_width": self.picture.width,
            "input_height": self.picture.height,
            "output": str(self.folder.path),
            "contestants": [
                {
                    "name": contestant.name,
                    "weights": weights,
                    "resumed": contestant.slug in self._finished,
                    "settings": contestant.settings.changes(),
                }
                for contestant, weights in zip(self.contestants, self._weights, strict=True)
            ],
            "budget": f"{amount:g} {unit} each",
            "train_on": self.settings.optimization.train_on,
            "race": None
            if self.settings.no_race
            else f"{self._layout.width}x{self._layout.height}, {self.settings.duration:g} s",
            "device": self.device,
            "seed": self.settings.optimization.seed,
        }

    def run(self, report: CompareReport = ignore) -> CompareResult:
        """Train everybody who is not there yet, one after another, and sum all of them up.

        The first KeyboardInterrupt ends the training, the second the rest.
        """
        from neuralpaint.pipelines.compare.summary import summarise

        plots = has_matplotlib()
        if not plots:
            _log.warning(
                "curves.png and curves.svg are left out, because matplotlib is missing: "
                "run pip install 'neuralpaint[plots]'"
            )
        outcomes = dict(self._finished)
        self.folder.make()
        interrupted = False
        try:
            self._train(outcomes, report)
        except KeyboardInterrupt:
            interrupted = True
            if not outcomes:
                raise
        finally:
            if not outcomes:
                self.folder.leave()
        report(CompareProgress("summarise", 1.0, count=len(self.contestants)))
        entered = [outcomes[c.slug] for c in self.contestants if c.slug in outcomes]
        result = self._result(entered, interrupted=interrupted)
        files = summarise(
            result,
            self.picture,
            self.folder,
            entered,
            plots=plots,
            keep=None if self._resume else list(self._digests.values()),
            elapsed=self._elapsed,
        )
        return replace(result, files=tuple(files), total_seconds=self._elapsed())

    def _elapsed(self) -> float:
        return time.perf_counter() - self._began

    def _result(self, entered: Sequence[Outcome], *, interrupted: bool) -> CompareResult:
        from neuralpaint.pipelines.bench.machine import this_machine

        there = {outcome.slug for outcome in entered}
        return CompareResult(
            folder=self.folder.path,
            picture=self.picture.name,
            height=self.picture.height,
            width=self.picture.width,
            settings=self.settings,
            outcomes=tuple(sorted(entered, key=_rank)),
            machine=this_machine(
                device=self.device, threads=set_threads(self.settings.machine.threads)
            ),
            missing=tuple(each.name for each in self.contestants if each.slug not in there),
            interrupted=interrupted,
        )

    @cached_property
    def _finished(self) -> dict[str, Outcome]:
        """What an earlier run has left, by slug, if it is to be taken."""
        if not self._resume:
            return {}
        found = {}
        for contestant in self.contestants:
            folder = self.folder.contestant(self._digests[contestant.slug])
            moments = [] if self.settings.no_race else self.settings.fractions
            outcome = read_record(contestant, folder, moments=moments)
            if outcome is not None:
                found[contestant.slug] = outcome
        return found

    def _train(self, outcomes: dict[str, Outcome], report: CompareReport) -> None:
        """Train who is not among the outcomes yet, and add them."""
        from neuralpaint.pipelines.compare.training import Training

        ahead = [contestant for contestant in self.contestants if contestant.slug not in outcomes]
        for behind, contestant in enumerate(ahead):
            digest = self._digests[contestant.slug]
            folder = self.folder.make_contestant(digest)
            remove(folder / "record.json")  # from now on it is not whole
            training = Training(
                contestant,
                self.picture,
                settings=self.settings,
                cell=None if self.settings.no_race else self._layout.film,
                watch=self._watch(contestant, report, behind=behind, all_of=len(ahead)),
            )
            try:
                outcome = training.run(folder)
            except BaseException:  # half of it would never be asked for again
                self.folder.forget(digest)
                raise
            write_record(outcome, folder)
            outcomes[contestant.slug] = outcome
            if outcome.status != "finished":
                _log.warning("%s: %s (%s)", contestant.name, outcome.verdict, outcome.message)

    def _watch(
        self, contestant: Contestant, report: CompareReport, *, behind: int, all_of: int
    ) -> Watch:
        """Return what hears how far a contestant is, where `behind` have come to an end."""
        number = self.contestants.index(contestant) + 1

        def watch(pupil: Learner, loss: float, psnr: float | None, done: float) -> None:
            report(
                CompareProgress(
                    phase="train",
                    done=(behind + done) / all_of,
                    contestant=contestant.name,
                    number=number,
                    count=len(self.contestants),
                    step=pupil.step,
                    steps=pupil.steps,
                    train_seconds=pupil.seconds,
                    loss=loss,
                    psnr=psnr,
                )
            )

        return watch


def _rank(outcome: Outcome) -> tuple[bool, float]:
    """Return by what outcomes are ordered: who finished first, and of these the best first."""
    best = -math.inf if math.isnan(outcome.score) else outcome.score
    return outcome.status != "finished", -best
