"""Paint: train on a picture and render the result once, at any size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from neuralpaint.config.presets import expanded
from neuralpaint.config.settings import ComposedSettings, group
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.image.pictures import PictureSettings, Source
from neuralpaint.image.still_files import check_still, stores_alpha
from neuralpaint.pipelines.job import Result
from neuralpaint.pipelines.masking import MaskSettings, PictureReader, ReferenceSettings
from neuralpaint.pipelines.note import Note, noted_source
from neuralpaint.pipelines.outputs import check_is_still
from neuralpaint.pipelines.settings import RunSettings, StillSettings
from neuralpaint.pipelines.snapshot_sources import FromTraining
from neuralpaint.pipelines.still import Still
from neuralpaint.pipelines.transparency import why_opaque
from neuralpaint.rendering.viewport import detail_of
from neuralpaint.runtime.progress import Report, ignore
from neuralpaint.runtime.threads import set_threads
from neuralpaint.storage.resume import Resume
from neuralpaint.training.losses import MSE, losses
from neuralpaint.training.settings import TrainingSettings

__all__ = ["PaintSettings", "paint", "prepare_paint"]

_SNAPSHOTS = 100  # of the training; at each, a time limit is checked


@dataclass(frozen=True, init=False)
class PaintSettings(ComposedSettings):
    """All settings of `paint`."""

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
    """Train on a picture and write what the network has learned as a still.

    A `KeyboardInterrupt` during the training writes what has been learned so far, and sets
    `Result.interrupted`.

    `record` writes a take with a hundred snapshots; `options` are fields of `PaintSettings`, for
    example `scale=4`, instead of `settings`. All other arguments are as in `timelapse`.

    Raises:
        NeuralPaintError: as in `timelapse`.
    """
    files = Resume(output, record=record, save=save, resume=resume, overwrite=overwrite)
    chosen = PaintSettings.given(settings, expanded(PaintSettings, options))
    return prepare_paint(source, output, settings=chosen, resume=files).run(report)


def prepare_paint(
    source: Source,
    output: str | Path,
    *,
    settings: PaintSettings,
    resume: Resume | None = None,
    began: float | None = None,
) -> Still:
    """Return the job that `paint` runs, after all checks.

    Raises:
        NeuralPaintError: as in `paint`.
    """
    set_threads(settings.training.machine.threads)
    resume = resume or Resume(output)
    overwrite = resume.may_replace_output()
    check_is_still(output)
    check_still(output, overwrite=overwrite)  # before the picture is read
    resume.check(source)
    opaque = why_opaque(
        output,
        stores_alpha=stores_alpha(output),
        training=settings.training,
        masking=settings.masking,
    )
    reader = PictureReader(
        settings.picture, settings.masking, settings.reference, why_opaque=opaque
    )
    picture = reader.load(source)
    training = FromTraining(
        picture,
        settings.training,
        limits=settings.run,
        note=Note("paint", noted_source(source, picture), str(output), settings),
        resume=resume,
        detail=lambda canvas: detail_of(canvas, settings.view, camera=None),
        reports_psnr=isinstance(losses.parse(settings.training.loss), MSE),
    )
    return Still(
        output,
        source=training,
        fractions=[i / _SNAPSHOTS for i in range(_SNAPSHOTS + 1)],
        still=settings.still,
        view=settings.view,
        bars=settings.picture.bar_colour,
        paper=settings.picture.chosen_colour,
        overwrite=overwrite,
        budget=settings.run.budget,
        began=began,
    )
