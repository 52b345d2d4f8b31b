"""Export a saved painting, or one moment of a take, as a function for other tools."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralpaint.errors import UsageError
from neuralpaint.export.formats import check_export, export_format, export_formats
from neuralpaint.pipelines.saved_networks import is_take, load_saved
from neuralpaint.pipelines.settings import MomentSettings
from neuralpaint.runtime.files import write_file

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = ["Export", "Exported"]


@dataclass(frozen=True)
class Exported:
    """The file that was written."""

    output: str
    format: str
    model: str
    weights: int  # of the model
    bytes: int  # of the file
    interrupted: bool = False


class Export:
    """The export of one painting or take to one file."""

    def __init__(
        self, saved: str | Path, output: str | Path, *, settings: MomentSettings, overwrite: bool
    ) -> None:
        """Encode the file in memory, so that every error occurs before anything is written.

        Raises:
            UsageError: an option cannot be used, the output exists or cannot be written there, or
                the format does not support the model.
            SavedError: the saved file is damaged, or written by a newer neuralpaint.
            EncodingError: a package is missing, or the folder is not writable.
        """
        self._saved, self._output = saved, check_export(output, overwrite=overwrite)
        self._painting = _load(saved, settings)
        chosen = export_format(output)
        self._format, self._encoded = export_formats.name_of(chosen), chosen.encode(self._painting)

    def facts(self) -> dict[str, Any]:
        """Return the plan of the export, for --dry-run and --json."""
        canvas = self._painting.canvas
        return {
            "input": str(self._saved),
            "output": str(self._output),
            "format": self._format,
            "model": self._painting.settings.model,
            "input_width": canvas.width,
            "input_height": canvas.height,
        }

    def run(self, report: Callable[[Any], None]) -> Exported:
        """Write the file. `report` is not called, because this is quick."""
        write_file(self._output, self._encoded)
        return Exported(
            output=str(self._output),
            format=self._format,
            model=self._painting.settings.model,
            weights=sum(weight.size for weight in self._painting.weights.values()),
            bytes=len(self._encoded),
        )


def _load(path: str | Path, settings: MomentSettings) -> Painting:
    """Return a saved painting, or the painting of a take at the chosen moment."""
    saved = load_saved(path, "cpu")
    if not is_take(saved):
        if settings.at is not None:
            raise UsageError("--at needs a take: a painting has only one moment")
        return saved
    steps = saved.at(math.inf).step  # raises if the take has no snapshots
    return saved.at(steps * settings.fraction(steps)).painting
