"""Video: train on a picture and film it. The main pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from neuralpaint.config.presets import expanded
from neuralpaint.config.settings import ComposedSettings, group
from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.image.pictures import PictureSettings, Source
from neuralpaint.models.codes import Subject
from neuralpaint.pipelines.beats import check_beat
from neuralpaint.pipelines.clip import Clip, with_panels
from neuralpaint.pipelines.job import Result
from neuralpaint.pipelines.masking import MaskSettings, PictureReader, ReferenceSettings
from neuralpaint.pipelines.moving_input import MovingSettings, check_moving, load_moving, playing
from neuralpaint.pipelines.note import Note, noted_source
from neuralpaint.pipelines.outputs import check_is_clip, not_preset
from neuralpaint.pipelines.settings import ClipSettings, RunSettings, TimelapseSettings
from neuralpaint.pipelines.snapshot_sources import FromTraining
from neuralpaint.pipelines.transparency import why_opaque
from neuralpaint.rendering.viewport import LONGEST_CLIP, detail_of
from neuralpaint.runtime.progress import Report, ignore
from neuralpaint.runtime.threads import set_threads
from neuralpaint.storage.resume import Resume
from neuralpaint.training.settings import TrainingSettings
from neuralpaint.video.formats import format_for
from neuralpaint.video.playback import PlaybackSettings
from neuralpaint.video.sinks import check_clip

__all__ = ["VideoSettings", "prepare_video", "timelapse"]

_MODEL_OF_FRAMES = "morph"  # the default model for an input that moves


@dataclass(frozen=True, init=False)
class VideoSettings(ComposedSettings):
    """All settings of `video`."""

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

    @classmethod
    def implied(cls, chosen: Mapping[str, Any]) -> dict[str, Any]:
        """Return the default model of an input that moves."""
        moves = chosen.get("frames_in") is not None
        return {"model": _MODEL_OF_FRAMES} if moves else {}

    def __post_init__(self) -> None:
        super().__post_init__()
        check_moving(self.moving, self.changes())
        if self.timelapse.every is None:
            self.playback.playback()  # raises if the settings leave no time for a frame
        train_on = self.training.optimization.train_on
        if self.video.frames_from == "training" and train_on != "all":
            raise UsageError(
                f"--frames-from training shows the trained pixels, but --train-on {train_on} "
                "leaves out the rest: choose --frames-from auto"
            )
        if self.video.frames_from == "training" and self.training.target.factor > 1:
            raise UsageError(
                "--frames-from training shows the picture's own pixels, but --target-scale and "
                "--enhance train on a larger picture: choose --frames-from auto"
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

    A `KeyboardInterrupt` finishes the clip with the frames so far, and sets `Result.interrupted`.

    Args:
        source: a path, an open binary file, or "-" for standard input.
        output: the clip; its suffix chooses the format.
        settings: all settings of the clip.
        audio: a sound file for the clip.
        record: the file into which a take of the training is written.
        save: the file into which the painting at the end of the training is written.
        resume: whether to resume an interrupted run for `output`, if there is one.
        overwrite: whether `output`, `record` and `save` may exist.
        report: called with the progress, several times a second.
        **options: fields of `VideoSettings`, instead of `settings`: for example `steps=3000`.

    Raises:
        UsageError: an option cannot be used, or the output exists or cannot be written there.
        PictureError: the picture cannot be read.
        DeviceError: the device does not exist or has too little memory.
        DivergedError: the loss became NaN; the clip so far has been written.
        EncodingError: the clip cannot be written.
        SavedError: the files of an interrupted run are damaged.
    """
    files = Resume(output, record=record, save=save, resume=resume, overwrite=overwrite)
    chosen = VideoSettings.given(
        settings, expanded(VideoSettings, options, unused=not_preset(output))
    )
    return prepare_video(source, output, settings=chosen, audio=audio, resume=files).run(report)


def prepare_video(
    source: Source,
    output: str | Path,
    *,
    settings: VideoSettings,
    audio: str | Path | None = None,
    resume: Resume | None = None,
    began: float | None = None,
) -> Clip:
    """Return the job that `timelapse` runs, after all checks.

    Raises:
        NeuralPaintError: as in `timelapse`.
    """
    set_threads(settings.training.machine.threads)
    resume = resume or Resume(output)
    sound = None if audio is None else Path(audio)
    overwrite = resume.may_replace_output()
    if settings.video.format is None:
        check_is_clip(output)
    # Before the picture is read; `Clip` checks again, with the size of the frames.
    check_clip(output, format_for(output, settings.video.format), audio=sound, overwrite=overwrite)
    check_beat(settings.video, audio=sound, has_path=False)
    resume.check(source)
    pace = None
    subject: Subject
    if settings.moving.frames_in is None:
        stores_alpha = format_for(output, settings.video.format, alpha=True).stores_alpha
        opaque = why_opaque(
            output, stores_alpha=stores_alpha, training=settings.training, masking=settings.masking
        )
        reader = PictureReader(
            settings.picture, settings.masking, settings.reference, why_opaque=opaque
        )
        subject = reader.load(source)
    else:
        subject, pace = load_moving(source, settings.picture, settings.moving)
        # It plays to its last frame.
        settings = settings.replaced(hold=settings.playback.hold or 0.0)
    training = FromTraining(
        subject,
        settings.training,
        limits=settings.run,
        note=Note(
            "video",
            noted_source(source, subject),
            str(output),
            settings,
            audio=None if sound is None else sound.name,
            pace=None if pace is None else pace._asdict(),
        ),
        resume=resume,
        detail=lambda canvas: _detail(canvas, settings),
        shows_earlier=True,
    )
    return Clip(
        output,
        source=training
        if pace is None
        else playing(training, pace, settings.playback, settings.timelapse),
        playback=settings.playback,
        timelapse=settings.timelapse,
        video=settings.video,
        view=settings.view,
        bars=settings.picture.bar_colour,
        paper=settings.picture.chosen_colour,
        audio=sound,
        overwrite=overwrite,
        budget=settings.run.budget,
        began=began,
    )


def _detail(canvas: Canvas, settings: VideoSettings) -> float:
    """Return the greatest number of frame pixels per pixel of the picture."""
    video = settings.video
    if video.frames_from == "training":
        return 1.0  # these frames show the picture's own pixels
    view, _ = with_panels(settings.view, settings.timelapse, canvas)
    return detail_of(canvas, view, longest=LONGEST_CLIP, camera=video.camera_move)
