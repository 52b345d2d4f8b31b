"""`compare`: one job that tries every variant, measures it, and sums the results up."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np
from PIL import Image

from neuralpaint.config.presets import expanded
from neuralpaint.errors import NeuralPaintError, UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.image.pictures import Picture, Source
from neuralpaint.image.still_files import save_still
from neuralpaint.image.typography import text_width
from neuralpaint.pipelines.charts import draw_figure, has_matplotlib
from neuralpaint.pipelines.compare.detail import DetailMeter
from neuralpaint.pipelines.compare.folder import Folder, csv_of, json_of
from neuralpaint.pipelines.compare.outcome import FAILURES, Outcome, RaceOutcome
from neuralpaint.pipelines.compare.race import film_race, layout_of
from neuralpaint.pipelines.compare.records import digest_of, fingerprint, read_record, write_record
from neuralpaint.pipelines.compare.result import (
    CompareResult,
    Comparison,
)
from neuralpaint.pipelines.compare.settings import CompareSettings
from neuralpaint.pipelines.compare.sweep import Sweep, read_sweep
from neuralpaint.pipelines.compare.variants import Changes, Variant
from neuralpaint.pipelines.executors import TRAINING_MEMORY, PlacementSettings
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.pipelines.outputs import cover_of
from neuralpaint.runtime.devices import find_device
from neuralpaint.runtime.files import remove
from neuralpaint.runtime.progress import Progress, Report, ignore
from neuralpaint.runtime.tasks import Ended, Failed, Finished, Reported, Task, TaskRun
from neuralpaint.runtime.threads import ensure_threads, set_threads
from neuralpaint.training.settings import DeviceSettings
from neuralpaint.training.viewer import Viewer
from neuralpaint.video.drawing import Frame
from neuralpaint.video.formats import formats
from neuralpaint.video.sinks import check_clip

if TYPE_CHECKING:
    from neuralpaint.runtime.devices import Machine

__all__ = ["Job", "Race", "compare", "read_still"]

_log = logging.getLogger(__name__)


def compare(
    source: Source,
    folder: str | Path,
    *,
    settings: CompareSettings | None = None,
    contestants: Sequence[Changes] = (),
    sweep: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    placement: PlacementSettings | None = None,
    report: Report = ignore,
    **options: object,
) -> CompareResult:
    """Train several networks on one picture, with the same seed and budget, and compare them.

    A `KeyboardInterrupt` ends the training; the result contains the variants that have finished,
    and calling it again with `resume` trains the others. A variant that diverges, or that needs too
    much memory, does not stop the others.

    Args:
        source: a path, an open binary file, or "-" for standard input.
        folder: the output folder, for tables, curves, pictures, a report and a race.
        settings: the shared settings; every combination of a comma-separated list of models,
            losses, optimizers, schedules or engines is a variant.
        contestants: further variants, each a mapping of settings, such as
            `{"name": "slow", "model": "skipconn", "lr": 0.001, "optimizer.beta1": 0.8}`.
        sweep: a TOML file of variants and shared settings; arguments take precedence over it.
        resume: whether variants that are already finished in `folder` are not trained again.
        overwrite: whether a comparison in `folder` may be replaced.
        placement: where variants are trained, and how many at once; None: one after another, in
            this process.
        report: called with the progress, several times a second.
        **options: fields of `CompareSettings`, in place of `settings`: for example
            `model="skipconn,fourier", seconds=10`.

    Raises:
        UsageError: an option of any variant, or the folder, cannot be used.
        PictureError: the picture cannot be read.
        DeviceError: the device does not exist.
        EncodingError: ffmpeg is missing, or a file cannot be written.
    """
    chosen = expanded(CompareSettings, options) if settings is None else settings.changes()
    if settings is not None and options:
        CompareSettings.given(settings, options)
    read = Sweep() if sweep is None else read_sweep(sweep)
    read = replace(read, singles=(*read.singles, *contestants))
    job = Race(
        source,
        folder,
        chosen=chosen,
        sweep=read,
        resume=resume,
        overwrite=overwrite,
        placement=placement,
    )
    return job.run(report)


O = TypeVar("O", bound=Outcome)  # noqa: E741 - of outcome
R = TypeVar("R", bound=Comparison[Any])


class Job(ABC, Generic[O, R]):
    """A comparison; everything that can be checked is checked before it begins."""

    role: ClassVar[str]
    """The word for a variant in messages and in the progress."""
    variants: tuple[Variant, ...]
    picture: Picture
    """What every variant learns."""
    _keep: Sequence[str] | None = ()
    """The variants, by digest, whose files stay in the folder; None for all."""

    def __init__(self, folder: str | Path) -> None:
        self._began = time.perf_counter()
        self.folder = Folder(folder)
        text_width("dB", 20)  # fails if no text can be drawn

    @property
    def canvas(self) -> Canvas:
        """The canvas of the picture at its own size."""
        return self.picture.canvas

    def run(self, report: Report = ignore, viewer: Viewer | None = None) -> R:
        """Try every variant that is not finished yet, and write the results.

        A `viewer` watches the trainings.

        The first KeyboardInterrupt ends the trials, and the results so far are written; the second
        ends that too.
        """
        outcomes = dict(self.finished)
        pending = [each for each in self.variants if each.slug not in outcomes]
        interrupted = False
        self.folder.make()
        try:
            self._begin()
            try:
                for outcome in self._attempts(pending, report, viewer or Viewer()):
                    outcomes[outcome.slug] = outcome
                    if outcome.status != "finished":
                        _log.warning("%s: %s (%s)", outcome.name, outcome.verdict, outcome.message)
            except KeyboardInterrupt:
                interrupted = True
                if not self._has_results(outcomes):
                    raise
            report(Progress("summarise", 1.0, details=self._details(None)))
            tried = [outcomes[each.slug] for each in self.variants if each.slug in outcomes]
            missing = [each.name for each in self.variants if each.slug not in outcomes]
            return self._write_results(tried, missing=tuple(missing), interrupted=interrupted)
        finally:
            self.folder.remove_if_empty()

    @property
    def finished(self) -> Mapping[str, O]:
        """The outcomes of an earlier run, by the slug of the variant."""
        return {}

    def _begin(self) -> None:
        """Prepare the folder for the first variant."""

    def _attempts(self, pending: Sequence[Variant], report: Report, viewer: Viewer) -> Iterator[O]:
        """Try variants, one after another; yield each outcome."""
        for variant in pending:
            yield self._attempt(variant, self._reporter(variant, pending, report), viewer)

    @abstractmethod
    def _attempt(self, variant: Variant, report: Report, viewer: Viewer) -> O:
        """Try a variant. `report` is called with its progress, and `viewer` watches it learn."""

    def _has_results(self, outcomes: Mapping[str, O]) -> bool:
        """Return whether an interrupted comparison has results to be written."""
        return bool(outcomes)

    @abstractmethod
    def _result(self, outcomes: tuple[O, ...]) -> R:
        """Return the result of some outcomes, the best first."""

    @abstractmethod
    def _draw(self, result: R, tried: Sequence[O]) -> list[str]:
        """Write all files but the tables, and return their names; `tried` is in trial order."""

    def _write_results(
        self, tried: Sequence[O], *, missing: tuple[str, ...], interrupted: bool
    ) -> R:
        result = self._result(tuple(sorted(tried, key=lambda each: each.rank_key)))
        result = replace(result, missing=missing, interrupted=interrupted)
        files = [*self._draw(result, tried), "results.csv", "results.json"]
        self.folder.write("results.csv", csv_of(result.rows()))
        self.folder.tidy(made=files, keep=self._keep)
        seconds = time.perf_counter() - self._began
        result = replace(result, files=tuple(files), total_seconds=seconds)
        self.folder.write("results.json", json_of(result.content(), indent=1) + "\n")
        return result

    def _reporter(self, variant: Variant, pending: Sequence[Variant], report: Report) -> Report:
        """Return a callback for the progress of one variant; it reports the overall progress."""
        costs = [float(each.training is not None) for each in pending]  # a resampler takes no time
        index, total = pending.index(variant), max(1.0, sum(costs))
        details = self._details(variant)

        def show(progress: Progress) -> None:
            done = (sum(costs[:index]) + progress.done * costs[index]) / total
            report(replace(progress, done=done, details=details))

        return show

    def _details(self, variant: Variant | None) -> dict[str, Any]:
        name = "" if variant is None else variant.name
        number = 0 if variant is None else self.variants.index(variant) + 1
        return {self.role: name, "number": number, "count": len(self.variants)}

    def _size(self, variant: Variant, picture: Picture) -> tuple[int, int] | None:
        """Return the weights and steps of a variant; None if it needs too much memory.

        Raises:
            UsageError: its settings cannot be used.
        """
        if variant.training is None:
            return 0, 0
        try:
            network = learner(picture, variant.training)
        except UsageError as error:
            raise UsageError(f"{self.role} {variant.name!r}: {error}") from None
        except FAILURES:  # reported when it is tried
            return None
        return network.weights, network.steps

    def _machine(self, settings: DeviceSettings) -> Machine:
        from neuralpaint.runtime.devices import this_machine

        device = find_device(settings.device).type
        return this_machine(device=device, threads=ensure_threads())


class Race(Job[RaceOutcome, CompareResult]):
    """A comparison of trainings on one picture."""

    role = "contestant"

    def __init__(
        self,
        source: Source,
        folder: str | Path,
        *,
        chosen: Mapping[str, Any],
        sweep: Sweep,
        resume: bool = False,
        overwrite: bool = False,
        placement: PlacementSettings | None = None,
    ) -> None:
        """Prepare a race with the settings that were `chosen` and the settings of a sweep.

        With a `placement` that is not the default, variants train at the same time.
        """
        super().__init__(folder)
        self._resume, self._placement = resume, placement or PlacementSettings()
        self.settings = sweep.settings(chosen)
        set_threads(self.settings.machine.threads)
        self.variants = sweep.variants(self.settings, chosen)
        self.folder.check(source, resume=resume, overwrite=overwrite, empty=False)
        check_clip(self.folder.path.parent / "race.mp4", formats["mp4"](), overwrite=True)
        self.device = find_device(self.settings.machine.device).type
        self.picture = self.settings.picture.load(source)
        self._layout = layout_of(self.picture, self.settings, variants=len(self.variants))
        sizes = [self._size(each, self.picture) for each in self.variants]
        self._weights = [size and size[0] for size in sizes]
        steps = next((size[1] for size in sizes if size is not None), None)
        if self.settings.budget[1] is None and steps is not None:
            # Without a budget, all variants get the default number of steps of the first.
            self.settings = self.settings.replaced(steps=steps)
            self.variants = sweep.variants(self.settings, chosen)
        digest = fingerprint(self.picture)
        self._digests = {
            each.slug: digest_of(each.settings, picture=digest) for each in self.variants
        }
        self._keep = None if resume else list(self._digests.values())

    def facts(self) -> dict[str, Any]:
        """Return the plan of the race, for --dry-run and --json."""
        unit, amount = self.settings.budget
        size = f"{self._layout.width}x{self._layout.height}"
        return {
            "input": self.picture.name,
            "input_width": self.picture.width,
            "input_height": self.picture.height,
            "output": str(self.folder.path),
            "contestants": [
                {
                    "name": variant.name,
                    "weights": weights,
                    "resumed": variant.slug in self.finished,
                    "settings": variant.settings.changes(),
                }
                for variant, weights in zip(self.variants, self._weights, strict=True)
            ],
            "budget": f"{amount:g} {unit} each",
            "train_on": self.settings.optimization.train_on,
            "race": None if self.settings.no_race else f"{size}, {self.settings.duration:g} s",
            "device": self.device,
            "seed": self.settings.optimization.seed,
        }

    @cached_property
    def finished(self) -> Mapping[str, RaceOutcome]:
        """The outcomes of an earlier run, if it is resumed."""
        if not self._resume:
            return {}
        moments = [] if self.settings.no_race else self.settings.fractions
        found = {
            each.slug: read_record(
                each, self.folder.variant(self._digests[each.slug]), moments=moments
            )
            for each in self.variants
        }
        return {slug: outcome for slug, outcome in found.items() if outcome is not None}

    def _begin(self) -> None:
        if not has_matplotlib():
            _log.warning(
                "curves.png and curves.svg are left out, because matplotlib is missing: "
                "run pip install 'neuralpaint[plots]'"
            )

    def _attempts(
        self, pending: Sequence[Variant], report: Report, viewer: Viewer
    ) -> Iterator[RaceOutcome]:
        if not (self._placement.divides and pending):
            yield from super()._attempts(pending, report, viewer)
            return
        variants = {each.slug: each for each in pending}
        with self._placement.pool(
            device=self.settings.machine.device, memory=TRAINING_MEMORY, tasks=len(pending)
        ) as pool:
            run = TaskRun(pool, map(self._task, pending))
            done = dict.fromkeys(variants, 0.0)
            for event in run.events():
                variant = variants[event.key]
                if isinstance(event, Reported):
                    done[event.key] = event.progress.done
                    fraction, details = sum(done.values()) / len(done), self._details(variant)
                    report(replace(event.progress, done=fraction, details=details))
                elif isinstance(event, Ended):
                    done[event.key] = 1.0
                    outcome = self._outcome_of(variant, event)
                    if outcome is not None:
                        yield outcome
        if run.interrupted:
            raise KeyboardInterrupt

    def _task(self, variant: Variant) -> Task:
        from neuralpaint.pipelines.compare.training import train_variant

        folder = self.folder.variant(self._digests[variant.slug], make=True)
        remove(folder / "record.json")  # from now on it is incomplete
        size = None if self.settings.no_race else self._layout.film
        return Task(
            variant.slug,
            train_variant,
            (variant, self.picture, self.settings, size),
            outputs={"still": folder / "still.png", "film": folder / "film.mkv"},
        )

    def _outcome_of(self, variant: Variant, event: Ended) -> RaceOutcome | None:
        """Return the outcome of a task, and write its record; None if it was cancelled."""
        digest = self._digests[variant.slug]
        folder = self.folder.variant(digest)
        if not isinstance(event, Finished):
            self.folder.forget(digest)
            message = event.message if isinstance(event, Failed) else ""
            return RaceOutcome(variant, "failed", message) if message else None
        outcome: RaceOutcome = event.result
        outcome = replace(
            outcome,
            still=outcome.still and folder / "still.png",
            film=outcome.film and folder / "film.mkv",
        )
        write_record(outcome, folder)
        return outcome

    def _attempt(self, variant: Variant, report: Report, viewer: Viewer) -> RaceOutcome:
        from neuralpaint.pipelines.compare.training import Training

        digest = self._digests[variant.slug]
        folder = self.folder.variant(digest, make=True)
        remove(folder / "record.json")  # from now on it is incomplete
        training = Training(
            variant,
            self.picture,
            settings=self.settings,
            film_size=None if self.settings.no_race else self._layout.film,
            report=report,
            viewer=viewer,
        )
        try:
            outcome = training.run(folder)
        except BaseException:  # without a record, its files would never be removed
            self.folder.forget(digest)
            raise
        write_record(outcome, folder)
        return outcome

    def _result(self, outcomes: tuple[RaceOutcome, ...]) -> CompareResult:
        return CompareResult(
            folder=self.folder.path,
            picture=self.picture.name,
            height=self.picture.height,
            width=self.picture.width,
            settings=self.settings,
            original=DetailMeter(self.picture).original,
            outcomes=outcomes,
            machine=self._machine(self.settings.machine),
        )

    def _draw(self, result: CompareResult, tried: Sequence[RaceOutcome]) -> list[str]:
        """Write the stills, the grid, the curves, the race and the report."""
        from neuralpaint.pipelines.compare.maps import draw_grid, exhibit
        from neuralpaint.pipelines.compare.report import panels_of, write_report

        files = []
        for outcome in result.outcomes:
            if outcome.still is not None:
                self.folder.write(f"stills/{outcome.slug}.png", outcome.still.read_bytes())
                files.append(f"stills/{outcome.slug}.png")
        exhibits = [exhibit(each, _still(each, self.picture), self.picture) for each in
                    result.outcomes]  # fmt: skip
        save_still(draw_grid(self.picture, exhibits), self.folder.path / "grid.png", overwrite=True)
        files.append("grid.png")
        if has_matplotlib():
            title = f"{result.picture}, {result.width}x{result.height}"
            for kind, content in draw_figure(panels_of(result), title=title).items():
                self.folder.write(f"curves.{kind}", content)
                files.append(f"curves.{kind}")
        poster = None
        if not self.settings.no_race and any(outcome.film for outcome in tried):
            poster = film_race(
                self.folder.path / "race.mp4",
                self.picture,
                outcomes=tried,
                winner=result.winner,
                settings=self.settings,
            )
            files.append("race.mp4")
            if self.settings.cover:
                cover = cover_of(self.folder.path / "race.mp4")
                files.append(save_still(poster, cover, overwrite=True).name)
        page = write_report(result, self.picture, exhibits, poster=poster, files=files)
        self.folder.write("report.html", page)
        return [*files, "report.html"]


def _still(outcome: RaceOutcome, picture: Picture) -> Frame | None:
    """Return the final picture of a variant, uint8 (h, w, 3); None where there is none."""
    if outcome.still is None:
        return None
    try:
        frame = read_still(outcome.still)
        damage = "" if frame.shape == picture.pixels.shape else "it has another size"
    except (OSError, SyntaxError) as error:
        damage = str(error)
    if damage:
        raise NeuralPaintError(
            f"{str(outcome.still)!r} is damaged ({damage}): remove it and compare with --resume"
        )
    return frame


def read_still(path: Path) -> Frame:
    """Return a still as uint8 (h, w, 3)."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))
