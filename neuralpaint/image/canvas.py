"""Canvases: a size in pixels and the region of the picture plane that these pixels show.

Only this module computes coordinates. A pixel has the coordinates of its centre. The longer side of
the picture spans [-1, 1], pixels are square, x grows to the right and y downwards. So frequencies
have the same unit along both axes, and a canvas twice as large samples the same plane twice as
densely, with no shift.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import UsageError

__all__ = ["Canvas", "Edge", "Fit", "Grid", "View", "pixel_centres"]

Edge = Literal["extend", "mirror", "clamp", "black"]
Fit = Literal["contain", "cover", "stretch", "extend"]

_ALL = slice(None)
_HARDLY_A_BAR = 200  # of the longer side: bars of one pixel, of two from 400 on, and so on
_TOLERANCE = 1e-9  # of a pixel: a centre as near as this to a pixel of the picture is snapped to it
_FARTHEST = 1_000_000  # farther out, 32-bit coordinates cannot distinguish neighbouring pixels
_RIGHT_ANGLES: dict[float, tuple[float, float]] = {
    0.0: (1.0, 0.0),
    90.0: (0.0, 1.0),
    180.0: (-1.0, 0.0),
    270.0: (0.0, -1.0),
}


class Grid(NamedTuple):
    """The coordinates of the pixels of a canvas; x and y broadcast to (h, w).

    On an upright canvas they are a product set: pixel (i, j) is at (x[0, j], y[i, 0]), and no array
    of h * w coordinates is built. On a rotated canvas both arrays are full.
    """

    x: NDArray[np.float32]  # (1, w), or (h, w)
    y: NDArray[np.float32]  # (h, 1), or (h, w)

    @property
    def is_product(self) -> bool:
        """Whether x is one row and y one column."""
        return (*self.x.shape[:1], *self.y.shape[1:]) == (1, 1)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.y.shape[0], self.x.shape[1]

    def rows(self, rows: slice) -> Grid:
        """Return some of the rows."""
        return Grid(self.x if self.is_product else self.x[rows], self.y[rows])

    def thinned(self, stride: int) -> Grid:
        """Return every `stride`-th row and column."""
        step = slice(None, None, stride)
        if self.is_product:
            return Grid(self.x[:, step], self.y[step])
        return Grid(self.x[step, step], self.y[step, step])


@dataclass(frozen=True)
class View:
    """The position of a camera over a canvas of any size.

    `x` and `y` are the centre of the view, as fractions of the canvas's width and height. A `zoom`
    of 2 shows half of each side. `angle` is in degrees: the larger it is, the farther the picture
    is turned clockwise on screen.
    """

    x: float = 0.5
    y: float = 0.5
    zoom: float = 1.0
    angle: float = 0.0

    def __post_init__(self) -> None:
        for name in ("x", "y", "zoom", "angle"):
            value = getattr(self, name)
            if not abs(value) <= _FARTHEST:  # true for NaN, too
                raise UsageError(
                    f"the {name} of a view must be a number up to {_FARTHEST:,}, not {value:g}"
                )
        if self.zoom <= 0:
            raise UsageError(f"the zoom of a view must be above 0, not {self.zoom:g}")


@dataclass(frozen=True)
class Canvas:
    """`height` x `width` pixels over a region of the picture plane.

    `span` is the region's (height, width) and `centre` its (y, x), both in picture coordinates.
    With an `angle`, in degrees, the picture appears turned clockwise. `extent` is the (height,
    width) of the picture itself, around the origin. `edge` decides what is shown beyond the
    picture: the network's output (`extend`), the picture reflected (`mirror`), its outermost
    colours (`clamp`), or black. A pixel is the mean of `samples` x `samples` points in it.
    `channels` is the number of numbers of a pixel of the picture: 3, or 4 with alpha.
    """

    height: int
    width: int
    span: tuple[float, float]
    centre: tuple[float, float] = (0.0, 0.0)
    angle: float = 0.0
    edge: Edge = "extend"
    samples: int = 1
    extent: tuple[float, float] = field(kw_only=True)
    channels: int = field(default=3, kw_only=True)

    @classmethod
    def of(cls, *, height: int, width: int, channels: int = 3) -> Canvas:
        """Return the canvas that shows a whole picture at its own size."""
        longer = max(height, width)
        span = 2 * height / longer, 2 * width / longer
        return cls(height, width, span, extent=span, channels=channels)

    @property
    def is_upright(self) -> bool:
        """Whether it is not rotated, so that its grid is a product set."""
        return self.angle % 360 == 0

    def grid(self, *, rows: slice = _ALL, columns: slice = _ALL) -> Grid:
        """Return the coordinates of the pixel centres, float32, of all or some of the pixels."""
        x, y = self._coordinates(rows, columns)
        return Grid(
            _apply_edge(x, extent=self.extent[1], edge=self.edge).astype(np.float32),
            _apply_edge(y, extent=self.extent[0], edge=self.edge).astype(np.float32),
        )

    def inside(self, *, rows: slice = _ALL, columns: slice = _ALL) -> NDArray[np.bool_]:
        """Return whether the centre of each pixel lies in the picture, (h, w)."""
        x, y = self._coordinates(rows, columns)
        within: NDArray[np.bool_] = (np.abs(x) <= self.extent[1] / 2) & (
            np.abs(y) <= self.extent[0] / 2
        )
        return within

    def _coordinates(
        self, rows: slice, columns: slice
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return x and y of the pixel centres, before `edge` is applied."""
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
        x, y = _rotated(across[None, columns], down[rows, None], self.angle)
        return x + self.centre[1], y + self.centre[0]

    def point(self, *, x: float, y: float) -> tuple[float, float]:
        """Return (y, x) in picture coordinates of a fraction of the canvas's width and height."""
        right, down = _rotated((x - 0.5) * self.span[1], (y - 0.5) * self.span[0], self.angle)
        return self.centre[0] + down, self.centre[1] + right

    def window(self, picture: Canvas) -> tuple[float, float, float, float]:
        """Return the region of this upright canvas in pixels of the whole picture's canvas.

        It is (top, left, bottom, right), from the picture's upper left corner, and can reach beyond
        the picture.
        """
        ends = [
            side * ((centre + end * span) / extent + 0.5)
            for end in (-0.5, 0.5)
            for side, centre, span, extent in zip(
                (picture.height, picture.width), self.centre, self.span, self.extent, strict=True
            )
        ]
        # Rounded to a billionth of a pixel, so that the whole picture ends exactly at its edges.
        top, left, bottom, right = (round(end, 9) for end in ends)
        return top, left, bottom, right

    def seen(self, view: View) -> Canvas:
        """Return a canvas of the same size that shows the region of this one inside `view`."""
        return replace(
            self,
            span=(self.span[0] / view.zoom, self.span[1] / view.zoom),
            centre=self.point(x=view.x, y=view.y),
            angle=self.angle + view.angle,
        )

    def resized(self, *, height: int, width: int) -> Canvas:
        """Return the same region with another number of pixels."""
        return replace(self, height=height, width=width)

    def scaled(self, factor: float) -> Canvas:
        """Return the same region with both sides `factor` times as many pixels, at least one."""
        height = max(1, round(self.height * factor))
        return self.resized(height=height, width=max(1, round(self.width * factor)))

    def finer(self) -> Canvas:
        """Return the canvas whose pixels are the samples of this one."""
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

        `contain` returns the largest canvas that fits into the frame; the rest of the frame is
        bars. A bar of a pixel or two would look like a fault: then it is `cover`, which fills the
        frame and shows less of the picture. `extend` fills the frame and shows what is beyond the
        picture's edges; `stretch` fills it with pixels that are not square.
        """
        if fit == "stretch":
            return self.resized(height=height, width=width)
        pixel_y, pixel_x = self.span[0] / height, self.span[1] / width
        if fit == "contain":
            pixel = max(pixel_y, pixel_x)
            inner_height = min(height, max(1, round(self.span[0] / pixel)))
            inner_width = min(width, max(1, round(self.span[1] / pixel)))
            bars = height - inner_height + width - inner_width  # one of them is 0
            if not 0 < bars <= max(1, max(height, width) // _HARDLY_A_BAR):
                return self.resized(height=inner_height, width=inner_width)
            fit = "cover"
        pixel = min(pixel_y, pixel_x) if fit == "cover" else max(pixel_y, pixel_x)
        return replace(self, height=height, width=width, span=(height * pixel, width * pixel))


def pixel_centres(pixels: int, *, span: float, centre: float, extent: float) -> NDArray[np.float64]:
    """Return the coordinates of the pixels along one axis of an upright canvas, (pixels,).

    Pixels that coincide with pixels of the whole picture, at its own size or a multiple, have the
    same coordinates to the last bit, so a crop of a rendered frame and a rendered crop are equal.
    """
    across = extent * pixels / span  # the size of the whole picture in these pixels
    whole = round(across)
    near = whole > 0 and abs(across - whole) <= _TOLERANCE * whole
    pixel = extent / whole if near else span / pixels
    first = 2 * centre / pixel + 1 - pixels  # of the first centre, in half pixels from the origin
    if abs(first - round(first)) <= _TOLERANCE * pixels:
        first = round(first)
    # In float64 until the end: neighbours on a wide canvas differ in the last bits only.
    return (first / 2 + np.arange(pixels, dtype=np.float64)) * pixel


def _apply_edge(
    coordinates: NDArray[np.float64], *, extent: float, edge: Edge
) -> NDArray[np.float64]:
    """Return coordinates along an axis; reflect or clamp those beyond +-extent / 2."""
    half = extent / 2
    if edge == "clamp":
        return np.clip(coordinates, -half, half)
    beyond = np.abs(coordinates) > half
    if edge != "mirror" or not beyond.any():
        return coordinates
    # A triangle wave, which is the identity between the edges.
    period = (coordinates[beyond] + half) % (2 * extent)
    folded = coordinates.copy()
    folded[beyond] = np.minimum(period, 2 * extent - period) - half
    return folded


def _rotated(x: Any, y: Any, angle: float) -> tuple[Any, Any]:
    """Return the picture coordinates of screen point (x, y) with the picture turned by `angle`."""
    degrees = angle % 360
    radians = math.radians(degrees)
    # Exact for quarter turns, which only permute pixels.
    cosine, sine = _RIGHT_ANGLES.get(degrees, (math.cos(radians), math.sin(radians)))
    return cosine * x + sine * y, cosine * y - sine * x
