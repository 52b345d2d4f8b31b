"""A storyboard: the keyframes of a camera, written as a TOML file.

One table per keyframe, in their order, and above them perhaps what else the camera is told:

    ease = "linear"

    [[keyframe]]
    at = 0.5      # the moment, from 0 at the clip's start to 1 at its end
    x = 0.3       # the middle of what is seen, from 0 at the left edge to 1 at the right
    y = 0.4       # from 0 at the top to 1 at the bottom
    zoom = 4      # how many times larger than the whole
    angle = 15    # in degrees; the picture turns clockwise

All but `at` may be left out, and is then as in the keyframe before.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from neuralpaint.errors import UnknownNameError, UsageError
from neuralpaint.image.canvas import View
from neuralpaint.rendering.keyframes import Keyframe

__all__ = ["Storyboard", "read_storyboard"]

_PLACE = ("x", "y", "zoom", "angle")
_HEADER = re.compile(r"\s*\[\[\s*keyframe\s*\]\]")


class Storyboard(NamedTuple):
    """What the file says."""

    keyframes: list[Keyframe]
    settings: dict[str, Any]
    """Of the camera, unchecked: its `ease`."""


def read_storyboard(path: str | Path) -> Storyboard:
    """Return what a storyboard says.

    Raises:
        UsageError: the file cannot be read, is not TOML, or has no keyframes that can be used; one
            line that says which file, and where in it.
    """
    name = Path(path).name
    try:
        text = Path(path).read_text("utf-8")
        return _storyboard(tomllib.loads(text), text)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"camera file {str(path)!r} cannot be read: {reason}") from None
    except UnicodeDecodeError:
        raise UsageError(f"camera file {name!r} is not text in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"camera file {name!r} is not TOML: {_lowered(error)}") from None
    except UsageError as error:
        raise UsageError(f"camera file {name!r}: {error}") from None


def _storyboard(values: dict[str, Any], text: str) -> Storyboard:
    """Return what the values of a TOML file say; `text` tells where they stand."""
    tables = values.pop("keyframe", None)
    for key in values:
        if key != "ease":
            raise UnknownNameError("setting", key, ("ease", "keyframe"))
    if not isinstance(tables, list) or not tables:
        raise UsageError("it has no keyframes: write [[keyframe]] and below it at = 0.0")
    lines = [n for n, line in enumerate(text.splitlines(), 1) if _HEADER.match(line)]
    if len(lines) != len(tables):  # they are written in another way
        lines = []
    keyframes: list[Keyframe] = []
    for i, table in enumerate(tables):
        where = f"keyframe {i + 1}" + (f" (line {lines[i]})" if lines else "")
        try:
            keyframes.append(_keyframe(table, keyframes[-1] if keyframes else None))
        except UsageError as error:
            raise UsageError(f"{where}: {error}") from None
    return Storyboard(keyframes, values)


def _keyframe(table: Any, before: Keyframe | None) -> Keyframe:
    """Return the keyframe of a table, which has what it leaves out from the one before."""
    if not isinstance(table, dict):
        raise UsageError(f"it must be a table, not {table!r}")
    for key, value in table.items():
        if key not in ("at", *_PLACE):
            raise UnknownNameError("setting", key, ("at", *_PLACE))
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise UsageError(f"{key} must be a number, not {value!r}")
    if "at" not in table:
        raise UsageError("it needs at, its moment from 0 to 1")
    view = before.view if before else View()
    keyframe = Keyframe(table["at"], replace(view, **{k: table[k] for k in _PLACE if k in table}))
    if before and keyframe.at <= before.at:
        raise UsageError(f"its moment {keyframe.at:g} must come after {before.at:g}")
    return keyframe


def _lowered(error: Exception) -> str:
    """Return a message in the middle of a sentence."""
    text = " ".join(str(error).split())
    return text[:1].lower() + text[1:]
