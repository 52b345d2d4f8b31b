"""Everything that a comparison of upscalings has found out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from neuralpaint.pipelines.compare.result import Status
from neuralpaint.pipelines.upscale.figures import Figures
from neuralpaint.pipelines.upscale.methods import BASELINE, Method
from neuralpaint.pipelines.upscale.settings import UpscaleSettings

if TYPE_CHECKING:
    from neuralpaint.pipelines.bench.machine import Machine

__all__ = ["Phase", "Restoration", "UpscaleProgress", "UpscaleReport", "UpscaleResult", "ignore"]

Phase = Literal["resample", "prepare", "train", "render", "summarise"]
"""The resamplers; then of each network its target, its training, its picture; then the tables."""


@dataclass(frozen=True)
class UpscaleProgress:
    """Where a comparison of upscalings is."""

    phase: Phase
    done: float  # of all the work, in [0, 1]
    method: str = ""
    number: int = 0  # of the method, from 1
    count: int = 0
    step: int = 0
    steps: int = 0
    train_seconds: float = 0.0
    loss: float = math.nan


UpscaleReport = Callable[[UpscaleProgress], None]


def ignore(progress: UpscaleProgress) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class Restoration:
    """What became of one method."""

    method: Method
    status: Status
    message: str  # why it did not finish; empty where it did
    figures: Figures  # all NaN where it did not
    steps: int  # trained; 0 of a resampler
    weights: int  # learned; 0 of a resampler
    seconds: float  # for everything, from the small picture to the large one
    cpu_seconds: float  # the same, of all threads together
    still: Path | None  # PNG of the picture's size


@dataclass(frozen=True)
class UpscaleResult:
    """A comparison of upscalings, the best method first."""

    folder: Path
    picture: str
    height: int  # of what was brought back: the picture, its sides divisible by a whole factor
    width: int
    small_height: int
    small_width: int
    border: int  # pixels along each edge that no figure counts
    settings: UpscaleSettings
    restorations: tuple[Restoration, ...]  # those that finished by PSNR on Y, then the others
    machine: Machine
    files: tuple[str, ...] = ()  # what was made, in the folder
    missing: tuple[str, ...] = ()  # names of the methods whose turn never came
    total_seconds: float = 0.0
    interrupted: bool = False

    @property
    def winner(self) -> Restoration:
        """The best method."""
        return self.restorations[0]

    @cached_property
    def baseline(self) -> Figures:
        """The figures of Lanczos."""
        return next(each.figures for each in self.restorations if each.method == BASELINE)

    def gain(self, restoration: Restoration) -> Figures:
        """Return how much better a method is than Lanczos."""
        return restoration.figures.over(self.baseline)
