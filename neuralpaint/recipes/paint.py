"""The still: train on a picture and render what was learned, once, at any size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuralpaint.losses import MSE, losses
from neuralpaint.metrics import psnr_of_mse
from neuralpaint.pictures import Source
from neuralpaint.recipes.job import Job, JobSettings
from neuralpaint.recipes.provenance import Note
from neuralpaint.recipes.report import Phase, Progress, Report, Result, ignore
from neuralpaint.stills import check_still, save_still

__all__ = ["Paint", "PaintSettings", "paint"]

_WRITING = 200e-9  # seconds per pixel that a budget sets aside
_LOOKS = 100  # how often the plan of a training by the clock is made anew


@dataclass(frozen=True)
class PaintSettings(JobSettings):
    """Everything that shapes a still."""


def paint(
    source: Source,
    output: str | Path,
    *,
    settings: PaintSettings | None = None,
    overwrite: bool = False,
    report: Report = ignore,
    **options: object,
) -> Result:
    """Train on a picture and write what the network says as a still.

    A `KeyboardInterrupt` while it trains writes what has been learned so far; the result says so.

    Args:
        source: a path, an open binary file, or "-" for standard input.
        output: the still; its suffix chooses the format.
        settings: everything that shapes the still.
        overwrite: whether `output` may exist.
        report: called with the progress, several times a second.
        **options: fields of `PaintSettings`, in place of `settings`: for example `scale=4`.

    Raises:
        UsageError: an option cannot be used, or the output exists or cannot be there.
        PictureError: the picture cannot be read.
        DeviceError: the device is not there or has too little memory.
        DivergedError: the loss became NaN.
        EncodingError: the still cannot be written.
    """
    chosen = PaintSettings.given(settings, options)
    return Paint(source, output, settings=chosen, overwrite=overwrite).run(report)


class Paint(Job):
    """One still to be made."""

    def __init__(
        self,
        source: Source,
        output: str | Path,
        *,
        settings: PaintSettings,
        overwrite: bool = False,
        began: float | None = None,
    ) -> None:
        self._overwrite = overwrite
        check_still(output, overwrite=overwrite)  # before the picture is read
        self._ahead: float | None = None
        super().__init__(source, output, settings=settings, began=began)

    def check(self) -> None:
        """Raise what would keep the still from being written."""
        check_still(
            self.output,
            overwrite=self._overwrite,
            height=self.stage.height,
            width=self.stage.width,
        )

    def facts(self) -> dict[str, Any]:
        """Return what is going to be made, for a person or a program to read."""
        return super().facts() | {"width": self.stage.width, "height": self.stage.height}

    def ahead(self) -> float:
        """Return about how many seconds rendering and writing the still will take."""
        if self._ahead is None:
            pixels = self.stage.height * self.stage.width
            rendering = self.stage.seconds_per_frame(self.learner.painting())
            self._ahead = rendering + pixels * _WRITING
        return self._ahead

    def run(self, report: Report = ignore) -> Result:
        """Train, render and write the still."""
        self.check_budget()
        fractions = [i / _LOOKS for i in range(_LOOKS + 1)]
        for snapshot in self.until_stopped(self.snapshots(fractions, report)):
            self._loss = snapshot.loss
        if self.stopped is not None and (self.learner.step == 0 or not self.interrupted):
            raise self.stopped
        painting = self.learner.painting()
        report(self.progress("film"))
        frame, quality = self.stage.finish(painting)
        report(self.progress("encode"))
        note = Note("paint", self.source, self.output.name, self.settings)
        save_still(frame, self.output, tag=note.text(), overwrite=self._overwrite)
        return self.result(
            height=self.stage.height,
            width=self.stage.width,
            frames=1,
            fps=None,
            psnr=quality,
        )

    def progress(self, phase: Phase) -> Progress:
        """Return where the job is; the PSNR is that of the newest batches."""
        if isinstance(losses.parse(self.settings.loss), MSE):
            self._psnr = psnr_of_mse(self._loss)
        return super().progress(phase)
