"""Gathering: files and folders become an album.

All pictures get the size of the first one, or `--input-size`: each is scaled until it covers that,
and its middle is taken. The first is made smaller where it is larger than a clip shows it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import UsageError
from neuralpaint.image.pictures import Picture
from neuralpaint.image.sources import picture_suffixes, suggest_path
from neuralpaint.models import models
from neuralpaint.models.codes import Album
from neuralpaint.pipelines.masking import PictureReader
from neuralpaint.pipelines.morph.settings import MorphSettings
from neuralpaint.pipelines.morph.sizes import fitting
from neuralpaint.video.frames import is_animated

__all__ = ["files_of", "gather"]

_BUTTONS = re.compile(r"[01]+", re.ASCII)
# Pixels of a picture's side, unless another size is asked for; with weights for every pixel, 1280
# would be a gigabyte of them.
_LONGEST, _LONGEST_WHOLE = 1280, 256


def files_of(sources: Sequence[str | Path]) -> list[Path]:
    """Return the pictures' files: of a folder all that it holds, by name.

    Raises:
        UsageError: there are fewer than two, or a folder holds none.
    """
    files: list[Path] = []
    for source in map(Path, sources):
        if str(source) == "-":
            raise UsageError("a morph is of files: stdin is read with --frames-in alone")
        if not source.exists():
            raise UsageError(f"no file or folder {str(source)!r}: {suggest_path(source)}")
        if source.is_dir():
            files += _pictures_in(source)
        else:
            files.append(source)
    if len(files) == 1 and is_animated(files[0]):
        raise UsageError(
            f"{str(files[0])!r} moves: say how many of its frames are learned, such as "
            "--frames-in 12, or give another picture"
        )
    if len(files) < 2:
        only = f" beside {str(files[0])!r}" if files else ""
        raise UsageError(f"a morph needs two pictures or more: give another one{only}, or a folder")
    return files


def _pictures_in(folder: Path) -> list[Path]:
    known = picture_suffixes()
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in known)
    found = [path for path in found if path.is_file() and not path.name.startswith(".")]
    if not found:
        raise UsageError(f"the folder {str(folder)!r} holds no pictures: give another one")
    return found


def gather(files: Sequence[Path], settings: MorphSettings) -> Album:
    """Return the album of some files.

    Raises:
        UsageError: a file is not there, two have one code, or a name holds none.
        PictureError: one cannot be read.
    """
    codes = _codes(files, settings)
    picture = settings.picture
    first = PictureReader(picture, settings.masking).load(files[0])
    if picture.input_size is None:
        whole = models.parse(settings.training.model).needs_all_pixels
        height, width = fitting(
            first.height, first.width, longest=_LONGEST_WHOLE if whole else _LONGEST
        )
        picture = replace(picture, input_size=f"{width}x{height}")
        first = PictureReader(picture, settings.masking).load(files[0])
    reader = PictureReader(picture, settings.masking)
    return Album(_distinct([first, *(reader.load(file) for file in files[1:])], files), codes)


def _distinct(pictures: Sequence[Picture], files: Sequence[Path]) -> list[Picture]:
    """Return the pictures, with the folder in the names of those that have one name."""
    names = [picture.name for picture in pictures]
    return [
        replace(picture, name=f"{file.parent.name}/{picture.name}")
        if names.count(picture.name) > 1
        else picture
        for picture, file in zip(pictures, files, strict=True)
    ]


def _codes(files: Sequence[Path], settings: MorphSettings) -> NDArray[np.float32]:
    if settings.codes == "one-hot":
        return np.eye(len(files), dtype=np.float32)
    for file in files:
        if _BUTTONS.fullmatch(file.stem) is None:
            raise UsageError(
                f"--codes from-names: {file.name!r} says no buttons: name it by those that are on, "
                "such as 10110000.png"
            )
        if len(file.stem) != len(files[0].stem):
            raise UsageError(
                f"--codes from-names: {files[0].name!r} says {len(files[0].stem)} buttons and "
                f"{file.name!r} {len(file.stem)}: all must have the same"
            )
    return np.array([[float(digit) for digit in file.stem] for file in files], np.float32)
