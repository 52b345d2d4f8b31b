"""What a table and a sheet say, in words and figures."""

from __future__ import annotations

import math

from neuralpaint.pipelines.compare.words import decibels
from neuralpaint.pipelines.upscale.methods import BASELINE
from neuralpaint.pipelines.upscale.result import Restoration, UpscaleResult
from neuralpaint.pipelines.upscale.settings import UpscaleSettings

__all__ = ["degradation", "gained", "legend", "table"]


def degradation(settings: UpscaleSettings) -> str:
    """Return how a picture is made small."""
    words = [f"{settings.factor:g} times smaller by {settings.shrinks_by}"]
    if settings.degradation.noise:
        words.append(f"noise of {settings.degradation.noise:g} levels")
    if settings.degradation.jpeg is not None:
        words.append(f"JPEG quality {settings.degradation.jpeg}")
    if settings.shrinks_by != settings.target.kernel:
        words.append(f"believed to be by {settings.target.kernel}")
    return ", ".join(words)


def legend(result: UpscaleResult) -> str:
    """Return what the figures on a sheet mean."""
    return (
        f"dB: PSNR of the luma over that of {BASELINE.name}, without {result.border} pixels along "
        "the edges. Crops: where the methods differ most, each pixel a square."
    )


def table(result: UpscaleResult) -> tuple[list[str], list[list[str]]]:
    """Return the heading and the rows of the ranking, the best first."""
    heading = ["", "method", "PSNR Y", "gain", "RGB", "gain", "SSIM", "gain", "seconds"]
    return heading, [_row(each, rank, result) for rank, each in enumerate(result.restorations, 1)]


def _row(restoration: Restoration, rank: int, result: UpscaleResult) -> list[str]:
    name, seconds = restoration.method.name, f"{restoration.seconds:.1f}"
    if restoration.status != "finished":
        return ["-", name, restoration.status, "", "", "", "", "", seconds]
    figures, gain = restoration.figures, result.gain(restoration)
    return [
        str(rank),
        name,
        decibels(figures.psnr_y),
        gained(gain.psnr_y),
        decibels(figures.psnr_rgb),
        gained(gain.psnr_rgb),
        f"{figures.ssim:.4f}",
        gained(gain.ssim, digits=4),
        seconds,
    ]


def gained(value: float, *, digits: int = 2) -> str:
    """Return a gain with its sign, and a dash where there is none."""
    return f"{value:+.{digits}f}" if math.isfinite(value) else "-"
