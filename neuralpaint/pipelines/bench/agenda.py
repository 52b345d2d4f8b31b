"""The agenda: what is to be measured, how long that takes, and how far it has come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from neuralpaint.pipelines.bench.result import BenchProgress, BenchReport
from neuralpaint.pipelines.bench.settings import BenchSettings

if TYPE_CHECKING:
    from neuralpaint.pipelines.bench.quality import Watch

__all__ = ["Agenda"]

# About what these take, in seconds; a training takes what it is given.
_SPEED, _FILM = 1.5, 3.0
_LOOKING = 1.25  # looking at what was learned takes a quarter of the time again


class Agenda:
    """Tells whoever listens where the bench is; `tick` says that something is done."""

    def __init__(self, settings: BenchSettings, *, pictures: int) -> None:
        models = len(settings.models)
        trainings = models * sum(settings.horizons)
        if not settings.no_reference:
            trainings += settings.seconds
        self._total = pictures * trainings + models * (_SPEED + _FILM)
        self._total += 0 if settings.no_reference else _SPEED
        self._passed = 0.0
        self.report: BenchReport | None = None

    @property
    def expected_seconds(self) -> float:
        """About how long it takes in all."""
        return _LOOKING * self._total

    def tell(self, phase: Literal["speed", "film"], subject: str, *, picture: str) -> None:
        """Tell what begins."""
        self._report(BenchProgress(phase, self._passed / self._total, subject, picture))

    def watch(self, subject: str, *, picture: str, horizon: float) -> Watch:
        """Return what hears how far a training of `horizon` seconds is."""

        def watch(seconds: float, psnr: float | None) -> None:
            done = (self._passed + min(seconds, horizon)) / self._total
            self._report(BenchProgress("train", done, subject, picture, horizon, seconds, psnr))

        return watch

    def tick(self, done: Literal["speed", "film"] | float) -> None:
        """Say that something is done, or a training of so many seconds."""
        seconds = {"speed": _SPEED, "film": _FILM}
        self._passed += done if isinstance(done, float) else seconds[done]

    def _report(self, progress: BenchProgress) -> None:
        if self.report is not None:
            self.report(progress)
