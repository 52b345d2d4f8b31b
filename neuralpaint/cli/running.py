"""What the commands that train have in common: ask before overwriting, show, report, exit."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Protocol

import click

from neuralpaint.cli.display import Display
from neuralpaint.recipes.report import Report, Result

__all__ = ["confirm_overwrite", "run"]

_INTERRUPTED = 130


class _Job(Protocol):
    def run(self, report: Report) -> Result: ...


def confirm_overwrite(output: str, *, overwrite: bool) -> bool:
    """Return whether an existing output may be replaced, asking where there is somebody to ask."""
    if overwrite or not Path(output).exists() or not sys.stdin.isatty() or not sys.stderr.isatty():
        return overwrite
    return click.confirm(f"{output} exists. Replace it?", err=True, abort=True)


def run(job: _Job, facts: dict[str, Any], *, quiet: bool, as_json: bool, dry_run: bool) -> int:
    """Run a job with a display and return the exit status."""
    display = Display(quiet=quiet, as_json=as_json)
    if dry_run:
        display.plan(facts)
        return 0
    display.start(**facts)
    try:
        result = job.run(display.update)
    finally:
        display.clear()
    display.done(result)
    return _INTERRUPTED if result.interrupted else 0
