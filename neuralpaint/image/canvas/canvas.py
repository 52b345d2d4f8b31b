"""A canvas is a view of the picture plane: a size in pixels and the region it shows.

It alone knows where a pixel lies; `neuralpaint.image.canvas.grid` says in which coordinates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import UsageError
from neuralpaint.image.canvas.grid import Edge, Grid, fold, pixel_centres

__all__ = ["Canvas", "Fit", "View"]

Fit = Literal["contain", "cover", "stretch", "extend"]

_ALL = slice(None)
_FARTHEST = 1_000_000  # beyond it 32-bit coordinates tell nothing apart
_RIGHT_ANGLES: dict[float, tuple[float, float]] = {
    0.0: (1.0, 0.0),
    90.0: (0.0, 1.0),
    180.0: (-1.0, 0.0),
    270.0: (0.0, -1.0),
}


@dataclass(frozen=True)
class View:
    """Where a camera looks, whatever the size of the canvas.

    `x` and `y` are the point in the middle of what is seen, as a fraction of the canvas's width and
    height. A `zoom` of 2 shows half of each side. `angle` is in degrees: the picture turns
    clockwise on screen as it grows.
    """

    x: float = 0.5
    y: float = 0.5
    zoom: float = 1.0
    angle: float = 0.0

    def __post_init__(self) -> None:
        for name in ("x", "y", "zoom", "angle"):
            value = getattr(self, name)
            if not abs(value) <= _FARTHEST:  # true of what is no number, too
                raise UsageError(
                    f"the {name} of a view must be a number up to {_FARTHEST:,}, not {value:g}"
                )
        if self.zoom <= 0:
            raise UsageError(f"the zoom of a view must be above 0, not {self.zoom:g}")


@dataclass(frozen=True)
class Canvas:
    """A view: `height` x `width` pixels over a region of the picture plane.

    `span` is the region's (height, width) and `centre` its (y, x), both in picture coordinates. It
    is turned by `angle` degrees, so that the picture appears turned clockwise. `extent` is the
    (height, width) of the picture itself, around the origin, and `edge` says what is beyond:
    whatever the network says (`extend`), the picture reflected (`mirror`), its outermost colours
    (`clamp`), or nothing (`black`). A pixel is the average of `samples` x `samples` points in it.
    """

    height: int
    width: int
    span: tuple[float, float]
    centre: tuple[float, float] = (0.0, 0.0)
    angle: float = 0.0
    edge: Edge = "extend"
    samples: int = 1
    extent: tuple[float, float] = field(kw_only=True)

    @classmethod
    def of(cls, *, height: int, width: int) -> Canvas:
        """Return the canvas that shows a whole picture at its own size."""
        longer = max(height, width)
        span = 2 * height / longer, 2 * width / longer
        return cls(height, width, span, extent=span)

    @property
    def is_upright(self) -> bool:
        """Whether its rows and columns are those of the picture, so that its grid is a product."""
        return self.angle % 360 == 0

    def grid(self, *, rows: slice = _ALL, columns: slice = _ALL) -> Grid:
        """Return the coordinates of the pixel centres, float32, of all or some of the pixels."""
        x, y = self._coordinates(rows, columns)
        return Grid(
            fold(x, extent=self.extent[1], edge=self.edge).astype(np.float32),
            fold(y, extent=self.extent[0], edge=self.edge).astype(np.float32),
        )

    def inside(self, *, rows: slice = _ALL, columns: slice = _ALL) -> NDArray[np.bool_]:
        """Return whether the centre of each pixel lies in the picture. (h, w)"""
        x, y = self._coordinates(rows, columns)
        within: NDArray[np.bool_] = (np.abs(x) <= self.extent[1] / 2) & (
            np.abs(y) <= self.extent[0] / 2
        )
        return within

    def _coordinates(
        self, rows: slice, columns: slice
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return x and y of the pixel centres, before the edges' rule."""
        if self.is_upright:
            y, x = (
                pixel_centres(pixels, span=span, centre=centre, extent=extent)
                for pixels, span, centre, extent in zip(
                    (self.height, self.width), self.span, self.centre, self.extent, strict=True
                )
            )
            return x[None, columns], y[rows, None]
        down, across = (
            pixel_centres(pixels, span=span, centre=0.0, extent=span)
            for pixels, span in zip((self.height, self.width), self.span, strict=True)
        )
        x, y = _turned(across[None, columns], down[rows, None], self.angle)
        return x + self.centre[1], y + self.centre[0]

    def point(self, *, x: float, y: float) -> tuple[float, float]:
        """Return (y, x) in picture coordinates of a fraction of the canvas's width and height."""
        right, down = _turned((x - 0.5) * self.span[1], (y - 0.5) * self.span[0], self.angle)
        return self.centre[0] + down, self.centre[1] + right

    def window(self, picture: Canvas) -> tuple[float, float, float, float]:
        """Return what an upright canvas shows, in pixels of another one that shows the picture.

        It is (top, left, bottom, right), counted from the picture's upper left corner, and can
        reach beyond the picture.
        """
        ends = [
            side * ((centre + end * span) / extent + 0.5)
            for end in (-0.5, 0.5)
            for side, centre, span, extent in zip(
                (picture.height, picture.width), self.centre, self.span, self.extent, strict=True
            )
        ]
        # To a billionth of a pixel, so that a whole picture ends where it ends.
        top, left, bottom, right = (round(end, 9) for end in ends)
        return top, left, bottom, right

    def seen(self, view: View) -> Canvas:
        """Return as many pixels that show what a camera sees of this canvas."""
        return replace(
            self,
            span=(self.span[0] / view.zoom, self.span[1] / view.zoom),
            centre=self.point(x=view.x, y=view.y),
            angle=self.angle + view.angle,
        )

    def resized(self, *, height: int, width: int) -> Canvas:
        """Return the same region in another number of pixels."""
        return replace(self, height=height, width=width)

    def scaled(self, factor: float) -> Canvas:
        """Return the same region with both sides `factor` times as many pixels, at least one."""
        height = max(1, round(self.height * factor))
        return self.resized(height=height, width=max(1, round(self.width * factor)))

    def finer(self) -> Canvas:
        """Return the canvas whose pixels are this one's samples."""
        return replace(
            self, height=self.height * self.samples, width=self.width * self.samples, samples=1
        )

    def cropped(self, *, top: int, left: int, height: int, width: int) -> Canvas:
        """Return `height` x `width` pixels of this canvas, from row `top` and column `left`."""
        return replace(
            self,
            height=height,
            width=width,
            span=(self.span[0] * height / self.height, self.span[1] * width / self.width),
            centre=self.point(
                x=(left + width / 2) / self.width, y=(top + height / 2) / self.height
            ),
        )

    def fitted(self, *, height: int, width: int, fit: Fit) -> Canvas:
        """Return the canvas for a frame of `height` x `width` pixels.

        With `contain` it is as large as fits inside the frame (bars fill the rest); with `cover` it
        fills the frame and shows less of the picture; with `extend` it fills the frame and shows
        what is beyond the picture's edges; with `stretch` pixels cease to be square.
        """
        if fit == "stretch":
            return self.resized(height=height, width=width)
        pixel_y, pixel_x = self.span[0] / height, self.span[1] / width
        if fit == "contain":
            pixel = max(pixel_y, pixel_x)
            inner = (self.span[0] / pixel, self.span[1] / pixel)
            return self.resized(
                height=min(height, max(1, round(inner[0]))),
                width=min(width, max(1, round(inner[1]))),
            )
        pixel = min(pixel_y, pixel_x) if fit == "cover" else max(pixel_y, pixel_x)
        return replace(self, height=height, width=width, span=(height * pixel, width * pixel))


def _turned(x: Any, y: Any, angle: float) -> tuple[Any, Any]:
    """Return what lies at (x, y) of a screen on which the picture is turned by so many degrees."""
    degrees = angle % 360
    radians = math.radians(degrees)
    # Exact where it can be: a quarter turn moves pixels and changes none.
    cosine, sine = _RIGHT_ANGLES.get(degrees, (math.cos(radians), math.sin(radians)))
    return cosine * x + sine * y, cosine * y - sine * x
