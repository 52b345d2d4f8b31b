"""Inpaint: fill the hole of a picture, as a still or as a clip of the training.

It is `paint` or `video` with a mask; the note in its output names one of these.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from neuralpaint.config.presets import expanded
from neuralpaint.config.settings import ComposedSettings, flag_of, group, options
from neuralpaint.errors import UsageError
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.image.pictures import PictureSettings, Source
from neuralpaint.pipelines.job import Job, Result
from neuralpaint.pipelines.masking import MaskSettings, ReferenceSettings
from neuralpaint.pipelines.outputs import makes_still, not_preset
from neuralpaint.pipelines.paint import PaintSettings, prepare_paint
from neuralpaint.pipelines.saved_networks import CLIP_GROUPS
from neuralpaint.pipelines.settings import (
    ClipSettings,
    RunSettings,
    StillSettings,
    TimelapseSettings,
)
from neuralpaint.pipelines.video import VideoSettings, prepare_video
from neuralpaint.runtime.progress import Report, ignore
from neuralpaint.storage.resume import Resume
from neuralpaint.training.settings import TrainingSettings
from neuralpaint.video.playback import PlaybackSettings

__all__ = ["InpaintSettings", "inpaint", "prepare_inpaint", "unused_options"]

S = TypeVar("S", PaintSettings, VideoSettings)


@dataclass(frozen=True, init=False)
class InpaintSettings(ComposedSettings):
    """All settings of `inpaint`, for stills and for clips."""

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
                "no pixels are unknown: give --mask, a file in which they are white, alpha for a "
                "picture with transparent parts, or a mask such as random:fraction=0.5"
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
    """Fill the hole of a picture, train on the result, and write it as a still or a clip.

    A `KeyboardInterrupt` writes what has been made so far, and sets `Result.interrupted`.

    The suffix of `output` chooses between a still and a clip; `options` are fields of
    `InpaintSettings`, for example `mask="alpha"`, instead of `settings`. All other arguments are as
    in `timelapse`.

    Raises:
        NeuralPaintError: as in `timelapse`.
    """
    files = Resume(output, record=record, save=save, resume=resume, overwrite=overwrite)
    values = expanded(
        InpaintSettings, options, unused={*unused_options(output, options), *not_preset(output)}
    )
    chosen = InpaintSettings.given(settings, values)
    return prepare_inpaint(source, output, settings=chosen, audio=audio, resume=files).run(report)


def prepare_inpaint(
    source: Source,
    output: str | Path,
    *,
    settings: InpaintSettings,
    audio: str | Path | None = None,
    resume: Resume | None = None,
    began: float | None = None,
) -> Job:
    """Return the job that `inpaint` runs, after all checks.

    Raises:
        NeuralPaintError: as in `inpaint`.
    """
    if not _makes_still(output, settings.changes()):
        video = _settings_for(VideoSettings, settings, what="a clip", other="a still such as .png")
        return prepare_video(
            source, output, settings=video, audio=audio, resume=resume, began=began
        )
    if audio is not None:
        raise UsageError("--audio: a still has no sound")
    paint = _settings_for(PaintSettings, settings, what="a still", other="a clip such as .mp4")
    return prepare_paint(source, output, settings=paint, resume=resume, began=began)


def unused_options(output: str | Path, given: Collection[str]) -> set[str]:
    """Return the options without effect on an output of this kind, a still or a clip.

    `given` are the names of the options that the user has set.

    Raises:
        UsageError: see `makes_still`.
    """
    kind = PaintSettings if _makes_still(output, given) else VideoSettings
    return options(InpaintSettings).keys() - options(kind).keys()


def _makes_still(output: str | Path, given: Collection[str]) -> bool:
    """Return whether the output is a still; an option for clips decides if its suffix does not."""
    clip_options = {name for cls in CLIP_GROUPS for name in options(cls)}
    return makes_still(output, ambiguous=clip_options.isdisjoint(given))


def _settings_for(kind: type[S], settings: InpaintSettings, *, what: str, other: str) -> S:
    """Return the settings of one kind of output.

    Raises:
        UsageError: an option belongs to the other kind.
    """
    known = options(kind)
    for name in settings.changes():
        if name not in known:
            raise UsageError(f"{flag_of(name)} cannot be used for {what}: make {other}")
    return kind.from_dict({n: value for n, value in settings.to_dict().items() if n in known})
