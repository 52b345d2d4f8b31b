"""`neuralpaint replay`: print the command that made a file, or run it again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from neuralpaint.cli.display import FileDisplay
from neuralpaint.cli.forecasts import Forecaster
from neuralpaint.cli.jobs import confirm_overwrite, resume_of, run
from neuralpaint.cli.options import (
    SectionedCommand,
    SectionedOption,
    audio_option,
    common_options,
    output_option,
)
from neuralpaint.pipelines.replay import COMMANDS, note_in, prepare_replay
from neuralpaint.storage.resume import Resume

__all__ = ["command"]

F = TypeVar("F", bound=Callable[..., Any])

_FILES = {
    "mask": "the file of the mask",
    "truth": "the picture without its hole",
    "focus": "the file of the pixels to learn best",
    "order": "the file of the order in which pixels are learned",
}


def _file_options(function: F) -> F:
    for name, what in reversed(_FILES.items()):
        function = click.option(
            f"--{name}",
            cls=SectionedOption,
            type=click.Path(),
            metavar="FILE",
            help=f"{what}, if FILE was made with one",
        )(function)
    return function


@click.command("replay", cls=SectionedCommand)
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("sources", metavar="[INPUT]...", nargs=-1, type=click.Path())
@output_option("run the command again with INPUT, and write this file", required=False)
@audio_option
@_file_options
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    file: Path,
    sources: tuple[str, ...],
    output: str | None,
    audio: Path | None,
    overwrite: bool,
    **others: Any,
) -> int:
    """Print the command that made FILE; with INPUT and -o, run it again.

    FILE is a clip, a still, a take or a painting. INPUT is a picture; for a morph, several or a
    folder; for a file that was rendered, a painting or a take. The settings are read from FILE;
    each is checked as if it had been typed. Paths in FILE are not used, and nothing is passed to a
    shell. FILE does not contain mask files: give them again.

    \b
    neuralpaint replay clip.mp4
    neuralpaint replay clip.mp4 other.jpg -o other.mp4
    """
    note = note_in(file)
    if not sources and output is None:
        click.echo(note.text() if others["as_json"] else note.command())
        return 0
    if not sources or output is None:
        raise click.UsageError("to run the command again, give both INPUT and -o OUT")
    if COMMANDS[note.command_name].trains:
        resume = resume_of(output, overwrite=overwrite)
    else:
        resume = Resume(output, overwrite=confirm_overwrite(output, overwrite=overwrite))
    job = prepare_replay(
        note,
        sources,
        output,
        files={name: others[name] for name in _FILES},
        audio=audio,
        resume=resume,
        began=ctx.obj,
    )
    return run(job, ctx, FileDisplay, forecaster=Forecaster(job))
