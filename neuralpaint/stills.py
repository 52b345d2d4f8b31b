"""A still: one frame in a picture file, with the tag that tells how it was made."""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image, PngImagePlugin, TiffImagePlugin

from neuralpaint.errors import EncodingError, NeuralPaintError, UnknownNameError, UsageError
from neuralpaint.outputs import check_target
from neuralpaint.parts import claimed, sweep
from neuralpaint.registry import Registry
from neuralpaint.settings import Settings
from neuralpaint.sources import opened
from neuralpaint.srgb import SRGB_PROFILE
from neuralpaint.tags import check_tag, exif, png_text

__all__ = ["StillFormat", "check_still", "save_still", "still_formats"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StillFormat(Settings):
    """A kind of picture file."""

    suffixes: ClassVar[tuple[str, ...]] = ()
    longest_side: ClassVar[int] = 2**31 - 1  # pixels

    def encode(self, image: Image.Image, *, tag: str) -> bytes:
        """Return the whole file, with its colours labelled as sRGB."""
        raise NotImplementedError


still_formats: Registry[StillFormat] = Registry("still format")


@still_formats.register("png")
@dataclass(frozen=True)
class Png(StillFormat):
    """Lossless, shown everywhere."""

    suffixes = (".png",)

    def encode(self, image: Image.Image, *, tag: str) -> bytes:
        chunks = PngImagePlugin.PngInfo()
        chunks.add(b"sRGB", b"\0")
        raw = _encoded(image, "PNG", pnginfo=chunks)
        return raw[:-12] + png_text(tag=tag) + raw[-12:]


@still_formats.register("tiff")
@dataclass(frozen=True)
class Tiff(StillFormat):
    """Lossless, for printing and for other tools."""

    suffixes = (".tif", ".tiff")

    def encode(self, image: Image.Image, *, tag: str) -> bytes:
        directory = exif(tag) if tag else Image.Exif()
        directory[TiffImagePlugin.PREDICTOR] = 2
        options = {"compression": "tiff_deflate", "icc_profile": SRGB_PROFILE}
        return _encoded(image, "TIFF", exif=directory, **options)


@still_formats.register("webp")
@dataclass(frozen=True)
class Webp(StillFormat):
    """Lossless and smaller, for the web."""

    suffixes = (".webp",)
    longest_side = 16_383

    def encode(self, image: Image.Image, *, tag: str) -> bytes:
        return _encoded(image, "WEBP", lossless=True, **_labels(tag))


@still_formats.register("jpeg")
@dataclass(frozen=True)
class Jpeg(StillFormat):
    """Small and close, with every pixel's own colour."""

    suffixes = (".jpg", ".jpeg")
    longest_side = 65_500

    def encode(self, image: Image.Image, *, tag: str) -> bytes:
        return _encoded(image, "JPEG", quality=95, subsampling="4:4:4", **_labels(tag))


@still_formats.register("avif")
@dataclass(frozen=True)
class Avif(StillFormat):
    """Smallest and close, with every pixel's own colour."""

    suffixes = (".avif",)
    longest_side = 65_536

    def encode(self, image: Image.Image, *, tag: str) -> bytes:
        return _encoded(image, "AVIF", quality=90, subsampling="4:4:4", **_labels(tag))


def check_still(
    path: str | Path,
    *,
    overwrite: bool = False,
    height: int | None = None,
    width: int | None = None,
) -> Path:
    """Return `path` as a `Path` if a still, of this size where it is given, can be saved there.

    Raises:
        UsageError: the suffix is unknown, the format cannot be so large, the folder is missing,
            the target is a folder, or it exists and `overwrite` is false.
        EncodingError: the folder cannot be written to.
    """
    form = _format(Path(path))
    side = max(height or 0, width or 0)
    if side > form.longest_side:
        raise UsageError(
            f"{still_formats.name_of(form)} has at most {form.longest_side} pixels a side, not "
            f"{side}: save as .png or .tiff, or make it smaller"
        )
    return check_target(path, overwrite=overwrite)


def save_still(
    pixels: npt.NDArray[np.uint8],
    path: str | Path,
    *,
    tag: str = "",
    overwrite: bool = False,
) -> Path:
    """Save a frame under `path` in the format of its suffix, complete or not at all.

    Args:
        pixels: uint8 (h, w, 3), sRGB.
        path: .png, .tiff and .webp keep every pixel; .jpg and .avif come close.
        tag: kept in the file for `read_tag`, such as the command and settings in JSON; one that no
            file can hold is left out with a warning, because a training may have gone before.
        overwrite: replace a file that exists.

    Raises:
        UsageError: `pixels` has another shape or type; or as `check_still`.
        EncodingError: the file cannot be written: disk full, no permission.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise UsageError(f"a still is uint8 (h, w, 3), not {pixels.dtype} {pixels.shape}")
    height, width, _ = pixels.shape
    path = check_still(path, overwrite=overwrite, height=height, width=width)
    form = _format(path)
    try:
        encoded = form.encode(Image.fromarray(pixels), tag=_fitting(tag))
    except (OSError, ValueError, MemoryError) as error:
        name = still_formats.name_of(form)
        reason = str(error) or type(error).__name__
        raise EncodingError(
            f"{str(path)!r} cannot be written as {name} ({reason}): try .png"
        ) from error
    sweep(path, keep=_is_whole)
    with claimed(path) as part:
        part.path.write_bytes(encoded)
        part.publish()
    return path


def _format(path: Path) -> StillFormat:
    suffix = path.suffix.lower()
    for name in still_formats:
        if suffix in still_formats[name].suffixes:
            return still_formats[name]()
    known = [suffix for name in still_formats for suffix in still_formats[name].suffixes]
    raise UnknownNameError("still format", path.suffix, known)


def _is_whole(part: Path) -> bool:
    try:
        with opened(part) as image:
            image.load()
    except NeuralPaintError:
        return False
    return True


def _fitting(tag: str) -> str:
    try:
        return check_tag(tag)
    except UsageError as error:
        logger.warning("the settings are not kept in the still: %s", error)
        return ""


def _labels(tag: str) -> dict[str, Any]:
    colours = {"icc_profile": SRGB_PROFILE}
    return {**colours, "exif": exif(tag)} if tag else colours


def _encoded(image: Image.Image, name: str, **options: Any) -> bytes:
    # In memory first, because Pillow says of a full disk "broken stream".
    encoded = io.BytesIO()
    image.save(encoded, name, **options)
    return encoded.getvalue()
