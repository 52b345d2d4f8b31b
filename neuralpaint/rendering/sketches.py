"""Sketches: frames that the training leaves behind, almost for nothing."""

from __future__ import annotations

from collections.abc import Iterator

from neuralpaint.pipelines.footage import Footage
from neuralpaint.rendering.stage import Filmed, Stage
from neuralpaint.training.learning import Snapshot

__all__ = ["film_sketches"]


def film_sketches(
    shots: Iterator[Snapshot], footage: Footage, stage: Stage, *, count: int
) -> Iterator[Filmed]:
    """Yield what the footage's sketch shows at each of `count` shots, as soon as it is taken.

    The last shot, which a clip holds, is a true render; it is there when the shots have ended.
    """
    footage.begin_sketch(stage.render_picture(footage.painting()))
    newest: Filmed | None = None
    moment = 0.0
    for index, shot in enumerate(shots):
        if newest is not None:
            yield newest
        moment = index / max(1, count - 1)
        frame = stage.see(footage.sketch(), moment)
        newest = stage.present(frame, shot)
    if newest is not None:
        yield stage.show(newest.shot, moment)
