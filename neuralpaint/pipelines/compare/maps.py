"""Maps of a final picture: its errors, its spectrum, and where the contestants differ most."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuralpaint.image.pictures import Picture
from neuralpaint.pipelines.compare.result import Outcome
from neuralpaint.video.drawing import Frame, colour_scale

__all__ = [
    "Crop",
    "Exhibit",
    "brightest",
    "error_scale",
    "exhibit",
    "paint_errors",
    "paint_spectrum",
    "spectrum",
    "telling_crops",
]

_SCALES = (1, 2, 3, 5, 10, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 255)
_SHOWN = 98  # percentile of the errors at which the scale ends
_CROP = 6  # a crop's side is this part of the picture's shorter side
_LEAST_CROP = 16  # pixels
_DARKEST = 5.0  # decades of a spectrum that are told apart


@dataclass(frozen=True)
class Exhibit:
    """What a contestant has to show; None where it has nothing."""

    outcome: Outcome
    frame: Frame | None
    """Its final picture, uint8 (h, w, 3)."""
    errors: NDArray[np.float32] | None
    """The mean absolute error of each pixel's channels, (h, w), in levels of 255."""


class Crop(NamedTuple):
    """A part of a picture, in pixels."""

    top: int
    left: int
    height: int
    width: int

    def of(self, frame: Frame) -> Frame:
        """Return it of a frame, C-contiguous."""
        rows = slice(self.top, self.top + self.height)
        return np.ascontiguousarray(frame[rows, self.left : self.left + self.width])


def exhibit(outcome: Outcome, frame: Frame | None, picture: Picture) -> Exhibit:
    """Return what an outcome has to show, given its final picture."""
    if frame is None:
        return Exhibit(outcome, None, None)
    away = np.abs(np.subtract(frame, picture.pixels, dtype=np.int16))
    return Exhibit(outcome, frame, away.mean(axis=2, dtype=np.float32))


def error_scale(exhibits: Sequence[Exhibit]) -> int:
    """Return the error, in levels of 255, that gets the brightest colour in all the maps.

    So does whatever is larger.
    """
    percentiles = [
        float(np.percentile(each.errors, _SHOWN)) for each in exhibits if each.errors is not None
    ]
    # Not the largest: one that has learned nothing must not darken the maps of all the others.
    most = statistics.median(percentiles) if percentiles else 0.0
    return next((scale for scale in _SCALES if scale >= most), _SCALES[-1])


def paint_errors(errors: NDArray[np.float32], scale: float) -> Frame:
    """Return the errors in colours, uint8 (h, w, 3), where `scale` is the brightest."""
    return _coloured(errors / np.float32(scale))


def spectrum(frame: Frame) -> NDArray[np.float32]:
    """Return the logarithm, to base 10, of the magnitudes of a frame's frequencies, (h, w).

    It is of the mean of the channels in [0, 1], with the frequency 0 in the middle. A Hann window
    keeps the frame's edges, where left meets right and top meets bottom, from drawing a cross.
    """
    grey = frame.mean(axis=2) / 255
    window = np.outer(*(_hann(side) for side in grey.shape))
    transformed = np.fft.fftshift(np.fft.fft2(grey * window))
    return np.log10(np.abs(transformed) + 1e-12).astype(np.float32)


def brightest(levels: NDArray[np.float32]) -> float:
    """Return the highest level of a spectrum but for the mean colour, which outshines them all."""
    height, width = levels.shape
    others = levels.copy()
    # The window spreads the mean over its neighbours.
    others[max(0, height // 2 - 1) : height // 2 + 2, max(0, width // 2 - 1) : width // 2 + 2] = -12
    return float(others.max())


def paint_spectrum(levels: NDArray[np.float32], *, top: float) -> Frame:
    """Return a spectrum in colours, uint8 (h, w, 3), five decades from dark to `top`."""
    return _coloured((levels - np.float32(top)) / np.float32(_DARKEST) + 1)


def telling_crops(picture: Picture, exhibits: Sequence[Exhibit], count: int = 3) -> list[Crop]:
    """Return up to `count` squares, none over another, where the contestants differ most.

    Of one contestant, or of equal ones, they are where the error is largest.
    """
    errors = [each.errors for each in exhibits if each.errors is not None]
    if not errors:
        return []
    interest = np.stack(errors).std(axis=0) if len(errors) > 1 else np.zeros_like(errors[0])
    if not interest.any():
        interest = errors[0]
    shorter = min(picture.height, picture.width)
    side = min(shorter, max(_LEAST_CROP, shorter // _CROP))
    sums = _box_sums(interest.astype(np.float64), side)
    crops = []
    for _ in range(count):
        top, left = np.unravel_index(int(sums.argmax()), sums.shape)
        if sums[top, left] <= 0:
            break
        crops.append(Crop(int(top), int(left), side, side))
        around = (
            slice(max(0, top - side + 1), top + side),
            slice(max(0, left - side + 1), left + side),
        )
        sums[around] = -1
    return crops


def _box_sums(values: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """Return the sum over every square of `side` pixels, by its top left corner."""
    padded = np.pad(values, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    sums: NDArray[np.float64] = (
        padded[side:, side:]
        - padded[:-side, side:]
        - padded[side:, :-side]
        + padded[:-side, :-side]
    )
    return sums


def _hann(length: int) -> NDArray[np.float64]:
    """Return a Hann window that is nowhere 0, so that no pixel is left out."""
    window: NDArray[np.float64] = np.sin(math.pi * (np.arange(length) + 0.5) / length) ** 2
    return window


def _coloured(shares: NDArray[np.float32]) -> Frame:
    """Return shares in [0, 1] in colours, (h, w, 3)."""
    index = np.rint(255 * np.clip(shares, 0, 1)).astype(np.intp)
    return np.ascontiguousarray(colour_scale(256)[index])
