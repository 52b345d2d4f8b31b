"""What a person, or a program, sees while a job runs: a live line on stderr, or JSON on stdout."""

from __future__ import annotations

import json
import math
import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import click

__all__ = ["Finished", "Going", "Screen", "decibels"]

_INTERVAL = 0.1  # seconds between two looks of a terminal
_JSON_INTERVAL = 1.0
_BAR = 24


class Going(Protocol):
    """Where a job is; a dataclass."""

    @property
    def done(self) -> float:
        """How much of the work is behind, in [0, 1]."""
        ...


class Finished(Protocol):
    """What a job came to; a dataclass."""

    @property
    def interrupted(self) -> bool:
        """Whether it was ended early."""
        ...


P = TypeVar("P", bound=Going)
R = TypeVar("R", bound=Finished)


class Screen(ABC, Generic[P, R]):
    """One line that is redrawn on a terminal, silence elsewhere, or one JSON object per line."""

    def __init__(self, *, quiet: bool, as_json: bool) -> None:
        self._live = sys.stderr.isatty() and not quiet and not as_json
        self._quiet, self._json = quiet, as_json
        self._began = time.perf_counter()
        self._shown, self._scene = -math.inf, ""

    @abstractmethod
    def words(self, progress: P) -> tuple[str, list[str]]:
        """Return what is being done, in a word, and what is known about it."""

    @abstractmethod
    def summary(self, result: R) -> None:
        """Tell a person what has come of it."""

    def scene(self, progress: P) -> str:
        """Return something that changes where the next look must not wait for its turn."""
        return ""

    def facts(self, result: R) -> dict[str, Any]:
        """Return what a program wants to know of the result."""
        return {k: v for k, v in asdict(result).items() if k != "interrupted"}  # type: ignore[call-overload]

    def outline(self, facts: dict[str, Any]) -> None:
        """Tell a person what would be done."""
        for name, value in facts.items():
            if value is not None:
                click.echo(f"{name.replace('_', ' '):<13} {value}")

    def plan(self, facts: dict[str, Any]) -> None:
        """Show what would be done."""
        if self._json:
            _print_json(event="plan", **facts)
        elif not self._quiet:
            self.outline(facts)

    def start(self, facts: dict[str, Any]) -> None:
        """Show what is about to be done."""
        if self._json:
            _print_json(event="start", **facts)

    def update(self, progress: P) -> None:
        """Show the progress, unless something was shown a moment ago."""
        now, scene = time.perf_counter(), self.scene(progress)
        recent = now - self._shown < (_JSON_INTERVAL if self._json else _INTERVAL)
        if (recent and scene == self._scene) or not (self._live or self._json):
            return
        self._shown, self._scene = now, scene
        if self._json:
            _print_json(event="progress", **asdict(progress))  # type: ignore[call-overload]
        else:
            _draw_line(*self.words(progress), done=progress.done, elapsed=now - self._began)

    def clear(self) -> None:
        """Take the live line away, so that the next message stands alone."""
        if self._live:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def done(self, result: R) -> None:
        """Show what has come of it."""
        if self._json:
            event = "interrupted" if result.interrupted else "done"
            _print_json(event=event, **self.facts(result))
        elif not self._quiet:
            self.summary(result)


def decibels(psnr: float | None) -> list[str]:
    """Return the words for a PSNR; none where there is none."""
    return [f"{psnr:.1f} dB"] if psnr is not None and math.isfinite(psnr) else []


def _draw_line(phase: str, words: Sequence[str], *, done: float, elapsed: float) -> None:
    """Draw the live line anew: how much is done, in [0, 1], after so many seconds, and what."""
    done = min(1.0, done)
    left = [f"{_clock(elapsed / done - elapsed)} left"] if 0.02 < done < 1 else []
    line = f"{phase:<8} {_bar(done)} {done:4.0%}  {'  '.join([*left, *words])}"
    columns = os.get_terminal_size(sys.stderr.fileno()).columns
    # Never into the last column: some terminals would begin a new line.
    sys.stderr.write(f"\r\x1b[K{line[: max(1, columns - 1)]}")
    sys.stderr.flush()


def _print_json(**facts: Any) -> None:
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


def _bar(done: float) -> str:
    full = round(done * _BAR)
    return "━" * full + "─" * (_BAR - full)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes}:{seconds:02d}"
