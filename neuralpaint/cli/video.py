"""`neuralpaint video`: train on a picture and film it."""

from __future__ import annotations

import click

from neuralpaint.cli.jobs import train
from neuralpaint.cli.options import SectionedCommand, training_options
from neuralpaint.pipelines.video import VideoSettings, prepare_video

__all__ = ["command"]


@click.command("video", cls=SectionedCommand)
@click.argument("source", metavar="INPUT", type=click.Path())
@training_options(
    VideoSettings,
    output="the clip; its suffix chooses the format (.mp4, .webm, .gif, ...)",
)
@click.pass_context
def command(ctx: click.Context, /, source: str, **_: object) -> int:
    """Train a network on the picture INPUT and film it while it learns.

    INPUT is a picture in any common format, or - for standard input.

    \b
    neuralpaint video photo.jpg -o clip.mp4
    neuralpaint video photo.jpg -o clip.mp4 --overlay steps --overlay curve --pacing fixed
    neuralpaint video photo.jpg -o reel.mp4 --for reel --overlay "title:text='One, two'"
    neuralpaint video photo.jpg -o loop.gif --size 480x320 --boomerang --duration 6
    """
    return train(prepare_video, source, ctx, VideoSettings)
