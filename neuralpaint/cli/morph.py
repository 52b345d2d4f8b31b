"""`neuralpaint morph`: train one network on several pictures and film a path between them."""

from __future__ import annotations

import click

from neuralpaint.cli.jobs import train
from neuralpaint.cli.options import SectionedCommand, training_options
from neuralpaint.pipelines.morph import NOT_PRESET, MorphSettings, prepare_morph

__all__ = ["command"]


@click.command("morph", cls=SectionedCommand)
@click.argument("sources", metavar="INPUT...", nargs=-1, required=True, type=click.Path())
@training_options(
    MorphSettings,
    output="the clip; its suffix chooses the format (.mp4, .webm, .gif, ...)",
)
@click.pass_context
def command(ctx: click.Context, /, sources: tuple[str, ...], **_: object) -> int:
    """Train one network on all pictures INPUT and film a path from each to the next.

    INPUT are pictures, or folders of them. All get the size of the first one: each is scaled until
    it covers that size, then cropped around its centre.

    \b
    neuralpaint morph sea.jpg wood.jpg town.jpg -o loop.mp4
    neuralpaint morph a.jpg b.jpg -o clip.mp4 --learn --path ping-pong --save both.painting
    neuralpaint morph pictures/ -o buttons.mp4 --codes from-names --path corners --sample 10
    """
    return train(prepare_morph, sources, ctx, MorphSettings, unused=NOT_PRESET)
