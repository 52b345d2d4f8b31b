"""`neuralpaint inpaint`: fill the hole of a picture, as a still or as a clip."""

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
from neuralpaint.pipelines.inpaint import InpaintSettings, prepare_inpaint

__all__ = ["command"]


@click.command("inpaint", cls=SectionedCommand)
@click.argument("source", metavar="INPUT", type=click.Path())
@output_option(
    "its suffix chooses: a still (.png, .tiff, .jpg, ...) or a clip (.mp4, .webm, .gif, ...)"
)
@audio_option
@keeping_options
@preset_option(InpaintSettings)
@settings_options(InpaintSettings)
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
    """Fill in what is unknown of the picture INPUT, and learn that: as a still, or as a clip.

    What --mask says is unknown is filled with what the rest of the picture makes likely, before a
    network is trained on it: `paint` and `video` with a mask. With a mask that is drawn, or with
    --truth, the PSNR inside the hole is told.

    \b
    neuralpaint inpaint photo.jpg --mask hole.png -o whole.png --keep-known
    neuralpaint inpaint photo.jpg --mask random:fraction=0.5 -o clip.mp4 --overlay mask
    neuralpaint inpaint cutout.png --mask alpha -o whole.png
    """
    keeping, earlier = keeping_from(
        output, record=record, save=save, resume=resume, overwrite=overwrite
    )
    job = prepare_inpaint(
        source,
        output,
        settings=settings_from(InpaintSettings, ctx, remembered=earlier),
        audio=audio,
        keeping=keeping,
        began=ctx.obj,
    )
    return run(job, Display(quiet=quiet, as_json=as_json), dry_run=dry_run)
