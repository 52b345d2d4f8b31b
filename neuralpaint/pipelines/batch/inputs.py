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


def read_inputs(words: Sequence[str | Path], *, results: str | Path) -> list[Row]:
    """Return the pictures that the words name, in their order.

    A word is a picture, a folder of pictures, a pattern such as `photos/**/*.jpg`, or a table: a
    CSV with a column `input` and optionally `output` and options, or a TOML file of such tables,
    `[[picture]]`, after options that all of them share.

    Hidden files, and those in the folder of the results, are inputs only if they are named; part
    files and results of an earlier run are none.

    Raises:
        UsageError: there is no such file, or nothing in it, or a table cannot be read.
    """
    rows: list[Row] = []
    given = set()  # a picture may be named by several words, but is one
    for row in (row for word in words for row in _rows(str(word), results)):
        path = "" if row.where else os.path.abspath(row.source)
        if not path or path not in given:
            rows.append(row)
            given.add(path)
    if not rows:
        raise UsageError("no pictures: give files, folders, patterns such as 'in/*.jpg', or a .csv")
    return rows


def _rows(word: str, results: str | Path) -> Iterator[Row]:
    suffix = Path(word).suffix.lower()
    if word == "-":
        raise UsageError("standard input is one picture: give the names of files")
    if suffix in _TABLES:
        yield from _table(Path(word), results)
    else:
        for source in _sources(word, results=results):
            yield Row(source)


def _sources(word: str, *, base: str = "", results: str | Path) -> list[str]:
    """Return the pictures that a word names, sorted; a missing file is reported.

    `base` is the folder to which the word is relative.
    """
    path, known = os.path.join(base, word), picture_suffixes()
    if os.path.isdir(path):
        names = sorted(name for name in os.listdir(path) if not name.startswith("."))
        listed = [os.path.join(path, name) for name in names if _suffix(name) in known]
        if not listed:
            raise UsageError(f"the folder {path!r} contains no pictures: give another one")
        return _without(results, listed, word=path)
    if os.path.lexists(path):
        return [path]
    if not glob.has_magic(word):
        raise UsageError(f"no file {path!r}: {suggest_path(Path(path))}")
    names = sorted(glob.glob(os.path.join(glob.escape(base), word), recursive=True))
    found = [name for name in names if os.path.isfile(name)]
    # A pattern such as photos/* means the pictures.
    pictures = [name for name in found if _suffix(name) in known] or found
    if not pictures:
        raise UsageError(f"no file matches {path!r}: check the pattern")
    return _without(results, pictures, word=path)


def _without(results: str | Path, paths: Sequence[str], *, word: str) -> list[str]:
    """Return the paths that are not in the folder of the results."""
    folder = os.path.realpath(results)
    inside = {
        parent
        for parent in {os.path.dirname(path) for path in paths}
        if Path(os.path.realpath(parent)).is_relative_to(folder)
    }
    others = [path for path in paths if os.path.dirname(path) not in inside]
    if not others:
        raise UsageError(
            f"{word!r} contains only files in the folder of the results, {str(results)!r}: choose "
            "another folder, or name each picture"
        )
    return others


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _table(path: Path, results: str | Path) -> Iterator[Row]:
    try:
        entries = _csv(path) if path.suffix.lower() == ".csv" else _toml(path)
        for where, values in entries:
            yield from _row(path, where, dict(values), results=results)
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
        reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
        if "input" not in reader.fieldnames:
            raise UsageError(f"{str(path)!r} has no column 'input': its first line names them")
        for values in reader:
            where = f"{path.name}, line {reader.line_num}"
            if None in values:
                raise UsageError(f"{where}: it has more cells than the first line")
            yield where, values


def _toml(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    shared = tomllib.loads(path.read_text("utf-8-sig"))
    pictures = shared.pop("picture", None)
    if not isinstance(pictures, list) or not all(isinstance(each, dict) for each in pictures):
        raise UsageError(f"{str(path)!r} has no [[picture]]: give one for each picture")
    for number, values in enumerate(pictures, 1):
        yield f"{path.name}, picture {number}", shared | values


def _row(path: Path, where: str, values: dict[str, Any], *, results: str | Path) -> Iterator[Row]:
    """Yield the rows of an entry of a table, whose input may be a folder or a pattern."""
    texts = {
        name.replace("_", "-"): _text(value)
        for name, value in values.items()
        if value is not None and _text(value) != ""
    }
    source, output = texts.pop("input", None), texts.pop("output", None)
    if source is None:
        raise UsageError(f"{where}: it has no input")
    sources = _sources(source, base=str(path.parent), results=results)
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
