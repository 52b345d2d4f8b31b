"""What was measured of the variants of a race, in the form in which they can be compared."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuralpaint.pipelines.compare.detail import Original
from neuralpaint.pipelines.compare.outcome import RaceOutcome

__all__ = ["MOST", "Course", "Evidence", "Part", "brief", "levels_of", "noise", "part_of"]

Values = NDArray[np.float64]

_LEAST_NOISE = 1.0  # dB that another seed may change at the end of a training that has converged
_SHIFT = 0.75  # of the time: another seed may be as much faster or slower
_EXACT = 50.0  # dB above which the same small change of the colours is more and more decibels
MOST = 80.0
"""The highest PSNR in dB that counts; infinity counts as this."""
_VISIBLE = 0.5  # levels: an octave in which the original has less has nothing to be learned
_MOST_OF = 0.7  # of a difference: that much is called the reason


class Course:
    """A variant that finished: its curve, and its detail as squares of levels by octave."""

    def __init__(self, outcome: RaceOutcome, original: Original) -> None:
        self.outcome = outcome
        self.name = "`" + outcome.name.replace("`", "'") + "`"
        points = [point for point in outcome.curve if not math.isnan(point.score)]
        self.times = np.array([point.fraction for point in points])
        self.scores = np.array([min(point.score, MOST) for point in points])
        self.steps = [point.step for point in points]
        self._own = np.square(original.detail)
        # The first octave is the brightness as a whole, which is no detail.
        self.octaves = np.flatnonzero(self._own >= _VISIBLE**2)
        self.octaves = self.octaves[self.octaves > 0]
        count = len(self._own)
        self.has_detail = bool(points) and all(len(p.detail_error) == count for p in points)
        if self.has_detail:
            self.shown = np.square([point.detail for point in points])  # (points, octaves)
            self.wrong = np.square([point.detail_error for point in points])

    @property
    def score(self) -> float:
        """The PSNR in dB at the end, at most 80."""
        return float(self.scores[-1])

    @cached_property
    def wobble(self) -> float:
        """How far points of the later half lie from the line between their neighbours, in dB.

        The median: a sudden rise is no wobble.
        """
        times, scores = self.times, self.scores
        later = times[1:-1] >= 0.5
        if not later.any():
            return 0.0
        share = (times[1:-1] - times[:-2]) / (times[2:] - times[:-2])
        line = scores[:-2] + share * (scores[2:] - scores[:-2])
        return float(np.median(np.abs(scores[1:-1] - line)[later]))

    def score_at(self, time: float) -> float:
        """Return the PSNR in dB at a fraction of the training."""
        return float(np.interp(time, self.times, self.scores))

    def wrong_at(self, time: float) -> Values:
        """Return the squared error of each octave at a fraction of the training."""
        return np.array([np.interp(time, self.times, octave) for octave in self.wrong.T])

    @cached_property
    def right(self) -> Values:
        """How much of each counted octave is right, (points, counted octaves); 1: all of it."""
        right: Values = 1 - self.wrong[:, self.octaves] / self._own[self.octaves]
        return right

    @cached_property
    def strength(self) -> Values:
        """The strength of each counted octave, right or not, as a fraction of the original's."""
        strength: Values = np.sqrt(self.shown[:, self.octaves] / self._own[self.octaves])
        return strength

    @cached_property
    def has_own_pattern(self) -> bool:
        """Whether it has ever shown waves of an octave in which the original has none."""
        empty = self._own < _VISIBLE**2
        return bool((self.shown[:, empty] >= _VISIBLE**2).any())


def noise(*courses: Course, time: float = 1.0) -> float:
    """Return the difference in dB that may be chance, at a fraction of the training.

    Only repetitions with other seeds would tell. Of 72 pairs of seeds, of six models on two small
    pictures after 100 steps, 67 ended no farther apart than this.
    """
    beyond = max(course.score_at(time) for course in courses) - _EXACT
    wobble = max(course.wobble for course in courses)
    rise = max(course.score_at(time) - course.score_at(_SHIFT * time) for course in courses)
    return max(_LEAST_NOISE, 2 * wobble) + max(0.0, rise) + 0.2 * max(0.0, beyond)


def levels_of(psnr: float) -> float:
    """Return the root of the mean squared error, in levels of 255, of a PSNR in dB."""
    return float(255 * 10 ** (-psnr / 20))


class Part(NamedTuple):
    """The octaves from which most of a difference comes: those on one side of a frequency."""

    octave: int  # the first of the finer ones
    finer: bool  # whether it comes from these, or from the coarser ones
    share: float  # of the difference; above 1 if the others have the opposite sign


def part_of(difference: Values) -> Part | None:
    """Return the fewest octaves that have 70% of a difference of squared errors (octaves,)."""
    total = float(difference.sum())
    if total <= 0:
        return None
    finer = np.cumsum(difference[::-1])[::-1] / total
    coarser = np.cumsum(difference) / total
    count = len(difference)
    fine = next(k for k in reversed(range(count)) if finer[k] >= _MOST_OF or k == 0)
    coarse = next(k for k in range(1, count + 1) if coarser[k - 1] >= _MOST_OF or k == count)
    if count - fine <= coarse:
        return Part(fine, True, float(finer[fine])) if fine > 1 else None
    return Part(coarse, False, float(coarser[coarse - 1])) if coarse < count else None


class Evidence:
    """What was measured of the variants that finished, the best first."""

    def __init__(
        self, outcomes: Sequence[RaceOutcome], original: Original, moment: Callable[[float], str]
    ) -> None:
        """Prepare the comparison; `moment` names a fraction of the training ("step 40")."""
        finished = [each for each in outcomes if each.status == "finished" and each.curve]
        courses = [Course(each, original) for each in finished]
        self.courses = [course for course in courses if len(course.times)]
        self.detailed = [course for course in self.courses if course.has_detail]
        self.original, self.moment = original, moment

    def length(self, octave: int) -> str:
        """Return the length of the longest waves of an octave, in pixels."""
        return f"{brief(self.original.longer / self.original.octaves[octave])} pixels"

    def lengths(self, octave: int) -> str:
        """Return the lengths of the waves of an octave, in pixels."""
        if octave + 1 == len(self.original.octaves):
            return f"under {brief(self.original.longer / self.original.octaves[octave])}"
        ends = (self.original.longer / self.original.octaves[k] for k in (octave + 1, octave))
        return " to ".join(map(brief, ends))

    def cycles(self, octave: int) -> str:
        """Return the lowest frequency of an octave."""
        return f"{brief(self.original.octaves[octave])} cycles per picture"

    def waves(self, part: Part) -> str:
        """Return which waves a part has."""
        return f"waves {'shorter' if part.finer else 'longer'} than {self.length(part.octave)}"


def brief(value: float) -> str:
    """Return a positive number with two digits or more."""
    return f"{value:.2f}" if value < 1 else f"{value:.1f}".removesuffix(".0") if value < 10 else (
        f"{value:,.0f}"
    )  # fmt: skip
