"""The command line: one command per file, imported only when it is run, so that `--help` is fast.

To add a command, write a module with an object `command`, and add a line to `summaries` below.
"""

from __future__ import annotations

import difflib
import importlib
import logging
import os
import signal
import sys
import time
from collections.abc import Mapping
from types import FrameType
from typing import Any

import click

from neuralpaint.errors import NeuralPaintError
from neuralpaint.runtime.standard_streams import open_streams, output_error

__all__ = ["INTERRUPTED", "main", "neuralpaint"]

INTERRUPTED = 130
"""The exit status of an interrupted command."""


class _Interrupted(Exception):  # noqa: N818 - not an error, like KeyboardInterrupt
    """Replaces a KeyboardInterrupt, for which click would print an empty line."""


class _LazyGroup(click.Group):
    """A group whose command NAME is the object `command` of the module `neuralpaint.cli.NAME`.

    `summaries` contains the help line of each command, so the group's help imports no command.
    """

    def __init__(self, *args: Any, summaries: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._summaries = summaries

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, the most used first."""
        return [*self._summaries]  # not `list(...)`: here, `list` is a submodule

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import and return a command; None if there is none of that name."""
        if name not in self._summaries:
            return None
        command: click.Command = importlib.import_module(f"neuralpaint.cli.{name}").command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            # One more Ctrl-C must not interrupt the interpreter while it shuts down.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            raise _Interrupted from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command, or fail and suggest the most similar name."""
        if args and args[0] not in self._summaries and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], self._summaries, n=1)
            hint = f"did you mean {close[0]!r}? " if close else ""
            ctx.fail(f"no command {args[0]!r}: {hint}choose from {', '.join(self._summaries)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands and their summaries."""
        with formatter.section("Commands"):
            formatter.write_dl([*self._summaries.items()])


@click.group(
    cls=_LazyGroup,
    summaries={
        "video": "Train on a picture and film it.",
        "paint": "Train on a picture and render one still.",
        "inpaint": "Fill the hole in a picture, as a still or as a clip.",
        "morph": "Train on several pictures and film a path from each to the next.",
        "batch": "Run one of these commands on many pictures.",
        "render": "Render a saved painting or a recorded training again.",
        "explain": "Write a page that shows how a trained network works.",
        "export": "Write a painting as a function for other tools.",
        "studio": "Watch a network learn, and film it, on a page in the browser.",
        "compare": "Train several networks on a picture and rank them.",
        "replay": "Print the command that made a file, or run it again.",
        "bench": "Measure this machine: its speed, and the quality after some seconds of training.",
        "gradcheck": "Check every gradient of the network written from scratch.",
        "list": "List everything that can be chosen by name.",
    },
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="neuralpaint", message="%(prog)s %(version)s")
def neuralpaint() -> None:
    """Train a coordinate network on a picture and film it while it learns.

    \b
    neuralpaint video photo.jpg -o clip.mp4        a ten-second clip of the training
    neuralpaint paint photo.jpg -o still.png       the trained network as one still
    neuralpaint render clip.take -o large.mp4      film a recorded training again
    neuralpaint COMMAND --help                     every option of a command

    With --debug anywhere, an error shows its traceback.
    """


def main() -> None:
    """Run the command line; an error is one line on stderr and an exit status."""
    began = time.perf_counter()  # a --budget includes the time that imports take
    open_streams()
    arguments, debug = _without_debug(sys.argv[1:])
    _log_to_stderr()
    _interrupt_on_signals()
    try:
        status = neuralpaint.main(
            arguments,
            prog_name="neuralpaint",
            standalone_mode=False,
            obj=began,
            color=False if os.environ.get("NO_COLOR") else None,
        )
    except _Interrupted:
        _fail("interrupted: the output was not written", INTERRUPTED)
    except click.Abort:
        _fail("aborted: the output was not written", 1)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except Exception as error:
        if debug:
            raise
        _fail(_explanation(error), getattr(error, "exit_status", 1))
    if (full := output_error()) is not None:
        _fail(f"stdout is not complete ({full.strerror}): write it to another disk", 1)
    sys.exit(status if isinstance(status, int) else 0)


def _explanation(error: Exception) -> str:
    if isinstance(error, NeuralPaintError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory: lower --size, --frames or --batch"
    kind = type(error).__name__
    return f"unexpected {kind}: {error}; this is a bug, --debug shows the traceback"


def _without_debug(arguments: list[str]) -> tuple[list[str], bool]:
    """Return the arguments without --debug, and whether it was given anywhere before a `--`."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    kept = [word for word in arguments[:end] if word != "--debug"]
    return kept + arguments[end:], len(kept) < end


class _Remarks(logging.Handler):
    """Prints log records on stderr, above the live line."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        from neuralpaint.cli.display import remark

        remark(f"neuralpaint: {self.format(record)}")


def _log_to_stderr() -> None:
    logger = logging.getLogger("neuralpaint")
    logger.addHandler(_Remarks())
    logger.setLevel(logging.INFO)


def _interrupt_on_signals() -> None:
    """Let SIGTERM, and SIGHUP of a closed terminal, finish the clip first, like Ctrl-C."""
    signal.signal(signal.SIGTERM, _interrupt)
    # Under nohup it is ignored, and stays so.
    if os.name != "nt" and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
        signal.signal(signal.SIGHUP, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _fail(message: str, status: int) -> None:
    click.echo(f"neuralpaint: {' '.join(message.split())}", err=True)
    sys.exit(status)
