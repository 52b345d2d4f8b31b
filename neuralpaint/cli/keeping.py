"""The options of what is kept beside a result, and of going on with an interrupted run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from neuralpaint.cli.sections import SectionedOption

__all__ = ["keeping_options"]

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
