"""The timelapse: train on a picture and film it. The main job."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

from neuralpaint.config.settings import ComposedSettings, group, options
from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.image.pictures import PictureSettings, Source
from neuralpaint.models.codes import Subject
from neuralpaint.pipelines.clip import Clip
from neuralpaint.pipelines.clip_settings import ClipSettings, TimelapseSettings
from neuralpaint.pipelines.detail import LONGEST_CLIP, detail_of
from neuralpaint.pipelines.live import Live, RunSettings
from neuralpaint.pipelines.masking import MaskSettings, PictureReader, ReferenceSettings
from neuralpaint.pipelines.morph.moving import MovingSettings, check_moving, gather_frames
from neuralpaint.pipelines.morph.walking import played
from neuralpaint.pipelines.report import Report, Result, ignore
from neuralpaint.rendering.camera import cameras
from neuralpaint.storage.resume.keeping import Keeping
from neuralpaint.training.settings import TrainingSettings
from neuralpaint.video.formats import format_for
from neuralpaint.video.playback import PlaybackSettings
from neuralpaint.video.sinks import check_clip

__all__ = ["VideoSettings", "prepare_timelapse", "timelapse"]

_MODEL_OF_FRAMES = "morph"  # unless another than the usual is asked for


@dataclass(frozen=True, init=False)
class VideoSettings(ComposedSettings):
    """Everything that shapes a clip."""

    section: ClassVar[str] = "Clip"
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = (("every", "seconds", "budget"),)

    playback: PlaybackSettings = group(PlaybackSettings)
    timelapse: TimelapseSettings = group(TimelapseSettings)
    video: ClipSettings = group(ClipSettings)
    view: CanvasSettings = group(CanvasSettings)
    training: TrainingSettings = group(TrainingSettings)
    run: RunSettings = group(RunSettings)
    masking: MaskSettings = group(MaskSettings)
    reference: ReferenceSettings = group(ReferenceSettings)
    moving: MovingSettings = group(MovingSettings)
    picture: PictureSettings = group(PictureSettings)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_moving(self.moving, self.changes())
        if self.timelapse.every is None:
            self.playback.playback()  # raises if the clip has no room for what was asked
        train_on = self.training.optimization.train_on
        if self.video.frames_from == "training" and train_on != "all":
            raise UsageError(
                f"--frames-from training shows what is trained on, and --train-on {train_on} "
                "leaves the rest out: choose --frames-from auto"
            )
        if self.video.frames_from == "training" and self.training.target.factor > 1:
            raise UsageError(
                "--frames-from training shows the picture's own pixels, and --target-scale and "
                "--enhance have others learned: choose --frames-from auto"
            )


def timelapse(
    source: Source,
    output: str | Path,
    *,
    settings: VideoSettings | None = None,
    audio: str | Path | None = None,
    record: str | Path | None = None,
    save: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    report: Report = ignore,
    **options: object,
) -> Result:
    """Train on a picture and film it.

    A `KeyboardInterrupt` while it works finishes the clip with what has been filmed; the result
    says so.

    Args:
        source: a path, an open binary file, or "-" for standard input.
        output: the clip; its suffix chooses the format.
        settings: everything that shapes the clip.
        audio: a sound file to lay under the clip.
        record: a take of the training to be written.
        save: where to save the painting that it ends with.
        resume: whether to go on with an interrupted run for `output`, if there is one.
        overwrite: whether `output`, `record` and `save` may exist.
        report: called with the progress, several times a second.
        **options: fields of `VideoSettings`, in place of `settings`: for example `steps=3000`.

    Raises:
        UsageError: an option cannot be used, or the output exists or cannot be there.
        PictureError: the picture cannot be read.
        DeviceError: the device is not there or has too little memory.
        DivergedError: the loss became NaN; the clip so far has been written.
        EncodingError: the clip cannot be written.
        SavedError: what an interrupted run has left is damaged.
    """
    keeping = Keeping.of(record=record, save=save, resume=resume, overwrite=overwrite)
    chosen = VideoSettings.given(settings, options)
    return prepare_timelapse(source, output, settings=chosen, audio=audio, keeping=keeping).run(
        report
    )


def prepare_timelapse(
    source: Source,
    output: str | Path,
    *,
    settings: VideoSettings,
    audio: str | Path | None = None,
    keeping: Keeping | None = None,
    began: float | None = None,
) -> Clip:
    """Return the job that `timelapse` does; all that can be checked is checked.

    Raises:
        NeuralPaintError: as `timelapse` says.
    """
    keeping = keeping or Keeping()
    sound = None if audio is None else Path(audio)
    overwrite = keeping.may_replace(output)
    # Once before the picture is read, and with its size once more after.
    form = format_for(output, settings.video.format)
    check_clip(output, form, audio=sound, overwrite=overwrite)
    keeping.check(source, output)
    moving = None
    subject: Subject
    if settings.moving.frames_in is not None:
        moving = gather_frames(source, settings.picture, settings.moving)
        subject = moving.album
        # What plays goes on to its last frame.
        settings = settings.replaced(hold=settings.playback.hold or 0.0)
        if settings.training.model == options(VideoSettings)["model"].default:
            settings = settings.replaced(model=_MODEL_OF_FRAMES)
    else:
        reader = PictureReader(settings.picture, settings.masking, settings.reference)
        subject = reader.load(source)
    live = Live(
        source,
        output,
        subject=subject,
        training=settings.training,
        run=settings.run,
        settings=settings,
        recipe="video",
        keeping=keeping,
        detail=partial(_detail, settings=settings),
        films=True,
        audio=sound,
        pace=None if moving is None else moving.pace._asdict(),
    )
    return Clip(
        output,
        footage=live
        if moving is None
        else played(live, moving.pace, settings.playback, settings.timelapse),
        playback=settings.playback,
        timelapse=settings.timelapse,
        settings=settings.video,
        view=settings.view,
        bars=settings.picture.background_colour,
        audio=sound,
        overwrite=overwrite,
        budget=settings.run.budget,
        began=began,
    )


def _detail(picture: Canvas, *, settings: VideoSettings) -> float:
    """Return how many pixels of a frame there are to one pixel of the picture, at most."""
    if settings.video.frames_from == "training":
        return 1.0  # it shows what is learned, at the picture's own size
    camera = None if settings.video.camera is None else cameras.parse(settings.video.camera)
    return detail_of(picture, settings.view, longest=LONGEST_CLIP, camera=camera)
