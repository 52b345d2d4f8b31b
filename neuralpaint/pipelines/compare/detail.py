"""What explains a PSNR: the detail of a picture in each octave, and the places of its errors.

A picture is a sum of waves (the discrete cosine transform). An octave has the waves between one
frequency and twice that frequency. The transform keeps sums of squares, so the squares of the
errors of all octaves add up to the mean squared error of the brightness.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuralpaint.image.cosine_transform import cosine_transform, frequencies
from neuralpaint.image.metrics import sampling_stride
from neuralpaint.image.pictures import Frame, Picture

__all__ = ["Detail", "DetailMeter", "Original", "Places"]

_SAMPLE = 1 << 18  # pixels of a measurement; with fewer, sharp edges cause errors of up to 1 dB
_EDGES = 80  # percentile of the steepness above which a pixel lies at an edge
_SMOOTH = 50  # percentile below which it lies in a smooth part
_STEEP, _FLAT = 6.0, 4.0  # levels from pixel to pixel: less is no edge, more is not smooth


class Detail(NamedTuple):
    """A frame against the original, by octave: RMS brightness of the waves in levels of 255."""

    shown: tuple[float, ...] = ()  # of the frame
    wrong: tuple[float, ...] = ()  # of the difference to the original


class Places(NamedTuple):
    """How much of the squared error lies where; all are fractions of the whole, in [0, 1]."""

    edge_area: float
    edge_error: float
    smooth_area: float
    smooth_error: float


class Original(NamedTuple):
    """The detail of the original by octave."""

    octaves: tuple[float, ...]  # the lowest frequency of each, in waves along the longer side
    detail: tuple[float, ...]  # RMS brightness of its waves in levels of 255
    longer: int  # pixels of the longer side


class DetailMeter:
    """Measures frames against a picture; of a large one, every few rows and columns."""

    stride: int
    """The distance of the rows and columns that are measured."""

    def __init__(self, picture: Picture) -> None:
        self.stride = stride = sampling_stride(picture.height * picture.width, most=_SAMPLE)
        self._pixels = picture.pixels[::stride, ::stride]
        self._own = cosine_transform(_grey(self._pixels))
        frequency = _frequencies(picture.height, picture.width, stride)
        longer = max(picture.height, picture.width)
        octaves = _octaves(longer / (2 * stride), sampled=stride > 1)
        self._octave = np.searchsorted(octaves[1:], frequency, side="right")
        self._count = len(octaves)
        self.original = Original(tuple(octaves), self._sizes(self._own), longer)

    def measure(self, frame: Frame) -> Detail:
        """Return the detail of a sampled frame, uint8 (h, w, 3)."""
        wrong = cosine_transform(_grey(frame) - _grey(self._pixels))
        return Detail(self._sizes(self._own + wrong), self._sizes(wrong))

    def places(self, frame: Frame) -> Places:
        """Return where the errors of a sampled frame are."""
        difference = np.subtract(frame, self._pixels, dtype=np.float32)
        errors = np.square(difference).sum(axis=2)
        steep = _steepness(_grey(self._pixels))
        edges = steep >= max(_STEEP, float(np.percentile(steep, _EDGES)))
        smooth = steep <= min(_FLAT, float(np.percentile(steep, _SMOOTH)))
        total = max(float(errors.sum(dtype=np.float64)), 1e-9)
        return Places(
            *(
                each
                for part in (edges, smooth)
                for each in (float(part.mean()), float(errors[part].sum(dtype=np.float64)) / total)
            )
        )

    def _sizes(self, waves: NDArray[np.float64]) -> tuple[float, ...]:
        """Return the RMS brightness of the waves (h, w) of each octave."""
        squares = np.square(waves).ravel()
        sums = np.bincount(self._octave.ravel(), squares, minlength=self._count)
        return tuple(np.sqrt(sums / waves.size).tolist())


def _grey(frame: Frame) -> NDArray[np.float32]:
    grey: NDArray[np.float32] = frame.mean(axis=2, dtype=np.float32)
    return grey


def _frequencies(height: int, width: int, stride: int) -> NDArray[np.float64]:
    """Return the frequency of each wave, in waves along the longer side of the picture."""
    counts = (-(-side // stride) for side in (height, width))
    return frequencies(*counts) * (max(height, width) / stride)


def _octaves(highest: float, *, sampled: bool) -> list[float]:
    """Return the lowest frequency of each octave; the last one is at least half an octave wide.

    A sampled frame shows waves that are finer than its samples as coarser ones, most of them in its
    two highest octaves: they become one, which contains everything that is finer.
    """
    octaves = [0.0, 1.0]
    while 2 * octaves[-1] <= highest / math.sqrt(2):
        octaves.append(2 * octaves[-1])
    return octaves[: max(2, len(octaves) - 1)] if sampled else octaves


def _steepness(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the largest difference between neighbours near each pixel, (h, w), in levels."""
    steep = np.zeros_like(grey)
    for values, part in ((grey, steep), (grey.T, steep.T)):
        change = np.abs(np.diff(values, axis=0))
        np.maximum(part[1:], change, out=part[1:])
        np.maximum(part[:-1], change, out=part[:-1])
    for part in (steep, steep.T):  # an edge is soft, so its neighbours belong to it
        near = part.copy()
        np.maximum(part[1:], near[:-1], out=part[1:])
        np.maximum(part[:-1], near[1:], out=part[:-1])
    return steep
