"""The bench: what is measured, in which order, and what is told while it goes on."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralpaint.errors import UsageError
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.image.pictures import Picture, Source
from neuralpaint.image.stills import check_still, save_still
from neuralpaint.image.typography import text_width
from neuralpaint.pipelines.bench.agenda import Agenda
from neuralpaint.pipelines.bench.notes import Notes
from neuralpaint.pipelines.bench.result import (
    REFERENCE,
    BenchReport,
    BenchResult,
    ignore,
)
from neuralpaint.pipelines.bench.settings import BenchSettings
from neuralpaint.runtime.devices import find_device
from neuralpaint.runtime.threads import set_threads
from neuralpaint.video.formats import formats
from neuralpaint.video.sinks import check_clip

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting
    from neuralpaint.pipelines.bench.machine import Machine

__all__ = ["SAMPLE", "Bench", "bench"]

SAMPLE = Path(__file__).with_name("rocket.jpg")
"""The photograph that is learned where no other is given; rocket.txt says whose it is."""

_LONGEST = 1920  # pixels: `neuralpaint video` films no larger without being asked
_FILMED = 3  # one look in so many is filmed


def bench(
    *sources: Source,
    output: str | Path | None = None,
    settings: BenchSettings | None = None,
    overwrite: bool = False,
    report: BenchReport = ignore,
    **options: object,
) -> BenchResult:
    """Measure what this machine does: speed, the cost of filming, quality by the clock.

    A `KeyboardInterrupt` ends it with what has been measured so far; the result says so.

    Args:
        *sources: pictures to learn; none for a photograph that comes with neuralpaint.
        output: a still to draw the curves into.
        settings: what to measure, and where.
        overwrite: whether `output` may exist.
        report: called with the progress, several times a second.
        **options: fields of `BenchSettings`, in place of `settings`: for example `seconds=30`.

    Raises:
        UsageError: an option cannot be used, or the output exists or cannot be there.
        PictureError: a picture cannot be read.
        DeviceError: the device is not there or has too little memory.
        DivergedError: the loss of a model became NaN.
        EncodingError: ffmpeg is missing, or the output cannot be written.
    """
    chosen = BenchSettings.given(settings, options)
    return Bench(*sources, output=output, settings=chosen, overwrite=overwrite).run(report)


class Bench:
    """One round of measurements; all that can be checked is checked before it begins."""

    def __init__(
        self,
        *sources: Source,
        output: str | Path | None = None,
        settings: BenchSettings,
        overwrite: bool = False,
    ) -> None:
        self._began = time.perf_counter()
        self._output = None if output is None else Path(output)
        self._overwrite = overwrite
        if self._output is not None:
            check_still(self._output, overwrite=overwrite)
            _check_apart(self._output, sources)
            text_width("dB", 20)  # fails where no type can be set
        # That ffmpeg is missing should not be found out after a minute.
        check_clip(Path(tempfile.gettempdir()) / "bench.mp4", formats["mp4"](), overwrite=True)
        self.settings = settings
        self.pictures = [settings.picture.load(source) for source in sources or (SAMPLE,)]
        self.device = find_device(settings.machine.device).type
        self._canvas, _ = CanvasSettings().views(self.pictures[0].canvas, longest=_LONGEST)
        self._notes = Notes()
        self._agenda = Agenda(settings, pictures=len(self.pictures))

    def facts(self) -> dict[str, Any]:
        """Return what is going to be measured, for a person or a program to read."""
        settings = self.settings
        return {
            "input": ", ".join(picture.name for picture in self.pictures),
            "models": ", ".join(settings.models),
            "trainings": ", ".join(f"{horizon:g} s" for horizon in settings.horizons),
            "reference": None if settings.no_reference else f"{REFERENCE}, {settings.seconds:g} s",
            "expected_time": f"{round(self._agenda.expected_seconds)} s",
            "device": self.device,
            "seed": settings.seed,
            "output": None if self._output is None else str(self._output),
        }

    def run(self, report: BenchReport = ignore) -> BenchResult:
        """Measure everything, or as much as there is before a KeyboardInterrupt."""
        from neuralpaint.pipelines.bench.machine import this_machine

        self._agenda.report = report
        self._threads = set_threads(self.settings.machine.threads)
        machine = this_machine(device=self.device, threads=self._threads)
        interrupted = False
        try:
            self._measure()
        except KeyboardInterrupt:
            interrupted = True
        result = self._result(machine, interrupted=interrupted)
        if result.output is not None:
            from neuralpaint.pipelines.bench.plot import draw_bench

            save_still(draw_bench(result), result.output, overwrite=self._overwrite)
        return result

    def _measure(self) -> None:
        for model in self.settings.models:
            self._measure_speed(model)
        if not self.settings.no_reference:
            self._measure_engines()
        for picture in self.pictures:
            self._notes.turn_page()
            for model in self.settings.models:
                self._measure_quality(model, picture)
            if not self.settings.no_reference:
                self._measure_reference(picture)
            self._notes.complete_page()

    def _measure_speed(self, model: str) -> None:
        from neuralpaint.pipelines.bench.speed import training_speed

        picture = self.pictures[0]
        self._agenda.tell("speed", model, picture=picture.name)
        self._notes.speeds[model] = training_speed(
            picture, self.settings.training(model), threads=self._threads
        )
        self._agenda.tick("speed")

    def _measure_engines(self) -> None:
        from neuralpaint.pipelines.bench.engines import compare_engines

        self._agenda.tell("speed", "numpy engine", picture=self.pictures[0].name)
        self._notes.engines = compare_engines(
            self.pictures[0], threads=self._threads, seed=self.settings.seed
        )
        self._agenda.tick("speed")

    def _measure_quality(self, model: str, picture: Picture) -> None:
        from neuralpaint.pipelines.bench.quality import train_by_clock

        training = self.settings.training(model)
        for horizon in self.settings.horizons:
            watch = self._agenda.watch(model, picture=picture.name, horizon=horizon)
            looks = []
            for look in train_by_clock(picture, training, seconds=horizon, watch=watch):
                self._notes.add_point(model, seconds=look.seconds, psnr=look.psnr)
                looks.append(look)
            if horizon in self.settings.clocks:
                self._notes.add_still(model, clock=horizon, psnr=looks[-1].psnr)
            self._agenda.tick(horizon)
        if picture is self.pictures[0]:
            self._film(model, [look.painting for look in looks[::-_FILMED]])

    def _film(self, model: str, paintings: Sequence[Painting]) -> None:
        from neuralpaint.pipelines.bench.filming import encoding_ms, film

        self._agenda.tell("film", model, picture=self.pictures[0].name)
        frames, self._notes.render_ms[model] = film(paintings, self._canvas)
        if self._notes.encode_ms is None:  # what the frames show hardly matters
            self._notes.encode_ms = encoding_ms(frames)
        self._agenda.tick("film")

    def _measure_reference(self, picture: Picture) -> None:
        from neuralpaint.pipelines.bench.reference import train_reference

        settings = self.settings
        watch = self._agenda.watch(REFERENCE, picture=picture.name, horizon=settings.seconds)
        looks = train_reference(
            picture, clocks=settings.clocks, device=self.device, threads=self._threads,
            seed=settings.seed, watch=watch,
        )  # fmt: skip
        for look in looks:
            self._notes.add_point(REFERENCE, seconds=look.seconds, psnr=look.psnr)
            if look.clock in settings.clocks:
                self._notes.add_still(REFERENCE, clock=look.clock, psnr=look.psnr)
        self._agenda.tick(settings.seconds)

    def _result(self, machine: Machine, *, interrupted: bool) -> BenchResult:
        notes, first = self._notes, self.pictures[0]
        models = notes.models(self.settings.models)
        drawn = self._output is not None and any(model.curve for model in models)
        return BenchResult(
            machine=machine,
            pictures=tuple(picture.name for picture in self.pictures),
            height=first.height,
            width=first.width,
            seconds=self.settings.seconds,
            seed=self.settings.seed,
            models=models,
            reference=notes.reference(),
            frame_height=self._canvas.height,
            frame_width=self._canvas.width,
            encode_ms=notes.encode_ms,
            engines=notes.engines,
            output=self._output if drawn else None,
            total_seconds=time.perf_counter() - self._began,
            interrupted=interrupted,
        )


def _check_apart(output: Path, sources: Sequence[Source]) -> None:
    """Raise if the output would replace an input."""
    paths = [Path(source) for source in sources if isinstance(source, str | Path)]
    if output.exists() and any(path.exists() and path.samefile(output) for path in paths):
        raise UsageError(f"output {str(output)!r} is an input: choose another name")
