"""`neuralpaint paint`: train on a picture and render one still."""

from __future__ import annotations

from pathlib import Path

import click

from neuralpaint.cli.display import Display
from neuralpaint.cli.keeping import keeping_from, keeping_options
from neuralpaint.cli.options import (
    common_options,
    output_option,
    preset_option,
    settings_from,
    settings_options,
)
from neuralpaint.cli.running import run
from neuralpaint.cli.sections import SectionedCommand
from neuralpaint.pipelines.paint import PaintSettings, prepare_paint

__all__ = ["command"]


@click.command("paint", cls=SectionedCommand)
@click.argument("source", metavar="INPUT", type=click.Path())
@output_option("the still; its suffix chooses the format (.png, .jpg, .tiff, ...)")
@keeping_options
@preset_option(PaintSettings)
@settings_options(PaintSettings)
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    source: str,
    output: str,
    record: Path | None,
    save: Path | None,
    resume: bool,
    overwrite: bool,
    quiet: bool,
    as_json: bool,
    dry_run: bool,
    **_: object,
) -> int:
    """Train a network on the picture INPUT and render what it learned as one still.

    \b
    neuralpaint paint photo.jpg -o painted.png
    neuralpaint paint photo.jpg -o large.png --scale 4
    """
    keeping, earlier = keeping_from(
        output, record=record, save=save, resume=resume, overwrite=overwrite
    )
    job = prepare_paint(
        source,
        output,
        settings=settings_from(PaintSettings, ctx, remembered=earlier),
        keeping=keeping,
        began=ctx.obj,
    )
    return run(job, Display(quiet=quiet, as_json=as_json), dry_run=dry_run)
