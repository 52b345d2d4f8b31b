"""`neuralpaint replay`: print the command that made a file, or run it again."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from neuralpaint.cli.display import FileDisplay
from neuralpaint.cli.options import (
    SectionedCommand,
    SectionedOption,
    audio_option,
    common_options,
    output_option,
)
from neuralpaint.cli.running import confirm_overwrite, keeping_of, run
from neuralpaint.config.settings import Settings
from neuralpaint.errors import SavedError, UsageError
from neuralpaint.pipelines.job import Job
from neuralpaint.pipelines.morph.morph import prepare_morph
from neuralpaint.pipelines.morph.settings import MorphSettings
from neuralpaint.pipelines.paint import PaintSettings, prepare_paint
from neuralpaint.pipelines.provenance import read_note
from neuralpaint.pipelines.render import RenderSettings, prepare_render
from neuralpaint.pipelines.saved import load_saved
from neuralpaint.pipelines.timelapse import VideoSettings, prepare_timelapse
from neuralpaint.video.formats import format_for
from neuralpaint.video.reader import read_tag

__all__ = ["command"]

F = TypeVar("F", bound=Callable[..., Any])

_RECIPES: dict[str, type[Settings]] = {
    "video": VideoSettings,
    "paint": PaintSettings,
    "morph": MorphSettings,
    "render": RenderSettings,
}
_FILES = {
    "mask": "the file of the mask",
    "truth": "the picture without its hole",
    "focus": "the file of the pixels that count more",
    "order": "the file of the order in which pixels are learned",
}


def _file_options(function: F) -> F:
    for name, what in reversed(_FILES.items()):
        function = click.option(
            f"--{name}",
            cls=SectionedOption,
            type=click.Path(),
            metavar="FILE",
            help=f"{what}, if CLIP was made with one",
        )(function)
    return function


@click.command("replay", cls=SectionedCommand)
@click.argument("clip", type=click.Path(path_type=Path))
@click.argument("sources", metavar="[INPUT]...", nargs=-1, type=click.Path())
@output_option("run the command again, with INPUT, and write this", required=False)
@audio_option
@_file_options
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    clip: Path,
    sources: tuple[str, ...],
    output: str | None,
    audio: Path | None,
    overwrite: bool,
    **others: Any,
) -> int:
    """Print the command that made CLIP; with INPUT and -o, run it again.

    CLIP is a clip, a still, a take or a painting. INPUT is a picture; for a morph, several or a
    folder; for a file that was rendered, a painting or a take. The settings are read from CLIP:
    only options of this command line, each checked as if it had been typed; never a path, and
    nothing is passed to a shell. CLIP does not contain the file of a mask: give it again.

    \b
    neuralpaint replay clip.mp4
    neuralpaint replay clip.mp4 other.jpg -o other.mp4
    """
    note = read_note(_text(clip), _RECIPES)
    if not sources and output is None:
        click.echo(note.text() if ctx.params["as_json"] else note.command())
        return 0
    if not sources or output is None:
        raise click.UsageError("to run the command again, give both INPUT and -o OUT")
    settings = _with_files(note.settings, {name: others[name] for name in _FILES})
    job = _job(settings, sources, output, audio=audio, overwrite=overwrite, began=ctx.obj)
    return run(job, ctx, FileDisplay)


def _text(path: Path) -> str | None:
    """Return the note in a file, whatever kind of file it is."""
    text = read_tag(path)
    if text is None:
        with contextlib.suppress(SavedError):
            text = json.dumps(dict(load_saved(path, "cpu").note))
    return text


def _with_files(settings: Settings, given: dict[str, str | None]) -> Settings:
    """Return the settings with the files that were given; a name from a file is never opened.

    Raises:
        UsageError: one is missing, or one was given that has no use.
    """
    named = settings.files()
    for name, path in given.items():
        if path is None and name in named:
            raise UsageError(
                f"it was made with the file --{name} {named[name]}, which is not in it: give that, "
                "or another, with the same option"
            )
        if path is not None and name not in named:
            raise UsageError(f"--{name}: it was made without such a file; leave it out")
    known: dict[str, Any] = {name: path for name, path in given.items() if path is not None}
    return settings.replaced(**known)


def _job(
    settings: Settings,
    sources: tuple[str, ...],
    output: str,
    *,
    audio: Path | None,
    overwrite: bool,
    began: float,
) -> Job:
    source = sources[0]
    if len(sources) > 1 and not isinstance(settings, MorphSettings):
        raise click.UsageError(f"it was made of one INPUT, not of {len(sources)}: give one")
    if isinstance(settings, PaintSettings):
        if audio is not None:
            raise click.UsageError("--audio: a still has no sound")
        keeping = keeping_of(output, overwrite=overwrite)
        return prepare_paint(source, output, settings=settings, keeping=keeping, began=began)
    if not isinstance(settings, VideoSettings | MorphSettings | RenderSettings):
        raise TypeError(f"no recipe has {type(settings).__name__}")
    try:
        format_for(output, settings.video.format)
    except UsageError:
        # The format was that of the old file; the new one's suffix asks for another.
        settings = settings.replaced(format=None)
    if isinstance(settings, RenderSettings):
        allowed = confirm_overwrite(output, overwrite=overwrite)
        return prepare_render(
            source, output, settings=settings, audio=audio, overwrite=allowed, began=began
        )
    keeping = keeping_of(output, overwrite=overwrite)
    if isinstance(settings, MorphSettings):
        return prepare_morph(
            sources, output, settings=settings, audio=audio, keeping=keeping, began=began
        )
    return prepare_timelapse(
        source, output, settings=settings, audio=audio, keeping=keeping, began=began
    )
