"""`neuralpaint studio`: a page on this machine on which a network learns before your eyes."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path

import click

from neuralpaint.cli import INTERRUPTED
from neuralpaint.cli.display import remark

__all__ = ["command"]


@click.command("studio")
@click.argument("picture", metavar="[PICTURE]", required=False, type=click.Path())
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default="studio",
    show_default=True,
    help="where everything that is made is kept",
)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="the address to listen on; any but this one lets other machines in that know the token",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    help="the port to listen on; unset, a free one",
)
@click.option("--no-browser", is_flag=True, help="only print the address")
def command(picture: str | None, folder: Path, host: str, port: int, no_browser: bool) -> int:
    """Open a page on which a network learns PICTURE, or one that you drop there, live.

    Choose a look, a model and overlays, press Start, and zoom into the network while it learns.
    Everything is recorded: afterwards, scrub through the training and make clips, stills and pages
    of it. The page shows the commands that make the same. Ctrl-C ends the studio; what was learned
    so far is kept.

    The address, which contains a secret token, is printed on stdout.

    \b
    neuralpaint studio photo.jpg
    neuralpaint studio --folder films --port 8000 --no-browser
    """
    from neuralpaint.studio.app import studio_app
    from neuralpaint.studio.folder import MadeFolder
    from neuralpaint.studio.server import Server
    from neuralpaint.studio.session import Session

    with MadeFolder(folder) as kept:
        session = Session(kept)
        if picture is not None:
            session.offer(picture)
        server = Server(lambda: studio_app(session), host=host, port=port)
        server.start()
        try:
            click.echo(server.address)
            if not no_browser and _has_screen():
                webbrowser.open(server.address)
            session.run()
        except KeyboardInterrupt:
            remark(f"everything that was made is in {folder}")
        finally:
            server.stop()
    return INTERRUPTED if session.was_interrupted else 0


def _has_screen() -> bool:
    """Return whether a browser can have a window; one in the terminal would take it over."""
    own = sys.platform in ("darwin", "win32")
    return own or any(os.environ.get(n) for n in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
