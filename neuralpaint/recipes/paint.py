"""The still: train on a picture and render what was learned, once, at any size."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import ImageColor

from neuralpaint.canvas import Canvas, CanvasSettings
from neuralpaint.learning import TrainingSettings, learn, learner, stops_by_clock
from neuralpaint.pacing import Fixed
from neuralpaint.pictures import PictureSettings, Source, load_picture
from neuralpaint.recipes.provenance import Note
from neuralpaint.recipes.report import (
    Phase,
    Progress,
    Report,
    Result,
    ignore,
    peak_memory_mb,
    training_facts,
)
from neuralpaint.rendering import fidelity, letterbox, render
from neuralpaint.stills import check_still, save_still

__all__ = ["Paint", "PaintSettings", "paint"]

_LOOKS = 100  # how often the plan of a training by the clock is made anew


@dataclass(frozen=True)
class PaintSettings(CanvasSettings, TrainingSettings, PictureSettings):
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
    settings = settings or PaintSettings.from_dict(options)
    return Paint(source, output, settings=settings, overwrite=overwrite).run(report)


class Paint:
    """One still to be made: everything that can be checked has been when it is constructed."""

    def __init__(
        self,
        source: Source,
        output: str | Path,
        *,
        settings: PaintSettings,
        overwrite: bool = False,
    ) -> None:
        self._began = time.perf_counter()
        self.output = Path(output)
        self.settings = settings
        self._overwrite = overwrite
        check_still(self.output, overwrite=overwrite)
        self.picture = load_picture(
            source, background=settings.background, max_pixels=settings.max_pixels
        )
        whole = Canvas.of(height=self.picture.height, width=self.picture.width)
        self._canvas, self.frame = settings.views(whole)
        self.learner = learner(self.picture, settings)
        self._loss = math.nan

    def facts(self) -> dict[str, Any]:
        """Return what is going to be made, for a person or a program to read."""
        return {
            "input": self.picture.name,
            "input_width": self.picture.width,
            "input_height": self.picture.height,
            "output": str(self.output),
            "width": self.frame.width,
            "height": self.frame.height,
            **training_facts(self.learner, self.settings),
        }

    def run(self, report: Report = ignore) -> Result:
        """Train, render and write the still."""
        interrupted = not self._train(report)
        painting = self.learner.painting()
        report(self._progress("film"))
        frame = letterbox(
            render(painting, self._canvas),
            height=self.frame.height,
            width=self.frame.width,
            colour=ImageColor.getrgb(self.settings.background)[:3],
        )
        report(self._progress("encode"))
        note = Note("paint", self.picture.name, self.output.name, self.settings)
        save_still(frame, self.output, text=note.text(), overwrite=self._overwrite)
        return self._result(fidelity(painting, self.picture), interrupted=interrupted)

    def _train(self, report: Report) -> bool:
        """Train to the end; return False where an interruption stopped it after it had begun."""

        def look(loss: float) -> None:
            self._loss = loss
            report(self._progress("train"))

        seconds = self.settings.seconds
        stops: Iterable[int] = [self.learner.steps]
        if seconds is not None:
            stops = stops_by_clock(self.learner, Fixed().fractions(_LOOKS), seconds=seconds)
        try:
            for _ in learn(self.learner, stops, look=look):
                pass
        except KeyboardInterrupt:
            if self.learner.step == 0:
                raise
            return False
        return True

    def _progress(self, phase: Phase) -> Progress:
        learner = self.learner
        return Progress(phase, learner.step, learner.steps, learner.seconds, self._loss)

    def _result(self, psnr: float, *, interrupted: bool) -> Result:
        return Result(
            output=self.output,
            width=self.frame.width,
            height=self.frame.height,
            frames=1,
            fps=None,
            steps=self.learner.step,
            train_seconds=self.learner.seconds,
            total_seconds=time.perf_counter() - self._began,
            psnr=psnr,
            device=self.learner.device,
            seed=self.settings.seed,
            peak_memory_mb=peak_memory_mb(),
            interrupted=interrupted,
        )
