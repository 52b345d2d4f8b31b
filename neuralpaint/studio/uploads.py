"""Uploads: the pictures and sounds that a page has sent, in a temporary folder of this process.

They are read by the same code, with the same limits, as a file on the command line. An upload is
found by its id, which is made here: the name that a page gives is only shown.
"""

from __future__ import annotations

import contextlib
import io
import re
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO

from PIL import Image

from neuralpaint.errors import NeuralPaintError, UsageError
from neuralpaint.image.alpha import image_of
from neuralpaint.image.pictures import Picture, PictureSettings, load_picture
from neuralpaint.pipelines.bench.bench import SAMPLE
from neuralpaint.runtime.files import remove, write_error
from neuralpaint.video.onsets import RATE, read_sound

__all__ = ["SAMPLE_ID", "Incoming", "PictureUpload", "SoundUpload", "Uploads", "shown_name"]

SAMPLE_ID = "sample"
"""The id of the picture that comes with the package."""

_PREVIEW = 1024  # pixels of the longer side
_MOST = 24  # uploads that are kept; the oldest is removed
_NAME_LENGTH = 120
_SUFFIX_LENGTH = 8
_LONGEST_SOUND = 1800.0  # seconds that are decoded, to tell how long a sound is
# How sounds and films begin. ffmpeg also reads playlists, which name other files: they are texts.
_SOUND = re.compile(
    rb"RIFF|RF64|FORM|OggS|fLaC|ID3|\xff[\xe0-\xff]|\x1a\x45\xdf\xa3|\.snd|#!AMR|caff"
    rb"|\x30\x26\xb2\x75|....ftyp",
    re.DOTALL,
)


@dataclass(frozen=True)
class PictureUpload:
    """A picture that can be learned."""

    id: str
    name: str
    """As its owner calls it, without folders."""
    path: Path
    width: int
    height: int
    alpha: bool
    """Whether it has transparent parts."""
    preview: Path
    """The picture as WebP, at most 1024 pixels wide and high."""


@dataclass(frozen=True)
class SoundUpload:
    """A sound for clips."""

    id: str
    name: str
    path: Path
    seconds: float
    """At most half an hour: the rest is not looked at."""


class Incoming:
    """A file that is being received."""

    def __init__(self, id: str, name: str, path: Path) -> None:  # noqa: A002 - as in JSON
        self.id, self.name, self.path = id, name, path
        self._file: BinaryIO = path.open("xb")
        self.kept = False

    def write(self, part: bytes) -> None:
        """Store the next bytes.

        Raises:
            EncodingError: the disk is full.
        """
        try:
            self._file.write(part)
        except OSError as error:
            raise write_error(self.path, error) from error

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Uploads:
    """The uploads of one process. All methods may be called from any thread."""

    def __init__(self, folder: Path, *, max_pixels: int = PictureSettings.max_pixels) -> None:
        """Keep uploads in an existing folder of this process; its owner removes it."""
        self._folder, self._max_pixels = folder, max_pixels
        self._lock = threading.Lock()
        self._known: dict[str, PictureUpload | SoundUpload] = {}
        self._sample: PictureUpload | None = None

    @contextlib.contextmanager
    def receive(self, name: str) -> Iterator[Incoming]:
        """Receive a file that its owner calls `name`; it is removed if it is not kept.

        Raises:
            EncodingError: the folder cannot be written to.
        """
        id = secrets.token_hex(8)  # noqa: A001
        name = shown_name(name)
        folder = self._folder / id
        try:
            folder.mkdir()
            incoming = Incoming(id, name, folder / f"file{_suffix(name)}")
        except OSError as error:
            raise write_error(folder, error) from error
        try:
            yield incoming
        finally:
            incoming.close()
            if not incoming.kept:
                remove(folder)

    def keep_picture(self, incoming: Incoming) -> PictureUpload:
        """Read a received picture and keep it.

        Raises:
            NeuralPaintError: as `load_picture`, with the name that its owner has given.
        """
        _finish(incoming)
        found = self._picture(incoming.id, incoming.name, incoming.path, incoming.path.parent)
        self._keep(found)
        incoming.kept = True
        return found

    def keep_sound(self, incoming: Incoming) -> SoundUpload:
        """Read a received sound and keep it.

        Raises:
            UsageError: it has no sound that can be read.
        """
        _finish(incoming)
        with incoming.path.open("rb") as file:
            start = file.read(16)
        if not _SOUND.match(start):
            raise UsageError(
                f"{incoming.name!r} is no sound that can be read: give a WAV, MP3, FLAC, Ogg, "
                "Opus, AAC or M4A file"
            )
        try:
            samples = read_sound(incoming.path, seconds=_LONGEST_SOUND)
        except UsageError as error:
            text = str(error).replace(str(incoming.path), incoming.name)
            raise UsageError(text) from error
        found = SoundUpload(incoming.id, incoming.name, incoming.path, len(samples) / RATE)
        self._keep(found)
        incoming.kept = True
        return found

    def picture(self, id: str) -> PictureUpload:  # noqa: A002
        """Return a picture by its id.

        Raises:
            UsageError: there is no such picture, or not any more.
        """
        if id == SAMPLE_ID:
            if self._sample is None:
                self._sample = self._picture(SAMPLE_ID, SAMPLE.name, SAMPLE, self._folder)
            return self._sample
        found = self._known.get(id)
        if not isinstance(found, PictureUpload):
            raise UsageError("the picture is not here any more: drop it again")
        return found

    def sound(self, id: str) -> SoundUpload:  # noqa: A002
        """Return a sound by its id.

        Raises:
            UsageError: there is no such sound, or not any more.
        """
        found = self._known.get(id)
        if not isinstance(found, SoundUpload):
            raise UsageError("the sound is not here any more: choose it again")
        return found

    def _picture(self, id: str, name: str, path: Path, folder: Path) -> PictureUpload:  # noqa: A002
        picture = _read(path, name, self._max_pixels)
        preview = folder / "preview.webp"
        try:
            preview.write_bytes(_preview(picture))
        except OSError as error:
            raise write_error(preview, error) from error
        alpha = picture.channels == 4
        return PictureUpload(id, name, path, picture.width, picture.height, alpha, preview)

    def _keep(self, upload: PictureUpload | SoundUpload) -> None:
        with self._lock:
            self._known[upload.id] = upload
            while len(self._known) > _MOST:
                oldest = next(iter(self._known))
                remove(self._known.pop(oldest).path.parent)


class _Named(io.BytesIO):
    """Bytes with a name for messages."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


def _read(path: Path, name: str, max_pixels: int) -> Picture:
    """Read a picture as the command line does, but under the name that its owner has given."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NeuralPaintError(f"{name!r} cannot be read ({error.strerror}): try again") from error
    return load_picture(_Named(content, name), max_pixels=max_pixels, alpha=True)


def _finish(incoming: Incoming) -> None:
    try:
        incoming.close()
    except OSError as error:
        raise write_error(incoming.path, error) from error


def _preview(picture: Picture) -> bytes:
    image: Image.Image = image_of(picture.pixels)
    image.thumbnail((_PREVIEW, _PREVIEW), Image.Resampling.LANCZOS)
    encoded = io.BytesIO()
    mode = "RGB" if picture.channels == 3 else "RGBA"
    image.convert(mode).save(encoded, "WEBP", quality=88, method=2)
    return encoded.getvalue()


def shown_name(name: str) -> str:
    """Return a file's name without folders, in any system's spelling, and control characters."""
    name = PureWindowsPath(PurePosixPath(name).name).name
    name = "".join(c if c.isprintable() else "?" for c in name).strip()
    if len(name) > _NAME_LENGTH:
        suffix = _suffix(name)
        name = name[: _NAME_LENGTH - len(suffix)] + suffix
    return name or "picture"


def _suffix(name: str) -> str:
    """Return the suffix of a name if it is a plain one, in lower case."""
    suffix = PurePosixPath(name).suffix.lower()
    known = suffix.isascii() and suffix[1:].isalnum() and len(suffix) <= _SUFFIX_LENGTH
    return suffix if known else ""
