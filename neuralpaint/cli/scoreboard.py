"""What a bench shows: a live line on stderr; then tables, or JSON, on stdout."""

from __future__ import annotations

import math
import sys
import time
from dataclasses import asdict
from typing import Any

import click

from neuralpaint.cli.display import INTERVAL, JSON_INTERVAL, Display, draw_line, print_json
from neuralpaint.cli.tables import tables
from neuralpaint.recipes.bench.result import BenchProgress, BenchResult

__all__ = ["Scoreboard"]

_PHASES = {"speed": "timing", "train": "training", "film": "filming"}


class Scoreboard:
    """Shows where a bench is, and what it has measured."""

    def __init__(self, *, quiet: bool, as_json: bool) -> None:
        self._display = Display(quiet=quiet, as_json=as_json)
        self._live = sys.stderr.isatty() and not quiet and not as_json
        self._quiet, self._json = quiet, as_json
        self._began = time.perf_counter()
        self._shown, self._phase = -math.inf, ""

    def plan(self, facts: dict[str, Any]) -> None:
        """Show what would be measured."""
        self._display.plan({name: fact for name, fact in facts.items() if fact is not None})

    def start(self, facts: dict[str, Any]) -> None:
        """Show what is about to be measured."""
        self._display.start(**facts)

    def update(self, progress: BenchProgress) -> None:
        """Show the progress, unless something was shown a moment ago."""
        now = time.perf_counter()
        recent = now - self._shown < (JSON_INTERVAL if self._json else INTERVAL)
        if (recent and progress.phase == self._phase) or not (self._live or self._json):
            return
        self._shown, self._phase = now, progress.phase
        if self._json:
            print_json(event="progress", **asdict(progress))
        else:
            self._draw(progress, now - self._began)

    def clear(self) -> None:
        """Take the live line away."""
        self._display.clear()

    def done(self, result: BenchResult) -> None:
        """Show what was measured."""
        if self._json:
            facts = {k: v for k, v in asdict(result).items() if k != "interrupted"}
            print_json(event="interrupted" if result.interrupted else "done", **facts)
        elif not self._quiet:
            for line in tables(result):
                click.echo(line)
            if result.output is not None:
                click.echo(f"wrote {click.style(str(result.output), bold=True)}", err=True)

    def _draw(self, progress: BenchProgress, elapsed: float) -> None:
        words = [progress.subject]
        if progress.seconds is not None:
            words.append(f"{progress.train_seconds or 0:.1f} of {progress.seconds:g} s")
        if progress.psnr is not None and math.isfinite(progress.psnr):
            words.append(f"{progress.psnr:.1f} dB")
        draw_line(_PHASES[progress.phase], progress.done, elapsed, words)
