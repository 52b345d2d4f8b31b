"""PSNR over training time as a picture: a curve for each model, one for the plain loop."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from neuralpaint.image.typography import Coverage, text_mask, text_width
from neuralpaint.pipelines.bench.curve import Curve
from neuralpaint.pipelines.bench.result import REFERENCE, BenchResult
from neuralpaint.video.drawing import WHITE, Colour, Frame, blend, disc, stamp

__all__ = ["draw_bench"]

_HEIGHT, _WIDTH = 1000, 1600
_TITLE, _TEXT, _SMALL = 44, 27, 23  # type sizes
_TOP, _BOTTOM, _LEFT, _EDGE = 190, 120, 110, 60
_BEHIND: Colour = (13, 14, 18)
_GREY: Colour = (152, 155, 166)
_PALETTE: tuple[Colour, ...] = (
    (255, 206, 110), (104, 196, 240), (255, 122, 128), (140, 216, 150), (186, 162, 255),
)  # fmt: skip
_OVERSAMPLING = 3
_MANY = 3000  # times the first tick: with more, only decades get a tick
_FROM = 1e-3  # of the longest time: before that, nothing is worth a look


class _Line(NamedTuple):
    """One curve as it is drawn."""

    name: str
    colour: Colour
    curve: Curve
    clocks: Sequence[tuple[float, float]]
    thickness: int


class _Axes(NamedTuple):
    """Where seconds, by their logarithm, and decibels lie in the picture."""

    seconds: tuple[float, float]
    psnr: tuple[float, float]
    right: int

    def column(self, seconds: float) -> float:
        """Return where a time lies from left to right."""
        first, last = (math.log(each) for each in self.seconds)
        share = (math.log(seconds) - first) / (last - first)
        return _LEFT + share * (self.right - _LEFT)

    def row(self, psnr: float) -> float:
        """Return where a PSNR lies from the top down."""
        low, high = self.psnr
        return _HEIGHT - _BOTTOM - (psnr - low) / (high - low) * (_HEIGHT - _BOTTOM - _TOP)


def draw_bench(result: BenchResult) -> Frame:
    """Return the plot of a bench, uint8 (1000, 1600, 3).

    A curve is the best PSNR so far; its dots are trainings that were fitted to just that time.
    """
    frame = np.full((_HEIGHT, _WIDTH, 3), _BEHIND, np.uint8)
    lines = list(_lines(result))
    labels = [_fitting(f"{line.name}  {line.curve[-1][1]:.1f} dB") for line in lines]
    room = max([text_width(label, _TEXT) for label in labels], default=0)
    axes = _axes(lines, right=_WIDTH - _EDGE - room - 40)
    _write(frame, "PSNR while training", at=(70, _LEFT), size=_TITLE)
    _write(frame, _subtitle(result), at=(124, _LEFT), size=_SMALL, opacity=0.62)
    _draw_axes(frame, axes)
    for line in reversed(lines):  # the plain loop below the models, the first model on top
        _draw_line(frame, axes, line)
    wanted = [axes.row(line.curve[-1][1]) for line in lines]
    for line, label, row in zip(lines, labels, _spread(wanted, 1.5 * _TEXT), strict=True):
        _write(frame, label, at=(row, axes.right + 32), size=_TEXT, colour=line.colour)
    return frame


def _lines(result: BenchResult) -> Iterator[_Line]:
    colours = itertools.cycle(_PALETTE)
    for model, colour in zip(result.models, colours, strict=False):
        if curve := _known(model.curve):
            yield _Line(model.model, colour, curve, _known(tuple(model.psnr.items())), 5)
    if result.reference is not None and (curve := _known(result.reference.curve)):
        yield _Line(REFERENCE, _GREY, curve, (), 4)


def _known(points: Curve) -> Curve:
    """Return the points that can be drawn: equal pictures have no PSNR."""
    return tuple(point for point in points if math.isfinite(point[1]))


def _axes(lines: Sequence[_Line], *, right: int) -> _Axes:
    points = [point for line in lines for point in (*line.curve, *line.clocks)] or [(1.0, 20.0)]
    last = max(seconds for seconds, _ in points)
    first = min(last / 2, max(_FROM * last, min(seconds for seconds, _ in points)))
    heights = [psnr for seconds, psnr in points if seconds >= first]
    low, high = 5.0 * math.floor(min(heights) / 5), 5.0 * math.ceil(max(heights) / 5 + 0.1)
    return _Axes((first, last), (low, max(high, low + 10)), right)


def _subtitle(result: BenchResult) -> str:
    machine = result.machine
    pictures = f"{result.pictures[0]} {result.width}x{result.height}"
    if len(result.pictures) > 1:
        pictures = f"mean of {len(result.pictures)} pictures"
    return f"{pictures},  {machine.gpu or machine.cpu},  {machine.threads} threads"


def _draw_axes(frame: Frame, axes: _Axes) -> None:
    base, small = _HEIGHT - _BOTTOM, _SMALL
    step = 5 if axes.psnr[1] - axes.psnr[0] <= 45 else 10
    for psnr in np.arange(axes.psnr[0], axes.psnr[1] + 1, step):
        row = round(axes.row(psnr))
        _shade(frame[row : row + 2, _LEFT : axes.right], 0.13)
        label = f"{psnr:g} dB" if psnr + step > axes.psnr[1] else f"{psnr:g}"
        _write(frame, label, at=(row, _LEFT - 18), anchor=1, size=small, opacity=0.72)
    for seconds in _ticks(*axes.seconds):
        column = round(axes.column(seconds))
        _shade(frame[_TOP:base, column : column + 2], 0.07)
        place = base + 32, column
        _write(frame, f"{seconds:g} s", at=place, anchor=0.5, size=small, opacity=0.72)
    place = base + 78, (_LEFT + axes.right) // 2
    _write(frame, "seconds of training", at=place, anchor=0.5, size=small, opacity=0.5)


def _ticks(first: float, last: float) -> list[float]:
    """Return 1, 2, 5, 10, ... of each decade between two times, a few of them in all."""
    decades = range(math.floor(math.log10(first)), math.ceil(math.log10(last)) + 1)
    digits = (1, 2, 5) if last < _MANY * first else (1,)
    ticks = [digit * 10.0**decade for decade in decades for digit in digits]
    return [tick for tick in ticks if first <= tick <= last]


def _draw_line(frame: Frame, axes: _Axes, line: _Line) -> None:
    points = [point for point in line.curve if point[0] >= axes.seconds[0]]
    places = [(axes.column(seconds), axes.row(psnr)) for seconds, psnr in points]
    if places:
        # From the newest point on it stays as good as it is.
        mask = _polyline([*places, (axes.right, places[-1][1])], line.thickness)
        blend(frame, line.colour, mask)
    for seconds, psnr in line.clocks:
        centre = axes.row(psnr), axes.column(seconds)
        stamp(frame, disc(2.6 * line.thickness), centre=centre, colour=_BEHIND)
        stamp(frame, disc(1.8 * line.thickness), centre=centre, colour=line.colour)


def _polyline(places: Sequence[tuple[float, float]], thickness: int) -> Coverage:
    """Return the coverage (h, w) of a line through (column, row) places, on the whole picture."""
    image = Image.new("L", (_WIDTH * _OVERSAMPLING, _HEIGHT * _OVERSAMPLING))
    fine = [(_OVERSAMPLING * column, _OVERSAMPLING * row) for column, row in places]
    ImageDraw.Draw(image).line(fine, fill=255, width=_OVERSAMPLING * thickness, joint="curve")
    return np.asarray(image.reduce(_OVERSAMPLING), np.float32) / np.float32(255)


def _spread(rows: Sequence[float], distance: float) -> list[float]:
    """Return the rows moved apart as little as keeps them `distance` from each other."""
    order = sorted(range(len(rows)), key=lambda number: rows[number])
    placed = [rows[number] for number in order]
    for _ in range(20 * len(rows)):
        for i, (upper, lower) in enumerate(itertools.pairwise(placed)):
            lack = max(0.0, distance - (lower - upper)) / 2
            placed[i], placed[i + 1] = upper - lack, lower + lack
    back = dict(zip(order, placed, strict=True))
    return [back[number] for number in range(len(rows))]


def _fitting(label: str) -> str:
    """Return the label, its middle left out where it would take more than its share."""
    while text_width(label, _TEXT) > 0.34 * _WIDTH:
        name, _, value = label.rpartition("  ")
        label = f"{name.removesuffix('...')[:-1]}...  {value}"
    return label


def _shade(part: Frame, opacity: float) -> None:
    blend(part, WHITE, np.full(part.shape[:2], opacity, np.float32))


def _write(
    frame: Frame, text: str, *, at: tuple[float, float], size: int, anchor: float = 0,
    colour: Colour = WHITE, opacity: float = 1.0,
) -> None:  # fmt: skip
    """Write with the middle of a capital at row `at[0]`.

    Of the text's width the share `anchor` lies to the left of column `at[1]`.
    """
    mask = text_mask(text, size)
    centre = at[0], at[1] + (0.5 - anchor) * mask.shape[1]
    stamp(frame, mask, centre=centre, colour=colour, opacity=opacity)
