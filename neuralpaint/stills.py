"""A still: one frame in a picture file, with the words that tell how it was made."""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, PngImagePlugin, TiffImagePlugin

from neuralpaint.errors import EncodingError, UnknownNameError, UsageError
from neuralpaint.outputs import check_target, written_whole
from neuralpaint.sources import opened
from neuralpaint.srgb import SRGB_PROFILE

__all__ = ["StillFormat", "check_still", "read_still_text", "save_still", "still_formats"]

logger = logging.getLogger(__name__)

_KEYWORD = "neuralpaint"  # of the PNG text
_ASCII, _UNICODE = b"ASCII\0\0\0", b"UNICODE\0"  # how an EXIF comment says what it is written in


@dataclass(frozen=True)
class StillFormat:
    """A file format of stills: what Pillow calls it, and how it is written."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    text: Literal["png", "exif", "tiff"] = "exif"
    longest_side: int = 2**31 - 1
    longest_text: int = 2**31 - 1  # bytes


_JPEG = StillFormat(
    "JPEG", {"quality": 95, "subsampling": "4:4:4"}, longest_side=65_500, longest_text=60_000
)
_TIFF = StillFormat("TIFF", {"compression": "tiff_deflate"}, text="tiff")

still_formats: Mapping[str, StillFormat] = {
    ".avif": StillFormat("AVIF", {"quality": 90, "subsampling": "4:4:4"}, longest_side=65_536),
    ".jpeg": _JPEG,
    ".jpg": _JPEG,
    ".png": StillFormat("PNG", text="png"),
    ".tif": _TIFF,
    ".tiff": _TIFF,
    ".webp": StillFormat("WEBP", {"lossless": True}, longest_side=16_383),
}


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
            f"a {form.name} file has at most {form.longest_side} pixels a side, not {side}: "
            "save as .png or .tiff, or make it smaller"
        )
    return check_target(path, overwrite=overwrite)


def save_still(
    pixels: npt.NDArray[np.uint8],
    path: str | Path,
    *,
    text: str | None = None,
    overwrite: bool = False,
) -> Path:
    """Save a frame under `path` in the format of its suffix, complete or not at all.

    Args:
        pixels: uint8 (h, w, 3), sRGB.
        path: .png, .tiff and .webp keep every pixel; .jpg and .avif come close.
        text: kept in the file for `read_still_text`, such as the command and settings in JSON.
        overwrite: replace a file that exists.

    Raises:
        UsageError: `pixels` has another shape or type; or as `check_still`.
        EncodingError: the file cannot be written: disk full, no permission.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise UsageError(f"a still is uint8 (h, w, 3), not {pixels.dtype} {pixels.shape}")
    height, width, _ = pixels.shape
    path = check_still(path, overwrite=overwrite, height=height, width=width)
    encoded = io.BytesIO()  # in memory first, because Pillow says of a full disk "broken stream"
    form = _format(path)
    try:
        image = Image.fromarray(pixels)
        image.save(encoded, form.name, **form.options, **_words(form, text))
    except (OSError, ValueError, MemoryError) as error:
        reason = str(error) or type(error).__name__
        raise EncodingError(
            f"{str(path)!r} cannot be written as {form.name} ({reason}): try .png"
        ) from error
    with written_whole(path) as part:
        part.write_bytes(encoded.getbuffer())
    return path


def read_still_text(path: str | Path) -> str | None:
    """Return the text that `save_still` kept in a file, None where there is none.

    Raises:
        UsageError, PictureError: the file cannot be opened, as for `load_picture`.
    """
    with opened(Path(path)) as image:
        found = image.info.get(_KEYWORD)
        if isinstance(found, str):
            return str(found)
        exif = image.getexif()
        comment = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment, b"")
        description = exif.get(ExifTags.Base.ImageDescription)
    if isinstance(comment, bytes) and comment.startswith(_ASCII):
        return comment[8:].decode("ascii", "replace")
    if isinstance(comment, bytes) and comment.startswith(_UNICODE):
        return comment[8:].decode("utf-16-le", "replace")
    # Pillow reads the texts of a TIFF as Latin-1.
    if isinstance(description, str):
        return description.encode("latin-1", "replace").decode("utf-8", "replace")
    return None


def _format(path: Path) -> StillFormat:
    try:
        return still_formats[path.suffix.lower()]
    except KeyError:
        raise UnknownNameError("still format", path.suffix, still_formats) from None


def _words(form: StillFormat, text: str | None) -> dict[str, Any]:
    """Return what `Image.save` takes to tag the colours as sRGB and to keep `text`."""
    if form.text == "png":
        chunks = PngImagePlugin.PngInfo()
        chunks.add(b"sRGB", b"\0")
        if text is not None:
            chunks.add_itxt(_KEYWORD, text, zip=len(text) > 1024)
        return {"pnginfo": chunks}
    tags: dict[str, Any] = {"icc_profile": SRGB_PROFILE}
    if form.text == "tiff":
        tags["tiffinfo"] = directory = TiffImagePlugin.ImageFileDirectory_v2()
        directory[TiffImagePlugin.PREDICTOR] = 2
        if text is not None:
            directory[TiffImagePlugin.IMAGEDESCRIPTION] = text.encode()
    elif text is not None:
        comment = _ASCII + text.encode() if text.isascii() else _UNICODE + text.encode("utf-16-le")
        if len(comment) > form.longest_text:
            logger.warning("the settings are too long for %s and are not kept in it", form.name)
            return tags
        tags["exif"] = exif = Image.Exif()
        exif[ExifTags.Base.Software] = "neuralpaint"  # Pillow takes a comment alone for nothing
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
    return tags
