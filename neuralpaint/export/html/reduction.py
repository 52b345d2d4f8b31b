"""A training reduced to a few moments with rounded weights, small enough for a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuralpaint.export.features import Array
from neuralpaint.export.formula import Formula, derive_with_code
from neuralpaint.export.html.evaluation import GridEvaluation
from neuralpaint.export.html.layout import Layout
from neuralpaint.export.html.quantisation import Integers, Packed, pack_moments, rounded, steps_of
from neuralpaint.export.html.selection import Choice, choose_moments
from neuralpaint.export.moments import Moments
from neuralpaint.image.canvas import Canvas
from neuralpaint.image.metrics import sampling_stride

__all__ = ["Effort", "Reduction", "colours_at", "points_of", "reduce_moments"]

_LIMIT = 1.4  # levels by which rounding may move a colour, where the steps are chosen
_MOST = 1.8  # levels by which it may move a colour anywhere
_SUSPECT = 0.7  # levels at some points from which all pixels are compared
_FEW = 1_500  # points at which blends are compared


class Effort(NamedTuple):
    """How much is computed to find good moments and steps."""

    candidates: int  # moments of which some are chosen
    moments: int  # that are chosen, at most
    points: int  # at which rounded weights are compared


@dataclass(frozen=True)
class Reduction:
    """The chosen moments of a training."""

    layout: Layout
    vectors: list[Array]
    """The rounded weights of the moments, as from `Layout.pack`."""
    packed: Packed
    steps: dict[str, float]
    """The step of each section of a vector."""
    numbers: list[int]
    """The training steps of the moments."""
    places: list[float]
    """The moments in the clip, from 0 to 1."""
    moved: float
    """Levels by which the rounding moves a colour of a moment, at most."""
    blended: float
    """Levels by which a blend differs from the training, root mean square, at most."""


def reduce_moments(moments: Moments, *, most_bytes: int, effort: Effort) -> Reduction:
    """Return as many moments as fit into a number of bytes, at least the first and last.

    Raises:
        UsageError: the model cannot be written as a formula.
    """
    return _Recording(moments, effort).fit(most_bytes)


def points_of(canvas: Canvas, formula: Formula, *, most: int) -> tuple[GridEvaluation, int]:
    """Return about `most` points of the picture, and the distance of their rows and columns."""
    stride = sampling_stride(canvas.height * canvas.width, most=most)
    return GridEvaluation(formula, canvas.grid().thinned(stride)), stride


def colours_at(points: GridEvaluation, vector: Array, *, layout: Layout) -> Array:
    """Return the colours of a vector; those of several pictures are stacked."""
    formula = layout.unpack(vector)
    if formula.code is None:
        return points.colours(formula)
    return np.concatenate([points.colours(formula.at(code)) for code in formula.code.codes])


class _Recording:
    """The candidates among the moments of a training, evenly over the clip."""

    def __init__(self, moments: Moments, effort: Effort) -> None:
        clip, painting = moments.clip, moments.painting
        frames = np.linspace(0, len(clip) - 1, min(effort.candidates, len(clip))).round()
        first: dict[int, int] = {}  # the frame of each snapshot, in ascending order
        for frame in frames.astype(int).tolist():
            first.setdefault(clip[frame], frame)
        first[clip[-1]] = len(clip) - 1
        self._canvas, self._formula = painting.canvas, derive_with_code(painting)
        self._layout = Layout(self._formula, span=painting.canvas.extent)
        snapshots = [moments.snapshots[index] for index in first]
        self._vectors = [self._layout.pack(derive_with_code(each.painting)) for each in snapshots]
        self._places = np.array(list(first.values())) / max(1, len(clip) - 1)
        self._numbers = [snapshot.step for snapshot in snapshots]
        self._choice: Choice = choose_moments(
            self._vectors,
            self._places,
            layout=self._layout,
            evaluation=points_of(self._canvas, self._formula, most=_FEW)[0],
            most=effort.moments,
        )
        self._points, stride = points_of(self._canvas, self._formula, most=effort.points)
        self._pixels = self._points
        if stride > 1 and effort.points > _FEW:
            self._pixels = GridEvaluation(self._formula, self._canvas.grid())

    def fit(self, most_bytes: int) -> Reduction:
        """Return as many moments as fit, with steps so small that no colour moves visibly."""
        last = len(self._vectors) - 1
        steps = steps_of(
            [self._vectors[i] for i in sorted({last * 3 // 4, last})],  # the hardest to round
            layout=self._layout,
            colours=lambda vector: colours_at(self._points, vector, layout=self._layout),
            limit=_LIMIT,
        )
        while True:
            reduction = self._fit(most_bytes, steps)
            if reduction.moved <= _MOST:
                return reduction
            smaller = min(0.9, 0.95 * _LIMIT / reduction.moved)
            steps = {name: smaller * step for name, step in steps.items()}

    def _fit(self, most_bytes: int, steps: dict[str, float]) -> Reduction:
        low, high = min(2, len(self._choice)), len(self._choice)
        count = high  # mostly, all of them fit
        while low < high:
            fits = self._pack(count, steps, level=6).size <= most_bytes
            low, high = (count, high) if fits else (low, count - 1)
            count = (low + high + 1) // 2
        indices = self._choice.first(low)
        multiples, step = self._multiples(indices, steps)
        vectors = [(each * step).astype(np.float32) for each in multiples]
        moved = 0.0
        for i, vector in zip(reversed(indices), reversed(vectors), strict=True):
            moved = max(moved, self._moved(vector, self._vectors[i]))
            if moved > _MOST:  # nothing else needs to be known
                break
        return Reduction(
            layout=self._layout,
            vectors=vectors,
            packed=pack_moments(multiples),
            steps=steps,
            numbers=[self._numbers[i] for i in indices],
            places=[float(self._places[i]) for i in indices],
            moved=moved,
            blended=self._choice.error(low),
        )

    def _moved(self, near: Array, exact: Array) -> float:
        """Return the largest difference of the colours of two vectors, in levels."""
        moved = self._difference(near, exact, self._points)
        if moved > _SUSPECT and self._pixels is not self._points:
            moved = self._difference(near, exact, self._pixels)
        return moved

    def _difference(self, near: Array, exact: Array, points: GridEvaluation) -> float:
        a, b = (colours_at(points, vector, layout=self._layout) for vector in (near, exact))
        return 255 * float(np.abs(a - b).max())

    def _pack(self, count: int, steps: dict[str, float], *, level: int) -> Packed:
        return pack_moments(self._multiples(self._choice.first(count), steps)[0], level=level)

    def _multiples(
        self, indices: list[int], steps: dict[str, float]
    ) -> tuple[list[Integers], NDArray[np.float64]]:
        """Return the rounded vectors of moments, and the step of each number."""
        found: list[Integers] = []
        step = np.ones(self._layout.size)
        for i in indices:
            multiples, step = rounded(
                self._vectors[i],
                layout=self._layout,
                steps=steps,
                before=found[-1] if found else None,
            )
            found.append(multiples)
        return found, step
