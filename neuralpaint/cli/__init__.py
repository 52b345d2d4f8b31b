"""The command line: one command per file, each imported when it is run."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from types import FrameType

import click

from neuralpaint.cli.group import Interrupted, LazyGroup
from neuralpaint.cli.running import INTERRUPTED
from neuralpaint.errors import NeuralPaintError

__all__ = ["main", "neuralpaint"]


@click.group(
    cls=LazyGroup,
    summaries={
        "video": "Train on a picture and film it.",
        "paint": "Train on a picture and render one still.",
        "inpaint": "Fill in what is unknown of a picture, as a still or as a clip.",
        "morph": "Train on several pictures and film what lies between.",
        "render": "Render a saved painting or a recorded training again.",
        "export": "Write a painting as a function for other tools.",
        "compare": "Train several networks on a picture and tell which learns it best.",
        "replay": "Tell how a file was made, or make it again.",
        "bench": "Measure what this machine does.",
        "gradcheck": "Check every derivative of the network from scratch.",
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
    neuralpaint render clip.take -o large.mp4      a recorded training, filmed again
    neuralpaint COMMAND --help                     every option of a command

    With --debug anywhere, an error shows its traceback.
    """


def main() -> None:
    """Run the command line; every error is one line on stderr and an exit status."""
    began = time.perf_counter()  # before anything large is imported: what a --budget counts from
    arguments, debug = _without_debug(sys.argv[1:])
    _log_to_stderr()
    # What ends a process politely finishes the clip first, like Ctrl-C.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        status = neuralpaint.main(
            arguments,
            prog_name="neuralpaint",
            standalone_mode=False,
            obj=began,
            color=False if os.environ.get("NO_COLOR") else None,
        )
    except Interrupted:
        _fail("interrupted: nothing was written", INTERRUPTED)
    except click.Abort:
        _fail("nothing was written", 1)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except BrokenPipeError:
        # Whoever read our output has had enough; keep the interpreter from failing on its flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except NeuralPaintError as error:
        if debug:
            raise
        _fail(str(error), error.exit_status)
    except MemoryError:
        if debug:
            raise
        _fail("out of memory: lower --size, --frames or --batch", 1)
    except Exception as error:
        if debug:
            raise
        kind = type(error).__name__
        _fail(f"unexpected {kind}: {error}; this is a defect, --debug shows where it is", 1)
    sys.exit(status if isinstance(status, int) else 0)


def _without_debug(arguments: list[str]) -> tuple[list[str], bool]:
    """Take --debug out, wherever it stands before a `--`: it is about every command."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    ours = [word for word in arguments[:end] if word != "--debug"]
    return ours + arguments[end:], len(ours) < end


def _log_to_stderr() -> None:
    handler = logging.StreamHandler()
    # Away with the live line of the display first, where there is one.
    start = "\r\x1b[K" if sys.stderr.isatty() else ""
    handler.setFormatter(logging.Formatter(f"{start}neuralpaint: %(message)s"))
    logger = logging.getLogger("neuralpaint")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _fail(message: str, status: int) -> None:
    click.echo(f"neuralpaint: {' '.join(message.split())}", err=True)
    sys.exit(status)
