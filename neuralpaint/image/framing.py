"""Framing: the size, crop and shape of a frame as users write them, turned into a canvas."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import ClassVar

from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas, Edge, Fit

__all__ = ["CanvasSettings", "parse_aspect", "parse_crop", "parse_size"]

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


def parse_aspect(text: str) -> float:
    """Return width / height of a shape written as WIDTH:HEIGHT or as one number.

    Raises:
        UsageError: the text is not a shape.
    """
    width, colon, height = text.partition(":")
    try:
        ratio = float(width) / (float(height) if colon else 1.0)
    except (ValueError, ZeroDivisionError):
        ratio = math.nan
    if not 0 < ratio < math.inf:
        raise UsageError(f"--aspect must be WIDTH:HEIGHT such as 9:16, or a number, not {text!r}")
    return ratio


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
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = (("size", "scale"),)

    size: str | None = setting(
        None,
        "size of the file, with panels such as --overlay heatmap; the network is evaluated at it, "
        "nothing is resized",
        unit="WIDTHxHEIGHT",
    )
    scale: float | None = setting(
        None, "render at this multiple of the picture's size", above=0.0, maximum=64
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
        None, "show only the picture's middle in this shape, such as 9:16", unit="WIDTH:HEIGHT"
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
            raise UsageError(f"--fit {self.fit} needs --size: it is for frames of another shape")
        if self.crop is not None and _CROP.fullmatch(self.crop.strip()) is None:
            parse_crop(self.crop, height=1, width=1)  # raises
        if self.aspect is not None:
            parse_aspect(self.aspect)

    def views(self, picture: Canvas, *, longest: int | None = None) -> tuple[Canvas, Canvas]:
        """Return the canvas to render a picture on, and the canvas of the frame around it.

        They differ only where bars are needed. Sizes and scales refer to the cropped picture.
        Without a size and a scale no side is longer than `longest` pixels.

        Raises:
            UsageError: the crop reaches beyond the picture, or the scaled picture is too large.
        """
        region = self._region(replace(picture, edge=self.edge, samples=self.samples))
        if self.size is not None:
            height, width = parse_size(self.size)
            frame = region.resized(height=height, width=width)
            return region.fitted(height=height, width=width, fit=self.fit), frame
        scale = self.scale
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

    def _region(self, picture: Canvas) -> Canvas:
        """Return the part of a picture that crop and aspect leave, in its own pixels."""
        if self.crop is not None:
            top, left, height, width = parse_crop(
                self.crop, height=picture.height, width=picture.width
            )
            picture = picture.cropped(top=top, left=left, height=height, width=width)
        if self.aspect is None:
            return picture
        ratio = parse_aspect(self.aspect)
        height = max(1, min(picture.height, round(picture.width / ratio)))
        width = max(1, min(picture.width, round(picture.height * ratio)))
        # Whole pixels: at the picture's own size nothing is resampled.
        top, left = (picture.height - height) // 2, (picture.width - width) // 2
        return picture.cropped(top=top, left=left, height=height, width=width)
