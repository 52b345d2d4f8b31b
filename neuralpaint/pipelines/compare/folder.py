"""The folder of a comparison: what is in it, what may be replaced, and how it is written."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

from neuralpaint.errors import EncodingError, UsageError
from neuralpaint.image.pictures import Source
from neuralpaint.runtime.files import (
    check_output,
    check_output_folder,
    part_file,
    remove_stale_parts,
    write_error,
)

__all__ = ["Folder", "write_file"]

_FILES = (
    "results.csv", "results.json", "report.html", "curves.png", "curves.svg", "grid.png",
    "race.mp4", "crops.png",
)  # fmt: skip
_STILLS, _CONTESTANTS = "stills", "contestants"
_KEPT = ("record.json", "still.png", "film.mkv")
_DIGEST = re.compile(r"[0-9a-f]{20}")
_STILL = re.compile(r"[a-z0-9.-]{1,80}\.png")


class Folder:
    """Where everything goes. Only what a comparison has made itself is ever removed."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def check(self, source: Source, *, resume: bool, overwrite: bool) -> None:
        """Raise what would keep the results from being written; nothing is left behind.

        Raises:
            UsageError: it is no folder, the one above is missing, it holds a comparison that was
                to be neither resumed nor replaced, or it holds the picture under a name of ours.
            EncodingError: it cannot be written to.
        """
        if resume and overwrite:
            raise UsageError("--resume and -y exclude each other: give one of them")
        check_output_folder(self.path, belongs=lambda name: True, overwrite=True)
        there = [name for name in (*_FILES, _STILLS, _CONTESTANTS) if (self.path / name).exists()]
        if there and not resume and not overwrite:
            raise UsageError(
                f"{str(self.path)!r} holds a comparison ({', '.join(there)}): add --resume to go "
                "on with it, -y to replace it, or choose another folder"
            )
        for name in _FILES:
            if self.path.is_dir():
                check_output(self.path / name, overwrite=True)
            if isinstance(source, str | Path) and _is_same(Path(source), self.path / name):
                raise UsageError(
                    f"the input is {name} in the output folder {str(self.path)!r}: choose another "
                    "folder"
                )

    def make(self) -> None:
        """Make the folder and those in it.

        Raises:
            EncodingError: they cannot be made.
        """
        for folder in (self.path, self.path / _STILLS, self.path / _CONTESTANTS):
            self._make(folder)

    def leave(self) -> None:
        """Remove the folders again that have stayed empty."""
        folders = [*self._kept_folders(), self.path / _STILLS, self.path / _CONTESTANTS, self.path]
        for folder in folders:
            with contextlib.suppress(OSError):
                folder.rmdir()

    def contestant(self, digest: str) -> Path:
        """Return the folder of a contestant."""
        return self.path / _CONTESTANTS / digest

    def make_contestant(self, digest: str) -> Path:
        """Return it, made.

        Raises:
            EncodingError: it cannot be made.
        """
        folder = self.contestant(digest)
        self._make(folder)
        return folder

    def still(self, slug: str) -> Path:
        """Return where the still of a contestant goes."""
        return self.path / _STILLS / f"{slug}.png"

    def write(self, name: str, content: bytes | str) -> None:
        """Write a file, complete or not at all.

        Raises:
            EncodingError: it cannot be written.
        """
        write_file(self.path / name, content)

    def tidy(self, *, made: Iterable[str], keep: Iterable[str] | None) -> None:
        """Remove what an earlier comparison has made and this one has not.

        Args:
            made: the files of this one, relative to the folder.
            keep: the contestants, by digest, whose files stay; None for all.
        """
        for name in set(self._listed()) - set(made):
            with contextlib.suppress(OSError):
                (self.path / name).unlink(missing_ok=True)
        if keep is None:
            return
        for folder in set(self._kept_folders()) - {self.contestant(each) for each in keep}:
            self.forget(folder.name)

    def forget(self, digest: str) -> None:
        """Remove what was kept of a contestant."""
        folder = self.contestant(digest)
        for name in _KEPT:
            with contextlib.suppress(OSError):
                (folder / name).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # somebody else has put something there
            folder.rmdir()

    def _listed(self) -> list[str]:
        """Return the files that the comparison here says it has made."""
        try:
            listed = json.loads((self.path / "results.json").read_text("utf-8"))["files"]
        except (OSError, ValueError, KeyError, TypeError):
            return []
        names = [name for name in listed if isinstance(name, str)] if listed else []
        return [name for name in names if name in _FILES or _is_still(name)]

    def _kept_folders(self) -> list[Path]:
        try:
            within = list((self.path / _CONTESTANTS).iterdir())
        except OSError:
            return []
        return [folder for folder in within if _DIGEST.fullmatch(folder.name)]

    def _make(self, folder: Path) -> None:
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise write_error(folder, error) from error


def write_file(path: Path, content: bytes | str) -> None:
    """Write a file, complete or not at all.

    Raises:
        EncodingError: it cannot be written.
    """
    if path.is_dir():
        raise EncodingError(f"{str(path)!r} is a folder: move it away")
    encoded = content.encode("utf-8", "replace") if isinstance(content, str) else content
    remove_stale_parts(path)
    with part_file(path) as part:
        part.path.write_bytes(encoded)
        part.publish()


def _is_still(name: str) -> bool:
    folder, _, file = name.partition("/")
    return folder == _STILLS and _STILL.fullmatch(file) is not None


def _is_same(a: Path, b: Path) -> bool:
    try:
        return a.samefile(b)
    except OSError:
        return False
