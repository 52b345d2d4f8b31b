"""What is checked before a batch starts: names, folder and options."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from neuralpaint.errors import UsageError
from neuralpaint.pipelines.batch.item import Item
from neuralpaint.pipelines.batch.manifest import NAME
from neuralpaint.runtime.files import check_output, check_output_folder

__all__ = ["check_folder", "check_names", "check_nothing_is_replaced", "check_options"]


def check_names(items: Sequence[Item], folder: Path) -> None:
    """Check that all files that are written or read have different names.

    Raises:
        UsageError: a file would be written twice, or would replace one that is read; or a file has
            the name of a folder of another one.
    """
    read = {_key(path) for item in items for path in item.inputs.values()}
    written: dict[str, tuple[Item, str]] = {}
    for item in items:
        for name in item.names.values():
            path = _key(folder / name)
            if path in read:
                what = f"an input would be replaced by the result of {item.source!r},"
                raise _collision(what, folder / name)
            if path in written:
                other, _ = written[path]
                both = f"{other.source!r} and {item.source!r} would both become"
                if other is item:
                    both = f"two files of {item.source!r} would both become"
                raise _collision(both, folder / name)
            written[path] = item, name
    folders = _folders((*read, *written))
    for path, (item, name) in written.items():
        if path in folders:
            what = f"a folder of other files has the name of the result of {item.source!r},"
            raise _collision(what, folder / name)


def _key(path: str | Path) -> str:
    """Return the same text for all paths that may be one file.

    Links are resolved, because a file is written through them; and some file systems do not
    distinguish upper case from lower case, or the two ways to write an accent.
    """
    return unicodedata.normalize("NFC", os.path.realpath(path)).casefold()


def _folders(paths: Iterable[str]) -> set[str]:
    """Return all folders on the way to the paths."""
    folders: set[str] = set()
    for path in paths:
        parent = os.path.dirname(path)
        while parent not in folders:
            folders.add(parent)
            parent = os.path.dirname(parent)
    return folders


def _collision(what: str, path: Path) -> UsageError:
    return UsageError(
        f"{what} {str(path)!r}: choose other names, for example "
        f"--name '{{folder}}-{{name}}{path.suffix}'"
    )


def check_folder(folder: Path) -> None:
    """Check that the folder of the results exists and can be written to, or can be created.

    Raises:
        UsageError: it is not a folder, or its parent does not exist.
        EncodingError: it, or its parent, cannot be written to.
    """
    if os.path.isdir(folder):
        check_output(folder / NAME, overwrite=True)
    else:
        check_output_folder(folder, belongs=lambda name: True)


def check_nothing_is_replaced(items: Sequence[Item], folder: Path) -> None:
    """Check that the folder contains neither a batch nor a file with the name of a result.

    Raises:
        UsageError: it does.
    """
    if os.path.lexists(folder / NAME):
        raise UsageError(
            f"{str(folder)!r} contains a batch: add --resume to continue it, -y to replace it, or "
            "choose another folder"
        )
    if not os.path.isdir(folder):
        return
    for item in items:
        for name in item.names.values():
            path = folder / name
            if os.path.lexists(path):  # unlike Path.exists, false if a name is too long
                if name.endswith("/"):
                    check_output_folder(path, belongs=lambda name: True)
                else:
                    check_output(path)


def check_options(items: Sequence[Item], folder: Path) -> None:
    """Check the options of each group of items that share them.

    Raises:
        UsageError: see `Item.check`.
        EncodingError: see `Item.check`.
    """
    checked = set()
    for item in items:
        suffix = Path(item.name).suffix, item.name.endswith("/")
        group = item.settings, suffix, item.audio
        if group not in checked:
            checked.add(group)
            item.check(folder)
