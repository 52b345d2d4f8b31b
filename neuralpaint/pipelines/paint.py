"""The painted still: train on a picture and render what was learned, once, at any size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from neuralpaint.config.settings import ComposedSettings, group
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.image.pictures import PictureSettings, Source
from neuralpaint.image.stills import check_still
from neuralpaint.pipelines.detail import detail_of
from neuralpaint.pipelines.live import Live, RunSettings
from neuralpaint.pipelines.masking import MaskSettings, PictureReader, ReferenceSettings
from neuralpaint.pipelines.report import Report, Result, ignore
from neuralpaint.pipelines.still import Still, StillSettings
from neuralpaint.storage.resume.keeping import Keeping
from neuralpaint.training.losses import MSE, losses
from neuralpaint.training.settings import TrainingSettings

__all__ = ["PaintSettings", "paint", "prepare_paint"]

_LOOKS = 100  # how often the plan of a training by the clock is made anew


@dataclass(frozen=True, init=False)
class PaintSettings(ComposedSettings):
    """Everything that shapes a still."""

    still: StillSettings = group(StillSettings)
    view: CanvasSettings = group(CanvasSettings)
    training: TrainingSettings = group(TrainingSettings)
    run: RunSettings = group(RunSettings)
    masking: MaskSettings = group(MaskSettings)
    reference: ReferenceSettings = group(ReferenceSettings)
    picture: PictureSettings = group(PictureSettings)


def paint(
    source: Source,
    output: str | Path,
    *,
    settings: PaintSettings | None = None,
    record: str | Path | None = None,
    save: str | Path | None = None,
    resume: bool = False,
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
        record: a take of the training to be written, of a hundred snapshots.
        save: where to save the painting that it ends with.
        resume: whether to go on with an interrupted run for `output`, if there is one.
        overwrite: whether `output`, `record` and `save` may exist.
        report: called with the progress, several times a second.
        **options: fields of `PaintSettings`, in place of `settings`: for example `scale=4`.

    Raises:
        UsageError: an option cannot be used, or the output exists or cannot be there.
        PictureError: the picture cannot be read.
        DeviceError: the device is not there or has too little memory.
        DivergedError: the loss became NaN.
        EncodingError: the still cannot be written.
        SavedError: what an interrupted run has left is damaged.
    """
    keeping = Keeping.of(record=record, save=save, resume=resume, overwrite=overwrite)
    chosen = PaintSettings.given(settings, options)
    return prepare_paint(source, output, settings=chosen, keeping=keeping).run(report)


def prepare_paint(
    source: Source,
    output: str | Path,
    *,
    settings: PaintSettings,
    keeping: Keeping | None = None,
    began: float | None = None,
) -> Still:
    """Return the job that `paint` does; all that can be checked is checked.

    Raises:
        NeuralPaintError: as `paint` says.
    """
    keeping = keeping or Keeping()
    overwrite = keeping.may_replace(output)
    check_still(output, overwrite=overwrite)  # before the picture is read
    keeping.check(source, output)
    reader = PictureReader(settings.picture, settings.masking, settings.reference)
    footage = Live(
        source,
        output,
        subject=reader.load(source),
        training=settings.training,
        run=settings.run,
        settings=settings,
        recipe="paint",
        keeping=keeping,
        detail=lambda picture: detail_of(picture, settings.view, camera=None),
    )
    return Still(
        output,
        footage=footage,
        fractions=[i / _LOOKS for i in range(_LOOKS + 1)],
        settings=settings.still,
        view=settings.view,
        bars=settings.picture.background_colour,
        minimises_mse=isinstance(losses.parse(settings.training.loss), MSE),
        overwrite=overwrite,
        budget=settings.run.budget,
        began=began,
    )
