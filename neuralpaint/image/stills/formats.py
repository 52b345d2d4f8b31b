"""The kinds of file a still can be: each an entry that knows how its rows are encoded."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from PIL import Image

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings
from neuralpaint.image.srgb import SRGB_PROFILE
from neuralpaint.image.stills.encoder import Encoder, Sheet, WholeEncoder
from neuralpaint.image.stills.png import PngEncoder
from neuralpaint.image.stills.tiff import TiffEncoder
from neuralpaint.runtime.tags import exif

__all__ = ["StillFormat", "is_lossless", "still_formats", "still_suffixes"]


@dataclass(frozen=True)
class StillFormat(Settings):
    """A kind of picture file."""

    suffixes: ClassVar[tuple[str, ...]] = ()
    longest_side: ClassVar[int] = 2**31 - 1  # pixels
    depths: ClassVar[tuple[int, ...]] = (8,)  # bits of a colour of a pixel
    lossless: ClassVar[bool] = True

    def encoder(self, file: BinaryIO, sheet: Sheet) -> Encoder:
        """Return what writes the still into `file`, which can seek, with its colours as sRGB."""
        raise NotImplementedError


still_formats: Registry[StillFormat] = Registry("still format")


def still_suffixes() -> list[str]:
    """Return the suffixes, with their dots, of the files that a still can be."""
    return [suffix for name in still_formats for suffix in still_formats[name].suffixes]


def is_lossless(path: str | Path) -> bool:
    """Say whether a still under that name keeps every pixel as it is."""
    suffix = Path(path).suffix.lower()
    forms = [still_formats[name] for name in still_formats]
    return all(form.lossless for form in forms if suffix in form.suffixes)


@still_formats.register("png")
@dataclass(frozen=True)
class Png(StillFormat):
    """Lossless, shown everywhere; of any size, in 8 or 16 bits."""

    suffixes = (".png",)
    depths = (8, 16)

    def encoder(self, file: BinaryIO, sheet: Sheet) -> Encoder:
        return PngEncoder(file, sheet)


@still_formats.register("tiff")
@dataclass(frozen=True)
class Tiff(StillFormat):
    """Lossless, for printing and for other tools; of any size, in 8 or 16 bits."""

    suffixes = (".tif", ".tiff")
    depths = (8, 16)

    def encoder(self, file: BinaryIO, sheet: Sheet) -> Encoder:
        return TiffEncoder(file, sheet)


class _Whole(StillFormat):
    """A kind that Pillow makes of a whole picture."""

    options: ClassVar[dict[str, Any]] = {}

    def encoder(self, file: BinaryIO, sheet: Sheet) -> Encoder:
        return WholeEncoder(file, sheet, encode=partial(self._encoded, tag=sheet.tag))

    def _encoded(self, image: Image.Image, *, tag: str) -> bytes:
        labels = {"exif": exif(tag)} if tag else {}
        # In memory first, because Pillow says of a full disk "broken stream".
        encoded = io.BytesIO()
        name = still_formats.name_of(self)  # Pillow calls it so too
        image.save(encoded, name, icc_profile=SRGB_PROFILE, **labels, **self.options)
        return encoded.getvalue()


@still_formats.register("webp")
@dataclass(frozen=True)
class Webp(_Whole):
    """Lossless and smaller, for the web."""

    suffixes = (".webp",)
    longest_side = 16_383
    options: ClassVar[dict[str, Any]] = {"lossless": True}


@still_formats.register("jpeg")
@dataclass(frozen=True)
class Jpeg(_Whole):
    """Small and close, with every pixel's own colour."""

    suffixes = (".jpg", ".jpeg")
    longest_side = 65_500
    lossless = False
    options: ClassVar[dict[str, Any]] = {"quality": 95, "subsampling": "4:4:4"}


@still_formats.register("avif")
@dataclass(frozen=True)
class Avif(_Whole):
    """Smallest and close, with every pixel's own colour."""

    suffixes = (".avif",)
    longest_side = 65_536
    lossless = False
    options: ClassVar[dict[str, Any]] = {"quality": 90, "subsampling": "4:4:4"}
