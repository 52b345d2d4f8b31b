"""The font of all text: Source Sans Pro, and for characters that it lacks, a font of the system.

Source Sans Pro (Paul D. Hunt, SIL Open Font License 1.1) has Latin letters with all accents, Greek
and Cyrillic, and all its digits have the same advance, so a counter does not move while it counts.
A font that has a character is found by drawing it: a font draws the same box for all characters
that it lacks.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
import os
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from PIL import ImageFont

from neuralpaint.errors import EncodingError

__all__ = ["Run", "font_of", "runs"]

Run = tuple[str, str]
"""Characters that one font has, and the path of its file."""

_log = logging.getLogger(__name__)

_PACKAGE = "font_source_sans_pro"
_FILE = Path("files", "SourceSansPro-Regular.ttf")
_EM = 1.05  # of a size: then a capital is 0.69 of the size high
_PROBE = 40  # pixels: at this size, two glyphs differ if their outlines do
_MISSING = "\U0010fffe"  # never a character
_SOFT_HYPHEN = "\u00ad"  # fonts draw it, but it is for line breaks
_UNREADABLE = "?"
_SUFFIXES = {".ttf", ".otf", ".ttc", ".otc"}
_MOST_FONTS = 500  # of the system, that are searched
# Words in the name of a font's file; the more of the first and the fewer of the second, the earlier
# it is searched.
_PLAIN = ("sans", "regular", "noto", "dejavu", "arial", "gothic")
_SPECIAL = ("bold", "italic", "oblique", "mono", "serif", "condensed", "black", "thin", "light")


@functools.lru_cache(maxsize=1024)
def runs(text: str) -> tuple[Run, ...]:
    """Return the text as parts that are drawn with one font each.

    A character that no font has is written as similar letters, or as a question mark, and reported
    once. Characters without a shape, such as the selector of a coloured emoji, are left out.

    Raises:
        EncodingError: the font is not installed, or Pillow was built without FreeType.
    """
    own, found, missing = _own_font(), list[Run](), ""
    for character in unicodedata.normalize("NFC", text):
        path, last = own, found[-1][1] if found else own
        if character.isspace():
            character, path = " ", last
        elif unicodedata.category(character) in ("Cc", "Cf", "Mn", "Me", "Cs"):
            if character == _SOFT_HYPHEN or not _has(last, character):
                continue
            path = last  # it changes the character before it
        elif not _has(own, character):
            other = _font_with(character)
            if other is None:
                missing += character
                character = _readable(character)
            path = other or own
        if found and path == last:
            found[-1] = found[-1][0] + character, path
        else:
            found.append((character, path))
    _report_missing(missing)
    return tuple(found)


@functools.lru_cache(maxsize=32)
def font_of(path: str, size: int) -> ImageFont.FreeTypeFont:
    """Return the font of a run in a size in pixels; a capital is 0.69 of the size high.

    Raises:
        EncodingError: Pillow was built without FreeType.
    """
    return _opened(path, _EM * size)


def _opened(
    path: str, size: float, *, layout: ImageFont.Layout | None = None
) -> ImageFont.FreeTypeFont:
    try:
        return ImageFont.truetype(path, size, layout_engine=layout)
    except ImportError:
        raise EncodingError(
            "this Pillow has no FreeType and cannot write text: reinstall it with "
            "`pip install --force-reinstall pillow`, or leave the overlays out"
        ) from None


@functools.cache
def _own_font() -> str:
    """Return the path of the font; its package is found but not imported, which would take time."""
    package = importlib.util.find_spec(_PACKAGE)
    for folder in (package and package.submodule_search_locations) or ():
        if (path := Path(folder) / _FILE).is_file():
            return str(path)
    raise EncodingError(
        "the font for text is missing: install it with `pip install font-source-sans-pro`"
    )


@functools.lru_cache(maxsize=4096)
def _has(path: str, character: str) -> bool:
    """Return whether a font has a glyph for a character, which may be an invisible one."""
    return _glyph(path, character) != _glyph(path, _MISSING)


@functools.lru_cache(maxsize=4096)
def _glyph(path: str, character: str) -> tuple[float, tuple[int, int], bytes]:
    """Return the advance, the size and the pixels of a character."""
    # The basic layout maps each character to its glyph, without dotted circles below accents.
    font = _opened(path, _PROBE, layout=ImageFont.Layout.BASIC)
    mask = font.getmask(character)
    return font.getlength(character), mask.size, bytes(mask)


@functools.lru_cache(maxsize=4096)
def _font_with(character: str) -> str | None:
    """Return the system's first font with a glyph for a character; those in use come first."""
    for path in (*_in_use, *_system_fonts()):
        try:
            has = _has(path, character)
        except (OSError, ValueError):  # damaged, or with bitmaps of other sizes only
            continue
        if has:
            _in_use[path] = None
            return path
    return None


_in_use: dict[str, None] = {}  # in order: the letters of a word should come from one font


@functools.cache
def _system_fonts() -> tuple[str, ...]:
    """Return the files of the system's fonts, those for ordinary text first."""
    files = {path for folder in _folders() for path in _files(folder)}
    return tuple(sorted(files, key=_oddity)[:_MOST_FONTS])


def _oddity(path: str) -> tuple[int, str]:
    name = Path(path).stem.lower()
    special = sum(word in name for word in _SPECIAL)
    return special - sum(word in name for word in _PLAIN), path


def _files(folder: Path) -> Iterator[str]:
    for inner, _, names in os.walk(folder):
        yield from (str(Path(inner, n)) for n in names if Path(n).suffix.lower() in _SUFFIXES)


def _folders() -> list[Path]:
    """Return the folders in which the operating system keeps its fonts."""
    home = Path(os.path.expanduser("~"))
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", str(home / "AppData" / "Local"))
        return [
            Path(os.environ.get("WINDIR", r"C:\Windows"), "Fonts"),
            Path(local, "Microsoft", "Windows", "Fonts"),
        ]
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library" / "Fonts"]
    shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    own = os.environ.get("XDG_DATA_HOME") or str(home / ".local" / "share")
    return [*(Path(each, "fonts") for each in (*shared.split(":"), own)), home / ".fonts"]


def _readable(character: str) -> str:
    """Return letters of the font instead of a character that no font has."""
    plain = unicodedata.normalize("NFKD", character)
    letters = "".join(c for c in plain if not unicodedata.combining(c))
    return letters if letters and all(_has(_own_font(), c) for c in letters) else _UNREADABLE


def _report_missing(characters: str) -> None:
    """Log, once for each, the characters that no font has."""
    if new := "".join(dict.fromkeys(c for c in characters if c not in _reported)):
        _reported.update(new)
        code_points = ", ".join(f"U+{ord(c):04X}" for c in new)
        _log.warning(
            "no font has %s (%s): similar letters or ? are written; install a font that has them, "
            "such as Noto", new, code_points,
        )  # fmt: skip


_reported: set[str] = set()
