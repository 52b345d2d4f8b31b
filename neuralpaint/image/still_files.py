"""Stills: one frame in a picture file, written strip by strip, complete or not at all.

with StillWriter("out.png", height=8192, width=12288) as still:
    for strip in strips:  # uint8 (rows, 12288, 3), from top to bottom
        still.write(strip)
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, ClassVar, Self

import numpy as np
from PIL import Image

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings
from neuralpaint.errors import EncodingError, UnknownNameError, UsageError
from neuralpaint.image.alpha import straight
from neuralpaint.image.encoders import Depth, Encoder, PngEncoder, Rows, StillSpec, TiffEncoder
from neuralpaint.image.icc_profiles import SRGB_PROFILE
from neuralpaint.image.metadata import check_tag, exif
from neuralpaint.runtime.files import check_output, part_file, remove_stale_parts, write_error

__all__ = [
    "StillFormat",
    "StillWriter",
    "check_still",
    "is_lossless",
    "save_still",
    "still_formats",
    "still_suffixes",
    "stores_alpha",
]

logger = logging.getLogger(__name__)

# Exceptions of Pillow's encoders; an OSError with an errno comes from the operating system.
_FAILURES = (OSError, ValueError, RuntimeError, MemoryError)


@dataclass(frozen=True)
class StillFormat(Settings):
    """A format of picture files."""

    suffixes: ClassVar[tuple[str, ...]] = ()
    longest_side: ClassVar[int] = 2**31 - 1  # pixels
    depths: ClassVar[tuple[int, ...]] = (8,)  # bits per channel
    lossless: ClassVar[bool] = True
    alpha: ClassVar[bool] = True
    """Whether it stores transparent pixels."""

    def encoder(self, file: BinaryIO, spec: StillSpec) -> Encoder:
        """Return an encoder that writes sRGB pixels into `file`, which must be seekable."""
        raise NotImplementedError


still_formats: Registry[StillFormat] = Registry("still format")


@still_formats.register("png")
@dataclass(frozen=True)
class Png(StillFormat):
    """Lossless, shown everywhere; of any size, in 8 or 16 bits."""

    suffixes = (".png",)
    depths = (8, 16)

    def encoder(self, file: BinaryIO, spec: StillSpec) -> Encoder:
        return PngEncoder(file, spec)


@still_formats.register("tiff")
@dataclass(frozen=True)
class Tiff(StillFormat):
    """Lossless, for printing and for other tools; of any size, in 8 or 16 bits."""

    suffixes = (".tif", ".tiff")
    depths = (8, 16)

    def encoder(self, file: BinaryIO, spec: StillSpec) -> Encoder:
        return TiffEncoder(file, spec)


class _PillowEncoder(Encoder):
    """Collects the rows of a whole 8-bit picture, and encodes them with Pillow."""

    def __init__(self, file: BinaryIO, spec: StillSpec, **options: Any) -> None:
        self._file = file
        self._options = options | {"icc_profile": SRGB_PROFILE}
        if spec.tag:
            self._options["exif"] = exif(spec.tag)
        self._pixels = np.empty((spec.height, spec.width, spec.channels), np.uint8)
        self._filled = 0

    def write(self, rows: Rows) -> None:
        self._pixels[self._filled : self._filled + len(rows)] = rows
        self._filled += len(rows)

    def finish(self) -> None:
        # Into memory first, because Pillow reports a full disk as "broken stream".
        encoded = io.BytesIO()
        Image.fromarray(self._pixels).save(encoded, **self._options)
        self._file.write(encoded.getvalue())


@still_formats.register("webp")
@dataclass(frozen=True)
class Webp(StillFormat):
    """Lossless and smaller, for the web."""

    suffixes = (".webp",)
    longest_side = 16_383

    def encoder(self, file: BinaryIO, spec: StillSpec) -> Encoder:
        return _PillowEncoder(file, spec, format="webp", lossless=True)


@still_formats.register("jpeg")
@dataclass(frozen=True)
class Jpeg(StillFormat):
    """Small, with little loss; colours at full resolution."""

    suffixes = (".jpg", ".jpeg")
    longest_side = 65_500
    lossless = False
    alpha = False

    def encoder(self, file: BinaryIO, spec: StillSpec) -> Encoder:
        return _PillowEncoder(file, spec, format="jpeg", quality=95, subsampling="4:4:4")


@still_formats.register("avif")
@dataclass(frozen=True)
class Avif(StillFormat):
    """Smallest, with little loss; colours at full resolution."""

    suffixes = (".avif",)
    longest_side = 65_536
    lossless = False

    def encoder(self, file: BinaryIO, spec: StillSpec) -> Encoder:
        return _PillowEncoder(file, spec, format="avif", quality=90, subsampling="4:4:4")


def still_suffixes() -> list[str]:
    """Return the suffixes of all still formats, with their dots."""
    return [suffix for name in still_formats for suffix in still_formats[name].suffixes]


def stores_alpha(path: str | Path) -> bool:
    """Return whether a still saved under that name can have transparent pixels."""
    return _format(Path(path)).alpha


def is_lossless(path: str | Path) -> bool:
    """Return whether a still saved under that name keeps every pixel unchanged."""
    suffix = Path(path).suffix.lower()
    forms = [still_formats[name] for name in still_formats]
    return all(form.lossless for form in forms if suffix in form.suffixes)


def check_still(
    path: str | Path,
    *,
    overwrite: bool = False,
    height: int | None = None,
    width: int | None = None,
    depth: Depth = 8,
    channels: int = 3,
) -> Path:
    """Return `path` as a `Path` if a still can be saved there, in that size if it is given.

    Raises:
        UsageError: the suffix is unknown, the format does not support the size, the depth or the
            alpha; or as `check_output`.
        EncodingError: the folder is not writable.
    """
    form = _format(Path(path))
    name = still_formats.name_of(form)
    side = max(height or 0, width or 0)
    if side > form.longest_side:
        raise UsageError(
            f"{name} has at most {form.longest_side} pixels a side, not {side}: save as .png or "
            ".tiff, or make it smaller"
        )
    if depth not in (8, 16):
        raise UsageError(f"depth must be 8 or 16 bits, not {depth}")
    if depth not in form.depths:
        raise UsageError(f"{name} has 8 bits a channel, not {depth}: save as .png or .tiff")
    if channels == 4 and not form.alpha:
        raise UsageError(f"{name} stores no alpha: save as .png, or give it a background")
    return check_output(path, overwrite=overwrite)


def save_still(pixels: Rows, path: str | Path, *, tag: str = "", overwrite: bool = False) -> Path:
    """Save a frame under `path` in the format of its suffix, complete or not at all.

    Args:
        pixels: uint8 or uint16 (h, w, 3), sRGB; or (h, w, 4) with premultiplied alpha.
        path: .png, .tiff and .webp are lossless; .jpg and .avif are not.
        tag: stored in the file for `read_tag`, such as the command and settings in JSON; an invalid
            tag is left out with a warning, so that the result of a training is not lost.
        overwrite: replace a file that exists.

    Raises:
        UsageError: `pixels` has another shape or type; or as `check_still`.
        EncodingError: the file cannot be written: disk full, no permission.
    """
    depth: Depth = 16 if pixels.dtype == "uint16" else 8
    known = pixels.dtype in ("uint8", "uint16") and pixels.ndim == 3 and pixels.shape[2] in (3, 4)
    if not (known and pixels.size):
        raise UsageError(f"a still is uint8 or uint16 (h, w, 3), not {_described(pixels)}")
    height, width, channels = pixels.shape
    still = StillWriter(
        path, height=height, width=width, channels=channels, depth=depth, tag=tag,
        overwrite=overwrite,
    )  # fmt: skip
    with still:
        still.write(pixels)
    return still.path


class StillWriter:
    """Writes one still in a `with` statement; an exception in the block leaves no file.

    PNG and TIFF are written as the rows arrive, in constant memory. Other formats are encoded after
    the last row. `path`, `tag` and `overwrite` are as in `save_still`; a `depth` of 16 bits per
    channel is for PNG and TIFF only. With 4 `channels`, strips have premultiplied alpha.

    Raises:
        UsageError, EncodingError: as `check_still`.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        height: int,
        width: int,
        depth: Depth = 8,
        channels: int = 3,
        tag: str = "",
        overwrite: bool = False,
    ) -> None:
        if min(height, width) < 1:
            raise UsageError(f"a still has at least one row and one column, not {width}x{height}")
        self.path = check_still(
            path, overwrite=overwrite, height=height, width=width, depth=depth, channels=channels
        )
        self._form = _format(self.path)
        self._spec = StillSpec(height, width, depth, _valid_tag(tag), channels)
        self._rows = 0
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        remove_stale_parts(self.path)
        with contextlib.ExitStack() as stack:
            self._part = stack.enter_context(part_file(self.path))
            self._file = stack.enter_context(self._part.path.open("wb"))
            with self._explained():
                self._encoder = self._form.encoder(self._file, self._spec)
            stack.callback(self._encoder.close)
            self._open = stack.pop_all()
        return self

    def write(self, strip: Rows) -> None:
        """Write the next rows (n, width, channels), uint8, or uint16 for a depth of 16.

        Raises:
            UsageError: it has another shape or type, or the still has fewer rows.
            EncodingError: the file cannot be written: disk full.
        """
        spec = self._spec
        if strip.dtype != spec.dtype or strip.shape[1:] != (spec.width, spec.channels):
            raise UsageError(
                f"a strip of this still is {spec.dtype} (rows, {spec.width}, {spec.channels}), not "
                f"{_described(strip)}"
            )
        if self._rows + len(strip) > spec.height:
            raise UsageError(
                f"{str(self.path)!r} has {spec.height} rows, not {self._rows + len(strip)}: give "
                "the height of all strips"
            )
        try:
            with self._explained():
                self._encoder.write(straight(strip))
        except BaseException:
            self._close()  # an unknown part of the strip was written
            raise
        self._rows += len(strip)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._finish()
        finally:
            self._close()

    def _finish(self) -> None:
        if self._rows < self._spec.height:
            raise UsageError(
                f"{str(self.path)!r} has {self._spec.height} rows, but only {self._rows} were "
                "written: write them all"
            )
        with self._explained():
            self._encoder.finish()
            self._file.close()
            self._part.publish()

    def _close(self) -> None:
        with contextlib.suppress(EncodingError):  # a full disk has been reported already
            self._open.close()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Raise exceptions of the encoder as an `EncodingError`."""
        try:
            yield
        except _FAILURES as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise write_error(self.path, error) from error
            name = still_formats.name_of(self._form)
            reason = str(error) or type(error).__name__
            raise EncodingError(
                f"{str(self.path)!r} cannot be written as {name} ({reason}): try .png"
            ) from error


def _format(path: Path) -> StillFormat:
    suffix = path.suffix.lower()
    for name in still_formats:
        if suffix in still_formats[name].suffixes:
            return still_formats[name]()
    raise UnknownNameError("still format", path.suffix, still_suffixes())


def _described(pixels: Rows) -> str:
    return f"{pixels.dtype} {pixels.shape}"


def _valid_tag(tag: str) -> str:
    try:
        return check_tag(tag)
    except UsageError as error:
        logger.warning("the settings are not stored in the still: %s", error)
        return ""
