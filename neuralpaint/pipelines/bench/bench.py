"""The bench: its settings, and the job that measures everything in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from neuralpaint.config.settings import ComposedSettings, group, setting
from neuralpaint.errors import UsageError
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.image.pictures import Picture, PictureSettings, Source
from neuralpaint.image.still_files import check_still, save_still
from neuralpaint.models import models
from neuralpaint.pipelines.bench.result import REFERENCE, BenchResult, Measurements, draw_bench
from neuralpaint.pipelines.charts import has_matplotlib
from neuralpaint.runtime.devices import Machine, find_device, this_machine
from neuralpaint.runtime.files import temporary_folder
from neuralpaint.runtime.progress import Progress, Report, ignore
from neuralpaint.runtime.threads import set_threads
from neuralpaint.training.settings import DeviceSettings, TrainingSettings
from neuralpaint.video.formats import formats
from neuralpaint.video.sinks import check_clip

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = ["SAMPLE", "Bench", "BenchSettings", "bench"]

SAMPLE = Path(__file__).with_name("rocket.jpg")
"""The photograph that is learned unless another is given; rocket.txt names its author."""

_CLOCKS = (1.0, 5.0, 10.0, 30.0, 60.0)  # seconds after which quality is usually compared
_DEFAULT_MODELS = ("fourier", "skipconn", "pyramid")
# An additional, very short training: a low PSNR is reached soonest with a short schedule.
_SHORTEST = 0.03  # of the longest training
_LONGEST_SIDE = 1920  # pixels: the largest frames of `neuralpaint video` by default
_FILM_EVERY = 3  # of the points of the longest training, every third is filmed

_SPEED_SECONDS, _FILM_SECONDS = 1.5, 3.0  # expected
_MEASURING = 1.25  # times the expected time, because trainings are measured on the way


@dataclass(frozen=True, init=False)
class BenchSettings(ComposedSettings):
    """What to measure, and on which device."""

    section: ClassVar[str] = "Training"

    model: str = setting(
        "", "model to measure; may be given several times; unset, fourier, skipconn and pyramid",
        entries=models, repeatable=True,
    )  # fmt: skip
    seconds: float = setting(
        10.0, "length of the longest training of a model; there is one for each of 1, 5, 10, 30 "
        "and 60 seconds up to this", unit="seconds", above=0.0, maximum=86_400,
    )  # fmt: skip
    no_reference: bool = setting(False, "skip the comparisons: the plain loop and the numpy engine")
    seed: int = setting(0, "same seed: same initial weights", minimum=0, maximum=2**63 - 1)
    machine: DeviceSettings = group(DeviceSettings)
    picture: PictureSettings = group(PictureSettings)

    @property
    def models(self) -> tuple[str, ...]:
        """The models to measure, each once."""
        chosen = models.parse_list(self.model) or [models.parse(name) for name in _DEFAULT_MODELS]
        return tuple(dict.fromkeys(models.spec(model) for model in chosen))

    @property
    def clocks(self) -> tuple[float, ...]:
        """The seconds of training after which quality is reported."""
        return (*(clock for clock in _CLOCKS if clock < self.seconds), self.seconds)

    @property
    def durations(self) -> tuple[float, ...]:
        """The seconds of each training of a model, the shortest first."""
        return (_SHORTEST * self.seconds, *self.clocks)

    def training(self, model: str) -> TrainingSettings:
        """Return the settings of a training: the defaults of every other command."""
        return TrainingSettings(model=model, seed=self.seed, machine=self.machine)


def bench(
    *sources: Source,
    output: str | Path | None = None,
    settings: BenchSettings | None = None,
    overwrite: bool = False,
    report: Report = ignore,
    **options: object,
) -> BenchResult:
    """Measure this machine: speed, the time to film, and quality after seconds of training.

    A `KeyboardInterrupt` ends it with the measurements so far; the result is marked as interrupted.

    Args:
        *sources: pictures to learn; none for a photograph that is installed with neuralpaint.
        output: a still for the chart of the curves.
        settings: what to measure, and on which device.
        overwrite: whether `output` may exist.
        report: called with the progress, several times a second.
        **options: fields of `BenchSettings`, instead of `settings`: for example `seconds=30`.

    Raises:
        UsageError: an option is not valid, or the output exists or cannot be written there.
        PictureError: a picture cannot be read.
        DeviceError: the device does not exist or has too little memory.
        DivergedError: the loss of a model became NaN.
        EncodingError: ffmpeg is missing, or the output cannot be written.
    """
    chosen = BenchSettings.given(settings, options)
    return Bench(*sources, output=output, settings=chosen, overwrite=overwrite).run(report)


def _expected_work(settings: BenchSettings, *, pictures: int) -> float:
    """Return the expected seconds of everything but the measurements during the trainings."""
    count = len(settings.models)
    work = count * (_SPEED_SECONDS + _FILM_SECONDS) + pictures * count * sum(settings.durations)
    if not settings.no_reference:
        work += _SPEED_SECONDS + pictures * settings.seconds
    return work


class Bench:
    """One run of all measurements; everything that can be checked is checked before it starts."""

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
            _check_chart(self._output, sources)
        # A missing ffmpeg is reported now and not after a minute.
        check_clip(temporary_folder() / "bench.mp4", formats["mp4"](), overwrite=True)
        self.settings = settings
        self.pictures = [settings.picture.load(source) for source in sources or (SAMPLE,)]
        self.device = find_device(settings.machine.device).type
        self._canvas, _ = CanvasSettings().views(self.pictures[0].canvas, longest=_LONGEST_SIDE)
        self._measurements = Measurements()
        self._work = _expected_work(settings, pictures=len(self.pictures))
        self._done = 0.0  # seconds of `_work`
        self._report: Report = ignore

    def facts(self) -> dict[str, Any]:
        """Return the plan of the measurements, for --dry-run and --json."""
        settings = self.settings
        return {
            "input": ", ".join(picture.name for picture in self.pictures),
            "models": ", ".join(settings.models),
            "trainings": ", ".join(f"{seconds:g} s" for seconds in settings.durations),
            "reference": None if settings.no_reference else f"{REFERENCE}, {settings.seconds:g} s",
            "expected_time": f"{round(_MEASURING * self._work)} s",
            "device": self.device,
            "seed": settings.seed,
            "output": None if self._output is None else str(self._output),
        }

    def run(self, report: Report = ignore) -> BenchResult:
        """Measure everything, or as much as possible before a KeyboardInterrupt."""
        self._report = report
        self._threads = set_threads(self.settings.machine.threads)
        machine = this_machine(device=self.device, threads=self._threads)
        interrupted = False
        try:
            self._measure()
        except KeyboardInterrupt:
            interrupted = True
        result = self._result(machine, interrupted=interrupted)
        if result.output is not None:
            save_still(draw_bench(result), result.output, overwrite=self._overwrite)
        return result

    def _measure(self) -> None:
        for model in self.settings.models:
            self._measure_speed(model)
        if not self.settings.no_reference:
            self._measure_engines()
        for picture in self.pictures:
            self._measurements.begin_picture()
            for model in self.settings.models:
                self._measure_quality(model, picture)
            if not self.settings.no_reference:
                self._measure_reference(picture)
            self._measurements.end_picture()

    def _measure_speed(self, model: str) -> None:
        from neuralpaint.pipelines.bench.cost import training_speed

        picture = self.pictures[0]
        self._progress("speed", model, picture)
        self._measurements.speeds[model] = training_speed(
            picture, self.settings.training(model), threads=self._threads
        )
        self._done += _SPEED_SECONDS

    def _measure_engines(self) -> None:
        from neuralpaint.pipelines.bench.cost import compare_engines

        self._progress("speed", "numpy engine", self.pictures[0])
        self._measurements.engines = compare_engines(
            self.pictures[0], threads=self._threads, seed=self.settings.seed
        )
        self._done += _SPEED_SECONDS

    def _measure_quality(self, model: str, picture: Picture) -> None:
        from neuralpaint.pipelines.bench.quality import train_by_clock

        training = self.settings.training(model)
        for seconds in self.settings.durations:
            report = self._training_report(model, picture, seconds=seconds)
            points = []
            for point in train_by_clock(picture, training, seconds=seconds, on_progress=report):
                self._measurements.add_point(model, seconds=point.seconds, psnr=point.psnr)
                points.append(point)
            if seconds in self.settings.clocks:
                self._measurements.add_still(model, clock=seconds, psnr=points[-1].psnr)
            self._done += seconds
        if picture is self.pictures[0]:
            self._film(model, [point.painting for point in points[::-_FILM_EVERY]])

    def _film(self, model: str, paintings: Sequence[Painting]) -> None:
        from neuralpaint.pipelines.bench.cost import encoding_ms, film

        self._progress("film", model, self.pictures[0])
        frames, self._measurements.render_ms[model] = film(paintings, self._canvas)
        if self._measurements.encode_ms is None:  # it hardly depends on the model
            self._measurements.encode_ms = encoding_ms(frames)
        self._done += _FILM_SECONDS

    def _measure_reference(self, picture: Picture) -> None:
        from neuralpaint.pipelines.bench.reference import train_reference

        clocks, seconds = self.settings.clocks, self.settings.seconds
        points = train_reference(
            picture,
            clocks=clocks,
            device=self.device,
            threads=self._threads,
            seed=self.settings.seed,
            on_progress=self._training_report(REFERENCE, picture, seconds=seconds),
        )
        for point in points:
            self._measurements.add_point(REFERENCE, seconds=point.seconds, psnr=point.psnr)
            if point.clock in clocks:
                self._measurements.add_still(REFERENCE, clock=point.clock, psnr=point.psnr)
        self._done += seconds

    def _training_report(
        self, name: str, picture: Picture, *, seconds: float
    ) -> Callable[[float, float | None], None]:
        """Return a function that reports the seconds trained so far, and the newest PSNR."""

        def report(trained: float, psnr: float | None) -> None:
            self._progress("train", name, picture, seconds=seconds, trained=trained, psnr=psnr)

        return report

    def _progress(
        self, phase: str, name: str, picture: Picture, *, seconds: float | None = None,
        trained: float = 0.0, psnr: float | None = None,
    ) -> None:  # fmt: skip
        done = (self._done + min(trained, seconds or 0.0)) / self._work
        details = {"subject": name, "picture": picture.name, "seconds": seconds}
        self._report(Progress(phase, done, train_seconds=trained, psnr=psnr, details=details))

    def _result(self, machine: Machine, *, interrupted: bool) -> BenchResult:
        measured, first = self._measurements, self.pictures[0]
        results = measured.models(self.settings.models)
        drawn = self._output is not None and any(model.curve for model in results)
        return BenchResult(
            machine=machine,
            pictures=tuple(picture.name for picture in self.pictures),
            height=first.height,
            width=first.width,
            seconds=self.settings.seconds,
            seed=self.settings.seed,
            models=results,
            reference=measured.reference(),
            frame_height=self._canvas.height,
            frame_width=self._canvas.width,
            encode_ms=measured.encode_ms,
            engines=measured.engines,
            output=self._output if drawn else None,
            total_seconds=time.perf_counter() - self._began,
            interrupted=interrupted,
        )


def _check_chart(output: Path, sources: Sequence[Source]) -> None:
    """Raise UsageError if the chart cannot be drawn or would replace an input."""
    paths = [Path(source) for source in sources if isinstance(source, str | Path)]
    if output.exists() and any(path.exists() and path.samefile(output) for path in paths):
        raise UsageError(f"output {str(output)!r} is an input: choose another name")
    if not has_matplotlib():
        raise UsageError(
            "--output needs matplotlib, which draws the chart: pip install 'neuralpaint[plots]'"
        )
