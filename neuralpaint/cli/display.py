"""What a person, or a program, sees while a recipe works: the display on stderr, JSON on stdout."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from neuralpaint.recipes.report import Progress, Result

__all__ = ["INTERVAL", "JSON_INTERVAL", "Display", "draw_line", "print_json"]

INTERVAL = 0.1  # seconds between two looks of a terminal
JSON_INTERVAL = 1.0
_BAR = 24
_PHASES = {"train": "training", "film": "filming", "encode": "writing"}


class Display:
    """One line that is redrawn on a terminal, silence elsewhere, or one JSON object per line."""

    def __init__(self, *, quiet: bool, as_json: bool) -> None:
        self._live = sys.stderr.isatty() and not quiet and not as_json
        self._quiet = quiet
        self._json = as_json
        self._began = time.perf_counter()
        self._shown = -math.inf

    def plan(self, facts: dict[str, Any]) -> None:
        """Show what would be done."""
        if self._json:
            print_json(event="plan", **facts)
        elif not self._quiet:
            for name, value in facts.items():
                click.echo(f"{name.replace('_', ' '):<13} {value}")

    def start(self, **facts: Any) -> None:
        """Show what is about to be done."""
        if self._json:
            print_json(event="start", **facts)

    def update(self, progress: Progress) -> None:
        """Show the progress, unless something was shown a moment ago."""
        now = time.perf_counter()
        interval = JSON_INTERVAL if self._json else INTERVAL
        recent = now - self._shown < interval
        # Training and filming take turns many times a second; the writing comes once, and can last.
        if (recent and progress.phase != "encode") or not (self._live or self._json):
            return
        self._shown = now
        if self._json:
            print_json(event="progress", **asdict(progress))
        else:
            self._draw(progress, now - self._began)

    def done(self, result: Result) -> None:
        """Show what was made and how good it is."""
        self.clear()
        if self._json:
            facts = {k: v for k, v in asdict(result).items() if k != "interrupted"}
            facts["output"] = str(result.output)
            event = "interrupted" if result.interrupted else "done"
            print_json(event=event, **facts)
        elif not self._quiet:
            click.echo(_summary(result), err=True)

    def clear(self) -> None:
        """Take the live line away, so that the next message stands alone."""
        if self._live:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _draw(self, progress: Progress, elapsed: float) -> None:
        words = [f"step {progress.step:,}/{progress.steps:,}"]
        if progress.psnr is not None and math.isfinite(progress.psnr):
            words.append(f"{progress.psnr:.1f} dB")
        if progress.train_seconds > 0:
            words.append(f"{progress.step / progress.train_seconds:.0f} steps/s")
        if progress.shot:
            words.append(f"shot {progress.shot}/{progress.shots}")
        if math.isfinite(progress.loss):
            words.append(f"loss {progress.loss:.5f}")
        # Filming and training take turns many times a second: to a person that is filming.
        phase = "film" if progress.shot and progress.phase == "train" else progress.phase
        draw_line(_PHASES[phase], progress.done, elapsed, words)


def draw_line(phase: str, done: float, elapsed: float, words: Sequence[str]) -> None:
    """Draw the live line anew: how much is done, in [0, 1], after so many seconds, and what."""
    done = min(1.0, done)
    left = [f"{_clock(elapsed / done - elapsed)} left"] if 0.02 < done < 1 else []
    line = f"{phase:<8} {_bar(done)} {done:4.0%}  {'  '.join([*left, *words])}"
    columns = os.get_terminal_size(sys.stderr.fileno()).columns
    # Never into the last column: some terminals would begin a new line.
    sys.stderr.write(f"\r\x1b[K{line[: max(1, columns - 1)]}")
    sys.stderr.flush()


def print_json(**facts: Any) -> None:
    """Print an event as one line of JSON."""
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


def _summary(result: Result) -> str:
    what = f"{result.width}x{result.height}"
    if result.fps is not None:
        what += f", {result.frames} frames, {result.frames / result.fps:.1f} s"
    steps = f"{result.steps:,} steps in {result.train_seconds:.1f} s on {result.device}"
    name = click.style(str(result.output), bold=True)
    verb = "interrupted: wrote" if result.interrupted else "wrote"
    return (
        f"{verb} {name}  {what}  {result.psnr:.2f} dB  {steps}, {result.total_seconds:.1f} s in all"
    )


def _bar(done: float) -> str:
    full = round(done * _BAR)
    return "━" * full + "─" * (_BAR - full)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d}"
