"""Keyframes: views at moments, and the smooth way from one to the next.

Zoom goes geometrically, so that it feels even, and what is seen shrinks or grows towards the next
keyframe along straight lines: between two keyframes alone, the scene streams past every place of
the screen at one speed, every point on a straight line, and nothing is seen that lies outside both.
Through the keyframes in between velocity is continuous (monotone cubics: no overshooting).
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import View

__all__ = ["Keyframe", "Way", "parse_keyframes", "write_keyframes"]

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)"
_KEYFRAME = re.compile(rf"({_NUMBER})(%?)((?:[xyza]{_NUMBER})*)", re.ASCII)
_PLACE = re.compile(rf"([xyza])({_NUMBER})", re.ASCII)
_NAMES = {"x": "x", "y": "y", "z": "zoom", "a": "angle"}  # of what a letter stands for
_LEVEL = 1e-6  # a difference of log zoom that nobody sees


@dataclass(frozen=True)
class Keyframe:
    """What is seen at a moment `at` of a clip, in [0, 1].

    Raises:
        UsageError: the moment is not in the clip, or the zoom not above 0.
    """

    at: float
    view: View

    def __post_init__(self) -> None:
        if not 0 <= self.at <= 1:
            raise UsageError(
                f"a keyframe stands at a moment from 0, the clip's start, to 1, not {self.at:g}"
            )


def parse_keyframes(text: str) -> list[Keyframe]:
    """Return keyframes written as AT[xX][yY][zZOOM][aANGLE] with slashes between.

    AT is a fraction of the clip or a percentage, x and y the view's centre as fractions of width
    and height, a the angle in degrees; these may stand in any order. What is left out is as in the
    keyframe before, at first x0.5y0.5z1a0: `0/50%x0.3y0.4z4/1x0.7`.

    Raises:
        UsageError: the text cannot be read, or the moments do not rise.
    """
    keyframes: list[Keyframe] = []
    view = View()
    for part in text.strip().lower().split("/"):
        found = _KEYFRAME.fullmatch(part.strip())
        if found is None:
            raise UsageError(
                f"keyframe {part.strip()!r} must be AT[xX][yY][zZOOM][aANGLE] such as "
                "0.5x0.3y0.4z4a15, with / between keyframes"
            )
        at = float(found[1]) / (100 if found[2] else 1)
        places = _PLACE.findall(found[3])
        view = replace(view, **{_NAMES[letter]: float(number) for letter, number in places})
        keyframes.append(Keyframe(at, view))
    for before, after in pairwise(keyframes):
        if after.at <= before.at:
            raise UsageError(
                f"keyframes must follow each other: {after.at:g} stands after {before.at:g}"
            )
    return keyframes


def write_keyframes(keyframes: Sequence[Keyframe]) -> str:
    """Return the text that `parse_keyframes` turns back into the same keyframes."""
    texts = []
    before = View()
    for keyframe in keyframes:
        view, text = keyframe.view, _plain(keyframe.at)
        for letter, name in _NAMES.items():
            if getattr(view, name) != getattr(before, name):
                text += letter + _plain(getattr(view, name))
        texts.append(text)
        before = view
    return "/".join(texts)


def _plain(number: float) -> str:
    """Return the shortest text of a number, without an exponent."""
    return np.format_float_positional(number, trim="-")


class Way:
    """The way through keyframes, whose moments rise; before the first and after the last it rests.

    A `smooth` one starts and ends gently and takes no corner; else every keyframe is reached
    straight, at one speed, and left likewise.
    """

    def __init__(self, keyframes: Sequence[Keyframe], *, smooth: bool) -> None:
        self._keyframes = keyframes
        self._at = [keyframe.at for keyframe in keyframes]
        views = [keyframe.view for keyframe in keyframes]
        self._depth = _Track.through(self._at, [math.log(v.zoom) for v in views], smooth=smooth)
        self._angle = _Track.through(self._at, [v.angle for v in views], smooth=smooth)
        self._x = _Drift([v.x for v in views], depth=self._depth, smooth=smooth)
        self._y = _Drift([v.y for v in views], depth=self._depth, smooth=smooth)

    def view(self, moment: float) -> View:
        """Return what is seen at a moment."""
        at = min(max(float(moment), self._at[0]), self._at[-1])
        i = min(bisect_right(self._at, at), len(self._at) - 1) - 1
        if i < 0:  # a single keyframe
            return self._keyframes[0].view
        s = (at - self._at[i]) / (self._at[i + 1] - self._at[i])
        return View(
            x=self._x.value(i, s),
            y=self._y.value(i, s),
            zoom=math.exp(self._depth.value(i, s)),
            angle=self._angle.value(i, s),
        )


@dataclass(frozen=True)
class _Track:
    """A number that goes through one value after another, by cubics."""

    lengths: list[float]  # of each stretch between two values, in time
    values: list[float]
    starts: list[float]  # speed at the start of each stretch
    ends: list[float]  # and at its end

    @classmethod
    def through(cls, at: Sequence[float], values: list[float], *, smooth: bool) -> _Track:
        """Return the monotone way through values at some moments, at rest at both ends.

        Fritsch and Butland, "A method for constructing local monotone piecewise cubic
        interpolants", 1984. If it is not `smooth`, the straight way.
        """
        lengths = [b - a for a, b in pairwise(at)]
        straight = [(b - a) / t for (a, b), t in zip(pairwise(values), lengths, strict=True)]
        if not smooth:
            return cls(lengths, values, straight, straight)
        speeds = _joined(straight, straight)
        return cls(lengths, values, speeds[:-1], speeds[1:])

    def value(self, i: int, s: float) -> float:
        """Return the value at the fraction `s` of the i-th stretch."""
        start, end, t = self.values[i], self.values[i + 1], self.lengths[i]
        bends = t * (self.starts[i] * (1 - s) - self.ends[i] * s) * s * (1 - s)
        return start + (end - start) * s * s * (3 - 2 * s) + bends


class _Drift:
    """The view's centre along an axis: it nears the next one as fast as what is seen shrinks."""

    def __init__(self, values: list[float], *, depth: _Track, smooth: bool) -> None:
        self._values, self._depth = values, depth
        stretches = range(len(values) - 1)
        starts = [self._speed(i, at_end=False) for i in stretches]
        ends = [self._speed(i, at_end=True) for i in stretches]
        speeds = _joined(starts, ends)
        # By how much the speed of each stretch has to change where it joins the others.
        self._start_changes = [speeds[i] - starts[i] if smooth else 0.0 for i in stretches]
        self._end_changes = [speeds[i + 1] - ends[i] if smooth else 0.0 for i in stretches]

    def _speed(self, i: int, *, at_end: bool) -> float:
        """Return the speed at an end of a stretch that has no neighbours."""
        depth, way = self._depth, self._values[i + 1] - self._values[i]
        deeper = depth.values[i + 1] - depth.values[i]
        if abs(deeper) < _LEVEL:
            return way / depth.lengths[i]
        if at_end:
            return way * depth.ends[i] / math.expm1(deeper)
        return way * depth.starts[i] / -math.expm1(-deeper)

    def value(self, i: int, s: float) -> float:
        """Return the centre at the fraction `s` of the i-th stretch."""
        start, end = self._values[i], self._values[i + 1]
        above, below, here = (*self._depth.values[i : i + 2], self._depth.value(i, s))
        level = abs(below - above) < _LEVEL
        share = s if level else math.expm1(above - here) / math.expm1(above - below)
        # Changes of speed fade out on the screen as they do in time.
        first = self._start_changes[i] * (1 - s) * math.exp(above - here)
        second = self._end_changes[i] * s * math.exp(below - here)
        return (
            start + (end - start) * share + self._depth.lengths[i] * (first - second) * s * (1 - s)
        )


def _joined(starts: Sequence[float], ends: Sequence[float]) -> list[float]:
    """Return a speed for every end of stretches, given what would suit each stretch.

    Both ends of all are at rest; in between it is the harmonic mean, or rest where they turn.
    """
    inner = [
        2 * before * after / (before + after) if before * after > 0 else 0.0
        for before, after in zip(ends, starts[1:], strict=False)
    ]
    return [0.0, *inner, 0.0]
