"""Quality: the PSNR that a model reaches after some seconds of training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuralpaint.image.canvas import Grid
from neuralpaint.image.metrics import psnr, sampling_stride
from neuralpaint.image.pictures import Picture
from neuralpaint.models.painting import Painting
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.training.learning import Snapshot, learn, stops_by_clock
from neuralpaint.training.settings import TrainingSettings

__all__ = ["Point", "TrainingCallback", "sample_psnr", "still_psnr", "train_by_clock"]

TrainingCallback = Callable[[float, float | None], None]
"""Called several times a second with the seconds trained so far and the newest PSNR."""

# Most points are early, where PSNR changes most: each is 20 % later than the one before.
_FRACTIONS = tuple(1.2**-remaining for remaining in range(25, -1, -1))
_SAMPLE = 1 << 16  # pixels, evenly spaced: the error is a few tenths of a dB
_STILL = 1 << 20


@dataclass(frozen=True)
class Point:
    """One measurement during a training."""

    seconds: float
    """Seconds of training, without the time of the measurements."""
    psnr: float
    """In dB."""
    painting: Painting


def train_by_clock(
    picture: Picture, settings: TrainingSettings, *, seconds: float, on_progress: TrainingCallback
) -> Iterator[Point]:
    """Train for `seconds`, with a schedule that ends then, and yield measurements on the way.

    This is the training of `neuralpaint paint --seconds`. The last point measures the whole still,
    the others a sample of its pixels.
    """
    trained = learner(picture, settings.replaced(seconds=seconds))
    newest: Point | None = None

    def report(loss: float = math.nan) -> None:
        on_progress(trained.seconds, newest.psnr if newest else None)

    stops = stops_by_clock(trained, _FRACTIONS, left=lambda: seconds - trained.seconds)
    before: Snapshot | None = None
    snapshots = learn(trained, stops, look=report)
    for fraction, snapshot in zip(_FRACTIONS, snapshots, strict=True):
        if snapshot is not before or fraction == 1:
            measure = still_psnr if fraction == 1 else sample_psnr
            painting = snapshot.painting
            newest = Point(snapshot.seconds, measure(painting, picture), painting)
            yield newest
        before = snapshot
        report()


def still_psnr(colours: Callable[[Grid], NDArray[np.float32]], picture: Picture) -> float:
    """Return the PSNR in dB of the 8-bit still of the picture's size.

    `colours` returns the colours of a grid, float32 (h, w, 3) in [0, 1]. If the picture is larger
    than a megapixel, only every few rows and columns are rendered.
    """
    return _psnr(colours, picture, pixels=_STILL)


def sample_psnr(colours: Callable[[Grid], NDArray[np.float32]], picture: Picture) -> float:
    """Return an estimate of `still_psnr` from fewer pixels."""
    return _psnr(colours, picture, pixels=_SAMPLE)


def _psnr(
    colours: Callable[[Grid], NDArray[np.float32]], picture: Picture, *, pixels: int
) -> float:
    stride = sampling_stride(picture.height * picture.width, most=pixels)
    rendered = colours(picture.canvas.grid().thinned(stride))
    levels = np.rint(rendered * 255).clip(0, 255).astype(np.uint8)
    return psnr(levels, picture.pixels[::stride, ::stride])
