"""PSNR while a model trains, by the clock: what it is worth after so many seconds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuralpaint.image.canvas import Grid
from neuralpaint.image.metrics import psnr
from neuralpaint.image.pictures import Picture
from neuralpaint.models.painting import Painting
from neuralpaint.pipelines.learner import learner
from neuralpaint.training.learning import Snapshot, learn, stops_by_clock
from neuralpaint.training.settings import TrainingSettings

__all__ = ["Look", "Watch", "glance", "still_psnr", "train_by_clock"]

Watch = Callable[[float, float | None], None]
"""Hears, several times a second, the seconds trained so far and the newest PSNR."""

# Often at the start, where much happens in little time: each look 20 % later than the one before.
_LEFT = range(25, -1, -1)  # looks that are still to come
_LOOKS = tuple(1.2**-left for left in _LEFT)
_GLANCE = 1 << 16  # pixels, spread evenly: they tell the PSNR to a few tenths of a dB
_STILL = 1 << 20


@dataclass(frozen=True)
class Look:
    """A moment of a training."""

    seconds: float
    """Of training; looking does not count."""
    psnr: float
    """In dB."""
    painting: Painting


def train_by_clock(
    picture: Picture, settings: TrainingSettings, *, seconds: float, watch: Watch
) -> Iterator[Look]:
    """Train for so many seconds, with the schedule fitted to them, and yield looks on the way.

    It is the training of `neuralpaint paint --seconds`. The last look, at its end, is at the whole
    still, those before are glances.
    """
    pupil = learner(picture, settings.replaced(seconds=seconds))
    newest: Look | None = None

    def tell(loss: float = math.nan) -> None:
        watch(pupil.seconds, newest.psnr if newest else None)

    stops = stops_by_clock(pupil, _LOOKS, left=lambda: seconds - pupil.seconds)
    before: Snapshot | None = None
    for left, snapshot in zip(_LEFT, learn(pupil, stops, look=tell), strict=True):
        if snapshot is not before or not left:
            judge = glance if left else still_psnr
            newest = Look(snapshot.seconds, judge(snapshot.painting, picture), snapshot.painting)
            yield newest
        before = snapshot
        tell()


def still_psnr(see: Callable[[Grid], NDArray[np.float32]], picture: Picture) -> float:
    """Return the PSNR in dB of the 8-bit still at the picture's own pixels.

    `see` gives the colours of a grid, float32 (h, w, 3) in [0, 1]. Of a picture larger than a
    megapixel every few rows and columns are seen.
    """
    return _psnr(see, picture, pixels=_STILL)


def glance(see: Callable[[Grid], NDArray[np.float32]], picture: Picture) -> float:
    """Return about the same as `still_psnr`, for a fraction of its cost."""
    return _psnr(see, picture, pixels=_GLANCE)


def _psnr(see: Callable[[Grid], NDArray[np.float32]], picture: Picture, *, pixels: int) -> float:
    # Odd, so that it falls into no step with planes of features, which repeat every 2 or 8 pixels.
    stride = math.ceil(math.sqrt(picture.height * picture.width / pixels)) | 1
    grid = picture.canvas.grid()
    seen = see(Grid(grid.x[:, ::stride], grid.y[::stride]))
    levels = np.rint(seen * 255).clip(0, 255).astype(np.uint8)
    return psnr(levels, picture.pixels[::stride, ::stride])
