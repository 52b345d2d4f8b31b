"""Masks: planes with a value in [0, 1] per pixel, drawn by a registered entry or read from a file.

Used as a hole, 1 is unknown and 0 is known; used as a focus, 1 has the highest weight.
"""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UnknownNameError, UsageError
from neuralpaint.image.decoding import decode
from neuralpaint.image.picture_files import Source, open_image, source_name, suggest_path
from neuralpaint.image.pictures import Picture, PictureSettings, Plane
from neuralpaint.image.srgb import srgb_pixels
from neuralpaint.image.typography import text_mask, type_size

__all__ = [
    "AlphaMask",
    "Mask",
    "NameOrFile",
    "focus_weights",
    "mask_names",
    "mask_plane",
    "masks",
    "parse_mask",
    "read_mask",
    "transparency",
    "unknown_pixels",
]

T = TypeVar("T")
Shape = tuple[int, int]  # (height, width)

_MOST = 0.999  # the largest fraction of a picture that a mask can hide
_MAX_PIXELS = PictureSettings.max_pixels
_NO_LIMIT = 2**62  # pixels
_COVERED = 0.25  # fraction of a pixel covered by a letter above which the pixel is unknown
_OPAQUE = 5  # levels of transparency up to which a pixel counts as opaque
_BLACK, _WHITE = 8, 247  # levels mapped to 0 and 1, because compression changes the extremes
_ASPECT_TOLERANCE = 0.02  # of the logarithm of the aspect ratio, plus one pixel of rounding


@dataclass(frozen=True)
class Mask(Settings, ABC):
    """A mask for pictures of any size; the same settings always draw the same mask."""

    @abstractmethod
    def draw(self, shape: Shape, *, source: Source | None = None) -> Plane:
        """Return the mask of a picture of that shape; 1 is unknown.

        `source` is the picture's file, for masks that depend on it.
        """


masks: Registry[Mask] = Registry("mask")


@masks.register("random")
@dataclass(frozen=True)
class RandomMask(Mask):
    """Single pixels at random."""

    fraction: float = setting(0.5, "share of the pixels", above=0.0, maximum=_MOST)
    seed: int = setting(0, "seed of the random numbers", minimum=0)

    def draw(self, shape: Shape, *, source: Source | None = None) -> Plane:
        numbers = np.random.default_rng(self.seed).random(shape)
        return _plane(numbers < self.fraction)


@masks.register("centre", aliases=("center",))
@dataclass(frozen=True)
class CentreMask(Mask):
    """A disc in the centre."""

    fraction: float = setting(0.1, "share of the area", above=0.0, maximum=_MOST)

    def draw(self, shape: Shape, *, source: Source | None = None) -> Plane:
        # The part of the disc that is inside the picture has the requested share of the area.
        y, x = (_centres(side) - side / 2 for side in shape)
        distances = y[:, None] ** 2 + x**2
        count = max(1, round(self.fraction * distances.size))
        return _plane(distances <= np.partition(distances, count - 1, axis=None)[count - 1])


@masks.register("checkerboard")
@dataclass(frozen=True)
class CheckerboardMask(Mask):
    """Every other field of a checkerboard."""

    fraction: float = setting(0.5, "share of the area", above=0.0, maximum=_MOST)
    block: int = setting(16, "side of a field", unit="pixels", minimum=1, maximum=65536)

    def draw(self, shape: Shape, *, source: Source | None = None) -> Plane:
        # A share below 1/2 shrinks the hidden fields, above 1/2 the visible ones.
        smaller = min(self.fraction, 1 - self.fraction)
        reach = self.block * math.sqrt(2 * smaller) / 2
        (row, down), (column, across) = (self._fields(side) for side in shape)
        dark = (row[:, None] + column) % 2 == (1 if self.fraction <= 0.5 else 0)
        within = (np.abs(down) < reach)[:, None] & (np.abs(across) < reach)
        return _plane((dark & within) == (self.fraction <= 0.5))

    def _fields(self, side: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Return the field of each pixel along a side, and its distance from the field's centre."""
        field = np.arange(side) // self.block
        return field, _centres(side) - (field + 0.5) * self.block


@masks.register("lines")
@dataclass(frozen=True)
class LinesMask(Mask):
    """Thin scratches from border to border, in all directions."""

    width: int = setting(2, "thickness", unit="pixels", minimum=1, maximum=1024)
    spacing: float = setting(
        24.0, "mean distance between scratches", unit="pixels", minimum=1, maximum=65536
    )
    seed: int = setting(0, "seed of the random numbers", minimum=0)

    def draw(self, shape: Shape, *, source: Source | None = None) -> Plane:
        # Lines are distributed evenly over all directions and positions. The mean chord of a convex
        # figure is pi * area / perimeter (Crofton), so their total length is area / spacing.
        rng = np.random.default_rng(self.seed)
        size = shape[::-1]
        sheet = Image.new("L", size)
        pen = ImageDraw.Draw(sheet)
        reach = math.hypot(*shape)
        # Lines through the circle around the picture; some of them miss the picture itself.
        for _ in range(max(1, round(reach / self.spacing))):
            angle, offset = rng.uniform(0, math.pi), rng.uniform(-0.5, 0.5) * reach
            along, across = (math.cos(angle), math.sin(angle)), (-math.sin(angle), math.cos(angle))
            ends = [
                tuple(
                    side / 2 + offset * a + way * reach * b
                    for side, a, b in zip(size, across, along, strict=True)
                )
                for way in (-1, 1)
            ]
            pen.line([end for point in ends for end in point], fill=1, width=self.width)
        return np.asarray(sheet, np.float32)


@masks.register("text")
@dataclass(frozen=True)
class TextMask(Mask):
    """Words, repeated over the whole picture."""

    words: str = setting("neuralpaint", "the text")
    size: int | None = setting(
        None,
        "font size; unset, it follows the size of the picture",
        unit="pixels",
        minimum=4,
        maximum=1024,
    )

    def draw(self, shape: Shape, *, source: Source | None = None) -> Plane:
        height, width = shape
        size = self.size or type_size(height, width)
        letters = text_mask(f"{self.words.strip()} ", size) > _COVERED
        if not letters.any():
            raise UsageError(f"the mask text has no words to write: {self.words!r}")
        leading = round(1.25 * size)
        first = size - leading // 2  # centred on the capitals
        line = letters[first : first + leading]
        hidden = np.zeros((height, width), bool)
        for number, top in enumerate(range(0, height, leading)):
            # Each line starts at another position, so that the words do not form columns.
            row = np.roll(line[: height - top], -number * len(line[0]) // 3, axis=1)
            hidden[top : top + leading] = np.resize(row.T, (width, len(row))).T
        return _plane(hidden)


@masks.register("alpha")
@dataclass(frozen=True)
class AlphaMask(Mask):
    """The transparent parts of the picture's own file."""

    def draw(self, shape: Shape, *, source: Source | None = None) -> Plane:
        """Hide all pixels that are not opaque, because their colour is mixed with the background.

        Raises:
            UsageError: the picture does not come from a file, or is opaque.
            PictureError: the file cannot be read.
        """
        if source is None:
            raise UsageError("the mask alpha needs a picture from a file: give another mask")
        # No limit: the picture itself was already read from this file.
        return transparency(source, shape, max_pixels=_NO_LIMIT)


def _centres(side: int) -> npt.NDArray[np.float64]:
    return np.arange(side, dtype=np.float64) + 0.5


def _plane(hidden: npt.NDArray[np.bool_]) -> Plane:
    return hidden.astype(np.float32)


class NameOrFile(Generic[T]):
    """The `entries` of a setting that is a registered name or a file."""

    def __init__(self, names: Iterable[str], parse: Callable[[str], T | Path]) -> None:
        self._names, self.parse = names, parse

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def parse_list(self, text: str) -> list[T | Path]:
        """Return a list of one entry, because a file name may contain commas."""
        return [self.parse(text)]


def parse_mask(text: str, *, kind: str = "mask") -> Mask | Path:
    """Return the mask called `text` or, if there is none, `text` as a path.

    `./random` is the file of that name. A path with a suffix or a folder need not exist. `kind` is
    the name of the setting in errors.

    Raises:
        UsageError: it is neither, or a setting of the mask is wrong; the message lists the choices.
    """
    name = text.strip().partition(":")[0]
    if name in masks:
        return masks.parse(text)
    path = Path(text)
    in_folder = path.name not in ("", text)
    # os.path.isfile, unlike Path.is_file, is false for an impossible name.
    if in_folder or (path.suffix and ":" not in text) or os.path.isfile(text):
        return path
    raise UnknownNameError(f"{kind}, and no file,", name, masks)


mask_names = NameOrFile(masks, parse_mask)


def mask_plane(
    mask: str,
    shape: Shape,
    *,
    source: Source | None = None,
    kind: str = "mask",
    max_pixels: int = _MAX_PIXELS,
) -> Plane:
    """Draw or read the mask with that name or file, (height, width) in [0, 1].

    `source` is the picture's file, for the mask `alpha`; `kind` is the name of the setting in
    errors; a file of more than `max_pixels` is refused.

    Raises:
        UsageError: no such mask or file, or the file has another shape.
        PictureError: the file cannot be read.
    """
    parsed = parse_mask(mask, kind=kind)
    if not isinstance(parsed, Path):
        return parsed.draw(shape, source=source)
    if not parsed.exists():
        choices = ", ".join(sorted(masks))
        found = suggest_path(parsed).removesuffix("?")
        raise UsageError(f"no {kind} file {mask!r}: {found}, or draw one of {choices}")
    return read_mask(parsed, shape, kind=kind, max_pixels=max_pixels)


def unknown_pixels(
    mask: str,
    shape: Shape,
    *,
    source: Source | None = None,
    invert: bool = False,
    max_pixels: int = _MAX_PIXELS,
) -> Plane:
    """Return a mask as the unknown part of a picture; `invert` exchanges known and unknown.

    Raises:
        UsageError: no such mask; it hides no pixel, or all of them.
        PictureError: its file cannot be read.
    """
    unknown = mask_plane(mask, shape, source=source, max_pixels=max_pixels)
    if invert:
        unknown = 1 - unknown
    hidden = unknown > 0.5
    if hidden.any() and not hidden.all():
        return unknown
    how_much = "all" if hidden.any() else "nothing"
    raise UsageError(
        f"the mask {mask!r} hides {how_much} of {shape[1]}x{shape[0]} pixels: "
        f"{_advice(mask, hides_all=bool(hidden.any()), invert=invert)}"
    )


def _advice(mask: str, *, hides_all: bool, invert: bool) -> str:
    if not isinstance(parse_mask(mask), Path):
        return "choose another share, or a larger picture"
    unknown, known = ("black", "white") if invert else ("white", "black")
    if hides_all:
        return f"leave the pixels to be learned {known}"
    return f"make the pixels to be filled in {unknown} or transparent"


def focus_weights(
    mask: str,
    shape: Shape,
    *,
    weight: float,
    source: Source | None = None,
    max_pixels: int = _MAX_PIXELS,
) -> Plane:
    """Return the weight of each pixel, (height, width): 1 for a mask of 0, `weight` for 1.

    Raises:
        UsageError: no such mask, or it is the same everywhere.
        PictureError: its file cannot be read.
    """
    focus = mask_plane(mask, shape, source=source, kind="focus", max_pixels=max_pixels)
    if focus.min() == focus.max():
        raise UsageError(
            f"the focus {mask!r} is the same everywhere on {shape[1]}x{shape[0]} pixels, so "
            "no pixel has a higher weight than others: make the important parts white"
        )
    return 1 + (weight - 1) * focus


def read_mask(
    source: Source, shape: Shape, *, kind: str = "mask", max_pixels: int = _MAX_PIXELS
) -> Plane:
    """Read a mask file for a picture of that shape, (height, width) in [0, 1].

    White is 1 and black is 0. In a file with transparent parts, transparent is 1 and opaque is 0,
    and its colours are ignored. The file can have any size of the picture's shape. `kind` is the
    name of the setting in errors.

    Raises:
        UsageError: no such file, or it has another shape than the picture.
        PictureError: it cannot be read.
    """
    transparent, levels = _read(source, max_pixels=max_pixels)
    if transparent.max() > _OPAQUE:
        levels = transparent
    (height, width), (rows, columns) = shape, levels.shape
    # Rounding may add or remove one pixel, of the smaller of the two.
    tolerance = _ASPECT_TOLERANCE + 1 / min(rows, columns, height, width)
    if abs(np.log(rows * width / (columns * height))) > tolerance:
        raise UsageError(
            f"the {kind} {source_name(source)!r} is {columns}x{rows} and the picture "
            f"{width}x{height}: give a {kind} of the same shape, of any size"
        )
    if (rows, columns) != (height, width):
        # Bilinear: no overshoots, and Pillow averages where it makes the mask smaller.
        sheet = Image.fromarray(levels).resize((width, height), Image.Resampling.BILINEAR)
        levels = np.asarray(sheet)
    return ((levels.astype(np.float32) - _BLACK) / (_WHITE - _BLACK)).clip(0, 1)


def transparency(source: Source, shape: Shape, *, max_pixels: int = _MAX_PIXELS) -> Plane:
    """Read which pixels of a picture's file are transparent, (height, width), 0 or 1.

    A file of another size is fitted as by `Picture.covering`. A partly transparent pixel counts
    as transparent, because its colour cannot be separated from the background.

    Raises:
        UsageError: no such file, or it is opaque.
        PictureError: it cannot be read.
    """
    transparent, _ = _read(source, max_pixels=max_pixels)
    if transparent.max() <= _OPAQUE:
        raise UsageError(
            f"{source_name(source)!r} has no transparent parts: give a mask file instead of alpha"
        )
    if transparent.shape != shape:
        height, width = shape
        sheet = Picture.from_array(transparent, name=Path(source_name(source)).name)
        transparent = sheet.covering(height=height, width=width).pixels[..., 0]
    return _plane(transparent > _OPAQUE)


def _read(
    source: Source, *, max_pixels: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return the transparency and the luma of a file, upright, each uint8 (h, w)."""
    with open_image(source, max_pixels=max_pixels) as image:
        decoded = decode(image)
        dark = srgb_pixels(decoded, background=(0, 0, 0))
        light = srgb_pixels(decoded, background=(255, 255, 255))
    # The difference between a white and a black background is the transparency.
    transparent = (light[..., 0] - dark[..., 0]).copy()
    return transparent, np.asarray(Image.fromarray(dark).convert("L"))
