"""A still is written strip by strip, and is complete or not there at all.

with StillWriter("out.png", height=8192, width=12288) as still:
    for strip in strips:  # uint8 (rows, 12288, 3), from top to bottom
        still.write(strip)
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from neuralpaint.errors import EncodingError, UnknownNameError, UsageError
from neuralpaint.image.stills.encoder import Depth, Rows, Sheet
from neuralpaint.image.stills.formats import StillFormat, still_formats, still_suffixes
from neuralpaint.runtime.files import check_output, part_file, remove_stale_parts, write_error
from neuralpaint.runtime.tags import check_tag

__all__ = ["StillWriter", "check_still", "save_still"]

logger = logging.getLogger(__name__)

# What Pillow raises where it cannot encode; with a number, it is the system that could not write.
_FAILURES = (OSError, ValueError, RuntimeError, MemoryError)


def check_still(
    path: str | Path,
    *,
    overwrite: bool = False,
    height: int | None = None,
    width: int | None = None,
    depth: Depth = 8,
) -> Path:
    """Return `path` as a `Path` if a still, of this size where it is given, can be saved there.

    Raises:
        UsageError: the suffix is unknown, the format cannot be so large or has not so many bits,
            the folder is missing, the target is a folder, or it exists and `overwrite` is false.
        EncodingError: the folder cannot be written to.
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
    return check_output(path, overwrite=overwrite)


def save_still(
    pixels: Rows,
    path: str | Path,
    *,
    tag: str = "",
    overwrite: bool = False,
) -> Path:
    """Save a frame under `path` in the format of its suffix, complete or not at all.

    Args:
        pixels: uint8 or uint16 (h, w, 3), sRGB.
        path: .png, .tiff and .webp keep every pixel; .jpg and .avif come close.
        tag: kept in the file for `read_tag`, such as the command and settings in JSON; one that no
            file can hold is left out with a warning, because a training may have gone before.
        overwrite: replace a file that exists.

    Raises:
        UsageError: `pixels` has another shape or type; or as `check_still`.
        EncodingError: the file cannot be written: disk full, no permission.
    """
    depth: Depth = 16 if pixels.dtype == "uint16" else 8
    known = pixels.dtype in ("uint8", "uint16") and pixels.ndim == 3 and pixels.shape[2] == 3
    if not (known and pixels.size):
        raise UsageError(f"a still is uint8 or uint16 (h, w, 3), not {_described(pixels)}")
    height, width, _ = pixels.shape
    still = StillWriter(path, height=height, width=width, depth=depth, tag=tag, overwrite=overwrite)
    with still:
        still.write(pixels)
    return still.path


class StillWriter:
    """Writes one still, to be used in a `with` statement; an exception in it leaves nothing behind.

    PNG and TIFF are written as the rows come: memory does not grow with the height. The others are
    encoded when the last row is there.

    Args:
        path: its suffix chooses the format.
        height: of the whole still.
        width: of the still and of every strip.
        depth: bits of a colour of a pixel; 16 only for PNG and TIFF.
        tag: as of `save_still`.
        overwrite: replace a file that exists.

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
        tag: str = "",
        overwrite: bool = False,
    ) -> None:
        if min(height, width) < 1:
            raise UsageError(f"a still has at least one row and one column, not {width}x{height}")
        self.path = check_still(path, overwrite=overwrite, height=height, width=width, depth=depth)
        self._form = _format(self.path)
        self._sheet = Sheet(height, width, depth, _fitting(tag))
        self._rows = 0
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        # What a killed run left is hardly ever whole, and half a still is worth nothing.
        remove_stale_parts(self.path)
        with contextlib.ExitStack() as claims:
            self._part = claims.enter_context(part_file(self.path))
            self._file = claims.enter_context(self._part.path.open("wb"))
            with self._explained():
                self._encoder = self._form.encoder(self._file, self._sheet)
            claims.callback(self._encoder.close)
            self._open = claims.pop_all()
        return self

    def write(self, strip: Rows) -> None:
        """Take the next rows, from top to bottom.

        Args:
            strip: (rows, width, 3), uint8, or uint16 where the depth is 16; rows may be any number.

        Raises:
            UsageError: it has another shape or type, or the still has not so many rows.
            EncodingError: it cannot be written: disk full.
        """
        sheet = self._sheet
        if strip.dtype != sheet.dtype or strip.shape[1:] != (sheet.width, 3):
            raise UsageError(
                f"a strip of this still is {sheet.dtype} (rows, {sheet.width}, 3), not "
                f"{_described(strip)}"
            )
        if self._rows + len(strip) > sheet.height:
            raise UsageError(
                f"{str(self.path)!r} has {sheet.height} rows, not {self._rows + len(strip)}: give "
                "the height of all strips"
            )
        try:
            with self._explained():
                self._encoder.write(strip)
        except BaseException:
            self._close()  # nobody knows how much of the strip was taken
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
        if self._rows < self._sheet.height:
            raise UsageError(
                f"{str(self.path)!r} has {self._sheet.height} rows, but only {self._rows} were "
                "written: write them all"
            )
        with self._explained():
            self._encoder.finish()
            self._file.close()
            self._part.publish()

    def _close(self) -> None:
        with contextlib.suppress(EncodingError):  # a full disk has been told of
            self._open.close()

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Raise what goes wrong within the block as an `EncodingError`."""
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


def _fitting(tag: str) -> str:
    try:
        return check_tag(tag)
    except UsageError as error:
        logger.warning("the settings are not kept in the still: %s", error)
        return ""
