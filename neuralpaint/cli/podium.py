"""What a comparison shows: whose turn it is, and then the ranking."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from neuralpaint.cli.screen import Screen, decibels
from neuralpaint.pipelines.compare.result import CompareProgress, CompareResult, Outcome
from neuralpaint.pipelines.compare.words import notes, table

__all__ = ["Podium"]

_PHASES = {"train": "training", "summarise": "summing"}
_WIDEST_NAME = 40


class Podium(Screen[CompareProgress, CompareResult]):
    """Shows where a comparison is, and who has won."""

    def scene(self, progress: CompareProgress) -> str:
        """Return the phase and the contestant."""
        return f"{progress.phase} {progress.number}"

    def words(self, progress: CompareProgress) -> tuple[str, list[str]]:
        """Return the phase, and the contestant with its steps and quality."""
        words = []
        if progress.phase == "train":
            words.append(f"{progress.number}/{progress.count} {progress.contestant}")
            words.append(f"step {progress.step:,}/{progress.steps:,}")
        return _PHASES[progress.phase], words + decibels(progress.psnr)

    def outline(self, facts: dict[str, Any]) -> None:
        """Tell what would be done, the contestants in a list at the end."""
        contestants = facts["contestants"]
        super().outline({k: fact for k, fact in facts.items() if k != "contestants" and fact})
        click.echo(f"{'contestants':<13} {len(contestants)}")
        width = min(_WIDEST_NAME, max(len(each["name"]) for each in contestants))
        for each in contestants:
            weights = "too many" if each["weights"] is None else f"{each['weights']:,}"
            there = "  there already" if each["resumed"] else ""
            click.echo(f"  {each['name']:<{width}}  {weights:>11} weights{there}")

    def summary(self, result: CompareResult) -> None:
        """Print the ranking."""
        for line in _ranking(result):
            click.echo(line)
        for note in notes(result):
            click.echo(f"neuralpaint: {note}", err=True)
        page = click.style(str(result.folder / "report.html"), bold=True)
        click.echo(f"wrote {page} and {len(result.files) - 1} more files", err=True)
        if result.interrupted:
            left = len(result.missing)
            click.echo(
                f"neuralpaint: interrupted: {left} of {left + len(result.outcomes)} are left, "
                "the same command with --resume goes on",
                err=True,
            )

    def facts(self, result: CompareResult) -> dict[str, Any]:
        """Return what a program wants to know; everything else stands in results.json."""
        return {
            "output": str(result.folder),
            "ranked_by": "psnr_held_out" if result.splits else "psnr",
            "winner": result.winner.name if result.winner else None,
            "contestants": [_brief(outcome) for outcome in result.outcomes],
            "missing": list(result.missing),
            "files": list(result.files),
            "total_seconds": result.total_seconds,
        }


def _brief(outcome: Outcome) -> dict[str, Any]:
    last = outcome.last
    return {
        "name": outcome.name,
        "status": outcome.status,
        "message": outcome.message,
        "psnr": outcome.psnr,
        "psnr_train": last.psnr_train,
        "psnr_held_out": last.psnr_held_out,
        "weights": outcome.weights,
        "steps": outcome.steps,
        "train_seconds": outcome.train_seconds,
        "resumed": outcome.resumed,
    }


def _ranking(result: CompareResult) -> Iterator[str]:
    """Yield the lines of the table."""
    heading, rows = table(result)
    lines = [heading, *([shown for shown, _ in row] for row in rows)]
    for line in lines:
        if len(line[1]) > _WIDEST_NAME:
            line[1] = f"{line[1][: _WIDEST_NAME - 3]}..."
    widths = [max(len(line[column]) for line in lines) for column in range(len(heading))]
    for number, line in enumerate(lines):
        cells = [
            f"{cell:<{width}}" if column == 1 else f"{cell:>{width}}"
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        text = "  ".join(cells).rstrip()
        yield text if number else click.style(text, bold=True)
