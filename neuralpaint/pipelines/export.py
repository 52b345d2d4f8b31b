"""Export a saved painting or a take as a function for other tools, or as a page."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuralpaint.errors import UsageError
from neuralpaint.export.formats import check_export, export_format, export_formats
from neuralpaint.export.moments import Moments
from neuralpaint.pipelines.saved_networks import is_take, load_saved
from neuralpaint.pipelines.settings import MomentSettings
from neuralpaint.runtime.files import write_file

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
        self,
        saved: str | Path,
        output: str | Path,
        *,
        settings: MomentSettings,
        given: Mapping[str, Any] | None = None,
        overwrite: bool,
    ) -> None:
        """Encode the file in memory, so that every error occurs before anything is written.

        `given` are the settings of the format that differ from its defaults.

        Raises:
            UsageError: an option cannot be used, the output exists or cannot be written there, or
                the format does not support the model.
            SavedError: the saved file is damaged, or written by a newer neuralpaint.
            EncodingError: a package is missing, or the folder is not writable.
        """
        self._saved, self._output = saved, check_export(output, overwrite=overwrite)
        moments = _load(saved, settings)
        self._painting = moments.painting
        chosen = export_format(output, given=given)
        self._format = export_formats.name_of(chosen)
        self._encoded = chosen.encode_moments(moments)

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


def _load(path: str | Path, settings: MomentSettings) -> Moments:
    """Return the moment of a painting, or the chosen moments of a take."""
    saved = load_saved(path, "cpu")
    if is_take(saved):
        steps = saved.at(math.inf).step  # raises if the take has no snapshots
        fraction = None if settings.at is None else settings.fraction(steps)
        return Moments.of_take(saved, fraction=fraction)
    if settings.at is not None:
        raise UsageError("--at needs a take: a painting has only one moment")
    return Moments.of_painting(saved)
