"""A picture: what the user gave, as 8-bit sRGB."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageColor

from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.image.framing import parse_size
from neuralpaint.image.sources import Source, open_image, source_name
from neuralpaint.image.srgb import srgb_pixels

__all__ = ["Frame", "Picture", "PictureSettings", "Plane", "Source", "load_picture"]

logger = logging.getLogger(__name__)

Frame = npt.NDArray[np.uint8]
"""The pixels of a clip or a still, (height, width, 3), sRGB."""
Plane = npt.NDArray[np.float32]

_BILINEAR = Image.Resampling.BILINEAR


@dataclass(frozen=True)
class PictureSettings(Settings):
    """How a picture is read."""

    section: ClassVar[str] = "Picture"

    background: str = setting(
        "white", "colour behind transparent parts and of bars: a name or #rrggbb", unit="colour"
    )
    max_pixels: int = setting(
        200_000_000, "refuse a larger picture, before it is decoded", unit="pixels", minimum=1
    )

    input_size: str | None = setting(
        None,
        "scale the picture until it covers this size, and take its middle, before it is learnt",
        unit="WIDTHxHEIGHT",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        _colour(self.background)
        if self.input_size is not None:
            parse_size(self.input_size)

    @property
    def background_colour(self) -> tuple[int, int, int]:
        """The background as (red, green, blue)."""
        return _colour(self.background)

    def load(self, source: Source) -> Picture:
        """Read a picture in this way; see `load_picture`."""
        return self.sized(self.read(source))

    def read(self, source: Source) -> Picture:
        """Read a picture at its own size."""
        return load_picture(source, background=self.background, max_pixels=self.max_pixels)

    def sized(self, picture: Picture) -> Picture:
        """Return a picture at the size at which it is learned."""
        if self.input_size is None:
            return picture
        height, width = parse_size(self.input_size)
        return picture.covering(height=height, width=width)


@dataclass(frozen=True, eq=False)
class Picture:
    """What the user gave: `pixels` is uint8 (height, width, 3), sRGB, C-contiguous.

    The pixels stay 8-bit integers, because files have these and frames show these, and because a
    picture of 100 megapixels is then 300 MB, where floats would be 1.2 GB; whoever learns from it
    makes floats of one batch at a time. `name` is a file's name or `stdin`, for messages.

    The planes, each float32 (height, width), say what else there is to know of every pixel; without
    one, all pixels are known, count alike, and are learned from the start.

    Raises:
        UsageError: the pixels or a plane have another shape or type; `from_array` takes more.
    """

    pixels: npt.NDArray[np.uint8]
    name: str = "array"
    unknown: Plane | None = None
    """How unknown each pixel is, in [0, 1]: a mask."""
    fills: bool = True
    """Whether what is unknown is filled in before anything is learned; else it counts nothing."""
    weights: Plane | None = None
    """How much each pixel counts, from 0."""
    order: Plane | None = None
    """After which part of the training each pixel is learned, in [0, 1]."""
    truth: npt.NDArray[np.uint8] | None = None
    """The pixels without the hole, where they are known, of the same shape."""

    def __post_init__(self) -> None:
        shape, dtype = np.shape(self.pixels), getattr(self.pixels, "dtype", None)
        if dtype != np.uint8 or len(shape) != 3 or shape[2] != 3 or 0 in shape:
            raise UsageError(
                f"the pixels of a Picture are uint8 (height, width, 3), not {dtype} {shape}: "
                "use Picture.from_array"
            )
        # Writable, because torch warns of sharing memory that is not.
        shared = np.require(self.pixels, requirements=["C", "W"])
        object.__setattr__(self, "pixels", shared)
        if self.truth is not None and (self.truth.dtype, self.truth.shape) != (dtype, shape):
            raise UsageError(
                f"the truth of a Picture is uint8 {shape} as its pixels are, not "
                f"{self.truth.dtype} {self.truth.shape}"
            )
        for name, plane in self.planes.items():
            if plane.dtype != np.float32 or plane.shape != shape[:2]:
                raise UsageError(
                    f"{name} of a Picture of {shape[:2]} are float32 of that size, not "
                    f"{plane.dtype} {plane.shape}"
                )

    @property
    def planes(self) -> dict[str, Plane]:
        """What else there is to know of every pixel, by name."""
        planes = {"unknown": self.unknown, "weights": self.weights, "order": self.order}
        return {name: plane for name, plane in planes.items() if plane is not None}

    @classmethod
    def from_array(
        cls,
        array: npt.ArrayLike,
        *,
        name: str = "array",
        background: str = PictureSettings.background,
    ) -> Self:
        """Make a picture of an array (h, w), (h, w, 1), (h, w, 3) or (h, w, 4) in sRGB.

        It is uint8, or floats in [0, 1]. A fourth channel is alpha, not premultiplied, and is
        composited over `background`. A C-contiguous uint8 (h, w, 3) is shared, not copied.

        Raises:
            UsageError: another shape or type, a float outside [0, 1], not a colour.
        """
        behind = _colour(background)
        levels = _levels(np.asarray(array))
        if levels.ndim == 2:
            levels = levels[:, :, None]
        if levels.ndim != 3 or levels.shape[2] not in (1, 3, 4) or not levels.size:
            raise UsageError(
                f"a picture has the shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4), "
                f"not {np.shape(array)}"
            )
        if levels.shape[2] == 4:
            levels = srgb_pixels(Image.fromarray(levels), background=behind)
        elif levels.shape[2] == 1:
            levels = levels.repeat(3, axis=2)
        return cls(levels, name=name)

    @property
    def to_fill(self) -> Plane | None:
        """What is unknown and to be filled in, where there is anything."""
        return self.unknown if self.fills else None

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Itself alone: whoever can learn an album learns a picture as one of a single page."""
        return (self,)

    @property
    def codes(self) -> None:
        """A single picture has none."""
        return None

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return len(self.pixels)

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return len(self.pixels[0])

    def covering(self, *, height: int, width: int) -> Picture:
        """Return the middle of this picture, Lanczos-scaled so that it just covers that size.

        A side that already fits is cropped, not resampled.
        """
        size = (width, height)
        scale = max(height / self.height, width / self.width)
        seen = width / scale, height / scale  # of this picture, in its pixels
        left, top = (self.width - seen[0]) / 2, (self.height - seen[1]) / 2
        planes = self.planes
        if scale == 1:
            top, left = int(top), int(left)  # to whole pixels: nothing to resample
            part = slice(top, top + height), slice(left, left + width)
            cut: dict[str, Any] = {name: plane[part] for name, plane in planes.items()}
            truth = None if self.truth is None else self.truth[part]
            return replace(self, pixels=self.pixels[part], truth=truth, **cut)
        box = (left, top, left + seen[0], top + seen[1])

        def resized(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
            image = Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS, box=box)
            return np.asarray(image)

        truth = None if self.truth is None else resized(self.truth)
        scaled: dict[str, Any] = {
            # Bilinear: beside an edge Lanczos leaves the range of a plane.
            name: np.asarray(Image.fromarray(plane).resize(size, _BILINEAR, box=box))
            for name, plane in planes.items()
        }
        return replace(self, pixels=resized(self.pixels), truth=truth, **scaled)

    @property
    def judged(self) -> Picture:
        """What a painting of it is held against.

        Where the truth is known that is it, and else what of these pixels is not unknown.
        """
        if self.unknown is None:
            return self
        if self.truth is not None:
            return Picture(self.truth, self.name)
        return Picture(self.pixels, self.name, unknown=self.unknown)

    @property
    def known(self) -> npt.NDArray[np.bool_] | None:
        """Which pixels are known, (height, width); None where all are."""
        return None if self.unknown is None else self.unknown <= 0.5

    @property
    def canvas(self) -> Canvas:
        """The canvas that shows the whole picture at its own size."""
        return Canvas.of(height=self.height, width=self.width)


def load_picture(
    source: Source,
    *,
    background: str = PictureSettings.background,
    max_pixels: int = PictureSettings.max_pixels,
) -> Picture:
    """Read a picture from a path, from stdin (the text `-`) or from a file open in binary mode.

    It comes upright (EXIF), in sRGB (colour profile), in 8 bits, and over `background` where it is
    transparent. Of an animation, or of several pages, it is the first.

    Raises:
        UsageError: no such file, a folder, or an option with a wrong value.
        PictureError: it cannot be read: no picture, damaged, empty, over `max_pixels`.
    """
    settings = PictureSettings(background=background, max_pixels=max_pixels)
    name = source_name(source)
    with open_image(source, max_pixels=settings.max_pixels) as image:
        if getattr(image, "is_animated", False):
            logger.info("%r holds several pictures: the first is used", name)
        image.load()
        pixels = srgb_pixels(image, background=_colour(settings.background))
    return Picture(pixels, name=Path(name).name)


def _colour(text: str) -> tuple[int, int, int]:
    try:
        red, green, blue, *alpha = ImageColor.getrgb(text)
    except ValueError:
        raise UsageError(
            f"background must be a colour, such as white or #ff8000, not {text!r}"
        ) from None
    if alpha not in ([], [255]) or max(red, green, blue) > 255:
        raise UsageError(f"background must be opaque, with values up to 255, not {text!r}")
    return red, green, blue


def _levels(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Return uint8, or floats in [0, 1], as uint8."""
    if values.dtype == np.uint8:
        return values
    if not np.issubdtype(values.dtype, np.floating):
        raise UsageError(f"a picture is uint8, or floats in [0, 1], not {values.dtype}")
    if values.size and not (values.min() >= 0 and values.max() <= 1):  # false for NaN too
        raise UsageError(
            f"a picture of floats is in [0, 1], not from {values.min():g} to {values.max():g}"
        )
    levels: npt.NDArray[np.uint8] = np.rint(values * 255).astype(np.uint8)
    return levels
