"""The timelapse: train on a picture and film it. The main job."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.image.pictures import Source
from neuralpaint.pipelines.clip import Clip
from neuralpaint.pipelines.clip_settings import ClipSettings
from neuralpaint.pipelines.detail import LONGEST_CLIP, detail_of
from neuralpaint.pipelines.live import Live, LiveSettings
from neuralpaint.pipelines.morph.moving import FramesSettings, gather_frames
from neuralpaint.pipelines.morph.walking import played
from neuralpaint.pipelines.report import Report, Result, ignore
from neuralpaint.rendering.camera import cameras
from neuralpaint.storage.resume.keeping import Keeping
from neuralpaint.video.formats import format_for
from neuralpaint.video.sinks import check_clip

__all__ = ["VideoSettings", "prepare_timelapse", "timelapse"]

_MODEL_OF_FRAMES = "morph"  # unless another than the usual is asked for


@dataclass(frozen=True)
class VideoSettings(FramesSettings, ClipSettings, LiveSettings):
    """Everything that shapes a clip."""

    section: ClassVar[str] = "Clip"
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = (("every", "seconds", "budget"),)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.frames_from == "training" and self.train_on != "all":
            raise UsageError(
                f"--frames-from training shows what is trained on, and --train-on {self.train_on} "
                "leaves the rest out: choose --frames-from auto"
            )
        if self.frames_from == "training" and self.factor > 1:
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
    form = format_for(output, settings.format)
    check_clip(output, form, audio=sound, overwrite=overwrite)
    moving = None
    if settings.frames_in is not None:
        keeping.check(source, output)
        moving = gather_frames(source, settings)
        # What plays goes on to its last frame.
        settings = replace(settings, hold=settings.hold or 0.0)
        if settings.model == VideoSettings.model:
            settings = replace(settings, model=_MODEL_OF_FRAMES)
    live = Live(
        source,
        output,
        settings=settings,
        recipe="video",
        keeping=keeping,
        detail=partial(_detail, settings=settings),
        films=True,
        audio=sound,
        album=None if moving is None else moving.album,
        pace=None if moving is None else moving.pace._asdict(),
    )
    return Clip(
        output,
        footage=live if moving is None else played(live, moving.pace, settings),
        settings=settings,
        view=settings,
        bars=settings.background_colour,
        audio=sound,
        overwrite=overwrite,
        budget=settings.budget,
        began=began,
    )


def _detail(picture: Canvas, *, settings: VideoSettings) -> float:
    """Return how many pixels of a frame there are to one pixel of the picture, at most."""
    if settings.frames_from == "training":
        return 1.0  # it shows what is learned, at the picture's own size
    camera = None if settings.camera is None else cameras.parse(settings.camera)
    return detail_of(picture, settings, longest=LONGEST_CLIP, camera=camera)
