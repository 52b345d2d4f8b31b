"""What a recipe tells while it works and when it is done."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

__all__ = ["Phase", "Progress", "Report", "Result", "ignore", "peak_memory_mb"]

Phase = Literal["fill", "enhance", "train", "film", "encode"]


@dataclass(frozen=True)
class Progress:
    """Where a recipe is."""

    phase: Phase
    done: float  # of all the work, or of what is learned while that is made, in [0, 1]
    step: int
    steps: int
    train_seconds: float
    loss: float  # mean of the steps since the last snapshot; NaN before the first
    psnr: float | None = None  # of the newest frame against the picture, in dB
    shot: int = 0
    shots: int = 0


Report = Callable[[Progress], None]


def ignore(progress: Progress) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class Result:
    """What a recipe made, and how good it is."""

    output: Path
    width: int
    height: int
    frames: int
    fps: float | None  # None for a still
    steps: int
    train_seconds: float
    total_seconds: float
    psnr: float  # of the finished picture against what is known of the original, uint8, in dB
    hole_psnr: float  # of what was unknown of it, likewise; NaN where nobody knows the truth
    device: str
    seed: int
    peak_memory_mb: float
    interrupted: bool
    pictures: tuple[tuple[str, float], ...] = ()
    """Of an album, the name of each picture and its PSNR in dB."""
    stills: tuple[Path, ...] = ()
    """What was written beside the output."""


def peak_memory_mb() -> float:
    """Return the most memory this process has held so far, in MB; NaN where it is not known."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
