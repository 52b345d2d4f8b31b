"""Inpainting: a picture with a hole becomes a still or a clip without one.

It is `paint` or `timelapse` with a mask, and what a file of it tells of how it was made is that.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from neuralpaint.config.settings import ComposedSettings, group, options
from neuralpaint.errors import UsageError
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.image.pictures import PictureSettings, Source
from neuralpaint.image.stills import still_suffixes
from neuralpaint.pipelines.clip_settings import ClipSettings, TimelapseSettings
from neuralpaint.pipelines.job import Job
from neuralpaint.pipelines.live import RunSettings
from neuralpaint.pipelines.masking import MaskSettings, ReferenceSettings
from neuralpaint.pipelines.paint import PaintSettings, prepare_paint
from neuralpaint.pipelines.report import Report, Result, ignore
from neuralpaint.pipelines.still import StillSettings
from neuralpaint.pipelines.timelapse import VideoSettings, prepare_timelapse
from neuralpaint.storage.resume.keeping import Keeping
from neuralpaint.training.settings import TrainingSettings
from neuralpaint.video.formats import clip_suffixes
from neuralpaint.video.playback import PlaybackSettings

__all__ = ["InpaintSettings", "inpaint", "prepare_inpaint"]

S = TypeVar("S", PaintSettings, VideoSettings)

_CLIP_OPTIONS = {
    name for cls in (PlaybackSettings, TimelapseSettings, ClipSettings) for name in options(cls)
}


@dataclass(frozen=True, init=False)
class InpaintSettings(ComposedSettings):
    """Everything that shapes a still or a clip of a picture without its hole."""

    playback: PlaybackSettings = group(PlaybackSettings)
    timelapse: TimelapseSettings = group(TimelapseSettings)
    video: ClipSettings = group(ClipSettings)
    still: StillSettings = group(StillSettings)
    view: CanvasSettings = group(CanvasSettings)
    training: TrainingSettings = group(TrainingSettings)
    run: RunSettings = group(RunSettings)
    masking: MaskSettings = group(MaskSettings)
    reference: ReferenceSettings = group(ReferenceSettings)
    picture: PictureSettings = group(PictureSettings)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.masking.mask is None:
            raise UsageError(
                "what is unknown of the picture? give --mask: a file in which that is white, or "
                "alpha where it is transparent, or one to be drawn, such as random:fraction=0.5"
            )


def inpaint(
    source: Source,
    output: str | Path,
    *,
    settings: InpaintSettings | None = None,
    audio: str | Path | None = None,
    record: str | Path | None = None,
    save: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    report: Report = ignore,
    **options: object,
) -> Result:
    """Fill the hole of a picture, train on that, and write it as a still or film it.

    A `KeyboardInterrupt` while it works writes what there is so far; the result says so.

    Args:
        source: a path, an open binary file, or "-" for standard input.
        output: its suffix chooses: a still, or a clip.
        settings: everything that shapes it.
        audio: a sound file to lay under a clip.
        record: a take of the training to be written.
        save: where to save the painting that it ends with.
        resume: whether to go on with an interrupted run for `output`, if there is one.
        overwrite: whether `output`, `record` and `save` may exist.
        report: called with the progress, several times a second.
        **options: fields of `InpaintSettings`, in place of `settings`: for example `mask="alpha"`.

    Raises:
        UsageError: an option cannot be used, or the output exists or cannot be there.
        PictureError: the picture or the mask cannot be read.
        DeviceError: the device is not there or has too little memory.
        DivergedError: the loss became NaN; of a clip what there is has been written.
        EncodingError: the output cannot be written.
        SavedError: what an interrupted run has left is damaged.
    """
    keeping = Keeping.of(record=record, save=save, resume=resume, overwrite=overwrite)
    chosen = InpaintSettings.given(settings, options)
    return prepare_inpaint(source, output, settings=chosen, audio=audio, keeping=keeping).run(
        report
    )


def prepare_inpaint(
    source: Source,
    output: str | Path,
    *,
    settings: InpaintSettings,
    audio: str | Path | None = None,
    keeping: Keeping | None = None,
    began: float | None = None,
) -> Job:
    """Return the job that `inpaint` does; all that can be checked is checked.

    Raises:
        NeuralPaintError: as `inpaint` says.
    """
    if not _makes_still(output, settings):
        video = _only(VideoSettings, settings, what="a clip", other="a still such as .png")
        return prepare_timelapse(
            source, output, settings=video, audio=audio, keeping=keeping, began=began
        )
    if audio is not None:
        raise UsageError("--audio: a still has no sound")
    paint = _only(PaintSettings, settings, what="a still", other="a clip such as .mp4")
    return prepare_paint(source, output, settings=paint, keeping=keeping, began=began)


def _makes_still(output: str | Path, settings: InpaintSettings) -> bool:
    """Return whether the output is a still; where its suffix leaves it open, unless it is filmed.

    Raises:
        UsageError: neither stills nor clips have that suffix.
    """
    suffix, stills, clips = Path(output).suffix.lower(), still_suffixes(), clip_suffixes()
    if suffix in stills and suffix in clips:
        return not settings.changes().keys() & _CLIP_OPTIONS
    if suffix not in (*stills, *clips) and not str(output).endswith("/"):
        wrong = f"unknown suffix {suffix!r}" if suffix else "no suffix"
        raise UsageError(
            f"{wrong} in {str(output)!r}: choose from {', '.join(sorted({*stills, *clips}))}, or a "
            "folder for a name that ends in /"
        )
    return suffix in stills


def _only(kind: type[S], settings: InpaintSettings, *, what: str, other: str) -> S:
    """Return the settings of one kind of output, of which nothing else was asked.

    Raises:
        UsageError: something else was.
    """
    known = options(kind)
    for name in settings.changes():
        if name not in known:
            raise UsageError(f"--{name.replace('_', '-')}: {what} has none; make {other}")
    return kind.from_dict({n: value for n, value in settings.to_dict().items() if n in known})
