"""`neuralpaint paint`: train on a picture and render one still."""

from __future__ import annotations

import click

from neuralpaint.cli.jobs import train
from neuralpaint.cli.options import SectionedCommand, training_options
from neuralpaint.pipelines.paint import PaintSettings, prepare_paint

__all__ = ["command"]


@click.command("paint", cls=SectionedCommand)
@click.argument("source", metavar="INPUT", type=click.Path())
@training_options(
    PaintSettings,
    output="the still; its suffix chooses the format (.png, .jpg, .tiff, ...)",
    audio=False,
)
@click.pass_context
def command(ctx: click.Context, /, source: str, **_: object) -> int:
    """Train a network on the picture INPUT and render the result as one still.

    \b
    neuralpaint paint photo.jpg -o painted.png
    neuralpaint paint photo.jpg -o large.png --scale 4
    """
    return train(prepare_paint, source, ctx, PaintSettings)
