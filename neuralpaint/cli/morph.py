"""`neuralpaint morph`: train one network on several pictures and film what lies between."""

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
from neuralpaint.pipelines.morph.morph import prepare_morph
from neuralpaint.pipelines.morph.settings import MorphSettings

__all__ = ["command"]


@click.command("morph", cls=SectionedCommand)
@click.argument("sources", metavar="INPUT...", nargs=-1, required=True, type=click.Path())
@output_option("the clip; its suffix chooses the format (.mp4, .webm, .gif, ...)")
@audio_option
@keeping_options
@preset_option(MorphSettings)
@settings_options(MorphSettings)
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    sources: tuple[str, ...],
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
    """Train one network on all pictures INPUT and film a walk through what lies between them.

    INPUT are pictures, or folders of them. They get the size of the first one: each is scaled until
    it covers that, and its middle is taken.

    \b
    neuralpaint morph sea.jpg wood.jpg town.jpg -o loop.mp4
    neuralpaint morph a.jpg b.jpg -o clip.mp4 --learn --path ping-pong --save both.painting
    neuralpaint morph pictures/ -o buttons.mp4 --codes from-names --path corners --sample 10
    """
    keeping, earlier = keeping_from(
        output, record=record, save=save, resume=resume, overwrite=overwrite
    )
    job = prepare_morph(
        sources,
        output,
        settings=settings_from(MorphSettings, ctx, remembered=earlier),
        audio=audio,
        keeping=keeping,
        began=ctx.obj,
    )
    return run(job, Display(quiet=quiet, as_json=as_json), dry_run=dry_run)
