"""Exporting: a saved painting, or a moment of a take, as a function for other tools."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralpaint.errors import UsageError
from neuralpaint.export.formats import (
    check_export,
    export_format,
    export_formats,
    save_export,
)
from neuralpaint.pipelines.instant import InstantSettings
from neuralpaint.pipelines.saved import load_saved

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = ["Export", "Exported"]


@dataclass(frozen=True)
class Exported:
    """What was written."""

    output: str
    format: str
    model: str
    weights: int  # of the model
    bytes: int  # of the file
    interrupted: bool = False


class Export:
    """One file to be made of a painting or a take."""

    def __init__(
        self, saved: str | Path, output: str | Path, *, settings: InstantSettings, overwrite: bool
    ) -> None:
        """Make it in memory, so that whatever can be wrong is known before anything is written.

        Raises:
            UsageError: an option cannot be used, the output exists or cannot be there, or the
                format has no room for the model.
            SavedError: what was saved is damaged, or by a newer neuralpaint.
            EncodingError: a package is missing, or the folder cannot be written to.
        """
        self._saved, self._output = saved, check_export(output, overwrite=overwrite)
        self._painting = _painting(saved, settings)
        form = export_format(output)
        self._format, self._encoded = export_formats.name_of(form), form.encode(self._painting)

    def facts(self) -> dict[str, Any]:
        """Return what is going to be made, for a person or a program to read."""
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
        """Write the file; there is nothing to report on the way."""
        save_export(self._encoded, self._output)
        return Exported(
            output=str(self._output),
            format=self._format,
            model=self._painting.settings.model,
            weights=sum(weight.size for weight in self._painting.weights.values()),
            bytes=len(self._encoded),
        )


def _painting(path: str | Path, settings: InstantSettings) -> Painting:
    """Return what a file holds, or held at one moment."""
    from neuralpaint.models.painting import Painting

    saved = load_saved(path, "cpu")
    if isinstance(saved, Painting):
        if settings.at is not None:
            raise UsageError("--at is about takes: a painting has one moment only")
        return saved
    steps = saved.at(math.inf).step  # says so where there is no snapshot at all
    return saved.at(steps * settings.fraction(steps)).painting
