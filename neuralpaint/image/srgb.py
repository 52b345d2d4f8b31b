"""Conversion of a decoded picture to upright, opaque, 8-bit sRGB pixels.

Orientation, colour space, depth and transparency are converted strip by strip, straight into the
result: only the decoded picture and the result are in memory at full size.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageCms

from neuralpaint.image.colour_spaces import SRGB, ColourSpace, to_srgb
from neuralpaint.image.decoding import Decoded
from neuralpaint.image.icc_profiles import (
    SRGB_PROFILE,
    LinearProfile,
    read_linear_profile,
    rgb_profile,
)
from neuralpaint.image.samples import Levels, Samples, is_deep
from neuralpaint.image.tone_mapping import encoded, light, tone_mapped

__all__ = ["pixels_and_alpha", "srgb_pixels"]

logger = logging.getLogger(__name__)

Pixels = npt.NDArray[np.uint8]

_STRIP_PIXELS = 1 << 20
_GREY = ("1", "L", "LA", "La")

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


def srgb_pixels(decoded: Decoded, *, background: tuple[int, int, int]) -> Pixels:
    """Return a decoded picture upright, in sRGB, composited over `background`. (h, w, 3)

    See `pixels_and_alpha`.
    """
    return pixels_and_alpha(decoded, background=background)[0]


def pixels_and_alpha(
    decoded: Decoded, *, background: tuple[int, int, int] | None
) -> tuple[Pixels, bool]:
    """Return a decoded picture upright, in sRGB, and whether it has transparent parts.

    The pixels are composited over `background`, (h, w, 3); if it is None and there are transparent
    parts, they have premultiplied alpha, (h, w, 4).

    A colour profile that cannot be used is logged, and the colours are taken as sRGB. Where the
    EXIF orientation is a quarter turn, height and width are swapped.
    """
    image, space, samples = decoded.image, decoded.space, decoded.samples
    if samples is None and (is_deep(image) or space.hdr or space.video_range):
        samples = Samples.of_image(image)
    turned = _orientation(image)
    width, height = (samples.width, samples.height) if samples else image.size
    upright = (height, width) if turned < 5 else (width, height)
    channels = 4 if background is None else 3
    pixels = np.full((*upright, channels), 255, np.uint8)
    stored = _AS_STORED[turned](pixels)
    behind, is_transparent = background or (0, 0, 0), False
    # Floats need four times the memory.
    rows = max(1, _STRIP_PIXELS // (4 * width if samples else width))
    strips = [(top, min(top + rows, height)) for top in range(0, height, rows)]
    if samples is not None:
        converted = _from_samples(samples, space, strips, background=behind)
    else:
        converted = _from_image(image, space, strips, background=behind)
    for (top, bottom), (rgb, alpha) in zip(strips, converted, strict=True):
        stored[top:bottom, :, :3] = rgb
        if alpha is not None and alpha.min() < 255:
            stored[top:bottom, :, 3:] = alpha[..., None]  # no channel, with a background
            is_transparent = True
    if background is None and not is_transparent:
        pixels = np.ascontiguousarray(pixels[..., :3])
    return pixels, is_transparent


def _orientation(image: Image.Image) -> int:
    try:
        turned = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception as error:  # the parser raises many types, and the pixels are intact
        logger.warning("the EXIF cannot be read (%s): the picture is not turned", error)
        return 1
    return turned if turned in _AS_STORED else 1


def _from_image(
    image: Image.Image,
    space: ColourSpace,
    strips: list[tuple[int, int]],
    *,
    background: tuple[int, int, int],
) -> Iterator[tuple[Pixels, Pixels | None]]:
    """Yield the strips (h, w, 3) of an image of 8 bits, and their alpha (h, w), if they have it."""
    transform = _to_srgb(space, _colour_mode(image))
    for top, bottom in strips:
        colour, alpha = _separate(image.crop((0, top, image.width, bottom)))
        rgb = _converted(colour, transform)
        if alpha is not None:
            ground = Image.new("RGB", rgb.size, background)
            ground.paste(rgb, mask=alpha)
            rgb = ground
        yield np.asarray(rgb), None if alpha is None else np.asarray(alpha)


def _separate(strip: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return the colours of an 8-bit strip in `_colour_mode`, and its alpha channel, if any."""
    mode = _colour_mode(strip)
    if not strip.has_transparency_data:
        return strip if strip.mode == mode else strip.convert(mode), None
    straight = strip.convert("LA" if mode == "L" else "RGBA")
    return straight.convert(mode), straight.getchannel("A")


def _colour_mode(image: Image.Image) -> str:
    if image.mode in _GREY:
        return "L"
    return image.mode if image.mode in ("CMYK", "LAB") else "RGB"


def _to_srgb(space: ColourSpace, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the transform from colours in that mode to sRGB; None if they are sRGB already."""
    if mode != "LAB" and not space.profile:
        return None
    try:
        if mode == "LAB":
            profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        else:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(space.profile or b""))
        if mode == "L" and profile.profile.xcolor_space.strip() == "RGB":
            mode = "RGB"
        display = ImageCms.ImageCmsProfile(io.BytesIO(_display_profile(space)))
        transform = ImageCms.ImageCmsTransform(profile, display, mode, "RGB")
    except (OSError, TypeError, ValueError) as error:
        logger.warning("the colour profile cannot be used (%s): colours are taken as sRGB", error)
        return None
    return None if _changes_nothing(transform) else transform


def _display_profile(space: ColourSpace) -> bytes:
    return rgb_profile(SRGB, space.display_gamma) if space.display_gamma else SRGB_PROFILE


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


def _from_samples(
    samples: Samples,
    space: ColourSpace,
    strips: list[tuple[int, int]],
    *,
    background: tuple[int, int, int],
) -> Iterator[tuple[Pixels, Pixels | None]]:
    """Yield the strips of a picture of samples; they are rounded to 8 bits at the end."""
    samples = replace(samples, video_range=space.video_range)
    convert: Callable[[Levels], Levels]
    if space.hdr is not None:
        convert = partial(_from_hdr, space)
    elif (transform := _to_srgb(space, samples.colours)) is None:
        convert = _plain_rgb
    elif (linear := read_linear_profile(space.profile or b"")) is not None:
        convert = partial(_from_linear, linear, space.display_gamma)
    else:
        convert = partial(_interpolated, transform)
    ground: Levels = np.array(background, np.float32)
    for levels, alpha in samples.levels(strips):
        rgb = convert(levels)
        if alpha is not None:
            rgb = ground + alpha * (rgb.clip(0, 255) - ground)
        levels_of_alpha = None if alpha is None else np.rint(255 * alpha[..., 0]).astype(np.uint8)
        yield np.rint(rgb.clip(0, 255)).astype(np.uint8), levels_of_alpha


def _plain_rgb(levels: Levels) -> Levels:
    if levels.shape[2] == 4:  # as Pillow converts CMYK
        levels = levels.clip(0, 255)
        return (255 - levels[..., :3]) * (255 - levels[..., 3:]) / 255
    return np.broadcast_to(levels, (*levels.shape[:2], 3))


def _from_linear(profile: LinearProfile, display_gamma: float | None, levels: Levels) -> Levels:
    """Apply a profile of curves and a matrix, in floats: the result is exact."""
    places = np.rint(levels.clip(0, 255) * 257).astype(np.uint16)
    channels = [curve[places[..., i % places.shape[2]]] for i, curve in enumerate(profile.curves)]
    linear: Levels = np.stack(channels, axis=-1)
    if profile.to_xyz is not None:
        matrix = to_srgb(profile.to_xyz)
        if not np.allclose(matrix, np.eye(3), atol=1e-4):  # profiles store five digits
            linear = linear @ matrix.T.astype(np.float32)
    return _plain_rgb(encoded(linear, display_gamma))


def _interpolated(transform: ImageCms.ImageCmsTransform, levels: Levels) -> Levels:
    """Apply a transform of 8-bit colours to fractions of levels, by tetrahedral interpolation.

    It is used for profiles with tables, such as those of printers, which have no steps as steep as
    the curves of linear light.
    """
    if transform.input_mode == "RGB" and levels.shape[2] == 1:
        levels = levels.repeat(3, axis=2)
    levels = levels.clip(0, 255)
    corner = np.minimum(levels, 254).astype(np.uint8)
    parts = levels - corner
    falling = -np.sort(-parts, axis=2)
    # From one corner of a cube of levels to the opposite one, along the edge of the largest part.
    result = (1 - falling[..., :1]) * _applied(transform, corner)
    for i in range(parts.shape[2]):
        part, smaller = falling[..., i : i + 1], falling[..., i + 1 : i + 2]
        weights = part - smaller if smaller.size else part
        result += weights * _applied(transform, corner + (parts >= part))
    return result


def _applied(transform: ImageCms.ImageCmsTransform, levels: Pixels) -> Levels:
    height, width = levels.shape[:2]
    mode = transform.input_mode
    image = Image.frombuffer(mode, (width, height), np.ascontiguousarray(levels), "raw", mode, 0, 1)
    return np.asarray(transform.apply(image)).astype(np.float32)


def _from_hdr(space: ColourSpace, levels: Levels) -> Levels:
    assert space.hdr is not None
    assert space.to_srgb is not None
    linear = light(_plain_rgb(levels) / 255, space.hdr) @ space.to_srgb.T.astype(np.float32)
    return encoded(tone_mapped(linear))
