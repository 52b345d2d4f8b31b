"""Framing: the size, crop and shape of a frame as users write them, turned into a canvas."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple, Self

from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas, Edge, Fit

__all__ = ["Aspect", "CanvasSettings", "parse_aspect", "parse_crop", "parse_size"]

# No encoder or viewer supports longer sides: a larger number is probably a typing error.
_LONGEST_SIDE = 65_535
_LENGTH = r"(\d+|\d+(?:\.\d+)?%)"  # pixels, or percent of the picture's side
_CROP = re.compile(rf"{_LENGTH}x{_LENGTH}(?:\+{_LENGTH}\+{_LENGTH})?", re.ASCII | re.IGNORECASE)


def parse_size(text: str) -> tuple[int, int]:
    """Return (height, width) of a size written as WIDTHxHEIGHT.

    Raises:
        UsageError: the text is not a size.
    """
    width, _, height = text.lower().partition("x")
    try:
        size = int(height), int(width)
    except ValueError:
        raise UsageError(f"a size must be WIDTHxHEIGHT such as 1280x720, not {text!r}") from None
    if not all(0 < side <= _LONGEST_SIDE for side in size):
        raise UsageError(f"a size must have sides from 1 to {_LONGEST_SIDE} pixels, not {text!r}")
    return size


class Aspect(NamedTuple):
    """The shape of a part of a picture, and the place that it keeps."""

    ratio: float | None = None
    """Width / height; None for the shape of the frame."""
    x: float | None = None
    """Of the width, in [0, 1]; None for the busiest place."""
    y: float | None = None
    """Of the height, in [0, 1]; None for the busiest place."""

    def __str__(self) -> str:
        ratio = [] if self.ratio is None else [f"{self.ratio!r}"]
        place = [f"{k}={v!r}" for k, v in (("x", self.x), ("y", self.y)) if v is not None]
        return ":".join([*ratio, *([",".join(place)] if place else [])])


def parse_aspect(text: str) -> Aspect:
    """Return a shape written as WIDTH:HEIGHT or as one number, and a place written as x=X,y=Y.

    After the shape, the place follows a colon. Either part can be missing.

    Raises:
        UsageError: the text is neither.
    """
    parts = [part.strip() for part in text.split(":")]
    place: dict[str, float | None] = {}
    try:
        if "=" in parts[-1]:
            for pair in parts.pop().split(","):
                name, _, value = pair.partition("=")
                place[name.strip()] = float(value)
        ratio = float(parts[0]) / float(parts[1] if len(parts) > 1 else 1) if parts else None
        aspect = Aspect(ratio, **place)
    except (TypeError, ValueError, ZeroDivisionError):
        aspect = Aspect(math.nan)
    if (aspect.ratio is not None and not 0 < aspect.ratio < math.inf) or len(parts) > 2:
        raise UsageError(
            "--aspect must be WIDTH:HEIGHT such as 9:16, or a number, and may name the place to "
            f"keep, as in 9:16:x=0.7, not {text!r}"
        )
    if not all(value is None or 0 <= value <= 1 for value in (aspect.x, aspect.y)):
        raise UsageError(f"--aspect {text}: x and y are parts of the picture, from 0 to 1")
    return aspect


def parse_crop(text: str, *, height: int, width: int) -> tuple[int, int, int, int]:
    """Return (top, left, height, width) in pixels of a crop written as WIDTHxHEIGHT+X+Y.

    Each number is in pixels, or in percent of that side of the picture of `height` x `width`
    pixels, rounded to whole pixels. Without +X+Y the crop is centred.

    Raises:
        UsageError: the text is not a crop, or the crop is empty or reaches beyond the picture.
    """
    found = _CROP.fullmatch(text.strip())
    if found is None:
        raise UsageError(
            f"--crop must be WIDTHxHEIGHT+X+Y such as 640x480+100+0 or 50%x50%+25%+25%, "
            f"not {text!r}"
        )
    across, down, left, top = found.groups()
    inner_width, inner_height = _pixels(across, width), _pixels(down, height)
    first_column = (width - inner_width) // 2 if left is None else _pixels(left, width)
    first_row = (height - inner_height) // 2 if top is None else _pixels(top, height)
    if inner_width < 1 or inner_height < 1:
        raise UsageError(f"crop {text!r} has no pixels: make it larger")
    if min(first_column, first_row) < 0 or (
        first_column + inner_width > width or first_row + inner_height > height
    ):
        raise UsageError(f"crop {text!r} reaches beyond the picture, which is {width}x{height}")
    return first_row, first_column, inner_height, inner_width


def _pixels(length: str, side: int) -> int:
    if length.endswith("%"):
        return round(float(length[:-1]) / 100 * side)
    return int(length)


@dataclass(frozen=True)
class CanvasSettings(Settings):
    """The part of the picture to render, its size, and what is shown beyond the edges."""

    section: ClassVar[str] = "Size"
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = (("size", "scale", "longest"),)

    size: str | None = setting(
        None,
        "size of the file, with panels such as --overlay heatmap; the network is evaluated at it, "
        "nothing is resized",
        unit="WIDTHxHEIGHT",
    )
    scale: float | None = setting(
        None, "render at this multiple of the picture's size", above=0.0, maximum=64
    )
    longest: int | None = setting(
        None,
        "length of the longer side where it would be longer; unset, 1920 for a clip without --size "
        "and --scale",
        unit="pixels",
        minimum=1,
        maximum=_LONGEST_SIDE,
    )
    fit: Fit = setting(
        "contain",
        "where --size has another shape: bars around it (contain), crop it (cover), show what is "
        "beyond the edges (extend), or distort it (stretch)",
    )
    crop: str | None = setting(
        None,
        "show only this part of the picture, in its pixels or in percent, such as "
        "640x480+100+0 or 50%x50%+25%+25%; without +X+Y the middle",
        unit="WIDTHxHEIGHT+X+Y",
    )
    aspect: str | None = setting(
        None,
        "show only a part of the picture in this shape, such as 9:16, around its busiest place; "
        "9:16:x=0.7 shows another place, x=0.7 alone is for --fit cover",
        unit="WIDTH:HEIGHT[:x=X,y=Y]",
    )
    edge: Edge = setting(
        "extend",
        "what to show beyond the picture's edges: the output of the network (extend), the picture "
        "reflected (mirror), its outermost colours repeated (clamp), or black",
    )
    samples: int = setting(
        1,
        "average this many points per axis in every pixel, against jagged edges where the frame is "
        "smaller than the picture; 2 takes 4 times as long, 3 takes 9 times",
        minimum=1,
        maximum=16,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size is not None:
            parse_size(self.size)
        elif self.fit != "contain":
            raise UsageError(f"--fit {self.fit} needs --size: add it, or choose --fit contain")
        if self.crop is not None and _CROP.fullmatch(self.crop.strip()) is None:
            parse_crop(self.crop, height=1, width=1)  # raises
        if self.aspect is not None:
            parse_aspect(self.aspect)

    @property
    def cuts(self) -> bool:
        """Whether the picture is cropped to a shape, and the busiest place may be looked for."""
        aspect = parse_aspect(self.aspect) if self.aspect is not None else Aspect()
        shaped = aspect.ratio is not None or (self.size is not None and self.fit == "cover")
        return shaped and (aspect.x is None or aspect.y is None)

    def keeping(self, *, x: float, y: float) -> Self:
        """Return the settings that keep this place where --aspect names none."""
        aspect = parse_aspect(self.aspect) if self.aspect is not None else Aspect()
        chosen = aspect._replace(
            x=x if aspect.x is None else aspect.x, y=y if aspect.y is None else aspect.y
        )
        return replace(self, aspect=str(chosen))

    def views(self, picture: Canvas, *, longest: int | None = None) -> tuple[Canvas, Canvas]:
        """Return the canvas to render a picture on, and the canvas of the frame around it.

        They differ only where bars are needed. Sizes and scales refer to the cropped picture.
        Without a size and a scale no side is longer than `longest` pixels. Where neither --aspect
        nor `keeping` names a place, the middle is kept.

        Raises:
            UsageError: the crop reaches beyond the picture, or the scaled picture is too large.
        """
        aspect = parse_aspect(self.aspect) if self.aspect is not None else Aspect()
        place = tuple(0.5 if side is None else side for side in (aspect.y, aspect.x))
        region = self.cropped(replace(picture, edge=self.edge, samples=self.samples))
        if aspect.ratio is not None:
            region, place = _cut(region, aspect.ratio, place)
        if self.size is not None:
            height, width = parse_size(self.size)
            frame = region.resized(height=height, width=width)
            canvas = region.fitted(height=height, width=width, fit=self.fit)
            return (_moved(canvas, region, place) if self.fit == "cover" else canvas), frame
        scale, longest = self.scale, self.longest or longest
        if scale is None:
            longer = max(region.height, region.width)
            scale = 1.0 if longest is None else min(1.0, longest / longer)
        canvas = region.scaled(scale)
        if max(canvas.height, canvas.width) > _LONGEST_SIDE:
            raise UsageError(
                f"--scale {scale:g} makes {canvas.width}x{canvas.height} pixels: "
                f"no side may exceed {_LONGEST_SIDE}"
            )
        return canvas, canvas

    def cropped(self, picture: Canvas) -> Canvas:
        """Return the part of a picture that --crop leaves, in its own pixels."""
        if self.crop is None:
            return picture
        top, left, height, width = parse_crop(self.crop, height=picture.height, width=picture.width)
        return picture.cropped(top=top, left=left, height=height, width=width)


def _cut(
    picture: Canvas, ratio: float, place: tuple[float, ...]
) -> tuple[Canvas, tuple[float, ...]]:
    """Return the part of that shape around a place, and the place in it, as fractions (y, x)."""
    sides = picture.height, picture.width
    # Whole pixels: at the picture's own size nothing is resampled.
    parts = (
        max(1, min(picture.height, round(picture.width / ratio))),
        max(1, min(picture.width, round(picture.height * ratio))),
    )
    first = [
        min(side - part, max(0, math.floor(at * side - part / 2)))
        for side, part, at in zip(sides, parts, place, strict=True)
    ]
    cut = picture.cropped(top=first[0], left=first[1], height=parts[0], width=parts[1])
    kept = (
        min(1.0, max(0.0, (at * side - start) / part))
        for side, part, start, at in zip(sides, parts, first, place, strict=True)
    )
    return cut, tuple(kept)


def _moved(canvas: Canvas, region: Canvas, place: tuple[float, ...]) -> Canvas:
    """Return a canvas that shows a part of `region`, moved towards a place in it, (y, x)."""
    centre = []
    for at, whole, part, middle in zip(place, region.span, canvas.span, region.centre, strict=True):
        most = max(0.0, (whole - part) / 2)
        centre.append(middle + min(most, max(-most, (at - 0.5) * whole)))
    return replace(canvas, centre=(centre[0], centre[1]))
