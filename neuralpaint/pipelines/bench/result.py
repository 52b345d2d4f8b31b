"""The measurements of a bench: collected while it runs, then summed up in a result and a chart."""

from __future__ import annotations

import io
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from neuralpaint.image.pictures import Frame
from neuralpaint.pipelines import charts
from neuralpaint.runtime.devices import Machine

__all__ = [
    "REFERENCE",
    "BenchResult",
    "Curve",
    "Engines",
    "Measurements",
    "ModelResult",
    "ReferenceResult",
    "Speed",
    "best_so_far",
    "draw_bench",
    "seconds_to",
]

REFERENCE = "plain loop"
"""The name of the reference, beside the names of models."""

_LEVELS = (25.0, 28.0, 30.0, 32.0, 35.0)  # dB
_INCHES = (1600 / 150, 1000 / 150)

Curve = tuple[tuple[float, float], ...]
"""(seconds, PSNR in dB), both rising; the PSNR holds until the next point."""


@dataclass(frozen=True)
class Speed:
    """How fast a model trains."""

    batch: int  # pixels per step
    width: int  # units of a hidden layer
    ms_per_step: float
    mpx_per_second: float
    step_gflop: float  # the matrix products of a step
    gflops: float  # of these products per second, in GFLOP/s
    peak_gflops: Mapping[str, float]  # of (batch, width) @ (width, width), by type of number
    share: float  # gflops / the highest peak, in [0, 1]
    whole: bool  # whether matrix products are the whole model; False where planes are trained


@dataclass(frozen=True)
class ModelResult:
    """The measurements of one model; None or missing if there was no time for it."""

    model: str
    speed: Speed | None
    render_ms: float | None  # per frame
    psnr: Mapping[float, float]  # in dB, by seconds of a training whose schedule ends there
    reached: Mapping[float, float | None]  # the first second with so many dB; None: never
    match_seconds: float | None  # until it reached the final PSNR of the reference; None: never
    ratio: float | None  # seconds of the reference / match_seconds
    curve: Curve  # the best PSNR so far


@dataclass(frozen=True)
class ReferenceResult:
    """The measurements of the plain loop: of one training, at several times."""

    seconds: float
    psnr: Mapping[float, float]  # in dB, by seconds
    curve: Curve


@dataclass(frozen=True)
class Engines:
    """The time of a step of the four-layer network on the CPU."""

    batch: int  # pixels per step
    torch_ms: float
    numpy_ms: float
    ratio: float  # NumPy's time / torch's time


@dataclass(frozen=True)
class BenchResult:
    """The results. Every PSNR is a mean over the pictures; speeds are measured on the first."""

    machine: Machine
    pictures: tuple[str, ...]
    height: int  # of the first picture, in pixels
    width: int
    seconds: float
    seed: int
    models: tuple[ModelResult, ...]
    reference: ReferenceResult | None
    frame_height: int  # of the frames that were rendered and encoded
    frame_width: int
    encode_ms: float | None  # per frame, as MP4
    engines: Engines | None
    output: Path | None
    total_seconds: float
    interrupted: bool


class _PictureRecord:
    """The measurements on one picture, by name of the model or reference."""

    def __init__(self) -> None:
        self.points: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self.stills: dict[str, dict[float, float]] = defaultdict(dict)
        self.complete = False


class Measurements:
    """Everything measured so far, from which a result can be made at any time."""

    def __init__(self) -> None:
        self.speeds: dict[str, Speed] = {}
        self.render_ms: dict[str, float] = {}
        self.encode_ms: float | None = None
        self.engines: Engines | None = None
        self._pictures: list[_PictureRecord] = []

    def begin_picture(self) -> None:
        """Begin the measurements on the next picture."""
        self._pictures.append(_PictureRecord())

    def end_picture(self) -> None:
        """Mark the current picture as complete."""
        self._pictures[-1].complete = True

    def add_point(self, name: str, *, seconds: float, psnr: float) -> None:
        """Record the PSNR in dB after some seconds of training on the current picture."""
        self._pictures[-1].points[name].append((seconds, psnr))

    def add_still(self, name: str, *, clock: float, psnr: float) -> None:
        """Record the PSNR in dB at one of the times that are reported."""
        self._pictures[-1].stills[name][clock] = psnr

    def models(self, names: Sequence[str]) -> tuple[ModelResult, ...]:
        """Return the result of each model."""
        return tuple(self._model(name) for name in names)

    def reference(self) -> ReferenceResult | None:
        """Return the result of the reference; None before its end."""
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

    def _curve(self, name: str) -> Curve:
        return best_so_far([each.points[name] for each in self._complete_pictures()])

    def _mean_stills(self, name: str) -> dict[float, float]:
        stills = [each.stills[name] for each in self._complete_pictures()]
        clocks = sorted({clock for each in stills for clock in each})
        return {
            clock: sum(each[clock] for each in stills) / len(stills)
            for clock in clocks
            if all(clock in each for each in stills)
        }

    def _complete_pictures(self) -> list[_PictureRecord]:
        """Return the completely measured pictures; the first picture if none is complete."""
        return [each for each in self._pictures if each.complete] or self._pictures[:1]


def best_so_far(pictures: Sequence[Sequence[tuple[float, float]]]) -> Curve:
    """Return the mean over pictures of the best PSNR so far.

    A training is best at the end of its schedule. So the points of several trainings, each with
    another end, are combined, and the curve is the best PSNR of all of them up to each time.

    Args:
        pictures: for each picture its points (seconds, PSNR), in any order. The curve begins where
            every picture has one.
    """
    if not pictures:
        return ()
    points = sorted((*point, number) for number, each in enumerate(pictures) for point in each)
    best: dict[int, float] = {}
    curve: list[tuple[float, float]] = []
    for seconds, psnr, number in points:
        best[number] = max(psnr, best.get(number, psnr))
        mean = sum(best.values()) / len(best)
        if len(best) == len(pictures) and (not curve or mean > curve[-1][1]):
            curve.append((seconds, mean))
    return tuple(curve)


def seconds_to(curve: Curve, psnr: float) -> float | None:
    """Return the first time at which a curve reaches a PSNR, or None if it never does."""
    return next((seconds for seconds, reached in curve if reached >= psnr), None)


def draw_bench(result: BenchResult) -> Frame:
    """Return a chart of PSNR over training time, uint8 (1000, 1600, 3).

    A curve is the best PSNR so far; each dot is a training whose schedule ends there.
    """
    named = [(model.model, model.curve, tuple(model.psnr.items())) for model in result.models]
    if result.reference is not None:
        named.append((REFERENCE, result.reference.curve, ()))
    curves = []
    for number, (name, curve, dots) in enumerate(named):
        if points := _finite(curve, latest=result.seconds):
            shown = name if len(name) <= 40 else f"{name[:37]}..."
            curves.append(
                charts.Curve(
                    label=f"{shown}  {points[-1][1]:.1f} dB",
                    points=(*points, (result.seconds, points[-1][1])),
                    number=number,
                    dashed=name == REFERENCE,
                    dots=_finite(dots, latest=result.seconds),
                )
            )
    machine = result.machine
    pictures = f"{result.pictures[0]} {result.width}x{result.height}"
    if len(result.pictures) > 1:
        pictures = f"mean of {len(result.pictures)} pictures"
    threads = f"{machine.threads} thread{'s' * (machine.threads > 1)}"
    title = f"PSNR while training on {machine.gpu or machine.cpu}, {threads}"
    panel = charts.Panel(f"PSNR, dB;  {pictures}", "seconds of training", curves)
    files = charts.draw_figure([panel], title=title, kinds=("png",), inches=_INCHES, dark=True)
    with Image.open(io.BytesIO(files["png"])) as image:
        return np.asarray(image.convert("RGB"))


def _finite(points: Curve, *, latest: float) -> Curve:
    """Return the points that can be drawn: equal pictures have an infinite PSNR.

    The last step of a training may end a little later than planned.
    """
    return tuple((min(x, latest), y) for x, y in points if math.isfinite(y))
