"""What the commands that do a job have in common: ask before overwriting, show, report, exit."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

import click

from neuralpaint.cli.screen import Finished, Going, Screen

__all__ = ["INTERRUPTED", "confirm_overwrite", "run"]

INTERRUPTED = 130
"""The exit status of what was ended early."""

P = TypeVar("P", bound=Going, covariant=True)
R = TypeVar("R", bound=Finished, covariant=True)


class _Job(Protocol[P, R]):
    def facts(self) -> dict[str, Any]: ...

    def run(self, report: Callable[[P], None]) -> R: ...


def confirm_overwrite(*paths: str | Path | None, overwrite: bool, also: str = "") -> bool:
    """Return whether all files that exist may be replaced, asking where there is somebody to ask.

    `also` says what else would be lost, where that is the case.
    """
    there = [str(path) for path in paths if path is not None and Path(path).exists()]
    somebody = sys.stdin.isatty() and sys.stderr.isatty()
    if overwrite or not there or not somebody:
        return overwrite
    exist, them = ("exists", "it") if len(there) == 1 else ("exist", "them")
    lost = f", and {also} would be lost" if also else ""
    question = f"{' and '.join(there)} {exist}{lost}. Replace {them}?"
    return click.confirm(question, err=True, abort=True)


def run(job: _Job[P, R], screen: Screen[P, R], *, dry_run: bool) -> int:
    """Run a job on a screen, or only outline it, and return the exit status."""
    facts = job.facts()
    if dry_run:
        screen.plan(facts)
        return 0
    screen.start(facts)
    try:
        result = job.run(screen.update)
    finally:
        screen.clear()
    screen.done(result)
    return INTERRUPTED if result.interrupted else 0
