"""What a training that makes one file shows: how it goes, and how good the file is."""

from __future__ import annotations

import math

import click

from neuralpaint.cli.screen import Screen, decibels
from neuralpaint.recipes.report import Progress, Result

__all__ = ["Display"]

_PHASES = {
    "enhance": "making the target",
    "train": "training",
    "film": "filming",
    "encode": "writing",
}


class Display(Screen[Progress, Result]):
    """Shows where a clip or a still is, and what has become of it."""

    def scene(self, progress: Progress) -> str:
        """Return what changes rarely: training and filming take turns many times a second."""
        return progress.phase if progress.phase in ("enhance", "encode") else ""

    def words(self, progress: Progress) -> tuple[str, list[str]]:
        """Return the phase, and steps, quality and speed."""
        if progress.phase == "enhance":
            return _PHASES[progress.phase], []
        words = [f"step {progress.step:,}/{progress.steps:,}", *decibels(progress.psnr)]
        if progress.train_seconds > 0:
            words.append(f"{progress.step / progress.train_seconds:.0f} steps/s")
        if progress.shot:
            words.append(f"shot {progress.shot}/{progress.shots}")
        if math.isfinite(progress.loss):
            words.append(f"loss {progress.loss:.5f}")
        # Filming and training take turns many times a second: to a person that is filming.
        phase = "film" if progress.shot and progress.phase == "train" else progress.phase
        return _PHASES[phase], words

    def summary(self, result: Result) -> None:
        """Tell what was made and how good it is."""
        what = f"{result.width}x{result.height}"
        if result.fps is not None:
            what += f", {result.frames} frames, {result.frames / result.fps:.1f} s"
        facts = [what, *(f"{psnr} dB" for psnr in [f"{result.psnr:.2f}"] if psnr != "nan")]
        if result.train_seconds > 0:
            trained = f"{result.steps:,} steps in {result.train_seconds:.1f} s"
            facts.append(f"{trained} on {result.device}")
        name = click.style(str(result.output), bold=True)
        verb = "interrupted: wrote" if result.interrupted else "wrote"
        total = f"{result.total_seconds:.1f} s in all"
        click.echo(f"{verb} {name}  {'  '.join(facts)}, {total}", err=True)
