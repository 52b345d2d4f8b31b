"""A group of commands that are imported when they are run, so that `--help` is quick."""

from __future__ import annotations

import difflib
import importlib
import signal
from collections.abc import Mapping
from typing import Any

import click

__all__ = ["Interrupted", "LazyGroup"]


class Interrupted(Exception):  # noqa: N818 - like KeyboardInterrupt, it is no error
    """A KeyboardInterrupt that ended a command, for which click would print an empty line."""


class LazyGroup(click.Group):
    """Command NAME is the object `command` of the module `neuralpaint.cli.NAME`.

    `summaries` are the commands and what help says of each, so that it need not import them.
    """

    def __init__(self, *args: Any, summaries: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._summaries = summaries

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, the most wanted first."""
        return list(self._summaries)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import a command."""
        if name not in self._summaries:
            return None
        command: click.Command = importlib.import_module(f"neuralpaint.cli.{name}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            # It is over; one more must not fall into the interpreter's own tidying up.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            raise Interrupted from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one is closest."""
        if args and args[0] not in self._summaries and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], self._summaries, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            ctx.fail(f"no command {args[0]!r}: {hint}choose from {', '.join(self._summaries)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands and their summaries."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self._summaries.items()))
