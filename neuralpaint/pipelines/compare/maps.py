"""Maps of the final pictures: errors, spectra, and the places where the variants differ most."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from neuralpaint.image.metrics import format_psnr
from neuralpaint.image.pictures import Picture
from neuralpaint.image.typography import text_width
from neuralpaint.pipelines.compare.outcome import RaceOutcome
from neuralpaint.pipelines.sheets import (
    LEGEND_LINE,
    QUIET,
    blank,
    draw_ramps,
    place,
    shortened,
    write,
)
from neuralpaint.video.drawing import Frame, colour_scale

__all__ = [
    "Crop",
    "Exhibit",
    "brightest",
    "differing_crops",
    "disagreement",
    "draw_grid",
    "error_scale",
    "exhibit",
    "paint_errors",
    "paint_spectrum",
    "places_of",
    "spectrum",
]

_SCALES = (1, 2, 3, 5, 10, 15, 20, 25, 30, 40, 50, 75, 100, 150, 200, 255)
_PERCENTILE = 98  # of the errors, at which the scale of the error maps ends
_DECADES = 5.0  # of a spectrum that are distinguished
_FINENESS = 4  # places are searched in steps of a fourth of their side
_APART = 1.6  # sides between the corners of two places: closer ones would show the same
_LEAST_CROP = 16  # pixels


@dataclass(frozen=True)
class Exhibit:
    """The final picture of a variant; None where there is none."""

    outcome: RaceOutcome
    frame: Frame | None  # uint8 (h, w, 3)
    errors: NDArray[np.float32] | None  # mean absolute error of the channels, (h, w), in levels


class Crop(NamedTuple):
    """A part of a picture, in pixels."""

    top: int
    left: int
    height: int
    width: int

    def of(self, frame: Frame) -> Frame:
        """Return this part of a frame, C-contiguous."""
        rows = slice(self.top, self.top + self.height)
        return np.ascontiguousarray(frame[rows, self.left : self.left + self.width])


def exhibit(outcome: RaceOutcome, frame: Frame | None, picture: Picture) -> Exhibit:
    """Return the final picture of an outcome with its errors."""
    if frame is None:
        return Exhibit(outcome, None, None)
    difference = np.abs(np.subtract(frame, picture.pixels, dtype=np.int16))
    return Exhibit(outcome, frame, difference.mean(axis=2, dtype=np.float32))


def error_scale(exhibits: Sequence[Exhibit]) -> int:
    """Return the error, in levels of 255, that gets the brightest colour in all maps."""
    percentiles = [
        float(np.percentile(each.errors, _PERCENTILE))
        for each in exhibits
        if each.errors is not None
    ]
    # The median: one variant that has learned nothing must not darken the maps of the others.
    most = statistics.median(percentiles) if percentiles else 0.0
    return next((scale for scale in _SCALES if scale >= most), _SCALES[-1])


def paint_errors(errors: NDArray[np.float32], scale: float) -> Frame:
    """Return errors (h, w) in colours, uint8 (h, w, 3); `scale` gets the brightest."""
    return _coloured(errors / np.float32(scale))


def spectrum(frame: Frame) -> NDArray[np.float32]:
    """Return log10 of the Fourier magnitudes of a frame's mean channel in [0, 1], (h, w).

    The frequency 0 is in the middle. A Hann window suppresses the cross that the jump from one
    edge of the frame to the opposite one would cause.
    """
    grey = frame.mean(axis=2) / 255
    # The window is nowhere 0, so that every pixel counts.
    hann = [np.sin(math.pi * (np.arange(side) + 0.5) / side) ** 2 for side in grey.shape]
    transformed = np.fft.fftshift(np.fft.fft2(grey * np.outer(*hann)))
    return np.log10(np.abs(transformed) + 1e-12).astype(np.float32)


def brightest(levels: NDArray[np.float32]) -> float:
    """Return the highest level of a spectrum, the mean colour excluded."""
    height, width = levels.shape
    others = levels.copy()
    # The window spreads the mean over its neighbours.
    others[max(0, height // 2 - 1) : height // 2 + 2, max(0, width // 2 - 1) : width // 2 + 2] = -12
    return float(others.max())


def paint_spectrum(levels: NDArray[np.float32], *, top: float) -> Frame:
    """Return a spectrum in colours, uint8 (h, w, 3); `top` gets the brightest."""
    return _coloured((levels - np.float32(top)) / np.float32(_DECADES) + 1)


def _coloured(values: NDArray[np.float32]) -> Frame:
    index = np.rint(255 * np.clip(values, 0, 1)).astype(np.intp)
    return np.ascontiguousarray(colour_scale(256)[index])


def disagreement(frames: Iterable[Frame]) -> NDArray[np.float32]:
    """Return the standard deviation of the brightness of frames, (h, w), in levels."""
    greys = (frame.mean(axis=2, dtype=np.float32) for frame in frames)
    # Relative to the first frame: the variance of bright levels would lose digits.
    first = next(greys)
    count, total, squares = 1, np.zeros_like(first), np.zeros_like(first)
    for grey in greys:
        change = grey - first
        count, total, squares = count + 1, total + change, squares + change * change
    variance: NDArray[np.float32] = squares / count - (total / count) ** 2
    return np.sqrt(np.maximum(variance, 0))


def places_of(interest: NDArray[np.float32], *, side: int, border: int, count: int) -> list[Crop]:
    """Return up to `count` squares, well apart, where the interest (h, w) is highest.

    `border` pixels along each edge are left out. If the interest is 0
    everywhere, one square in the middle is returned.
    """
    step = max(1, side // _FINENESS)
    height, width = interest.shape
    inner = interest[border : height - border, border : width - border].astype(np.float64)
    rows, columns = (length // step for length in inner.shape)
    cells = inner[: rows * step, : columns * step].reshape(rows, step, columns, step).sum((1, 3))
    reach = -(-side // step)
    windows = sliding_window_view(cells, (min(reach, rows), min(reach, columns)))
    sums = windows.sum((2, 3))
    places: list[Crop] = []
    for _ in range(count):
        row, column = divmod(int(sums.argmax()), sums.shape[1])
        if sums[row, column] <= 0:
            break
        places.append(_square(border + row * step, border + column * step, side, interest.shape))
        apart = round(_APART * reach)
        sums[max(0, row - apart + 1) : row + apart, max(0, column - apart + 1) : column + apart] = 0
    return places or [_square((height - side) // 2, (width - side) // 2, side, interest.shape)]


def _square(top: int, left: int, side: int, shape: tuple[int, ...]) -> Crop:
    """Return a square, moved so that it lies within a picture of that shape."""
    height, width = min(side, shape[0]), min(side, shape[1])
    return Crop(min(top, shape[0] - height), min(left, shape[1] - width), height, width)


def crop_side(height: int, width: int, *, border: int = 0, most: int | None = None) -> int:
    """Return the side in pixels of the crops of a picture: a sixth of its shorter side."""
    shorter = min(height, width)
    side = shorter // 6 if most is None else min(most, shorter // 6)
    return min(shorter - 2 * border, max(_LEAST_CROP, side))


def differing_crops(picture: Picture, exhibits: Sequence[Exhibit], count: int = 3) -> list[Crop]:
    """Return up to `count` squares where the errors of the variants differ most.

    With one variant, or equal ones, they are where the error is largest.
    """
    errors = [each.errors for each in exhibits if each.errors is not None]
    if not errors:
        return []
    interest = np.stack(errors).std(axis=0) if len(errors) > 1 else errors[0]
    if not interest.any():
        interest = errors[0]
    side = crop_side(picture.height, picture.width)
    return places_of(interest, side=side, border=0, count=count) if interest.any() else []


_TILE = 360  # pixels of the longer side of a tile of the grid, at most
_PER_BAND = 5  # variants in a band; the original is drawn before them
_GAP, _MARGIN = 16, 36
_TYPE, _SMALL = 21, 17


def draw_grid(picture: Picture, exhibits: Sequence[Exhibit]) -> Frame:
    """Return final picture, errors and spectrum of each variant as one sheet, uint8 (h, w, 3)."""
    # Bands of equal length look better than a full one and a short rest.
    bands = -(-len(exhibits) // _PER_BAND)
    each = max(1, -(-len(exhibits) // bands)) if bands else 1
    longer = max(picture.height, picture.width)
    factor = _TILE // longer if longer <= _TILE else _TILE / longer
    tile = max(1, round(factor * picture.height)), max(1, round(factor * picture.width))
    width = 2 * _MARGIN + (each + 1) * tile[1] + each * _GAP
    band = round(2.1 * _TYPE) + 3 * (tile[0] + _GAP) + _GAP
    foot = 2 * LEGEND_LINE + _TYPE
    grid = blank(2 * _MARGIN + bands * band + foot, max(width, 760))
    scale = error_scale(exhibits)
    own = spectrum(picture.pixels)
    top_level = brightest(own)
    original: list[Frame | str] = [
        picture.pixels,
        "error",
        paint_spectrum(own, top=top_level),
    ]
    for number in range(bands):
        top = _MARGIN + number * band
        _draw_column(grid, (top, _MARGIN), "original", "", original, tile)
        for column, shown in enumerate(exhibits[number * each : (number + 1) * each], 1):
            outcome = shown.outcome
            finished = outcome.status == "finished"
            value = f"{format_psnr(outcome.score, digits=1)} dB" if finished else outcome.verdict
            tiles: list[Frame | str] = [outcome.verdict]
            if shown.frame is not None and shown.errors is not None:
                levels = paint_spectrum(spectrum(shown.frame), top=top_level)
                tiles = [shown.frame, paint_errors(shown.errors, scale), levels]
            left = _MARGIN + column * (tile[1] + _GAP)
            _draw_column(grid, (top, left), outcome.name, value, tiles, tile)
    ramps = [
        ("error 0", f"{scale} of 255 levels or more"),
        ("spectrum -5", "0 decades of the original's highest"),
    ]
    draw_ramps(grid, (grid.shape[0] - _MARGIN - foot + LEGEND_LINE, _MARGIN), ramps)
    return grid


def _draw_column(
    grid: Frame,
    corner: tuple[int, int],
    name: str,
    value: str,
    tiles: Sequence[Frame | str],
    tile: tuple[int, int],
) -> None:
    """Draw tiles, or texts in place of missing ones, under a name and a value."""
    top, left = corner
    width, middle = tile[1], top + _TYPE
    value = shortened(value, _TYPE, 0.62 * width)
    room = width - (text_width(value, _TYPE) + _TYPE if value else 0)
    write(grid, name, _TYPE, (middle, left), room=room)
    if value:
        write(grid, value, _TYPE, (middle, left + width), opacity=QUIET, anchor=1)
    for row, shown in enumerate(tiles):
        top = corner[0] + round(2.1 * _TYPE) + row * (tile[0] + _GAP)
        if isinstance(shown, str):
            centre = (top + tile[0] / 2, left + width / 2)
            write(grid, shown, _SMALL, centre, room=width, opacity=0.5, anchor=0.5)
        else:
            place(grid, (top, left), shown, tile)
