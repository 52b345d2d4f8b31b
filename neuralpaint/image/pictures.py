"""Pictures: the input as 8-bit sRGB pixels, with a mask, weights and an order per pixel."""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageColor

from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UsageError
from neuralpaint.image.alpha import image_of
from neuralpaint.image.canvas import Canvas, Grid
from neuralpaint.image.decoding import Decoded, decode
from neuralpaint.image.framing import parse_size
from neuralpaint.image.picture_files import Source, open_image, source_name
from neuralpaint.image.srgb import pixels_and_alpha, srgb_pixels

__all__ = [
    "NO_ALPHA",
    "Fill",
    "Frame",
    "Picture",
    "PictureSettings",
    "Plane",
    "Source",
    "TrainOn",
    "held_out",
    "load_picture",
    "pixels_to_learn",
]

logger = logging.getLogger(__name__)

Frame = NDArray[np.uint8]
"""The pixels of a clip or a still, (h, w, 3), sRGB; or (h, w, 4) with premultiplied alpha."""
Plane = NDArray[np.float32]
TrainOn = Literal["all", "every-other"]
"""All pixels, or one of each 2 x 2, the split of Tancik et al. 2020, section 6."""
Fill = Literal["patches", "texture"]
"""How unknown pixels are filled: with likely colours, or with texture from the picture."""

NO_ALPHA = "this command learns colours only"
"""Why a command does not learn alpha, unless it says another reason."""

_STRIDES: dict[TrainOn, int] = {"all": 1, "every-other": 2}
_BILINEAR = Image.Resampling.BILINEAR
_PREVIEW = 1024  # pixels of the longer side of the PNG in a notebook


@dataclass(frozen=True)
class PictureSettings(Settings):
    """How a picture is read."""

    section: ClassVar[str] = "Picture"

    background: str | None = setting(
        None,
        "colour behind transparent parts, and of bars: a name or #rrggbb; unset, they stay "
        "transparent where the output can store that, and are white and black elsewhere",
        unit="colour",
    )
    max_pixels: int = setting(
        200_000_000,
        "refuse a picture with more pixels, before it is decoded",
        unit="pixels",
        minimum=1,
    )

    input_size: str | None = setting(
        None,
        "scale the picture to cover this size and crop its centre, before it is learned",
        unit="WIDTHxHEIGHT",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.background is not None:
            _colour(self.background)
        if self.input_size is not None:
            parse_size(self.input_size)

    @property
    def paper_colour(self) -> tuple[int, int, int]:
        """The colour behind transparent parts as (red, green, blue)."""
        return (255, 255, 255) if self.background is None else _colour(self.background)

    @property
    def bar_colour(self) -> tuple[int, int, int]:
        """The colour of bars, in the same form."""
        return (0, 0, 0) if self.background is None else _colour(self.background)

    @property
    def chosen_colour(self) -> tuple[int, int, int] | None:
        """The background as (red, green, blue); None if transparent parts may stay transparent."""
        return None if self.background is None else _colour(self.background)

    def load(self, source: Source) -> Picture:
        """Read a picture with these settings; see `load_picture`."""
        return self.sized(self.read(source))

    def read(self, source: Source, *, why_opaque: str | None = NO_ALPHA) -> Picture:
        """Read a picture at the size of its file.

        Args:
            source: as for `load_picture`.
            why_opaque: why alpha is not learned, for a remark on a picture that has transparent
                parts and gets no chosen background; "" for no remark. None: alpha is learned.
        """
        if self.background is not None:
            return load_picture(source, background=self.background, max_pixels=self.max_pixels)
        if why_opaque is None:
            return load_picture(source, max_pixels=self.max_pixels, alpha=True)
        picture, has_alpha = _read(source, self, alpha=False)
        if has_alpha and why_opaque:
            logger.info(
                "%r has transparent parts, which become white because %s: --background chooses "
                "another colour", source_name(source), why_opaque,
            )  # fmt: skip
        return picture

    def sized(self, picture: Picture) -> Picture:
        """Return a picture at the size at which it is learned."""
        if self.input_size is None:
            return picture
        height, width = parse_size(self.input_size)
        return picture.covering(height=height, width=width)


@dataclass(frozen=True, eq=False)
class Picture:
    """Pixels, uint8 (height, width, 3), sRGB, C-contiguous, and up to three planes.

    A picture with transparent parts has pixels (height, width, 4), with premultiplied alpha.

    The pixels stay 8-bit integers, as in files and frames: 100 megapixels take 300 MB, and would
    take 1.2 GB as floats. A learner converts one batch at a time. `name` is a file's name or
    `stdin`, for messages.

    The planes are float32 (height, width). Without them all pixels are known, have the same weight,
    and are learned from the start.

    Raises:
        UsageError: the pixels or a plane have another shape or type; see `from_array`.
    """

    pixels: NDArray[np.uint8]
    name: str = "array"
    unknown: Plane | None = None
    """The hole: 1 where a pixel is unknown, 0 where it is known."""
    fills: bool = True
    """Whether unknown pixels are filled in before the training; otherwise their weight is 0."""
    fill: Fill = "patches"
    """How they are filled in."""
    weights: Plane | None = None
    """The weight of each pixel, at least 0."""
    order: Plane | None = None
    """The fraction of the training after which each pixel is learned, in [0, 1]."""
    truth: NDArray[np.uint8] | None = None
    """The pixels without the hole, of the same shape, if they are available."""

    def __post_init__(self) -> None:
        shape, dtype = np.shape(self.pixels), getattr(self.pixels, "dtype", None)
        if dtype != np.uint8 or len(shape) != 3 or shape[2] not in (3, 4) or 0 in shape:
            raise UsageError(
                f"the pixels of a Picture are uint8 (height, width, 3), not {dtype} {shape}: "
                "use Picture.from_array"
            )
        # Writable, because torch warns when it shares read-only memory.
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
        """The planes that exist, by name."""
        planes = {"unknown": self.unknown, "weights": self.weights, "order": self.order}
        return {name: plane for name, plane in planes.items() if plane is not None}

    @classmethod
    def from_array(
        cls,
        array: ArrayLike,
        *,
        name: str = "array",
        background: str | None = None,
    ) -> Self:
        """Convert an array (h, w), (h, w, 1), (h, w, 3) or (h, w, 4) in sRGB to a picture.

        It is uint8, or floats in [0, 1]. A fourth channel is straight alpha; the picture is
        composited over `background`. A C-contiguous uint8 (h, w, 3) is shared, not copied.

        Raises:
            UsageError: another shape or type, a float outside [0, 1], not a colour.
        """
        behind = PictureSettings(background=background).paper_colour
        levels = _levels(np.asarray(array))
        if levels.ndim == 2:
            levels = levels[:, :, None]
        if levels.ndim != 3 or levels.shape[2] not in (1, 3, 4) or not levels.size:
            raise UsageError(
                f"a picture has the shape (h, w), (h, w, 1), (h, w, 3) or (h, w, 4), "
                f"not {np.shape(array)}"
            )
        if levels.shape[2] == 4:
            levels = srgb_pixels(Decoded(Image.fromarray(levels)), background=behind)
        elif levels.shape[2] == 1:
            levels = levels.repeat(3, axis=2)
        return cls(levels, name=name)

    @property
    def to_fill(self) -> Plane | None:
        """The unknown pixels, if they are to be filled in."""
        return self.unknown if self.fills else None

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """A tuple of this picture alone; an `Album` has several."""
        return (self,)

    @property
    def codes(self) -> None:
        """None: a single picture needs no code."""
        return None

    @property
    def height(self) -> int:
        """Rows of pixels."""
        return len(self.pixels)

    @property
    def width(self) -> int:
        """Columns of pixels."""
        return len(self.pixels[0])

    @property
    def channels(self) -> int:
        """Numbers per pixel: 3, or 4 with alpha."""
        return len(self.pixels[0, 0])

    def covering(self, *, height: int, width: int) -> Picture:
        """Return the centre of this picture, scaled with Lanczos's filter to cover that size.

        Where the scale is 1 the picture is cropped, not resampled.
        """
        size = (width, height)
        scale = max(height / self.height, width / self.width)
        # In pixels of this picture; not larger than it by a rounding error.
        part = min(self.width, width / scale), min(self.height, height / scale)
        left, top = (self.width - part[0]) / 2, (self.height - part[1]) / 2
        planes = self.planes
        if scale == 1:
            top, left = int(top), int(left)  # whole pixels: nothing is resampled
            crop = slice(top, top + height), slice(left, left + width)
            cut: dict[str, Any] = {name: plane[crop] for name, plane in planes.items()}
            truth = None if self.truth is None else self.truth[crop]
            return replace(self, pixels=self.pixels[crop], truth=truth, **cut)
        box = (left, top, left + part[0], top + part[1])

        def resized(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
            image = image_of(pixels).resize(size, Image.Resampling.LANCZOS, box=box)
            return np.asarray(image)

        truth = None if self.truth is None else resized(self.truth)
        scaled: dict[str, Any] = {
            # Bilinear: near an edge Lanczos would leave the range of a plane.
            name: np.asarray(Image.fromarray(plane).resize(size, _BILINEAR, box=box))
            for name, plane in planes.items()
        }
        return replace(self, pixels=resized(self.pixels), truth=truth, **scaled)

    @property
    def reference(self) -> Picture:
        """The picture that its paintings are compared with: the truth, else its known pixels."""
        if self.unknown is None:
            return self
        if self.truth is not None:
            return Picture(self.truth, self.name)
        return Picture(self.pixels, self.name, unknown=self.unknown)

    @property
    def known(self) -> NDArray[np.bool_] | None:
        """Whether each pixel is known, (height, width); None if all are."""
        return None if self.unknown is None else self.unknown <= 0.5

    @property
    def canvas(self) -> Canvas:
        """The canvas that shows the whole picture at its own size."""
        return Canvas.of(height=self.height, width=self.width, channels=self.channels)

    def _repr_png_(self) -> bytes:
        """Return the pixels as a PNG file for a notebook, at most 1024 pixels wide and high."""
        image = image_of(self.pixels)
        image.thumbnail((_PREVIEW, _PREVIEW), Image.Resampling.LANCZOS)
        encoded = io.BytesIO()
        image.convert("RGB" if self.channels == 3 else "RGBA").save(encoded, "PNG")
        return encoded.getvalue()


def load_picture(
    source: Source,
    *,
    background: str | None = None,
    max_pixels: int = PictureSettings.max_pixels,
    alpha: bool = False,
) -> Picture:
    """Read a picture from a path, from stdin (the text `-`) or from a file open in binary mode.

    It is converted to 8-bit sRGB, upright, composited over `background`. With `alpha`, a picture
    that has transparent parts keeps them, and has four channels. Only the first frame or page is
    read.

    Raises:
        UsageError: no such file, a folder, or an option with a wrong value.
        PictureError: it cannot be read: not a picture, damaged, empty, over `max_pixels`.
    """
    settings = PictureSettings(background=background, max_pixels=max_pixels)
    return _read(source, settings, alpha=alpha)[0]


def _read(source: Source, settings: PictureSettings, *, alpha: bool) -> tuple[Picture, bool]:
    """Return a picture, and whether it has transparent parts; with `alpha` it keeps them."""
    name = source_name(source)
    with open_image(source, max_pixels=settings.max_pixels) as image:
        # The layers of a PSD are not looked at: it contains the merged picture.
        if image.format != "PSD" and getattr(image, "is_animated", False):
            logger.info("%r contains several pictures: the first is used", name)
        background = None if alpha else settings.paper_colour
        pixels, has_alpha = pixels_and_alpha(decode(image), background=background)
    return Picture(pixels, name=Path(name).name), has_alpha


def pixels_to_learn(picture: Picture, train_on: TrainOn) -> tuple[NDArray[np.uint8], Grid]:
    """Return the pixels to learn, uint8 (h, w, channels), C-contiguous, and their coordinates.

    If these are all pixels, they are shared with the picture, not copied.
    """
    stride = _STRIDES[train_on]
    pixels = np.ascontiguousarray(picture.pixels[::stride, ::stride])
    return pixels, picture.canvas.grid().thinned(stride)


def held_out(picture: Picture, train_on: TrainOn) -> NDArray[np.bool_]:
    """Return whether each pixel is held out for testing, not learned, (height, width)."""
    out = np.ones((picture.height, picture.width), bool)
    stride = _STRIDES[train_on]
    out[::stride, ::stride] = False
    return out


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


def _levels(values: NDArray[Any]) -> NDArray[np.uint8]:
    if values.dtype == np.uint8:
        return values
    if not np.issubdtype(values.dtype, np.floating):
        raise UsageError(f"a picture is uint8, or floats in [0, 1], not {values.dtype}")
    if values.size and not (values.min() >= 0 and values.max() <= 1):  # false for NaN too
        raise UsageError(
            f"a picture of floats is in [0, 1], not from {values.min():g} to {values.max():g}"
        )
    levels: NDArray[np.uint8] = np.rint(values * 255).astype(np.uint8)
    return levels
