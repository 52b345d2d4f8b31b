"""Picture sources: a path, stdin or an open file, opened with Pillow but not decoded.

Problems with a source, and Pillow's exceptions for bad files, are raised as errors with a one-line
message.
"""

from __future__ import annotations

import difflib
import io
import logging
import os
import stat
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from PIL import Image, PngImagePlugin, TiffImagePlugin

from neuralpaint.errors import NeuralPaintError, PictureError, UsageError
from neuralpaint.image.picture_formats import open_picture
from neuralpaint.image.samples import UnreadableKind

__all__ = ["CLIP_SUFFIXES", "Source", "open_image", "source_name", "suggest_path"]

logger = logging.getLogger(__name__)

Source = str | Path | BinaryIO

_MOST_TEXT = 64 << 20  # bytes of the texts or the profile of a PNG; Pillow's limit is 1 MB
_PILLOW = threading.RLock()

CLIP_SUFFIXES = frozenset(
    {".264", ".265", ".266", ".3g2", ".3gp", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv"}
    | {".gxf", ".h264", ".h265", ".hevc", ".ivf", ".m1v", ".m2t", ".m2ts", ".m2v", ".m4v"}
    | {".mjpeg", ".mjpg", ".mk3d", ".mkv", ".mov", ".mp4", ".mpe", ".mpeg", ".mpg", ".mpv"}
    | {".mts", ".mxf", ".nut", ".obu", ".ogm", ".ogv", ".qt", ".rm", ".rmvb", ".ts", ".vob"}
    | {".vvc", ".webm", ".wmv", ".wtv", ".y4m"}
)
"""The file suffixes of clips, which Pillow does not read."""


def source_name(source: Source) -> str:
    """Return the name of `source` for messages."""
    if source == "-":
        return "stdin"
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else "picture"


@contextmanager
def open_image(source: Source, *, max_pixels: int | None = None) -> Iterator[Image.Image]:
    """Open `source` with Pillow and yield the image, whose pixels are not decoded yet.

    In the block Pillow's exceptions become a `PictureError` and its warnings are logged. Only one
    thread at a time runs it, because Pillow's pixel limit, which `max_pixels` replaces, is global.
    The text `-` is stdin; `Path("-")` is a file of that name.

    Raises:
        UsageError: the file does not exist, is a folder or a device, or is open in text mode.
        PictureError: it cannot be read: not a picture, damaged, empty, over `max_pixels`.
    """
    name = source_name(source)
    with (
        _stream(source) as stream,
        _PILLOW,
        _pillow_errors(name),
        open_picture(stream, name=name) as image,
    ):
        if max_pixels is not None:
            _check_size(image, max_pixels, name=name)
            if image.format == "ICO":  # the picture inside may be larger than the icon says
                Image.MAX_IMAGE_PIXELS = max_pixels
        yield image


@contextmanager
def _stream(source: Source) -> Iterator[BinaryIO]:
    """Yield the bytes of `source` as a seekable file, at position 0."""
    name = source_name(source)
    if source == "-":
        yield _read_whole(_stdin(), name)
    elif isinstance(source, str | os.PathLike):
        with _open_file(Path(source)) as file:
            yield file if file.seekable() else _read_whole(file, name)
    else:
        yield _read_whole(source, name)


def _open_file(path: Path) -> BinaryIO:
    try:
        status = os.stat(path)
        if stat.S_ISDIR(status.st_mode):
            raise UsageError(f"{str(path)!r} is a folder: give one picture in it")
        if stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
            raise UsageError(f"{str(path)!r} is a device: give a picture's file, or - for stdin")
        if stat.S_ISREG(status.st_mode) and status.st_size == 0:
            raise PictureError(f"{str(path)!r} is empty: give a whole picture")
        return path.open("rb")
    except UsageError:  # also a ValueError
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"no file {str(path)!r}: {suggest_path(path)}") from None
    except PermissionError as error:
        raise PictureError(
            f"{str(path)!r} may not be read ({error.strerror}): change its permissions"
        ) from error
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{str(path)!r} cannot be opened ({_one_line(error)}): give a picture's file"
        ) from error


def suggest_path(path: Path) -> str:
    """Return advice for an error about a missing file: the most similar name in its folder."""
    try:
        names = os.listdir(path.parent)
    except OSError:
        return f"there is no folder {str(path.parent)!r} either"
    close = difflib.get_close_matches(path.name, names, n=1)
    return f"did you mean {str(path.with_name(close[0]))!r}?" if close else "check the name"


def _stdin() -> BinaryIO:
    if sys.stdin is None or sys.stdin.closed or sys.stdin.isatty():
        raise UsageError("no picture on stdin: pipe one in, or give a file instead of -")
    return sys.stdin.buffer


def _read_whole(stream: BinaryIO, name: str) -> BinaryIO:
    try:
        encoded = stream.read()
    except (OSError, ValueError) as error:
        raise PictureError(f"{name!r} cannot be read ({_one_line(error)}): give a file") from error
    if not isinstance(encoded, bytes):
        raise UsageError(f"{name!r} returns {type(encoded).__name__}: open it in binary mode, 'rb'")
    if not encoded:
        raise PictureError(f"{name!r} is empty: give a whole picture")
    return io.BytesIO(encoded)


def _check_size(image: Image.Image, max_pixels: int, *, name: str) -> None:
    width, height = image.size
    tags = getattr(image, "tag_v2", {})
    tile = tags.get(TiffImagePlugin.TILEWIDTH, 0) * tags.get(TiffImagePlugin.TILELENGTH, 0)
    if tile > max_pixels:  # decoding allocates a whole tile, even for a small picture
        raise PictureError(
            f"{name!r} has tiles of {tile:,} pixels, over the limit of {max_pixels:,}: raise it "
            f"with --max-pixels {tile} if you trust the file"
        )
    if width * height > max_pixels:
        raise PictureError(
            f"{name!r} is {width}x{height}, {width * height:,} pixels, over the limit of "
            f"{max_pixels:,}: raise it with --max-pixels {width * height} if you trust the file"
        )


@contextmanager
def _pillow_errors(name: str) -> Iterator[None]:
    """Raise Pillow's exceptions as `PictureError`, log its warnings, and lift its limits."""
    limit = Image.MAX_IMAGE_PIXELS
    texts = PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Image.MAX_IMAGE_PIXELS = None
        PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = _MOST_TEXT
        try:
            yield
        except NeuralPaintError:
            raise
        except UnreadableKind as error:
            if Path(name).suffix.lower() in CLIP_SUFFIXES:
                raise PictureError(
                    f"{name!r} is a clip, not a picture: learn several of its frames with video "
                    "or morph and --frames-in 12, or give one frame as a PNG"
                ) from None
            raise PictureError(f"{name!r} is {error}") from None
        except MemoryError as error:
            raise PictureError(f"{name!r} does not fit into memory: give a smaller one") from error
        except Exception as error:  # decoders raise many types of exceptions on a damaged file
            raise PictureError(
                f"{name!r} is damaged or of an unsupported kind ({_one_line(error)}): "
                "get it again, or convert it to PNG"
            ) from error
        finally:
            Image.MAX_IMAGE_PIXELS = limit
            PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY = texts
    for text in dict.fromkeys(_one_line(warning.message) for warning in caught):
        logger.warning("%r: %s", name, text)


def _one_line(error: Exception | Warning | str) -> str:
    return " ".join(str(error).split()) or type(error).__name__
