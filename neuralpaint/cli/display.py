"""What a training that makes one file shows: how it goes, and how good the file is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import click

from neuralpaint.cli.screen import Screen, decibels
from neuralpaint.pipelines.report import Progress, Result

__all__ = ["Display"]

_PHASES = {
    "fill": "filling the hole",
    "enhance": "making the target",
    "train": "training",
    "film": "filming",
    "encode": "writing",
}


_MOST_PICTURES = 16  # of an album, that are told of one by one


class Display(Screen[Progress, Result]):
    """Shows where a clip or a still is, and what has become of it."""

    def scene(self, progress: Progress) -> str:
        """Return what changes rarely: training and filming take turns many times a second."""
        return progress.phase if progress.phase in ("fill", "enhance", "encode") else ""

    def words(self, progress: Progress) -> tuple[str, list[str]]:
        """Return the phase, and steps, quality and speed."""
        if progress.phase in ("fill", "enhance"):
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
        facts = [what]
        if math.isfinite(result.psnr):
            facts.append(f"{result.psnr:.2f} dB")
        if math.isfinite(result.hole_psnr):
            facts.append(f"{result.hole_psnr:.2f} dB inside the hole")
        if result.train_seconds > 0:
            trained = f"{result.steps:,} steps in {result.train_seconds:.1f} s"
            facts.append(f"{trained} on {result.device}")
        name = click.style(str(result.output), bold=True)
        verb = "interrupted: wrote" if result.interrupted else "wrote"
        total = f"{result.total_seconds:.1f} s in all"
        click.echo(f"{verb} {name}  {'  '.join(facts)}, {total}", err=True)
        for picture, psnr in _shown(result.pictures):
            click.echo(f"{psnr:8.2f} dB  {picture}", err=True)
        if result.stills:
            click.echo(f"wrote {len(result.stills)} stills in {result.stills[0].parent}", err=True)

    def facts(self, result: Result) -> dict[str, Any]:
        """Return the result; what a single picture has not is left out."""
        facts = super().facts(result)
        return {name: value for name, value in facts.items() if value != ()}


def _shown(pictures: Sequence[tuple[str, float]]) -> Sequence[tuple[str, float]]:
    """Return the pictures of an album, or of many only the one that was learned least."""
    if len(pictures) <= _MOST_PICTURES:
        return pictures
    name, psnr = min(pictures, key=lambda each: each[1])
    return [(f"{name}, the least of {len(pictures)}", psnr)]
