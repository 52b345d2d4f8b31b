"""The folder of a comparison of upscalings: that of any comparison, with files of its own."""

from __future__ import annotations

from pathlib import Path

from neuralpaint.errors import UsageError
from neuralpaint.image.pictures import Source
from neuralpaint.pipelines.compare.folder import Folder
from neuralpaint.runtime.files import check_output, check_output_folder

__all__ = ["SHEET", "check_folder"]

SHEET = "crops.png"
_FILES = ("results.csv", "results.json", SHEET)


def check_folder(folder: Folder, source: Source, *, overwrite: bool) -> None:
    """Raise what would keep the results from being written; nothing is left behind.

    Raises:
        UsageError: it is no folder, the one above is missing, there is something in it and
            `overwrite` is false, or it holds the picture where results go.
        EncodingError: it cannot be written to.
    """
    check_output_folder(folder.path, belongs=lambda name: True, overwrite=overwrite)
    if isinstance(source, str | Path):
        picture, ours = Path(source).resolve(), folder.path.resolve()
        # All stills, for those of an earlier comparison are removed.
        if picture.parent == folder.still("any").parent.resolve() or any(
            picture == ours / name for name in _FILES
        ):
            raise UsageError(
                f"the input {str(source)!r} is where results go: choose another folder"
            )
    folder.check(source, resume=False, overwrite=True)
    if folder.path.is_dir():
        check_output(folder.path / SHEET, overwrite=True)
