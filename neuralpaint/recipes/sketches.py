"""Sketches: frames that the training leaves behind, almost for nothing."""

from __future__ import annotations

from collections.abc import Iterator

from neuralpaint.learning import Learner, Snapshot
from neuralpaint.recipes.stage import Filmed, Stage

__all__ = ["film_sketches"]


def film_sketches(shots: Iterator[Snapshot], learner: Learner, stage: Stage) -> Iterator[Filmed]:
    """Yield what the learner's sketch shows at each shot, as soon as it is taken.

    The last shot, which a clip holds, is a true render; it is there when the shots have ended.
    """
    learner.begin_sketch(stage.render_picture(learner.painting()))
    newest: Filmed | None = None
    for shot in shots:
        if newest is not None:
            yield newest
        newest = Filmed(shot, *stage.present(stage.see(learner.sketch())))
    if newest is not None:
        yield Filmed(newest.shot, *stage.show(newest.shot.painting))
