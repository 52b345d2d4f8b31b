"""The formats of pictures that are read, and the opening of a file in one of them."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from PIL import Image, PngImagePlugin, UnidentifiedImageError

from neuralpaint.image.png_chunks import without_extras
from neuralpaint.image.samples import UnreadableKind
from neuralpaint.image.tiff_files import TiffFile, is_tiff

__all__ = ["open_picture", "picture_suffixes"]

# Not every format of Pillow: EPS would start Ghostscript, and TGA has no magic number.
_FORMATS = ["AVIF", "BMP", "GIF", "ICO", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "PSD", "QOI"]
_FORMATS += ["TIFF", "WEBP"]
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_PSD_MULTICHANNEL = 7


def picture_suffixes() -> set[str]:
    """Return the suffixes, such as `.png`, of the formats that can be read."""
    Image.init()
    suffixes = {suffix for suffix, form in Image.EXTENSION.items() if form in _FORMATS}
    return suffixes | ({".heic", ".heif", ".hif"} if find_spec("pillow_heif") else set())


def open_picture(stream: BinaryIO, *, name: str) -> Image.Image:
    """Return the image in a file, whose pixels are not decoded yet. `name` has the suffix.

    Raises:
        UnreadableKind: the format or the kind cannot be read.
        Exception: anything that Pillow raises for a damaged file.
    """
    Image.init()
    start = stream.read(32)
    stream.seek(0)
    formats = [each for each in _FORMATS if each in Image.OPEN]
    if is_tiff(start):
        return TiffFile(stream)
    if start.startswith(b"8BPS"):
        _check_psd(start)
    try:
        return Image.open(stream, formats=formats)
    except (UnidentifiedImageError, ValueError):
        if start.startswith(b"\x89PNG"):
            return _opened_png(stream)
    stream.seek(0)
    if start[4:8] == b"ftyp" and start[8:12] in _HEIF_BRANDS:
        return _opened_heif(stream)
    for each in formats:
        open_format, accept = Image.OPEN[each]
        if accept and accept(start) is True:
            return open_format(stream, "")  # raises what is wrong with it
    raise UnreadableKind(
        f"not a picture that can be read{_other_kind(start, name)}: give a PNG, JPEG, WebP, AVIF, "
        "TIFF, GIF, BMP or JPEG 2000 file, or convert it to one"
    )


def _opened_png(stream: BinaryIO) -> Image.Image:
    """Open a PNG with parts that Pillow refuses, and all viewers ignore."""
    kept, left_out = without_extras(stream)
    image = PngImagePlugin.PngImageFile(kept)
    names = ", ".join(sorted(left_out))
    warnings.warn(f"its chunks {names} are not read: some are damaged or too large", stacklevel=2)
    return image


def _opened_heif(stream: BinaryIO) -> Image.Image:
    try:
        from pillow_heif import HeifImageFile
    except ImportError:
        raise UnreadableKind(
            "a HEIC picture: install pillow-heif to read it (pip install '.[heif]' in the folder "
            "of neuralpaint), or convert it to JPEG"
        ) from None
    image: Image.Image = HeifImageFile(stream)  # type: ignore[no-untyped-call]
    return image


def _check_psd(start: bytes) -> None:
    version, bits, mode = (int.from_bytes(start[at : at + 2]) for at in (4, 22, 24))
    if version == 1 and bits <= 8 and mode != _PSD_MULTICHANNEL:
        return
    kind = "large document (PSB)" if version == 2 else f"file of {bits} bits"
    kind += " in multichannel mode" if mode == _PSD_MULTICHANNEL else ""
    raise UnreadableKind(f"a Photoshop {kind}, which cannot be read: save it as TIFF or PNG")


def _other_kind(start: bytes, name: str) -> str:
    """Return the name of a format that is not read, in brackets; empty if it is not known."""
    start = start.ljust(32, b"\0")
    kinds = [Image.EXTENSION.get(Path(name).suffix.lower(), "")]
    kinds += [kind for kind, (_, accept) in Image.OPEN.items() if accept and accept(start) is True]
    kinds = [kind for kind in kinds if kind and kind not in _FORMATS]
    return f" ({kinds[0]})" if kinds else ""
