"""`neuralpaint replay`: tell how a file was made, or make it again."""

from __future__ import annotations

from pathlib import Path

import click

from neuralpaint.cli.options import common_options
from neuralpaint.cli.running import confirm_overwrite, run
from neuralpaint.errors import PictureError
from neuralpaint.recipes.paint import Paint, PaintSettings
from neuralpaint.recipes.provenance import read_note
from neuralpaint.recipes.timelapse import Timelapse, VideoSettings
from neuralpaint.stills import read_still_text
from neuralpaint.video.metadata import read_tag

__all__ = ["command"]

_RECIPES = {"video": VideoSettings, "paint": PaintSettings}


@click.command("replay")
@click.argument("clip", type=click.Path(path_type=Path))
@click.argument("source", metavar="[INPUT]", required=False)
@click.option(
    "-o", "--output", type=click.Path(), metavar="OUT", help="make it again from INPUT, into this"
)
@common_options
def command(
    clip: Path,
    source: str | None,
    output: str | None,
    overwrite: bool,
    quiet: bool,
    as_json: bool,
    dry_run: bool,
) -> int:
    """Print the command that made CLIP; with INPUT and -o, run it again.

    The settings come from the clip itself. Only options of this command line are taken from it,
    each checked as if it had been typed; never a path, and nothing is given to a shell.

    \b
    neuralpaint replay clip.mp4
    neuralpaint replay clip.mp4 other.jpg -o other.mp4
    """
    note = read_note(_text(clip), _RECIPES)
    if source is None and output is None:
        click.echo(note.command())
        return 0
    if source is None or output is None:
        raise click.UsageError("to make it again, give both a picture and -o OUT")
    allowed = confirm_overwrite(output, overwrite=overwrite)
    job: Timelapse | Paint
    if isinstance(note.settings, VideoSettings):
        job = Timelapse(source, output, settings=note.settings, overwrite=allowed)
    elif isinstance(note.settings, PaintSettings):
        job = Paint(source, output, settings=note.settings, overwrite=allowed)
    return run(job, job.facts(), quiet=quiet, as_json=as_json, dry_run=dry_run)


def _text(path: Path) -> str | None:
    """Return the note inside a clip or a still."""
    try:
        return read_tag(path) or read_still_text(path)
    except PictureError:
        return None  # neither a clip nor a still of ours
