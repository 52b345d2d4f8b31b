"""One network brings a picture back: it learns the small one, and is rendered at the old size."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neuralpaint.image.framing import CanvasSettings
from neuralpaint.image.pictures import Picture
from neuralpaint.pipelines.upscale.result import Phase
from neuralpaint.rendering.still import StillRenderer
from neuralpaint.rendering.viewport import Viewport
from neuralpaint.training.learner import Learner
from neuralpaint.training.learning import learn, stops_by_clock

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = ["Watch", "bring_back", "size_of"]

Watch = Callable[[Phase, float, float], None]
"""Hears, several times a second: the phase, how much of it is done, and the loss."""

_LOOKS = 100  # how often the plan of a training by the clock is made anew


def bring_back(
    small: Picture, pupil: Learner, *, height: int, width: int, watch: Watch
) -> NDArray[np.uint8]:
    """Train a learner of a small picture and return what it shows, uint8 (height, width, 3).

    It is rendered as `neuralpaint paint` does, so that, made small again, it is the small picture.

    Raises:
        DivergedError: the loss became NaN or infinite.
        DeviceError: the device is out of memory.
    """
    pupil.prepare(lambda done: watch("prepare", done, math.nan))
    painting = _learned(pupil, watch)
    rendered = 0

    def look(rows: int) -> None:
        nonlocal rendered
        rendered += rows
        watch("render", min(1.0, rendered / height), math.nan)

    view = size_of(height, width)
    stage = Viewport(
        small.canvas, view, picture=small, target=pupil.settings.target, bars=(0, 0, 0)
    )
    strips = StillRenderer(stage).strips(painting, depth=8, match=True, on_rows=look)
    return np.concatenate([*strips])


def _learned(pupil: Learner, watch: Watch) -> Painting:
    """Train to the end and return what was learned."""

    def look(loss: float) -> None:
        watch("train", _done(pupil), loss)

    *_, last = learn(pupil, _stops(pupil), look=look)
    watch("train", 1.0, last.loss)  # a GPU tells only now that it has diverged
    return last.painting


def size_of(height: int, width: int) -> CanvasSettings:
    """Return the view of a small picture that has the size of the large one."""
    return CanvasSettings(size=f"{width}x{height}", fit="stretch")


def _stops(pupil: Learner) -> Iterable[int]:
    budget = pupil.settings.optimization.seconds
    if budget is None:
        return [pupil.steps]
    fractions = [i / _LOOKS for i in range(_LOOKS + 1)]
    return stops_by_clock(pupil, fractions, left=lambda: budget - pupil.seconds)


def _done(pupil: Learner) -> float:
    """Return how much of a training is behind, in [0, 1]."""
    budget = pupil.settings.optimization.seconds
    done = pupil.seconds / budget if budget else pupil.step / max(1, pupil.steps)
    return min(1.0, done)
