"""Conversion of a decoded image to upright, opaque, 8-bit sRGB pixels.

Orientation, colour profile, bit depth and transparency are converted strip by strip, straight into
the result: only the decoded image and the result are in memory at full size.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageCms, TiffImagePlugin

__all__ = ["SRGB_PROFILE", "srgb_pixels"]

logger = logging.getLogger(__name__)

Pixels = npt.NDArray[np.uint8]

_STRIP_PIXELS = 1 << 20
_GREY = ("1", "L", "LA", "La")
# Values that are taken as white in files of floats or 32-bit integers, which do not store it.
_WHITES = (1.0, 255.0, 65535.0, 2.0**31 - 1)
# Float pictures in [0, 1] may have highlights up to this value; with larger values white is not 1.
_HIGHLIGHTS = 16.0

# By EXIF orientation: from the upright result to a view of it in the file's rows and columns.
_AS_STORED: dict[int, Callable[[Any], Any]] = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.swapaxes(0, 1),
    6: lambda upright: upright.swapaxes(0, 1)[::-1],
    7: lambda upright: upright[::-1, ::-1].swapaxes(0, 1),
    8: lambda upright: upright.swapaxes(0, 1)[:, ::-1],
}


def _srgb_profile() -> bytes:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # A fixed creation date: the same picture must result in the same file every day.
    profile[24:36] = bytes((7, 208, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0))
    return bytes(profile)


SRGB_PROFILE = _srgb_profile()


def srgb_pixels(image: Image.Image, *, background: tuple[int, int, int]) -> Pixels:
    """Return a loaded `image` upright, in sRGB, composited over `background`. (h, w, 3)

    A colour profile that cannot be used is logged, and the colours are taken as sRGB. Where the
    EXIF orientation is a quarter turn, height and width are swapped.
    """
    turned = _orientation(image)
    width, height = image.size
    upright = (height, width, 3) if turned < 5 else (width, height, 3)
    pixels = np.empty(upright, np.uint8)
    stored = _AS_STORED[turned](pixels)

    profile = _to_srgb(image)
    white = _white(image) if _is_deep(image) else None
    for top, strip in _strips(image):
        colour, alpha = _separate(strip) if white is None else _eight_bits(strip, white=white)
        rgb = _converted(colour, profile)
        if alpha is not None:
            ground = Image.new("RGB", rgb.size, background)
            ground.paste(rgb, mask=alpha)
            rgb = ground
        stored[top : top + rgb.height] = np.asarray(rgb)
    return pixels


def _strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Yield (first row, strip) of each strip."""
    width, height = image.size
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        yield top, image.crop((0, top, width, min(top + rows, height)))


def _orientation(image: Image.Image) -> int:
    try:
        turned = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception as error:  # the parser raises many types, and the pixels are intact
        logger.warning("the EXIF cannot be read (%s): the picture is not turned", error)
        return 1
    return turned if turned in _AS_STORED else 1


def _separate(strip: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return the colours of an 8-bit strip in `_colour_mode`, and its alpha channel, if any."""
    mode = _colour_mode(strip)
    if not strip.has_transparency_data:
        return strip if strip.mode == mode else strip.convert(mode), None
    straight = strip.convert("LA" if mode == "L" else "RGBA")
    return straight.convert(mode), straight.getchannel("A")


def _colour_mode(image: Image.Image) -> str:
    if image.mode in _GREY or _is_deep(image):
        return "L"
    return image.mode if image.mode in ("CMYK", "LAB") else "RGB"


def _to_srgb(image: Image.Image) -> ImageCms.ImageCmsTransform | None:
    """Return the transform from the image's colours to sRGB; None if they are sRGB already."""
    mode = _colour_mode(image)
    embedded: bytes = image.info.get("icc_profile") or b""
    if mode != "LAB" and not embedded:
        return None
    try:
        if mode == "LAB":
            profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        else:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(embedded))
        if mode == "L" and profile.profile.xcolor_space.strip() == "RGB":
            mode = "RGB"
        srgb = ImageCms.ImageCmsProfile(io.BytesIO(SRGB_PROFILE))
        transform = ImageCms.ImageCmsTransform(profile, srgb, mode, "RGB")
    except (OSError, TypeError, ValueError) as error:
        logger.warning("the colour profile cannot be used (%s): colours are taken as sRGB", error)
        return None
    return None if _changes_nothing(transform) else transform


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Return whether RGB colours change by at most one level: the profile is a variant of sRGB."""
    if transform.input_mode != "RGB":
        return False
    levels = np.arange(0, 256, 17, dtype=np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(64, 64, 3)
    after = np.asarray(transform.apply(Image.fromarray(colours)))
    return bool(np.abs(after.astype(int) - colours).max() <= 1)


def _converted(colour: Image.Image, transform: ImageCms.ImageCmsTransform | None) -> Image.Image:
    if transform is None:
        return colour.convert("RGB")
    if colour.mode != transform.input_mode:
        colour = colour.convert(transform.input_mode)
    return transform.apply(colour)


def _is_deep(image: Image.Image) -> bool:
    """Return whether the image is grey with more than 8 bits, which Pillow clips, not scales."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def _white(image: Image.Image) -> float:
    """Return the value of white in a deep image."""
    if image.mode.startswith("I;16"):
        tags = getattr(image, "tag_v2", {})
        bits: int = tags.get(TiffImagePlugin.BITSPERSAMPLE, (16,))[0]
        return 2.0**bits - 1
    peak = max(float(_finite(strip).max()) for _, strip in _strips(image))
    if image.mode == "F":
        # Slightly above 1 is a highlight; far above 1 means another scale.
        white = 1.0 if peak <= _HIGHLIGHTS else next((w for w in _WHITES if peak <= w), peak)
    else:
        white = next((w for w in _WHITES[2:] if peak <= w), peak)
    if peak > 1 and white != _WHITES[2]:
        logger.warning("the picture's values reach %g: %g is taken as white", peak, white)
    return white


def _eight_bits(strip: Image.Image, *, white: float) -> tuple[Image.Image, Image.Image | None]:
    """Return a strip of a deep image in 8 bits, and its alpha channel, if any."""
    levels = _finite(strip) * (255 / white)
    grey = np.rint(levels.clip(0, 255)).astype(np.uint8)
    clear = strip.info.get("transparency")
    if not isinstance(clear, int):
        return Image.fromarray(grey), None
    alpha = np.where(np.asarray(strip) == clear, 0, 255).astype(np.uint8)
    return Image.fromarray(grey), Image.fromarray(alpha)


def _finite(strip: Image.Image) -> npt.NDArray[np.float32]:
    values = np.asarray(strip).astype(np.float32)
    return np.nan_to_num(values, nan=0.0, posinf=float(_WHITES[-1]), neginf=0.0)
