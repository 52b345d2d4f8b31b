"""Everything that a bench has measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from neuralpaint.pipelines.bench.curve import Curve
    from neuralpaint.pipelines.bench.machine import Machine

__all__ = [
    "REFERENCE",
    "BenchProgress",
    "BenchReport",
    "BenchResult",
    "Engines",
    "ModelResult",
    "ReferenceResult",
    "Speed",
    "ignore",
]

REFERENCE = "plain loop"
"""What the reference is called where models are called by their names."""


@dataclass(frozen=True)
class BenchProgress:
    """Where a bench is."""

    phase: Literal["speed", "train", "film"]
    done: float  # of all the work, in [0, 1]
    subject: str  # the model, or the reference
    picture: str
    seconds: float | None = None  # that this training is to last
    train_seconds: float | None = None  # that it has lasted
    psnr: float | None = None  # its newest, in dB


BenchReport = Callable[[BenchProgress], None]


def ignore(progress: BenchProgress) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class Speed:
    """How fast a model trains."""

    batch: int  # pixels per step
    width: int  # units of a hidden layer
    ms_per_step: float
    mpx_per_second: float
    step_gflop: float  # what a step needs: see `demand`
    gflops: float  # what it needs over what it takes, in GFLOP/s
    peak_gflops: Mapping[str, float]  # of (batch, width) @ (width, width), by type of number
    share: float  # of the highest of these, in [0, 1]
    whole: bool  # whether what it needs is all matrix products; not so where planes are learned


@dataclass(frozen=True)
class ModelResult:
    """What was measured of one model; None and missing is what there was no time for."""

    model: str
    speed: Speed | None
    render_ms: float | None  # a frame
    psnr: Mapping[float, float]  # after so many seconds, of a training fitted to them, in dB
    reached: Mapping[float, float | None]  # the earliest second with so many dB; None: never
    match_seconds: float | None  # until it was as good as the reference at its end; None: never
    ratio: float | None  # how many times sooner that was than the reference's end
    curve: Curve  # the best PSNR so far


@dataclass(frozen=True)
class ReferenceResult:
    """What was measured of the plain loop: one training, looked at on the way."""

    seconds: float
    psnr: Mapping[float, float]  # after so many seconds, in dB
    curve: Curve


@dataclass(frozen=True)
class Engines:
    """What a step of the four-layer network takes on the CPU."""

    batch: int  # pixels per step
    torch_ms: float
    numpy_ms: float
    ratio: float  # of NumPy's time to torch's


@dataclass(frozen=True)
class BenchResult:
    """What a machine does. Every PSNR is a mean over the pictures; speeds are of the first."""

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
    encode_ms: float | None  # a frame, as MP4
    engines: Engines | None
    output: Path | None
    total_seconds: float
    interrupted: bool
