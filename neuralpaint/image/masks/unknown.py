"""Unknown: a mask's name or file becomes what is unknown of one picture, or is refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from neuralpaint.errors import UnknownNameError, UsageError
from neuralpaint.image.masks.entries import Mask, Unknown, masks
from neuralpaint.image.pictures import PictureSettings
from neuralpaint.image.sources import Source, closest

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
    mask: str,
    *,
    height: int,
    width: int,
    source: Source | None = None,
    kind: str = "mask",
    max_pixels: int = PictureSettings.max_pixels,
) -> Unknown:
    """Return a mask by its name or file as it is, (height, width) in [0, 1].

    `source` is where the picture came from, for the mask `alpha`; `kind` is what an error calls it;
    a file of more than `max_pixels` is refused.

    Raises:
        UsageError: no such mask or file, or the file is of another shape.
        PictureError: its file cannot be read.
    """
    from neuralpaint.image.masks.files import read_mask

    chosen = parse_mask(mask, kind=kind)
    if not isinstance(chosen, Path):
        return chosen.draw(height, width, source=source)
    if not chosen.exists():
        choices = ", ".join(sorted(masks))
        found = closest(chosen).removesuffix("?")
        raise UsageError(f"no {kind} file {mask!r}: {found}, or draw one of {choices}")
    return read_mask(chosen, height=height, width=width, kind=kind, max_pixels=max_pixels)


def unknown_of(
    mask: str,
    *,
    height: int,
    width: int,
    source: Source | None = None,
    invert: bool = False,
    max_pixels: int = PictureSettings.max_pixels,
) -> Unknown:
    """Return what is unknown of a picture by a mask's name or file, (height, width) in [0, 1].

    `source` is where the picture came from, for the mask `alpha`; `invert` changes known and
    unknown.

    Raises:
        UsageError: no such mask; it hides nothing, or everything.
        PictureError: its file cannot be read.
    """
    unknown = drawn(mask, height=height, width=width, source=source, max_pixels=max_pixels)
    if invert:
        unknown = 1 - unknown
    hidden = unknown > 0.5
    if hidden.any() and not hidden.all():
        return unknown
    how_much = "all" if hidden.any() else "nothing"
    raise UsageError(
        f"the mask {mask!r} hides {how_much} of {width}x{height} pixels: "
        f"{_advice(mask, hides_all=bool(hidden.any()), invert=invert)}"
    )


def _advice(mask: str, *, hides_all: bool, invert: bool) -> str:
    """Return what to do about a mask that is the same everywhere."""
    if not isinstance(parse_mask(mask), Path):
        return "choose another share, or a larger picture"
    unknown, known = ("black", "white") if invert else ("white", "black")
    if hides_all:
        return f"leave what is to be learned from {known}"
    return f"make {unknown}, or transparent, what is to be filled in"
