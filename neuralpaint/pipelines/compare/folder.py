"""The output folder of a comparison: its files, and which of them may be replaced."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from neuralpaint.errors import UsageError
from neuralpaint.image.pictures import Source
from neuralpaint.runtime.files import (
    check_output,
    check_output_folder,
    write_error,
    write_file,
)

__all__ = ["Folder", "csv_of", "json_of"]

_FILES = (
    "results.csv", "results.json", "report.html", "curves.png", "curves.svg", "grid.png",
    "race.mp4", "race.cover.jpg", "crops.png",
)  # fmt: skip
_STILLS, _VARIANTS = "stills", "contestants"
_KEPT = ("record.json", "still.png", "film.mkv")
_DIGEST = re.compile(r"[0-9a-f]{20}")
_STILL = re.compile(r"[a-z0-9.-]{1,80}\.png")


class Folder:
    """The output folder. Only files that a comparison has made are removed."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def check(self, source: Source, *, resume: bool, overwrite: bool, empty: bool) -> None:
        """Check that the results can be written, without leaving files behind.

        Args:
            source: the input, which must not be replaced.
            resume: whether a comparison in the folder is continued.
            overwrite: whether a comparison in the folder may be replaced.
            empty: whether the folder must be empty, unless `overwrite`.

        Raises:
            UsageError: the path is not a folder, its parent is missing, or it contains the input or
                a comparison that is neither resumed nor replaced.
            EncodingError: the folder cannot be written to.
        """
        if resume and overwrite:
            raise UsageError("--resume and -y exclude each other: give one of them")
        replace = overwrite or not empty
        check_output_folder(self.path, belongs=lambda name: True, overwrite=replace)
        there = [name for name in (*_FILES, _STILLS, _VARIANTS) if (self.path / name).exists()]
        if there and not resume and not overwrite:
            raise UsageError(
                f"{str(self.path)!r} contains a comparison ({', '.join(there)}): add --resume to "
                "continue it, -y to replace it, or choose another folder"
            )
        if isinstance(source, str | Path):
            # Every file in stills/, because stills of an earlier comparison are removed.
            in_stills = Path(source).resolve().parent == (self.path / _STILLS).resolve()
            if in_stills or any(_is_same(Path(source), self.path / name) for name in _FILES):
                raise UsageError(
                    f"the results would replace the input {str(source)!r}: choose another folder"
                )
        if self.path.is_dir():
            for name in _FILES:
                check_output(self.path / name, overwrite=True)

    def make(self) -> None:
        """Make the folder and its subfolders.

        Raises:
            EncodingError: they cannot be made.
        """
        for folder in (self.path, self.path / _STILLS, self.path / _VARIANTS):
            _make(folder)

    def remove_if_empty(self) -> None:
        """Remove the folders that are empty."""
        folders = [*self._variant_folders(), self.path / _STILLS, self.path / _VARIANTS, self.path]
        for folder in folders:
            with contextlib.suppress(OSError):
                folder.rmdir()

    def variant(self, digest: str, *, make: bool = False) -> Path:
        """Return the folder of a variant, which contains what `--resume` needs.

        Raises:
            EncodingError: it cannot be made.
        """
        folder = self.path / _VARIANTS / digest
        if make:
            _make(folder)
        return folder

    def still(self, slug: str) -> Path:
        """Return the path of the still of a variant."""
        return self.path / _STILLS / f"{slug}.png"

    def write(self, name: str, content: bytes | str) -> None:
        """Write a file, complete or not at all.

        Raises:
            EncodingError: it cannot be written.
        """
        write_file(self.path / name, content)

    def tidy(self, *, made: Iterable[str], keep: Iterable[str] | None) -> None:
        """Remove the files that an earlier comparison has made and this one has not.

        Args:
            made: the files of this one, relative to the folder.
            keep: the variants, by digest, whose files stay; None for all.
        """
        for name in set(self._listed()) - set(made):
            with contextlib.suppress(OSError):
                (self.path / name).unlink(missing_ok=True)
        if keep is None:
            return
        for folder in set(self._variant_folders()) - {self.variant(each) for each in keep}:
            self.forget(folder.name)

    def forget(self, digest: str) -> None:
        """Remove the files of a variant."""
        folder = self.variant(digest)
        for name in _KEPT:
            with contextlib.suppress(OSError):
                (folder / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # files that are not ours stay
            folder.rmdir()

    def _listed(self) -> list[str]:
        """Return the files that results.json lists."""
        try:
            listed = json.loads((self.path / "results.json").read_text("utf-8"))["files"]
        except (OSError, ValueError, KeyError, TypeError):
            return []
        names = [name for name in listed if isinstance(name, str)] if listed else []
        return [name for name in names if name in _FILES or _is_still(name)]

    def _variant_folders(self) -> list[Path]:
        try:
            within = list((self.path / _VARIANTS).iterdir())
        except OSError:
            return []
        return [folder for folder in within if _DIGEST.fullmatch(folder.name)]


def csv_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows with the same keys as CSV, with a heading; None and NaN are empty cells."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows[0])
    writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float):
        return f"{value:.10g}"
    text = str(value)
    # A spreadsheet must not take text for a formula.
    formula = isinstance(value, str) and text.startswith(("=", "+", "-", "@"))
    return f"'{text}" if formula else text


def json_of(content: Mapping[str, Any], *, indent: int | None = None) -> str:
    """Return the content as JSON: NaN as null, infinity and paths as text."""
    return json.dumps(_plain(content), indent=indent, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return str(value) if isinstance(value, Path) else value


def _make(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise write_error(folder, error) from error


def _is_still(name: str) -> bool:
    folder, _, file = name.partition("/")
    return folder == _STILLS and _STILL.fullmatch(file) is not None


def _is_same(a: Path, b: Path) -> bool:
    try:
        return a.samefile(b)
    except OSError:
        return False
