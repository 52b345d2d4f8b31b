"""A canvas is a view of the picture plane: a size in pixels and the region it shows.

This module alone knows where a pixel lies. Coordinates are those of pixel centres; the longer
side of the picture spans [-1, 1], the shorter side keeps pixels square, x runs right and y runs
down. So a frequency means the same along both axes, and a canvas twice as large samples the same
plane twice as densely, with nothing shifted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import UsageError
from neuralpaint.settings import Settings, setting

__all__ = ["Canvas", "CanvasSettings", "CenteredLinearMap", "Fit", "Grid", "parse_size"]

Fit = Literal["contain", "cover", "stretch", "extend"]
Coordinates = TypeVar("Coordinates", bound=Any)  # an array or a tensor

# A side that no encoder and no viewer takes is a slip of the keyboard, not a wish.
_LONGEST_SIDE = 65_535


@dataclass(frozen=True)
class CenteredLinearMap:
    """Scale and translate [low, high] so that its centre becomes 0 and its length `size`.

    The `Fourier` model of the original experiment maps its plane to [-pi, pi] this way.
    """

    low: float
    high: float
    size: float

    @property
    def _scale(self) -> float:
        return self.size / (self.high - self.low)

    def __call__(self, values: Coordinates) -> Coordinates:
        """Map an array or tensor of any shape."""
        mapped: Coordinates = (values - (self.low + self.high) / 2) * self._scale
        return mapped


class Grid(NamedTuple):
    """The coordinates of a canvas as a product set: pixel (i, j) lies at (x[0, j], y[i, 0]).

    The two arrays broadcast against each other, so nothing of size (h * w, 2) is ever built.
    """

    x: NDArray[np.float32]  # (1, w)
    y: NDArray[np.float32]  # (h, 1)


@dataclass(frozen=True)
class Canvas:
    """A view: `height` x `width` pixels over a region of the picture plane.

    `span` is the region's (height, width) and `centre` its (y, x), both in picture coordinates.
    """

    height: int
    width: int
    span: tuple[float, float]
    centre: tuple[float, float] = field(default=(0.0, 0.0))

    @classmethod
    def of(cls, *, height: int, width: int) -> Canvas:
        """Return the canvas that shows a whole picture at its own size."""
        longer = max(height, width)
        return cls(height, width, span=(2 * height / longer, 2 * width / longer))

    def grid(self) -> Grid:
        """Return the coordinates of the pixel centres, float32."""
        # In double precision until the end: neighbours on a wide canvas differ in the last bits.
        y = self.centre[0] + _centres(self.height, self.span[0])
        x = self.centre[1] + _centres(self.width, self.span[1])
        return Grid(x.astype(np.float32)[None, :], y.astype(np.float32)[:, None])

    def resized(self, *, height: int, width: int) -> Canvas:
        """Return the same region in another number of pixels."""
        return Canvas(height, width, self.span, self.centre)

    def scaled(self, factor: float) -> Canvas:
        """Return the same region with both sides `factor` times as many pixels, at least one."""
        height = max(1, round(self.height * factor))
        return self.resized(height=height, width=max(1, round(self.width * factor)))

    def fitted(self, *, height: int, width: int, fit: Fit) -> Canvas:
        """Return the canvas for a frame of `height` x `width` pixels.

        With `contain` it is as large as fits inside the frame (bars fill the rest); with `cover` it
        fills the frame and shows less of the picture; with `extend` it fills the frame and the
        network paints on beyond the picture's edges; with `stretch` pixels cease to be square.
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
        return Canvas(height, width, (height * pixel, width * pixel), self.centre)


def _centres(pixels: int, span: float) -> NDArray[np.float64]:
    """Return the pixel centres of an axis, in the middle of which lies 0. (pixels,)"""
    to_plane = CenteredLinearMap(0, pixels, span)
    return to_plane(np.arange(pixels, dtype=np.float64) + 0.5)


def parse_size(text: str) -> tuple[int, int]:
    """Return (height, width) of a size written as WIDTHxHEIGHT.

    Raises:
        UsageError: the text is not a size.
    """
    width, _, height = text.lower().partition("x")
    try:
        size = int(height), int(width)
    except ValueError:
        raise UsageError(f"size must be WIDTHxHEIGHT such as 1280x720, not {text!r}") from None
    if not all(0 < side <= _LONGEST_SIDE for side in size):
        raise UsageError(f"size must have sides from 1 to {_LONGEST_SIDE} pixels, not {text!r}")
    return size


@dataclass(frozen=True)
class CanvasSettings(Settings):
    """At which size to render, and what to do where the shape differs from the picture's."""

    section: ClassVar[str] = "Size"
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = (("size", "scale"),)

    size: str | None = setting(
        None,
        "size of the frame; the network is evaluated at it, nothing is resized",
        unit="WIDTHxHEIGHT",
    )
    scale: float | None = setting(
        None, "render at this multiple of the picture's size", above=0.0, maximum=64
    )
    fit: Fit = setting(
        "contain",
        "where --size has another shape: bars around it (contain), crop it (cover), let the "
        "network paint on beyond the edges (extend), or distort it (stretch)",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size is not None:
            parse_size(self.size)
        elif self.fit != "contain":
            raise UsageError(f"--fit {self.fit} needs --size: it is about frames of another shape")

    def views(self, picture: Canvas, *, longest: int | None = None) -> tuple[Canvas, Canvas]:
        """Return the canvas to render a picture on, and the canvas of the frame around it.

        The two are the same but where bars are needed. Where neither a size nor a scale was asked
        for, no side is longer than `longest` pixels.

        Raises:
            UsageError: the scale makes a picture that nothing can hold.
        """
        if self.size is not None:
            height, width = parse_size(self.size)
            frame = picture.resized(height=height, width=width)
            return picture.fitted(height=height, width=width, fit=self.fit), frame
        scale = self.scale
        if scale is None:
            longer = max(picture.height, picture.width)
            scale = 1.0 if longest is None else min(1.0, longest / longer)
        canvas = picture.scaled(scale)
        if max(canvas.height, canvas.width) > _LONGEST_SIDE:
            raise UsageError(
                f"--scale {scale:g} makes {canvas.width}x{canvas.height} pixels: "
                f"no side may exceed {_LONGEST_SIDE}"
            )
        return canvas, canvas
