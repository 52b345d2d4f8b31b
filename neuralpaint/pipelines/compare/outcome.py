"""The outcome of one variant: of its training in a race, or of its upscaling."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from neuralpaint.errors import DeviceError, DivergedError
from neuralpaint.pipelines.compare.detail import Places
from neuralpaint.pipelines.compare.variants import Variant
from neuralpaint.training.settings import TrainingSettings

__all__ = [
    "FAILURES",
    "CurvePoint",
    "Figures",
    "Outcome",
    "RaceOutcome",
    "Status",
    "UpscaleOutcome",
    "failure_of",
]

Status = Literal["finished", "diverged", "failed"]
"""Trained to the end; the loss became NaN or infinite; the device is out of memory."""

FAILURES = (DivergedError, DeviceError)
"""The errors that end one variant and not the comparison."""

_LONGEST = 300  # characters of a message


def failure_of(error: Exception) -> tuple[Status, str]:
    """Return the status and the message, one line, of a variant that ended with an error."""
    text = " ".join(str(error).split())
    text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
    return ("diverged" if isinstance(error, DivergedError) else "failed"), text


class Figures(NamedTuple):
    """How similar a picture is to the original; higher is better."""

    psnr_y: float  # dB, of the luma
    psnr_rgb: float  # dB, over all channels
    ssim: float  # of the luma; 1: equal

    def over(self, other: Figures) -> Figures:
        """Return the differences to other figures."""
        return Figures(*(a - b for a, b in zip(self, other, strict=True)))


_UNKNOWN = Figures(math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class CurvePoint:
    """A measurement during the training of a variant. Every PSNR is in dB, of 8-bit levels."""

    fraction: float  # of the training, in [0, 1]
    step: int
    seconds: float  # of training
    loss: float  # mean since the point before; at the last point, over the last tenth of the steps
    psnr: float  # over all pixels
    psnr_train: float  # over the learned pixels
    psnr_held_out: float | None  # over the held-out pixels; None where there are none
    # By octave, RMS in levels of 255, as in `Detail`; empty in a record of an earlier version.
    detail: tuple[float, ...] = ()  # brightness of the picture's waves
    detail_error: tuple[float, ...] = ()  # of the difference to the original

    @property
    def score(self) -> float:
        """The PSNR that ranks: over the held-out pixels, or over all where none are held out."""
        return self.psnr if self.psnr_held_out is None else self.psnr_held_out


_UNMEASURED = CurvePoint(0.0, 0, 0.0, math.nan, math.nan, math.nan, None)


@dataclass(frozen=True)
class Outcome(ABC):
    """The result of one variant."""

    variant: Variant
    status: Status
    message: str = ""  # why it did not finish
    weights: int = 0  # of the network; 0 for a resampler
    steps: int = 0  # trained; 0 for a resampler
    still: Path | None = None  # PNG of the picture's size; None where there is none

    @property
    def name(self) -> str:
        """The name of the variant."""
        return self.variant.name

    @property
    def slug(self) -> str:
        """The name of the variant's files."""
        return self.variant.slug

    @property
    def settings(self) -> TrainingSettings:
        """The settings of its training. Raises TypeError for a resampler."""
        return self.variant.settings

    @property
    @abstractmethod
    def score(self) -> float:
        """The value by which outcomes are ranked, in dB; NaN where there is none."""

    @property
    def rank_key(self) -> tuple[bool, float]:
        """Sorts finished outcomes before the others, and the highest score first."""
        return self.status != "finished", math.inf if math.isnan(self.score) else -self.score

    @property
    def verdict(self) -> str:
        """The status in words."""
        return self.status if self.status == "finished" else f"{self.status} at step {self.steps:,}"


@dataclass(frozen=True)
class RaceOutcome(Outcome):
    """The result of one variant of a race."""

    train_seconds: float = 0.0
    curve: tuple[CurvePoint, ...] = ()  # the last measured at every pixel, the others at a sample
    fractions: tuple[float, ...] = ()  # of the training, at each frame of the film
    film: Path | None = None  # lossless, of the size of a cell
    places: Places | None = None  # of the final errors; None where there is no final picture
    resumed: bool = False  # taken from an earlier run

    @property
    def last(self) -> CurvePoint:
        """The last measurement; all NaN where there is none."""
        return self.curve[-1] if self.curve else _UNMEASURED

    @property
    def psnr(self) -> float:
        """The PSNR in dB over all pixels at the end; NaN where there is none."""
        return self.last.psnr

    @property
    def score(self) -> float:
        """The PSNR of the held-out pixels, or of all where none are held out, at the end."""
        return self.last.score

    @property
    def ms_per_step(self) -> float:
        """Training time of a step in milliseconds; NaN without steps."""
        return 1e3 * self.train_seconds / self.steps if self.steps else math.nan

    def facts(self) -> dict[str, Any]:
        """Return the numbers that the tables and `--json` share."""
        return {
            "name": self.name,
            "status": self.status,
            "message": self.message,
            "psnr": self.psnr,
            "psnr_train": self.last.psnr_train,
            "psnr_held_out": self.last.psnr_held_out,
            "weights": self.weights,
            "steps": self.steps,
            "train_seconds": self.train_seconds,
        }


@dataclass(frozen=True)
class UpscaleOutcome(Outcome):
    """The result of one method of upscaling."""

    figures: Figures = _UNKNOWN
    seconds: float = 0.0  # from the small picture to the large one
    cpu_seconds: float = 0.0  # the same, summed over all threads

    @property
    def method(self) -> Variant:
        """The variant, under its name of version 0.1."""
        return self.variant

    @property
    def score(self) -> float:
        """The PSNR of the luma."""
        return self.figures.psnr_y
