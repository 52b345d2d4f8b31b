"""Picture sets: files and folders become an album of pictures with codes.

All pictures get the size of the first one, or `--input-size`: each is scaled until it covers that
size, then cropped around its centre. Without --input-size, the first is reduced to at most 1280
pixels along each side (256 for a model with a weight per pixel).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import UsageError
from neuralpaint.image.picture_files import suggest_path
from neuralpaint.image.picture_formats import picture_suffixes
from neuralpaint.image.pictures import Picture, PictureSettings
from neuralpaint.models import models
from neuralpaint.models.codes import Album
from neuralpaint.pipelines.masking import MaskSettings, PictureReader
from neuralpaint.video.frames import is_animated

__all__ = ["CodesFrom", "fitting_size", "load_album", "picture_files"]

CodesFrom = Literal["one-hot", "from-names"]

_BUTTONS = re.compile(r"[01]+", re.ASCII)
# Pixels of a picture's side, unless --input-size sets it; with a weight per pixel, 1280 would take
# a gigabyte.
_LONGEST, _LONGEST_PER_PIXEL = 1280, 256


def picture_files(sources: Sequence[str | Path]) -> list[Path]:
    """Return the files of the pictures; of a folder all pictures in it, sorted by name.

    Raises:
        UsageError: there are fewer than two, or a folder contains none.
    """
    files: list[Path] = []
    for source in map(Path, sources):
        if str(source) == "-":
            raise UsageError(
                "morph reads standard input only with --frames-in: add it, or give files"
            )
        if not source.exists():
            raise UsageError(f"no file or folder {str(source)!r}: {suggest_path(source)}")
        if source.is_dir():
            files += _pictures_in(source)
        else:
            files.append(source)
    if len(files) == 1 and is_animated(files[0]):
        raise UsageError(
            f"{str(files[0])!r} is animated: set the number of frames to learn, such as "
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
        raise UsageError(f"the folder {str(folder)!r} contains no pictures: give another one")
    return found


def load_album(
    files: Sequence[Path],
    *,
    picture: PictureSettings,
    masking: MaskSettings,
    model: str,
    codes: CodesFrom,
) -> Album:
    """Return the album of some files.

    Raises:
        UsageError: a file does not exist, two files have the same code, or a file's name is not a
            code.
        PictureError: a file cannot be read.
    """
    chosen = _codes(files, codes)
    first = PictureReader(picture, masking).load(files[0])
    if picture.input_size is None:
        per_pixel = models.parse(model).needs_all_pixels
        longest = _LONGEST_PER_PIXEL if per_pixel else _LONGEST
        height, width = fitting_size(height=first.height, width=first.width, longest=longest)
        picture = replace(picture, input_size=f"{width}x{height}")
        if (height, width) != (first.height, first.width):
            first = PictureReader(picture, masking).load(files[0])
    reader = PictureReader(picture, masking)
    return Album(_distinct([first, *(reader.load(file) for file in files[1:])], files), chosen)


def fitting_size(*, height: int, width: int, longest: int) -> tuple[int, int]:
    """Return the (height, width) of the same shape whose longer side is at most `longest`."""
    scale = min(1.0, longest / max(height, width))
    return max(1, round(scale * height)), max(1, round(scale * width))


def _distinct(pictures: Sequence[Picture], files: Sequence[Path]) -> list[Picture]:
    """Return the pictures with different names: with their folder's, or with a number."""
    names = [picture.name for picture in pictures]
    names = [
        f"{file.absolute().parent.name}/{name}" if names.count(name) > 1 else name
        for name, file in zip(names, files, strict=True)
    ]
    numbers = [names[: i + 1].count(name) for i, name in enumerate(names)]
    return [
        replace(each, name=f"{name} ({number})" if names.count(name) > 1 else name)
        for each, name, number in zip(pictures, names, numbers, strict=True)
    ]


def _codes(files: Sequence[Path], codes: CodesFrom) -> NDArray[np.float32]:
    if codes == "one-hot":
        return np.eye(len(files), dtype=np.float32)
    for file in files:
        if _BUTTONS.fullmatch(file.stem) is None:
            raise UsageError(
                f"--codes from-names: {file.name!r} contains no code: name it by the buttons that "
                "are pressed, such as 10110000.png"
            )
        if len(file.stem) != len(files[0].stem):
            raise UsageError(
                f"--codes from-names: {files[0].name!r} has {len(files[0].stem)} buttons and "
                f"{file.name!r} {len(file.stem)}: all must have the same number"
            )
    return np.array([[float(digit) for digit in file.stem] for file in files], np.float32)
