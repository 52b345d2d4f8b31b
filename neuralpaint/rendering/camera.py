"""Cameras: the view of the canvas at each moment of a clip."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import View
from neuralpaint.rendering.keyframes import (
    Keyframe,
    ViewPath,
    format_keyframes,
    load_keyframes,
    parse_keyframes,
)

__all__ = ["Camera", "cameras", "read_camera"]

Ease = Literal["smooth", "linear"]

_MOST_ZOOM = 1000  # at larger zooms, neighbouring pixels have equal 32-bit coordinates
_ACROSS = "from 0 at the left edge to 1 at the right"
_DOWN = "from 0 at the top to 1 at the bottom"
_REST = (
    "part of the clip before the move: it shows the whole training, and the move shows the "
    "finished picture"
)
_USUAL_REST = 0.5  # unless `rest` is set


@dataclass(frozen=True)
class Camera(Settings, ABC):
    """A camera move, which can begin after the training has been shown."""

    ease: Ease = setting(
        "smooth", "start and stop gently (smooth), or move at constant speed (linear)"
    )
    rest: float | None = setting(0.0, _REST, minimum=0, maximum=0.99)

    def resting(self, *, shows_training: bool) -> Self:
        """Return this camera with a number for `rest`: 0 if there is no training to be shown."""
        if self.rest is not None:
            return self
        return replace(self, rest=_USUAL_REST if shows_training else 0.0)

    def view(self, moment: float) -> View:
        """Return the view at a moment of the clip, from 0 at its start to 1 at its end."""
        rest = self.rest or 0.0
        return self._view(max(0.0, moment - rest) / (1 - rest))

    @abstractmethod
    def _view(self, moment: float) -> View:
        """Return the view at a moment of the move, from 0 to 1."""


cameras: Registry[Camera] = Registry("camera")


class _Move(Camera):
    """A move through keyframes."""

    @abstractmethod
    def _keyframes(self) -> list[Keyframe]:
        """Return the keyframes, in order of time."""

    @cached_property
    def _path(self) -> ViewPath:
        return ViewPath(self._keyframes(), smooth=self.ease == "smooth")

    def _view(self, moment: float) -> View:
        return self._path.view(moment)


@dataclass(frozen=True)
class _Zoom(_Move):
    x: float = setting(0.5, f"the point, {_ACROSS}", minimum=0, maximum=1)
    y: float = setting(0.5, f"the point, {_DOWN}", minimum=0, maximum=1)
    factor: float = setting(4.0, "magnification at the point", above=1, maximum=_MOST_ZOOM)

    @property
    def _close_up(self) -> View:
        return _inside_view(x=self.x, y=self.y, zoom=self.factor)


@cameras.register("zoom-in")
@dataclass(frozen=True)
class ZoomIn(_Zoom):
    """Zoom from the whole picture to a point in it."""

    def _keyframes(self) -> list[Keyframe]:
        return [Keyframe(0.0, View()), Keyframe(1.0, self._close_up)]


@cameras.register("zoom-out")
@dataclass(frozen=True)
class ZoomOut(_Zoom):
    """Zoom from a point in the picture to the whole picture."""

    def _keyframes(self) -> list[Keyframe]:
        return [Keyframe(0.0, self._close_up), Keyframe(1.0, View())]


@cameras.register("pan")
@dataclass(frozen=True)
class Pan(_Move):
    """Move from one point to another, within the picture; by default from left to right."""

    x: float = setting(0.0, f"start, {_ACROSS}", minimum=0, maximum=1)
    y: float = setting(0.5, f"start, {_DOWN}", minimum=0, maximum=1)
    to_x: float = setting(1.0, "end", minimum=0, maximum=1)
    to_y: float = setting(0.5, "end", minimum=0, maximum=1)
    zoom: float = setting(
        2.0, "magnification, 1 for the whole picture", above=1, maximum=_MOST_ZOOM
    )

    def _keyframes(self) -> list[Keyframe]:
        start = _inside_view(x=self.x, y=self.y, zoom=self.zoom)
        end = _inside_view(x=self.to_x, y=self.to_y, zoom=self.zoom)
        return [Keyframe(0.0, start), Keyframe(1.0, end)]


@cameras.register("ken-burns")
@dataclass(frozen=True)
class KenBurns(_Move):
    """Drift slowly towards a point while zooming in a little, as in documentaries."""

    x: float = setting(0.65, f"the point, {_ACROSS}", minimum=0, maximum=1)
    y: float = setting(0.4, f"the point, {_DOWN}", minimum=0, maximum=1)
    zoom: float = setting(
        1.2, "magnification at the start, 1 for the whole picture", minimum=1, maximum=_MOST_ZOOM
    )
    factor: float = setting(
        1.3, "further magnification from the start to the end", minimum=1, maximum=_MOST_ZOOM
    )

    def _keyframes(self) -> list[Keyframe]:
        # Start on the other side of the middle, so that the view always moves.
        start = _inside_view(x=1 - self.x, y=1 - self.y, zoom=self.zoom)
        end = _inside_view(x=self.x, y=self.y, zoom=self.zoom * self.factor)
        return [Keyframe(0.0, start), Keyframe(1.0, end)]


@cameras.register("orbit")
@dataclass(frozen=True)
class Orbit(_Move):
    """Circle round the middle, clockwise from the top; with ease=linear the clip loops."""

    zoom: float = setting(
        1.5, "magnification, 1 for the whole picture", above=1, maximum=_MOST_ZOOM
    )
    radius: float = setting(
        1.0, "radius, as a fraction of the distance to the edges", above=0, maximum=1
    )
    turns: float = setting(
        1.0, "number of circles; negative: counterclockwise", minimum=-100, maximum=100
    )

    def _keyframes(self) -> list[Keyframe]:
        return [Keyframe(0.0, View(angle=0.0)), Keyframe(1.0, View(angle=360 * self.turns))]

    def _view(self, moment: float) -> View:
        angle = math.radians(super()._view(moment).angle)
        reach = self.radius * (1 - 1 / self.zoom) / 2
        x, y = 0.5 + reach * math.sin(angle), 0.5 - reach * math.cos(angle)
        return View(x=x, y=y, zoom=self.zoom)


@cameras.register("beyond")
@dataclass(frozen=True)
class Beyond(_Move):
    """Rest while the network learns, then fly out to where it has learned nothing.

    What is there depends on the model: copies of the picture, waves, or rays of light.
    """

    rest: float | None = setting(
        None, f"{_REST}; unset, half of the clip of a training", minimum=0, maximum=0.99
    )
    factor: float = setting(
        6.0, "size of the last view, as a multiple of the picture's", above=1, maximum=_MOST_ZOOM
    )
    turn: float = setting(
        0.0,
        "how far the picture turns clockwise; a turned view takes longer to render",
        unit="degrees",
        minimum=-3600,
        maximum=3600,
    )

    def _keyframes(self) -> list[Keyframe]:
        return [Keyframe(0.0, View()), Keyframe(1.0, View(zoom=1 / self.factor, angle=self.turn))]


@cameras.register("path")
@dataclass(frozen=True)
class KeyframePath(_Move):
    """Move through given keyframes, also beyond the edges of the picture."""

    keys: str = setting(
        "0/0.4x0.35y0.4z2.5/0.7x0.65/1x0.5y0.5z1",
        "AT[xX][yY][zZOOM][aANGLE], separated by /: the moment and x, y from 0 to 1, the angle in "
        "degrees; omitted values are taken from the keyframe before",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        # Normalized, so that different texts of one path are equal settings.
        object.__setattr__(self, "keys", format_keyframes(parse_keyframes(self.keys)))

    def _keyframes(self) -> list[Keyframe]:
        return parse_keyframes(self.keys)


def _inside_view(*, x: float, y: float, zoom: float) -> View:
    """Return the view around a point, moved to stay within the edges of the picture."""
    margin = 0.5 / zoom
    x, y = (min(max(place, margin), 1 - margin) for place in (x, y))
    return View(x=x, y=y, zoom=zoom)


def read_camera(path: str | Path) -> str:
    """Return the text of a camera that moves through the keyframes of a TOML file.

    Raises:
        UsageError: the file cannot be read, or one of its values is wrong.
    """
    keyframes, settings = load_keyframes(path)
    try:
        return cameras.spec(KeyframePath(keys=format_keyframes(keyframes), **settings))
    except UsageError as error:
        raise UsageError(f"camera file {Path(path).name!r}: {error}") from None
