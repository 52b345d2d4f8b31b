"""`neuralpaint inpaint`: fill the hole in a picture, as a still or as a clip."""

from __future__ import annotations

import click

from neuralpaint.cli.jobs import train
from neuralpaint.cli.options import SectionedCommand, training_options, typed_options
from neuralpaint.pipelines.inpaint import InpaintSettings, prepare_inpaint, unused_options

__all__ = ["command"]


@click.command("inpaint", cls=SectionedCommand)
@click.argument("source", metavar="INPUT", type=click.Path())
@training_options(
    InpaintSettings,
    output="its suffix chooses: a still (.png, .tiff, ...) or a clip (.mp4, .webm, .gif, ...)",
)
@click.pass_context
def command(ctx: click.Context, /, source: str, output: str, **_: object) -> int:
    """Fill the hole in the picture INPUT and train on the result: as a still, or as a clip.

    The pixels that --mask marks are filled with their most likely colours, given the rest of the
    picture; then a network is trained. All options of `paint` and `video` can be used. With a
    generated mask, or with --truth, the PSNR inside the hole is printed.

    \b
    neuralpaint inpaint photo.jpg --mask hole.png -o whole.png --keep-known
    neuralpaint inpaint photo.jpg --mask random:fraction=0.5 -o clip.mp4 --overlay mask
    neuralpaint inpaint cutout.png --mask alpha -o whole.png
    """
    unused = unused_options(output, typed_options(ctx))
    return train(prepare_inpaint, source, ctx, InpaintSettings, unused=unused)
