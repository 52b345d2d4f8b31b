"""What a bench shows: what is being measured, and then the tables."""

from __future__ import annotations

import click

from neuralpaint.cli.screen import Screen, decibels
from neuralpaint.cli.tables import tables
from neuralpaint.pipelines.bench.result import BenchProgress, BenchResult

__all__ = ["Scoreboard"]

_PHASES = {"speed": "timing", "train": "training", "film": "filming"}


class Scoreboard(Screen[BenchProgress, BenchResult]):
    """Shows where a bench is, and what it has measured."""

    def scene(self, progress: BenchProgress) -> str:
        """Return the phase."""
        return progress.phase

    def words(self, progress: BenchProgress) -> tuple[str, list[str]]:
        """Return the phase, and the subject with its time and quality."""
        words = [progress.subject]
        if progress.seconds is not None:
            words.append(f"{progress.train_seconds or 0:.1f} of {progress.seconds:g} s")
        return _PHASES[progress.phase], words + decibels(progress.psnr)

    def summary(self, result: BenchResult) -> None:
        """Print the tables."""
        for line in tables(result):
            click.echo(line)
        if result.output is not None:
            click.echo(f"wrote {click.style(str(result.output), bold=True)}", err=True)
