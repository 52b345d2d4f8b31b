"""`neuralpaint bench`: what this machine does, against its own limits."""

from __future__ import annotations

import click

from neuralpaint.cli.options import common_options, output_option, settings_from, settings_options
from neuralpaint.cli.running import confirm_overwrite, run
from neuralpaint.cli.scoreboard import Scoreboard
from neuralpaint.cli.sections import SectionedCommand
from neuralpaint.pipelines.bench.bench import Bench
from neuralpaint.pipelines.bench.settings import BenchSettings

__all__ = ["command"]


@click.command("bench", cls=SectionedCommand)
@click.argument("sources", metavar="[INPUT]...", nargs=-1, type=click.Path())
@output_option("draw PSNR over training time into this still (.png, .jpg, ...)", required=False)
@settings_options(BenchSettings)
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    sources: tuple[str, ...],
    output: str | None,
    overwrite: bool,
    quiet: bool,
    as_json: bool,
    dry_run: bool,
    **_: object,
) -> int:
    """Measure what this machine does: training, filming, and quality by the clock.

    Every figure is measured in this run: how fast each model trains and which share of the
    machine's matrix peak that is, what a frame costs to render and to encode, the PSNR after 1, 5
    and 10 seconds of training, and how much sooner that is than with a plain loop.

    INPUT are pictures to learn, by default a photograph that comes with neuralpaint. Three models
    and one picture take a minute and a half; the time grows with --seconds, with the models and
    with the pictures, of which PSNR is then the mean. --dry-run tells it beforehand.

    \b
    neuralpaint bench
    neuralpaint bench photo.jpg --model pyramid --seconds 60 -o curves.png
    neuralpaint bench kodak/*.png --seconds 30 --no-reference
    """
    settings = settings_from(BenchSettings, ctx)
    if output is not None:
        overwrite = confirm_overwrite(output, overwrite=overwrite)
    job = Bench(*sources, output=output, settings=settings, overwrite=overwrite)
    return run(job, Scoreboard(quiet=quiet, as_json=as_json), dry_run=dry_run)
