"""Unknown: a mask's name or file becomes what is unknown of one picture, or is refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from neuralpaint.errors import UnknownNameError, UsageError
from neuralpaint.masks.entries import Mask, Unknown, masks
from neuralpaint.sources import Source, closest

__all__ = ["MaskNames", "drawn", "mask_names", "parse_mask", "unknown_of"]


class MaskNames:
    """What a setting needs to know of masks: it is one by name, or a file."""

    def __iter__(self) -> Iterator[str]:
        return iter(masks)

    def parse(self, text: str) -> Mask | Path:
        """Check a name or what may be a file; see `parse_mask`."""
        return parse_mask(text)

    def parse_list(self, text: str) -> list[Mask | Path]:
        """Check the only one: a file's name may have commas."""
        return [parse_mask(text)]


mask_names = MaskNames()


def parse_mask(text: str, *, kind: str = "mask") -> Mask | Path:
    """Return the mask that is drawn by a name or, where no mask has it, the file of that name.

    A file that is called like a mask is meant by `./random`. Whether a file with a suffix or in a
    folder is there is not looked at yet. `kind` is what an error calls it.

    Raises:
        UsageError: it is neither, or a setting of the mask is wrong; the message lists the choices.
    """
    name = text.strip().partition(":")[0]
    if name in masks:
        return masks.parse(text)
    path = Path(text)
    in_folder = path.name not in ("", text)
    # Not the `exists` of a Path, which complains of what cannot be a file's name.
    if in_folder or (path.suffix and ":" not in text) or os.path.isfile(text):
        return path
    raise UnknownNameError(f"{kind}, and no file,", name, masks)


def drawn(
    mask: str, *, height: int, width: int, source: Source | None = None, kind: str = "mask"
) -> Unknown:
    """Return a mask by its name or file as it is, (height, width) in [0, 1].

    `source` is where the picture came from, for the mask `alpha`; `kind` is what an error calls it.

    Raises:
        UsageError: no such mask or file, or the file is of another shape.
        PictureError: its file cannot be read.
    """
    from neuralpaint.masks.files import read_mask

    chosen = parse_mask(mask, kind=kind)
    if not isinstance(chosen, Path):
        return chosen.draw(height, width, source=source)
    if not chosen.exists():
        choices = ", ".join(sorted(masks))
        raise UsageError(f"no {kind} file {mask!r}: {closest(chosen)}; or draw one of {choices}")
    return read_mask(chosen, height=height, width=width)


def unknown_of(
    mask: str, *, height: int, width: int, source: Source | None = None, invert: bool = False
) -> Unknown:
    """Return what is unknown of a picture by a mask's name or file, (height, width) in [0, 1].

    `source` is where the picture came from, for the mask `alpha`; `invert` changes known and
    unknown.

    Raises:
        UsageError: no such mask; it hides nothing, or everything.
        PictureError: its file cannot be read.
    """
    unknown = drawn(mask, height=height, width=width, source=source)
    if invert:
        unknown = 1 - unknown
    hidden = unknown > 0.5
    if not hidden.any():
        raise UsageError(
            f"the mask {mask!r} hides nothing of {width}x{height} pixels: what is "
            f"{'black' if invert else 'white'} or {'opaque' if invert else 'transparent'} is "
            f"unknown; {_otherwise(invert)}"
        )
    if hidden.all():
        raise UsageError(
            f"the mask {mask!r} hides all of {width}x{height} pixels, and nothing is left to learn "
            f"from; {_otherwise(invert)}"
        )
    return unknown


def _otherwise(invert: bool) -> str:
    return "leave --invert out for the contrary" if invert else "give --invert for the contrary"
