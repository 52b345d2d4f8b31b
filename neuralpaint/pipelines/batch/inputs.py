"""The inputs of a batch: pictures, folders, globs, and tables with options for each picture."""

from __future__ import annotations

import csv
import glob
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neuralpaint.errors import UsageError
from neuralpaint.image.picture_files import suggest_path
from neuralpaint.image.picture_formats import picture_suffixes

__all__ = ["Row", "read_inputs"]

_TABLES = {".csv", ".toml"}


@dataclass(frozen=True, slots=True)
class Row:
    """One picture of a batch, and its own options."""

    source: str
    output: str | None = None
    """The name of its result in the folder; None: made from the name of the picture."""
    options: Mapping[str, str] = field(default_factory=dict)
    where: str = ""
    """Its place in a table, for messages."""
    folder: str = ""
    """The folder of the table, to which paths in it are relative."""


def read_inputs(words: Sequence[str | Path]) -> list[Row]:
    """Return the pictures that the words name, in their order.

    A word is a picture, a folder of pictures, a pattern such as `photos/**/*.jpg`, or a table: a
    CSV with a column `input` and optionally `output` and options, or a TOML file of such tables,
    `[[picture]]`, after options that all of them share.

    Raises:
        UsageError: there is no such file, or nothing in it, or a table cannot be read.
    """
    rows: list[Row] = []
    given = set()  # a picture may be named by several words, but is one
    for row in (row for word in words for row in _rows(str(word))):
        path = "" if row.where else os.path.abspath(row.source)
        if not path or path not in given:
            rows.append(row)
            given.add(path)
    if not rows:
        raise UsageError("no pictures: give files, folders, patterns such as 'in/*.jpg', or a .csv")
    return rows


def _rows(word: str) -> Iterator[Row]:
    suffix = Path(word).suffix.lower()
    if word == "-":
        raise UsageError("standard input is one picture: give the names of files")
    if suffix in _TABLES:
        yield from _table(Path(word))
    else:
        for source in _sources(word):
            yield Row(source)


def _sources(word: str) -> list[str]:
    """Return the pictures that a word names, sorted; a missing file is reported."""
    if os.path.isdir(word):
        known = picture_suffixes()
        names = sorted(os.listdir(word))
        found = [os.path.join(word, name) for name in names if _suffix(name) in known]
        if not found:
            raise UsageError(f"the folder {word!r} contains no pictures: give another one")
        return found
    if os.path.lexists(word) or not glob.has_magic(word):
        if not os.path.lexists(word):
            raise UsageError(f"no file {word!r}: {suggest_path(Path(word))}")
        return [word]
    known = picture_suffixes()
    names = sorted(glob.glob(word, recursive=True))
    found = [name for name in names if os.path.isfile(name)]
    # A pattern such as photos/* means the pictures.
    pictures = [name for name in found if _suffix(name) in known] or found
    if not pictures:
        raise UsageError(f"no file matches {word!r}: check the pattern")
    return pictures


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _table(path: Path) -> Iterator[Row]:
    try:
        entries = _csv(path) if path.suffix.lower() == ".csv" else _toml(path)
        for where, values in entries:
            yield from _row(path, where, dict(values))
    except FileNotFoundError:
        raise UsageError(f"no file {str(path)!r}: {suggest_path(path)}") from None
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error, tomllib.TOMLDecodeError) as error:
        kind = path.suffix[1:].upper()
        raise UsageError(f"{str(path)!r} is not a table ({error}): give a {kind} file") from error


def _csv(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        if "input" not in (reader.fieldnames or ()):
            raise UsageError(f"{str(path)!r} has no column 'input': its first line names them")
        for values in reader:
            where = f"{path.name}, line {reader.line_num}"
            if None in values:
                raise UsageError(f"{where}: it has more cells than the first line")
            yield where, values


def _toml(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    shared = tomllib.loads(path.read_text("utf-8"))
    pictures = shared.pop("picture", None)
    if not isinstance(pictures, list) or not all(isinstance(each, dict) for each in pictures):
        raise UsageError(f"{str(path)!r} has no [[picture]]: give one for each picture")
    for number, values in enumerate(pictures, 1):
        yield f"{path.name}, picture {number}", shared | values


def _row(path: Path, where: str, values: dict[str, Any]) -> Iterator[Row]:
    """Yield the rows of an entry of a table, whose input may be a folder or a pattern."""
    texts = {
        name.strip().replace("_", "-"): _text(value)
        for name, value in values.items()
        if value is not None and _text(value) != ""
    }
    source, output = texts.pop("input", None), texts.pop("output", None)
    if source is None:
        raise UsageError(f"{where}: it has no input")
    sources = _sources(os.path.join(path.parent, source))
    if output is not None and len(sources) > 1:
        raise UsageError(f"{where}: {source!r} are {len(sources)} pictures, and {output!r} is one")
    for each in sources:
        yield Row(each, output, texts, where, str(path.parent))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return str(value).strip()
