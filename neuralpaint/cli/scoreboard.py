"""What a bench shows: a live line on stderr; then tables, or JSON, on stdout."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from neuralpaint.cli.display import Display
from neuralpaint.cli.tables import tables
from neuralpaint.recipes.bench.result import BenchProgress, BenchResult

__all__ = ["Scoreboard"]

_INTERVAL, _JSON_INTERVAL = 0.1, 1.0  # seconds between two looks of a terminal, of a program
_BAR = 24
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
        recent = now - self._shown < (_JSON_INTERVAL if self._json else _INTERVAL)
        if (recent and progress.phase == self._phase) or not (self._live or self._json):
            return
        self._shown, self._phase = now, progress.phase
        if self._json:
            _print_json(event="progress", **asdict(progress))
        else:
            self._draw(progress, now - self._began)

    def clear(self) -> None:
        """Take the live line away."""
        self._display.clear()

    def done(self, result: BenchResult) -> None:
        """Show what was measured."""
        if self._json:
            facts = {k: v for k, v in asdict(result).items() if k != "interrupted"}
            _print_json(event="interrupted" if result.interrupted else "done", **facts)
        elif not self._quiet:
            for line in tables(result):
                click.echo(line)
            if result.output is not None:
                click.echo(f"wrote {click.style(str(result.output), bold=True)}", err=True)

    def _draw(self, progress: BenchProgress, elapsed: float) -> None:
        done = min(1.0, progress.done)
        full = round(done * _BAR)
        words = []
        if 0.02 < done < 1:
            minutes, seconds = divmod(round(elapsed / done - elapsed), 60)
            words.append(f"{minutes}:{seconds:02d} left")
        words.append(progress.subject)
        if progress.seconds is not None:
            words.append(f"{progress.train_seconds or 0:.1f} of {progress.seconds:g} s")
        if progress.psnr is not None and math.isfinite(progress.psnr):
            words.append(f"{progress.psnr:.1f} dB")
        bar = "━" * full + "─" * (_BAR - full)
        line = f"{_PHASES[progress.phase]:<8} {bar} {done:4.0%}  {'  '.join(words)}"
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
        # Never into the last column: some terminals would begin a new line.
        sys.stderr.write(f"\r\x1b[K{line[: max(1, columns - 1)]}")
        sys.stderr.flush()


def _print_json(**facts: Any) -> None:
    click.echo(json.dumps(_plain(facts), ensure_ascii=False))


def _plain(value: Any) -> Any:
    """Return a value that JSON can hold: no NaN, no infinity, and text for keys."""
    if isinstance(value, dict):
        return {f"{k:g}" if isinstance(k, float) else k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
