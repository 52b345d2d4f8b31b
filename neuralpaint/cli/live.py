"""`--live`: a page on this machine on which a running training can be watched."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from neuralpaint.runtime.progress import Progress

if TYPE_CHECKING:
    from neuralpaint.cli.display import Display
    from neuralpaint.image.canvas import Canvas
    from neuralpaint.image.pictures import Picture
    from neuralpaint.studio.stage import Stage
    from neuralpaint.training.viewer import Viewer

__all__ = ["Watchable", "run_live"]

R_co = TypeVar("R_co", covariant=True)


class Watchable(Protocol[R_co]):
    """A job that trains."""

    @property
    def canvas(self) -> Canvas:
        """The canvas of what is learned, at its own size."""
        ...

    @property
    def picture(self) -> Picture | None:
        """The picture that is learned, the first of several; None if it is not known."""
        ...

    def run(self, report: Callable[[Any], None], viewer: Viewer | None) -> R_co:
        """Do the work while a viewer watches the training."""
        ...


def run_live(
    job: Watchable[R_co],
    report: Callable[[Progress], None],
    *,
    facts: Mapping[str, Any],
    port: int,
    display: Display[Any],
) -> R_co:
    """Run a job while a page shows it."""
    title = Path(str(facts["input"])).name
    with _page(title, job.canvas, job.picture, port=port, display=display) as stage:

        def both(progress: Progress) -> None:
            stage.report(progress)
            report(progress)

        return job.run(both, stage)


@contextlib.contextmanager
def _page(
    title: str, canvas: Canvas, picture: Picture | None, *, port: int, display: Display[Any]
) -> Iterator[Stage]:
    from neuralpaint.studio.app import studio_app
    from neuralpaint.studio.server import Server
    from neuralpaint.studio.stage import Stage

    stage = Stage()
    server = Server(lambda: studio_app(stage), port=port)
    stage.picture = picture
    stage.begin(title, canvas)
    server.start()
    display.show_live(server.address)
    try:
        yield stage
        stage.publish(phase="done", done=1.0, left=None)
    finally:
        server.stop()
