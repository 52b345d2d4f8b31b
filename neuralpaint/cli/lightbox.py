"""What a comparison of upscalings shows: whose turn it is, and then the ranking."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from neuralpaint.cli.screen import Screen
from neuralpaint.pipelines.upscale.folder import SHEET
from neuralpaint.pipelines.upscale.result import UpscaleProgress, UpscaleResult
from neuralpaint.pipelines.upscale.tables import facts
from neuralpaint.pipelines.upscale.words import table

__all__ = ["Lightbox"]

_PHASES = {
    "resample": "scaling", "prepare": "target", "train": "training", "render": "painting",
    "summarise": "summing",
}  # fmt: skip


class Lightbox(Screen[UpscaleProgress, UpscaleResult]):
    """Shows where a comparison of upscalings is, and which method came nearest."""

    def scene(self, progress: UpscaleProgress) -> str:
        """Return the phase and the method."""
        return f"{progress.phase} {progress.number}"

    def words(self, progress: UpscaleProgress) -> tuple[str, list[str]]:
        """Return the phase, and the method with its steps."""
        words = []
        if progress.method:
            words.append(f"{progress.number}/{progress.count} {progress.method}")
        if progress.phase == "train":
            words.append(f"step {progress.step:,}/{progress.steps:,}")
        return _PHASES[progress.phase], words

    def outline(self, facts: dict[str, Any]) -> None:
        """Tell what would be done, the methods in a list at the end."""
        methods = facts["methods"]
        super().outline({k: fact for k, fact in facts.items() if k != "methods" and fact})
        click.echo(f"{'methods':<13} {len(methods)}")
        for each in methods:
            told = "too many weights" if each["weights"] is None else f"{each['weights']:,} weights"
            network = each["kind"] != "resampler"
            click.echo(f"  {each['name']}{f'  {told}' if network else ''}")

    def summary(self, result: UpscaleResult) -> None:
        """Print the ranking."""
        for line in _ranking(result):
            click.echo(line)
        sheet = click.style(str(result.folder / SHEET), bold=True)
        click.echo(f"wrote {sheet} and {len(result.files) - 1} more files", err=True)
        if result.interrupted:
            left, count = len(result.missing), len(result.missing) + len(result.restorations)
            click.echo(f"neuralpaint: interrupted: {left} of {count} methods are left", err=True)

    def facts(self, result: UpscaleResult) -> dict[str, Any]:
        """Return what a program wants to know; everything else stands in results.json."""
        return {
            "output": str(result.folder),
            "ranked_by": "psnr_y",
            "winner": result.winner.method.name,
            "methods": [
                facts(each, rank, result) for rank, each in enumerate(result.restorations, 1)
            ],
            "missing": list(result.missing),
            "files": list(result.files),
            "total_seconds": result.total_seconds,
        }


def _ranking(result: UpscaleResult) -> Iterator[str]:
    """Yield the lines of the table."""
    heading, rows = table(result)
    longest = max(len(row[1]) for row in rows)
    for number, (rank, name, *figures) in enumerate([heading, *rows]):
        line = f"{rank:>2}  {name:<{longest}}" + "".join(f"{figure:>9}" for figure in figures)
        yield line if number else click.style(line, bold=True)
