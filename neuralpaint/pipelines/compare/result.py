"""Everything that a comparison has found out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from neuralpaint.errors import DeviceError, NeuralPaintError
from neuralpaint.pipelines.compare.settings import CompareSettings
from neuralpaint.training.settings import TrainingSettings

if TYPE_CHECKING:
    from neuralpaint.pipelines.bench.machine import Machine

__all__ = [
    "MISHAPS",
    "CompareProgress",
    "CompareReport",
    "CompareResult",
    "CurvePoint",
    "Outcome",
    "Status",
    "ignore",
    "mishap",
]

Status = Literal["finished", "diverged", "failed"]
"""To the end; to where its loss became NaN or infinite; or to where something else went wrong."""

MISHAPS = (DeviceError, ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)
"""What ends one contestant and not the others: too little memory, or a mistake in its parts."""

_LONGEST = 300  # characters of a message


def mishap(error: Exception) -> str:
    """Return what an error says, in one line; one that nobody raised on purpose says its kind."""
    text = " ".join(str(error).split())
    if not isinstance(error, NeuralPaintError):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


@dataclass(frozen=True)
class CompareProgress:
    """Where a comparison is."""

    phase: Literal["train", "summarise"]
    done: float  # of all the work, in [0, 1]
    contestant: str = ""
    number: int = 0  # of the contestant, from 1
    count: int = 0
    step: int = 0
    steps: int = 0
    train_seconds: float = 0.0
    loss: float = math.nan
    psnr: float | None = None  # in dB, the newest `CurvePoint.score`


CompareReport = Callable[[CompareProgress], None]


def ignore(progress: CompareProgress) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class CurvePoint:
    """One look at a contestant. Every PSNR is in dB, of 8-bit levels."""

    fraction: float  # of the training, in [0, 1]
    step: int
    seconds: float  # of training
    loss: float  # mean since the look before, at the last that of the last tenth of the steps
    psnr: float  # over all pixels
    psnr_train: float  # over those that are learned
    psnr_held_out: float | None  # over the others; None where there are none

    @property
    def score(self) -> float:
        """What counts: the PSNR over the pixels held out, and where none are, over all."""
        return self.psnr if self.psnr_held_out is None else self.psnr_held_out


_NOTHING = CurvePoint(0.0, 0, 0.0, math.nan, math.nan, math.nan, None)


@dataclass(frozen=True)
class Outcome:
    """What became of a contestant."""

    name: str
    slug: str
    settings: TrainingSettings
    status: Status
    message: str  # why it did not finish; empty where it did
    weights: int
    steps: int
    train_seconds: float
    curve: tuple[CurvePoint, ...]  # the last is at the picture's every pixel, the others a sample
    fractions: tuple[float, ...]  # of the training, at each frame of the film
    still: Path | None  # PNG of the picture's size; None: there was not even a beginning
    film: Path | None  # lossless, of the size of a cell
    resumed: bool = False  # taken from an earlier run as it was

    @property
    def last(self) -> CurvePoint:
        """The newest look at it; all NaN where there is none."""
        return self.curve[-1] if self.curve else _NOTHING

    @property
    def psnr(self) -> float:
        """The PSNR in dB over all pixels at the end; NaN where there is none."""
        return self.last.psnr

    @property
    def score(self) -> float:
        """By what it is ranked, in dB: as `CurvePoint.score`, at the end; NaN where there is none.

        What was held out is the test: over all pixels one would win who knows only the learned.
        """
        return self.last.score

    @property
    def ms_per_step(self) -> float:
        """Training time of a step in milliseconds; NaN of no steps."""
        return 1e3 * self.train_seconds / self.steps if self.steps else math.nan

    @property
    def verdict(self) -> str:
        """How it ended, in words."""
        where = "" if self.status == "finished" else f" at step {self.steps:,}"
        return f"{self.status}{where}"


@dataclass(frozen=True)
class CompareResult:
    """A comparison, the best contestant first."""

    folder: Path
    picture: str
    height: int
    width: int
    settings: CompareSettings
    outcomes: tuple[Outcome, ...]  # those who finished by score, then those who did not
    machine: Machine
    files: tuple[str, ...] = field(default=())  # what was made, in the folder
    missing: tuple[str, ...] = ()  # names of those who were not trained any more
    total_seconds: float = 0.0
    interrupted: bool = False

    @property
    def winner(self) -> Outcome | None:
        """The best of those who finished."""
        first = self.outcomes[0] if self.outcomes else None
        return first if first and first.status == "finished" else None

    @property
    def splits(self) -> bool:
        """Whether some pixels were held out."""
        return self.settings.optimization.train_on != "all"
