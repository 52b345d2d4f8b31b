"""Cameras: what is seen of the canvas at each moment of a clip."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import View
from neuralpaint.rendering.keyframes import Keyframe, Way, parse_keyframes, write_keyframes
from neuralpaint.rendering.storyboard import read_storyboard

__all__ = ["Camera", "cameras", "read_camera"]

Ease = Literal["smooth", "linear"]

# Deeper, neighbouring pixels of a frame have the same 32-bit coordinates.
_DEEPEST = 1000
_ACROSS = "from 0 at the left edge to 1 at the right"
_DOWN = "from 0 at the top to 1 at the bottom"


@dataclass(frozen=True)
class Camera(Settings, ABC):
    """A move of the camera."""

    ease: Ease = setting(
        "smooth", "start and stop gently (smooth), or move at one speed throughout (linear)"
    )

    @abstractmethod
    def view(self, moment: float) -> View:
        """Return what is seen at a moment of the clip, from 0 at its start to 1 at its end."""


cameras: Registry[Camera] = Registry("camera")


class _Travel(Camera):
    """A move from one view to another."""

    @abstractmethod
    def _ends(self) -> tuple[View, View]:
        """Return what is seen first and last."""

    @cached_property
    def _way(self) -> Way:
        first, last = self._ends()
        return Way([Keyframe(0.0, first), Keyframe(1.0, last)], smooth=self.ease == "smooth")

    def view(self, moment: float) -> View:
        return self._way.view(moment)


@dataclass(frozen=True)
class _Zoom(_Travel):
    x: float = setting(0.5, f"the point, {_ACROSS}", minimum=0, maximum=1)
    y: float = setting(0.5, f"the point, {_DOWN}", minimum=0, maximum=1)
    factor: float = setting(4.0, "how many times larger it is seen", above=1, maximum=_DEEPEST)

    @property
    def _near(self) -> View:
        return _inside(x=self.x, y=self.y, zoom=self.factor)


@cameras.register("zoom-in")
@dataclass(frozen=True)
class ZoomIn(_Zoom):
    """From the whole picture to a point in it."""

    def _ends(self) -> tuple[View, View]:
        return View(), self._near


@cameras.register("zoom-out")
@dataclass(frozen=True)
class ZoomOut(_Zoom):
    """From a point in the picture to the whole."""

    def _ends(self) -> tuple[View, View]:
        return self._near, View()


@cameras.register("pan")
@dataclass(frozen=True)
class Pan(_Travel):
    """From one point to another, as far as the picture goes; by default from left to right."""

    x: float = setting(0.0, f"where to begin, {_ACROSS}", minimum=0, maximum=1)
    y: float = setting(0.5, f"where to begin, {_DOWN}", minimum=0, maximum=1)
    to_x: float = setting(1.0, "where to end", minimum=0, maximum=1)
    to_y: float = setting(0.5, "where to end", minimum=0, maximum=1)
    zoom: float = setting(2.0, "how many times larger than the whole", above=1, maximum=_DEEPEST)

    def _ends(self) -> tuple[View, View]:
        return (
            _inside(x=self.x, y=self.y, zoom=self.zoom),
            _inside(x=self.to_x, y=self.to_y, zoom=self.zoom),
        )


@cameras.register("ken-burns")
@dataclass(frozen=True)
class KenBurns(_Travel):
    """Drift slowly towards a point and come a little nearer, as documentaries show photographs."""

    x: float = setting(0.65, f"the point, {_ACROSS}", minimum=0, maximum=1)
    y: float = setting(0.4, f"the point, {_DOWN}", minimum=0, maximum=1)
    zoom: float = setting(
        1.2, "how many times larger than the whole at first", minimum=1, maximum=_DEEPEST
    )
    factor: float = setting(1.3, "how much nearer it comes", minimum=1, maximum=_DEEPEST)

    def _ends(self) -> tuple[View, View]:
        # From the other side of the middle, so that it drifts however near the point is to it.
        return (
            _inside(x=1 - self.x, y=1 - self.y, zoom=self.zoom),
            _inside(x=self.x, y=self.y, zoom=self.zoom * self.factor),
        )


@cameras.register("orbit")
@dataclass(frozen=True)
class Orbit(Camera):
    """Circle round the middle, clockwise from the top; with ease=linear the clip loops."""

    zoom: float = setting(1.5, "how many times larger than the whole", above=1, maximum=_DEEPEST)
    radius: float = setting(1.0, "how wide, as a share of the way to the edges", above=0, maximum=1)
    turns: float = setting(
        1.0, "how many circles; below 0 the other way", minimum=-100, maximum=100
    )

    @cached_property
    def _way(self) -> Way:
        around = Keyframe(0.0, View(angle=0.0)), Keyframe(1.0, View(angle=360 * self.turns))
        return Way(around, smooth=self.ease == "smooth")

    def view(self, moment: float) -> View:
        angle = math.radians(self._way.view(moment).angle)
        reach = self.radius * (1 - 1 / self.zoom) / 2
        x, y = 0.5 + reach * math.sin(angle), 0.5 - reach * math.cos(angle)
        return View(x=x, y=y, zoom=self.zoom)


@cameras.register("path")
@dataclass(frozen=True)
class KeyframePath(Camera):
    """Through keyframes of one's own, also beyond the edges of the picture."""

    keys: str = setting(
        "0/0.4x0.35y0.4z2.5/0.7x0.65/1x0.5y0.5z1",
        "AT[xX][yY][zZOOM][aANGLE], with / between: the moment and x, y from 0 to 1, the angle in "
        "degrees; what is left out stays as it was",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        # As it is always written: two ways to write one path are the same settings.
        object.__setattr__(self, "keys", write_keyframes(parse_keyframes(self.keys)))

    @cached_property
    def _way(self) -> Way:
        return Way(parse_keyframes(self.keys), smooth=self.ease == "smooth")

    def view(self, moment: float) -> View:
        return self._way.view(moment)


def _inside(*, x: float, y: float, zoom: float) -> View:
    """Return the view around a point, moved as far as it takes to see nothing beyond the edges."""
    margin = 0.5 / zoom
    x, y = (min(max(place, margin), 1 - margin) for place in (x, y))
    return View(x=x, y=y, zoom=zoom)


def read_camera(path: str | Path) -> str:
    """Return the text of a camera that goes through the keyframes of a storyboard, a TOML file.

    Raises:
        UsageError: the file cannot be read, or something in it cannot be used.
    """
    storyboard = read_storyboard(path)
    keys = write_keyframes(storyboard.keyframes)
    try:
        return cameras.spec(KeyframePath(keys=keys, **storyboard.settings))
    except UsageError as error:
        raise UsageError(f"camera file {Path(path).name!r}: {error}") from None
