"""`neuralpaint video`: train on a picture and film it."""

from __future__ import annotations

from pathlib import Path

import click

from neuralpaint.cli.display import Display
from neuralpaint.cli.keeping import keeping_from, keeping_options
from neuralpaint.cli.options import (
    audio_option,
    common_options,
    output_option,
    preset_option,
    settings_from,
    settings_options,
)
from neuralpaint.cli.running import run
from neuralpaint.cli.sections import SectionedCommand
from neuralpaint.pipelines.timelapse import VideoSettings, prepare_timelapse

__all__ = ["command"]


@click.command("video", cls=SectionedCommand)
@click.argument("source", metavar="INPUT", type=click.Path())
@output_option("the clip; its suffix chooses the format (.mp4, .webm, .gif, ...)")
@audio_option
@keeping_options
@preset_option(VideoSettings)
@settings_options(VideoSettings)
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    source: str,
    output: str,
    audio: Path | None,
    record: Path | None,
    save: Path | None,
    resume: bool,
    overwrite: bool,
    quiet: bool,
    as_json: bool,
    dry_run: bool,
    **_: object,
) -> int:
    """Train a network on the picture INPUT and film it while it learns.

    INPUT is a picture in any common format, or - for standard input.

    \b
    neuralpaint video photo.jpg -o clip.mp4
    neuralpaint video photo.jpg -o clip.mp4 --overlay steps --overlay curve --pacing even
    neuralpaint video photo.jpg -o loop.gif --size 480x320 --boomerang --duration 6
    """
    keeping, earlier = keeping_from(
        output, record=record, save=save, resume=resume, overwrite=overwrite
    )
    job = prepare_timelapse(
        source,
        output,
        settings=settings_from(VideoSettings, ctx, remembered=earlier),
        audio=audio,
        keeping=keeping,
        began=ctx.obj,
    )
    return run(job, Display(quiet=quiet, as_json=as_json), dry_run=dry_run)
