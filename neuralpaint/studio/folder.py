"""The folder of what was made: one sub-folder per training, with the files that belong to it.

    2026-11-30-rocket/
        training.json       title, settings, when, steps, PSNR
        picture.jpg         the picture, as it was uploaded
        thumbnail.webp
        film.mp4 film.take film.painting, then film-2.mp4, still.png, film.html, ...

A page names a training and a file; both are looked up in what a scan of the folder has found. So no
text from a page ever becomes a path. A scan takes plain files and folders only, no links.

Several processes can use one folder: sub-folders are created exclusively, the one that is in use is
locked, and uploads are kept in a folder of the process.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import re
import shutil
import threading
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from neuralpaint.errors import UsageError
from neuralpaint.image.pictures import PictureSettings
from neuralpaint.runtime.files import (
    FolderLock,
    part_file,
    remove,
    remove_stale_parts,
    write_error,
)
from neuralpaint.storage.resume import Resume
from neuralpaint.studio.training import Training, is_plain_file
from neuralpaint.studio.uploads import PictureUpload, SoundUpload, Uploads

__all__ = ["Kind", "MadeFile", "MadeFolder"]

Kind = Literal["clip", "still", "take", "painting", "page", "picture"]

_THUMBNAIL = "thumbnail.webp"
_THUMBNAIL_SIDE = 320  # pixels
_SLUG_LENGTH = 40
_BY_SUFFIX: dict[str, Kind] = {".take": "take", ".painting": "painting", ".html": "page"}
_BY_NAME: dict[str, Kind] = {"film": "clip", "still": "still"}
_FILE = re.compile(r"(film|still|picture)(?:-\d{1,6})?(\.cover)?(\.[a-z0-9]{1,8})?")


@dataclass(frozen=True)
class MadeFile:
    """A file of a training."""

    path: Path
    kind: Kind
    bytes: int


@dataclass(frozen=True)
class _Found:
    """What a scan has found of one training."""

    training: Training
    files: Mapping[str, MadeFile]
    thumbnail: Path | None
    item: Mapping[str, Any]
    """What a page is told of it."""


class MadeFolder:
    """The folder of all trainings. All methods may be called from any thread."""

    def __init__(self, path: str | Path, *, max_pixels: int = PictureSettings.max_pixels) -> None:
        """Open the folder, and create it if there is none; its parent must exist.

        Raises:
            UsageError: the path is no folder, or its parent does not exist.
            EncodingError: it cannot be written to.
        """
        self.path = _opened(Path(path))
        uploads = self.path / "uploads"
        remove_stale_parts(uploads)
        self._closing = contextlib.ExitStack()
        temporary = self._closing.enter_context(part_file(uploads, folder=True))
        self.uploads = Uploads(temporary.path, max_pixels=max_pixels)
        self._lock, self._scanning = threading.Lock(), threading.Lock()
        self._found: dict[str, _Found] = {}
        self._items: list[Mapping[str, Any]] = []
        self.refresh()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the uploads."""
        self._closing.close()

    def refresh(self) -> None:
        """Scan the folder again, after files were made or removed."""
        with self._scanning:  # so that the newest scan is the one that stays
            scanned = [each for each in map(_scanned, _folders(self.path)) if each]
            found = {each.training.id: each for each in scanned}
            ordered = sorted(scanned, key=_order, reverse=True)
            with self._lock:
                self._found, self._items = found, [each.item for each in ordered]

    def has(self, made: str) -> bool:
        """Return whether the last scan has found a training."""
        with self._lock:
            return made in self._found

    def items(self) -> list[Mapping[str, Any]]:
        """Return the items of the event `made`, the newest first: the same list until a scan.

        The training that is running here or elsewhere is not among them.
        """
        with self._lock:
            return self._items

    def file(self, made: str, name: str) -> MadeFile | None:
        """Return a file of a training, if the last scan has found it and it still is there."""
        with self._lock:
            found = self._found.get(made)
        known = found.files.get(name) if found else None
        return known if known and is_plain_file(known.path) else None

    def thumbnail(self, made: str) -> Path | None:
        """Return a small WebP of a training's picture."""
        with self._lock:
            found = self._found.get(made)
        path = found.thumbnail if found else None
        return path if path and is_plain_file(path) else None

    def begin(
        self,
        picture: PictureUpload,
        settings: Mapping[str, str],
        *,
        sound: SoundUpload | None = None,
    ) -> Training:
        """Create the sub-folder of a new training, with its picture and sound; it is open.

        Raises:
            EncodingError: the folder cannot be written to, or its disk is full.
        """
        now = datetime.datetime.now(datetime.UTC)
        path = _created(self.path, f"{now.astimezone():%Y-%m-%d}-{_slug(picture.name)}")
        training = Training.begin(
            path,
            title=picture.name,
            when=now.isoformat(timespec="seconds"),
            settings=dict(settings),
        )
        try:
            shutil.copyfile(picture.path, path / f"picture{picture.path.suffix}")
            if sound is not None:
                shutil.copyfile(sound.path, path / f"sound{sound.path.suffix}")
            _write_thumbnail(picture.preview, path / _THUMBNAIL)
            training.update()
        except BaseException as error:
            training.close()
            remove(path)
            if isinstance(error, OSError):
                raise write_error(path, error) from error
            raise
        return training

    def open(self, made: str) -> Training:
        """Open an earlier training, to continue it or to make more of it.

        Raises:
            UsageError: there is no such training, or it is open already.
        """
        if not self.has(made):
            self.refresh()  # another studio may have made it
        with self._lock:
            found = self._found.get(made)
        if found is None or not found.training.path.is_dir():
            raise UsageError("this training is not in the folder any more: reload the page")
        return found.training.open()


def _opened(path: Path) -> Path:
    if path.exists() and not path.is_dir():
        raise UsageError(f"--folder {str(path)!r} is a file: name a folder")
    try:
        path.mkdir(exist_ok=True)
    except FileNotFoundError:
        raise UsageError(
            f"--folder {str(path)!r}: there is no folder {str(path.parent)!r}; create it first"
        ) from None
    except OSError as error:
        raise write_error(path, error) from error
    return path.resolve()


def _folders(path: Path) -> list[Path]:
    try:
        with os.scandir(path) as entries:
            return [
                path / entry.name
                for entry in entries
                if entry.is_dir(follow_symlinks=False)
                and not entry.name.startswith(".")
                and entry.name.isprintable()  # a name that is no UTF-8 has no address
            ]
    except OSError:
        return []


def _scanned(path: Path) -> _Found | None:
    """Return a training that has ended; None for any other folder."""
    training = Training.read(path)
    if training is None:
        return None
    files = {}
    with contextlib.suppress(OSError), os.scandir(path) as entries:
        for entry in sorted(entries, key=lambda e: e.name):
            kind = _kind(entry.name)
            if kind is not None and entry.is_file(follow_symlinks=False):
                size = entry.stat(follow_symlinks=False).st_size
                files[entry.name] = MadeFile(path / entry.name, kind, size)
    is_interrupted = is_plain_file(Resume.checkpoint_path(path / "film.mp4"))
    if not is_interrupted and all(file.kind == "picture" for file in files.values()):
        return None  # nothing was made
    is_complete = "film.mp4" in files and not is_interrupted
    if not is_complete and FolderLock.is_locked(path):
        return None  # it is running, and not just rendered again
    thumbnail = path / _THUMBNAIL
    return _Found(
        training,
        files,
        thumbnail=thumbnail if is_plain_file(thumbnail) else None,
        item={
            "id": training.id,
            "title": training.title,
            "when": training.when,
            "steps": training.steps,
            "psnr": training.psnr,
            "state": "interrupted" if is_interrupted else "done" if is_complete else "failed",
            "files": [
                {"name": name, "kind": file.kind, "bytes": file.bytes}
                for name, file in files.items()
            ],
        },
    )


def _kind(name: str) -> Kind | None:
    """Return the kind of a file by its name; None if a page may not have it."""
    found = _FILE.fullmatch(name)
    if found is None:
        return None
    stem, cover, suffix = found.groups()
    if stem == "picture":  # whatever the suffix of the uploaded file says
        return "picture"
    return "still" if cover else _BY_SUFFIX.get(suffix or "", _BY_NAME[stem])


def _order(found: _Found) -> tuple[str, int]:
    """Return what trainings are sorted by: when they began, then the number of their folder."""
    number = found.training.id.rpartition("-")[2]
    is_number = number.isascii() and number.isdigit()
    return found.training.when, int(number) if is_number else 1


def _slug(name: str) -> str:
    """Return a file's name in lower-case ASCII letters, digits and dashes, without its suffix."""
    ascii_name = unicodedata.normalize("NFKD", Path(name).stem).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_name.lower()).strip("-")[:_SLUG_LENGTH].strip("-")
    return slug or "picture"


def _created(folder: Path, name: str) -> Path:
    """Create and return a sub-folder with this name, or with a number after it."""
    for number in range(1, 1_000_000):
        path = folder / (name if number == 1 else f"{name}-{number}")
        try:
            path.mkdir()
        except FileExistsError:
            continue
        except OSError as error:
            raise write_error(path, error) from error
        return path
    raise UsageError(f"{str(folder)!r} is full of trainings named {name}: choose another --folder")


def _write_thumbnail(preview: Path, output: Path) -> None:
    from PIL import Image

    with Image.open(preview) as image:
        image.thumbnail((_THUMBNAIL_SIDE, _THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
        image.save(output, "WEBP", quality=85, method=4)
