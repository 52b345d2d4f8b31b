"""Notes taken while measuring, of which the result is made, at the end or at an interruption."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from neuralpaint.pipelines.bench.curve import Curve, best_so_far, seconds_to
from neuralpaint.pipelines.bench.result import (
    REFERENCE,
    Engines,
    ModelResult,
    ReferenceResult,
    Speed,
)

__all__ = ["Notes"]

_LEVELS = (25.0, 28.0, 30.0, 32.0, 35.0)  # dB


class _Page:
    """What is noted about one picture, by subject: a model, or the reference."""

    def __init__(self) -> None:
        self.points: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self.stills: dict[str, dict[float, float]] = defaultdict(dict)
        self.complete = False


class Notes:
    """Measurements by subject; those that depend on the picture by picture too."""

    def __init__(self) -> None:
        self.speeds: dict[str, Speed] = {}
        self.render_ms: dict[str, float] = {}
        self.encode_ms: float | None = None
        self.engines: Engines | None = None
        self._pages: list[_Page] = []

    def turn_page(self) -> None:
        """Begin with a new picture."""
        self._pages.append(_Page())

    def complete_page(self) -> None:
        """Say that the newest picture is done with."""
        self._pages[-1].complete = True

    def add_point(self, subject: str, *, seconds: float, psnr: float) -> None:
        """Note the PSNR in dB of the newest picture after some seconds of training."""
        self._pages[-1].points[subject].append((seconds, psnr))

    def add_still(self, subject: str, *, clock: float, psnr: float) -> None:
        """Note the PSNR in dB of the newest picture at one of the times that are asked for."""
        self._pages[-1].stills[subject][clock] = psnr

    def models(self, names: Sequence[str]) -> tuple[ModelResult, ...]:
        """Return what was measured of each model."""
        return tuple(self._model(name) for name in names)

    def reference(self) -> ReferenceResult | None:
        """Return what was measured of the reference; None before its end."""
        psnr = self._mean_stills(REFERENCE)
        if not psnr:
            return None
        return ReferenceResult(max(psnr), psnr, self._curve(REFERENCE))

    def _model(self, name: str) -> ModelResult:
        curve, reference = self._curve(name), self.reference()
        match = ratio = None
        if reference is not None:
            match = seconds_to(curve, reference.psnr[reference.seconds])
            ratio = None if match is None else reference.seconds / match
        return ModelResult(
            model=name,
            speed=self.speeds.get(name),
            render_ms=self.render_ms.get(name),
            psnr=self._mean_stills(name),
            reached={level: seconds_to(curve, level) for level in _LEVELS},
            match_seconds=match,
            ratio=ratio,
            curve=curve,
        )

    def _curve(self, subject: str) -> Curve:
        return best_so_far([page.points[subject] for page in self._read()])

    def _mean_stills(self, subject: str) -> dict[float, float]:
        stills = [page.stills[subject] for page in self._read()]
        clocks = sorted({clock for each in stills for clock in each})
        return {
            clock: sum(each[clock] for each in stills) / len(stills)
            for clock in clocks
            if all(clock in each for each in stills)
        }

    def _read(self) -> list[_Page]:
        """Return the pages of the pictures that are done, or the first: every mean is of these."""
        return [page for page in self._pages if page.complete] or self._pages[:1]
