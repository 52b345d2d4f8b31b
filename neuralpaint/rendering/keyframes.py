"""Keyframes: views at given moments, and the smooth path of the camera between them.

The zoom is interpolated geometrically, so that its speed looks constant, and the corners of an
upright view move along straight lines: between two keyframes, the scene passes every point of the
screen at constant speed, and nothing outside both views is shown. At the inner keyframes, the
velocity is continuous (monotone cubics, which do not overshoot).

Keyframes are written as a text, AT[xX][yY][zZOOM][aANGLE] separated by slashes, or as a TOML file
with one table per keyframe, and optionally the camera's `ease` and `rest` above them:

    ease = "linear"

    [[keyframe]]
    at = 0.5      # the moment, from 0 at the clip's start to 1 at its end
    x = 0.3       # the centre of the view, from 0 at the left edge to 1 at the right
    y = 0.4       # from 0 at the top to 1 at the bottom
    zoom = 4      # magnification; 1 shows the whole picture
    angle = 15    # in degrees; the picture turns clockwise

An omitted value (not `at`) is taken from the keyframe before; the defaults are x0.5y0.5z1a0.
"""

from __future__ import annotations

import math
import re
import tomllib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from neuralpaint.errors import UnknownNameError, UsageError
from neuralpaint.image.canvas import View

__all__ = ["Keyframe", "ViewPath", "format_keyframes", "load_keyframes", "parse_keyframes"]

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)"
_KEYFRAME = re.compile(rf"({_NUMBER})(%?)((?:[xyza]{_NUMBER})*)", re.ASCII)
_VALUE = re.compile(rf"([xyza])({_NUMBER})", re.ASCII)
_NAMES = {"x": "x", "y": "y", "z": "zoom", "a": "angle"}
_TABLE = re.compile(r"\s*\[\[\s*keyframe\s*\]\]")
_SAME_ZOOM = 1e-6  # an invisible difference of log zoom


@dataclass(frozen=True)
class Keyframe:
    """The view at a moment `at` of a clip, in [0, 1].

    Raises:
        UsageError: the moment is not within the clip.
    """

    at: float
    view: View

    def __post_init__(self) -> None:
        if not 0 <= self.at <= 1:
            raise UsageError(
                f"the moment of a keyframe must be from 0, the clip's start, to 1, not {self.at:g}"
            )


def parse_keyframes(text: str) -> list[Keyframe]:
    """Return the keyframes in a text such as `0/50%x0.3y0.4z4/1x0.7`.

    AT is a fraction of the clip or a percentage; the values after it can be in any order.

    Raises:
        UsageError: the text cannot be parsed, or the moments do not increase.
    """
    keyframes: list[Keyframe] = []
    for part in text.strip().lower().split("/"):
        found = _KEYFRAME.fullmatch(part.strip())
        if found is None:
            raise UsageError(
                f"keyframe {part.strip()!r} must be AT[xX][yY][zZOOM][aANGLE] such as "
                "0.5x0.3y0.4z4a15, with / between keyframes"
            )
        at = float(found[1]) / (100 if found[2] else 1)
        values = {_NAMES[letter]: float(number) for letter, number in _VALUE.findall(found[3])}
        _append(keyframes, at, values)
    return keyframes


def _append(keyframes: list[Keyframe], at: float, values: dict[str, float]) -> None:
    before = keyframes[-1] if keyframes else None
    keyframe = Keyframe(at, replace(before.view if before else View(), **values))
    if before and at <= before.at:
        raise UsageError(
            f"the moments of keyframes must increase: {at:g} comes after {before.at:g}"
        )
    keyframes.append(keyframe)


def format_keyframes(keyframes: Sequence[Keyframe]) -> str:
    """Return the shortest text from which `parse_keyframes` returns these keyframes."""
    texts = []
    before = View()
    for keyframe in keyframes:
        view, text = keyframe.view, _format(keyframe.at)
        for letter, name in _NAMES.items():
            if getattr(view, name) != getattr(before, name):
                text += letter + _format(getattr(view, name))
        texts.append(text)
        before = view
    return "/".join(texts)


def _format(number: float) -> str:
    """Return the shortest text of a number without an exponent."""
    return np.format_float_positional(number, trim="-")


def load_keyframes(path: str | Path) -> tuple[list[Keyframe], dict[str, Any]]:
    """Return the keyframes of a TOML file, and its other values: unchecked settings of the camera.

    Raises:
        UsageError: the file cannot be read, is not TOML, or has no valid keyframes; the message has
            one line, with the name of the file and the place in it.
    """
    name = Path(path).name
    try:
        text = Path(path).read_text("utf-8-sig")
        return _keyframes_of(tomllib.loads(text), text)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"camera file {str(path)!r} cannot be read: {reason}") from None
    except UnicodeDecodeError:
        raise UsageError(f"camera file {name!r} is not text in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        reason = " ".join(str(error).split())
        reason = reason[:1].lower() + reason[1:]
        raise UsageError(f"camera file {name!r} is not TOML: {reason}") from None
    except UsageError as error:
        raise UsageError(f"camera file {name!r}: {error}") from None


def _keyframes_of(values: dict[str, Any], text: str) -> tuple[list[Keyframe], dict[str, Any]]:
    """Return the keyframes and other values of a TOML file; `text` gives the line numbers."""
    tables = values.pop("keyframe", None)
    for key in values:
        if key not in ("ease", "rest"):
            raise UnknownNameError("setting", key, ("ease", "rest", "keyframe"))
    if not isinstance(tables, list) or not tables:
        raise UsageError("it has no keyframes: write [[keyframe]], and below it at = 0.0")
    lines = [n for n, line in enumerate(text.splitlines(), 1) if _TABLE.match(line)]
    keyframes: list[Keyframe] = []
    for i, table in enumerate(tables):
        # Inline tables have no header, so their line is not known.
        where = f"keyframe {i + 1}" + (f" (line {lines[i]})" if len(lines) == len(tables) else "")
        try:
            _append_table(keyframes, table)
        except UsageError as error:
            raise UsageError(f"{where}: {error}") from None
    return keyframes, values


def _append_table(keyframes: list[Keyframe], table: Any) -> None:
    if not isinstance(table, dict):
        raise UsageError(f"it must be a table, not {table!r}")
    for key, value in table.items():
        if key not in ("at", *_NAMES.values()):
            raise UnknownNameError("setting", key, ("at", *_NAMES.values()))
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise UsageError(f"{key} must be a number, not {value!r}")
    if "at" not in table:
        raise UsageError("it needs 'at', its moment from 0 to 1")
    _append(keyframes, table["at"], {key: v for key, v in table.items() if key != "at"})


class ViewPath:
    """The path through keyframes; the view is constant before the first and after the last.

    A `smooth` path starts and ends gently and has no corners; otherwise the speed between two
    keyframes is constant.
    """

    def __init__(self, keyframes: Sequence[Keyframe], *, smooth: bool) -> None:
        self._keyframes = keyframes
        self._at = [keyframe.at for keyframe in keyframes]
        views = [keyframe.view for keyframe in keyframes]
        self._depth = _Track.through(self._at, [math.log(v.zoom) for v in views], smooth=smooth)
        self._angle = _Track.through(self._at, [v.angle for v in views], smooth=smooth)
        self._x = _CentreTrack([v.x for v in views], depth=self._depth, smooth=smooth)
        self._y = _CentreTrack([v.y for v in views], depth=self._depth, smooth=smooth)

    def view(self, moment: float) -> View:
        """Return the view at a moment."""
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
    """A number that is interpolated between given values by cubics."""

    lengths: list[float]  # time of each stretch between two values
    values: list[float]
    starts: list[float]  # speed at the start of each stretch
    ends: list[float]  # speed at the end of each stretch

    @classmethod
    def through(cls, at: Sequence[float], values: list[float], *, smooth: bool) -> _Track:
        """Return the monotone cubics through values at some moments, with speed 0 at both ends.

        Fritsch and Butland, "A method for constructing local monotone piecewise cubic
        interpolants", 1984. Without `smooth`, return straight lines.
        """
        lengths = [b - a for a, b in pairwise(at)]
        straight = [(b - a) / t for (a, b), t in zip(pairwise(values), lengths, strict=True)]
        if not smooth:
            return cls(lengths, values, straight, straight)
        speeds = _joined_speeds(straight, straight)
        return cls(lengths, values, speeds[:-1], speeds[1:])

    def value(self, i: int, s: float) -> float:
        """Return the value at the fraction `s` of the i-th stretch."""
        start, end, t = self.values[i], self.values[i + 1], self.lengths[i]
        bends = t * (self.starts[i] * (1 - s) - self.ends[i] * s) * s * (1 - s)
        return start + (end - start) * s * s * (3 - 2 * s) + bends


class _CentreTrack:
    """The centre of the view along an axis; its speed follows the change of the view's size."""

    def __init__(self, values: list[float], *, depth: _Track, smooth: bool) -> None:
        self._values, self._depth = values, depth
        stretches = range(len(values) - 1)
        starts = [self._speed(i, at_end=False) for i in stretches]
        ends = [self._speed(i, at_end=True) for i in stretches]
        speeds = _joined_speeds(starts, ends)
        # The changes of speed that join each stretch to its neighbours.
        self._start_changes = [speeds[i] - starts[i] if smooth else 0.0 for i in stretches]
        self._end_changes = [speeds[i + 1] - ends[i] if smooth else 0.0 for i in stretches]

    def _speed(self, i: int, *, at_end: bool) -> float:
        """Return the speed at one end of a stretch, regardless of its neighbours."""
        depth, way = self._depth, self._values[i + 1] - self._values[i]
        deeper = depth.values[i + 1] - depth.values[i]
        if abs(deeper) < _SAME_ZOOM:
            return way / depth.lengths[i]
        if at_end:
            return way * depth.ends[i] / math.expm1(deeper)
        return way * depth.starts[i] / -math.expm1(-deeper)

    def value(self, i: int, s: float) -> float:
        """Return the centre at the fraction `s` of the i-th stretch."""
        start, end = self._values[i], self._values[i + 1]
        above, below, here = (*self._depth.values[i : i + 2], self._depth.value(i, s))
        level = abs(below - above) < _SAME_ZOOM
        share = s if level else math.expm1(above - here) / math.expm1(above - below)
        # The changes of speed decrease along the stretch, measured in pixels of the screen.
        first = self._start_changes[i] * (1 - s) * math.exp(above - here)
        second = self._end_changes[i] * s * math.exp(below - here)
        return (
            start + (end - start) * share + self._depth.lengths[i] * (first - second) * s * (1 - s)
        )


def _joined_speeds(starts: Sequence[float], ends: Sequence[float]) -> list[float]:
    """Return the speed at each value, from the start and end speeds of the stretches.

    It is 0 at both ends and where the direction changes, otherwise the harmonic mean of the speeds
    before and after the value.
    """
    inner = [
        2 * before * after / (before + after) if before * after > 0 else 0.0
        for before, after in zip(ends, starts[1:], strict=False)
    ]
    return [0.0, *inner, 0.0]
