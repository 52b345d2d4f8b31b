"""The options of what is kept beside a result, and of going on with an interrupted run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from neuralpaint.cli.running import confirm_overwrite
from neuralpaint.cli.sections import SectionedOption
from neuralpaint.storage.resume.interrupted import interrupted_settings
from neuralpaint.storage.resume.keeping import Keeping, checkpoint_of

__all__ = ["keeping_from", "keeping_options"]

F = TypeVar("F", bound=Callable[..., Any])


def keeping_options(function: F) -> F:
    """Give a command `--record`, `--save` and `--resume`."""
    for option in reversed(
        [
            click.option(
                "--record",
                cls=SectionedOption,
                type=click.Path(path_type=Path),
                metavar="TAKE",
                help="record the training into this file, which `render` films again at any size",
            ),
            click.option(
                "--save",
                cls=SectionedOption,
                type=click.Path(path_type=Path),
                metavar="PAINTING",
                help="save the finished network into this file, for `render` and `export`",
            ),
            click.option(
                "--resume",
                cls=SectionedOption,
                is_flag=True,
                help="go on with an interrupted run for OUT, with its settings, where there is one",
            ),
        ]
    ):
        function = option(function)
    return function


def keeping_from(
    output: str,
    *,
    record: Path | None = None,
    save: Path | None = None,
    resume: bool = False,
    overwrite: bool,
) -> tuple[Keeping, dict[str, Any]]:
    """Return what a command was told to keep, and the settings of the run that it goes on with.

    Where files would be replaced, or an interrupted run with them, somebody is asked; not so who
    goes on.
    """
    if not resume:
        interrupted = checkpoint_of(output).exists()
        also = (
            f"an interrupted run for {output}, with which --resume goes on," if interrupted else ""
        )
        overwrite = confirm_overwrite(output, record, save, overwrite=overwrite, also=also)
    keeping = Keeping.of(record=record, save=save, resume=resume, overwrite=overwrite)
    return keeping, interrupted_settings(output) if resume else {}
