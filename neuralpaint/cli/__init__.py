"""The command line: one command per file, each imported when it is run."""

from __future__ import annotations

import logging
import os
import signal
import sys
from types import FrameType

import click

from neuralpaint.cli.group import LazyGroup
from neuralpaint.errors import NeuralPaintError

__all__ = ["main", "neuralpaint"]

INTERRUPTED = 130


@click.group(
    cls=LazyGroup,
    summaries={
        "video": "Train on a picture and film it.",
        "paint": "Train on a picture and render one still.",
        "replay": "Tell how a file was made, or make it again.",
        "list": "List everything that can be chosen by name.",
    },
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="neuralpaint", message="%(prog)s %(version)s")
def neuralpaint() -> None:
    """Train a coordinate network on a picture and film it while it learns.

    \b
    neuralpaint video photo.jpg -o clip.mp4        a ten-second clip of the learning
    neuralpaint paint photo.jpg -o still.png       what was learned, as one still
    neuralpaint COMMAND --help                     every option of a command
    """


def main() -> None:
    """Run the command line; every error is one line on stderr and an exit status."""
    debug = "--debug" in sys.argv[1:]
    arguments = [word for word in sys.argv[1:] if word != "--debug"]
    logging.basicConfig(format="neuralpaint: %(message)s", level=logging.INFO)
    # What ends a process politely finishes the clip first, like Ctrl-C.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        status = neuralpaint.main(arguments, prog_name="neuralpaint", standalone_mode=False)
    except KeyboardInterrupt:
        _fail("interrupted", INTERRUPTED)
    except click.Abort:
        _fail("interrupted", INTERRUPTED)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _fail(_one_line(error.format_message()), error.exit_code)
    except BrokenPipeError:
        # Whoever read our output has had enough; keep the interpreter from failing on its flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except NeuralPaintError as error:
        if debug:
            raise
        _fail(_one_line(str(error)), error.exit_status)
    except Exception as error:
        if debug:
            raise
        _fail(
            f"unexpected {type(error).__name__}: {_one_line(str(error))}; this is a defect in "
            "neuralpaint, run again with --debug to see where",
            1,
        )
    sys.exit(status if isinstance(status, int) else 0)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _fail(message: str, status: int) -> None:
    click.echo(f"neuralpaint: {message}", err=True)
    sys.exit(status)


def _one_line(text: str) -> str:
    return " ".join(text.split())
