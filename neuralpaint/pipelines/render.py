"""Rendering again: a still or a clip of a saved painting or take, without picture or training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from neuralpaint.config.settings import ComposedSettings, group, options, setting
from neuralpaint.errors import UsageError
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.image.pictures import PictureSettings
from neuralpaint.models.codes import parse_code
from neuralpaint.pipelines.clip import Clip
from neuralpaint.pipelines.clip_settings import ClipSettings, TimelapseSettings
from neuralpaint.pipelines.footage import Footage
from neuralpaint.pipelines.instant import InstantSettings
from neuralpaint.pipelines.job import Job
from neuralpaint.pipelines.morph.moving import Pace, timed
from neuralpaint.pipelines.morph.walking import CodeFootage, WalkFootage, codes_of, played
from neuralpaint.pipelines.provenance import Note
from neuralpaint.pipelines.recorded import PaintedFootage, RecordedFootage
from neuralpaint.pipelines.report import Report, Result, ignore
from neuralpaint.pipelines.saved import CLIP_GROUPS, load_saved, makes_still, was_recorded
from neuralpaint.pipelines.still import Still, StillSettings
from neuralpaint.pipelines.walk_settings import WalkSettings
from neuralpaint.rendering.pacing import pacings
from neuralpaint.rendering.paths import code_paths
from neuralpaint.runtime.threads import set_threads
from neuralpaint.training.settings import DeviceSettings
from neuralpaint.video.playback import PlaybackSettings

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting
    from neuralpaint.storage.take import Take

__all__ = ["RenderSettings", "prepare_render", "render_saved"]


@dataclass(frozen=True, init=False)
class RenderSettings(ComposedSettings):
    """Everything that shapes a look at something saved."""

    section: ClassVar[str] = "Output"
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = (("code", "path"),)

    moment: InstantSettings = group(InstantSettings)
    walk: WalkSettings = group(WalkSettings)
    playback: PlaybackSettings = group(PlaybackSettings)
    timelapse: TimelapseSettings = group(TimelapseSettings)
    video: ClipSettings = group(ClipSettings)
    still: StillSettings = group(StillSettings)
    view: CanvasSettings = group(CanvasSettings)
    machine: DeviceSettings = group(DeviceSettings)
    code: str | None = setting(
        None,
        "what is asked of a network that has learned several pictures: numbers such as 0.3,0.7, or "
        "buttons such as 10110000; unset, the first picture",
        unit="CODE",
    )
    background: str = setting(PictureSettings.background, "colour of bars", unit="colour")

    def __post_init__(self) -> None:
        super().__post_init__()
        PictureSettings(background=self.background)
        if self.timelapse.every is None:
            self.playback.playback()  # raises if the clip has no room for what was asked


def render_saved(
    saved: str | Path | Painting | Take,
    output: str | Path,
    *,
    settings: RenderSettings | None = None,
    audio: str | Path | None = None,
    overwrite: bool = False,
    report: Report = ignore,
    **options: object,
) -> Result:
    """Render a painting or a take again, as a still or as a clip.

    Args:
        saved: the file of a painting or a take, or one that is loaded.
        output: its suffix chooses: a still, or a clip.
        settings: everything that shapes it.
        audio: a sound file to lay under a clip.
        overwrite: whether `output` may exist.
        report: called with the progress, several times a second.
        **options: fields of `RenderSettings`, in place of `settings`: for example `scale=4`.

    Raises:
        UsageError: an option cannot be used, or the output exists or cannot be there.
        SavedError: what was saved is damaged, or by a newer neuralpaint.
        DeviceError: the device is not there or has too little memory.
        EncodingError: the result cannot be written.
    """
    chosen = RenderSettings.given(settings, options)
    return prepare_render(saved, output, settings=chosen, audio=audio, overwrite=overwrite).run(
        report
    )


def prepare_render(
    saved: str | Path | Painting | Take,
    output: str | Path,
    *,
    settings: RenderSettings,
    source: str = "saved",
    audio: str | Path | None = None,
    overwrite: bool = False,
    began: float | None = None,
) -> Job:
    """Return the job that `render_saved` does; all that can be checked is checked.

    `source` names something that is loaded already.

    Raises:
        NeuralPaintError: as `render_saved` says.
    """
    set_threads(settings.machine.threads)
    thing = load_saved(saved, settings.machine.device) if isinstance(saved, (str, Path)) else saved
    sound = None if audio is None else Path(audio)
    still = makes_still(thing, output, at=settings.moment.at, camera=settings.video.camera)
    _check_kind(settings, thing, still=still, audio=sound)
    source = str(saved) if isinstance(saved, (str, Path)) else source
    note = Note("render", source, str(output), settings, None if sound is None else sound.name)
    footage, playback = _footage(thing, settings, note, still=still)
    bars = PictureSettings(background=settings.background).background_colour
    if not still:
        return Clip(
            output,
            footage=footage,
            playback=playback,
            timelapse=settings.timelapse,
            settings=settings.video,
            view=settings.view,
            bars=bars,
            audio=sound,
            overwrite=overwrite,
            began=began,
        )
    return Still(
        output,
        footage=footage,
        fractions=[settings.moment.fraction(footage.steps)],
        settings=settings.still,
        view=settings.view,
        bars=bars,
        overwrite=overwrite,
        began=began,
    )


def _footage(
    saved: Painting | Take, settings: RenderSettings, note: Note, *, still: bool
) -> tuple[Footage, PlaybackSettings]:
    """Return what is seen of something saved, and the playback with the length that it needs."""
    footage = _moments(saved, settings, note, still=still)
    pace = Pace.of(saved.note)
    if settings.walk.path is not None:
        walk = code_paths.parse(settings.walk.path)
        walk = walk if pace is None else pace.walk(walk)
        playback, learning = timed(settings.playback, settings.walk, walk, codes_of(footage), pace)
        pacing = pacings.parse(settings.video.pacing)
        return WalkFootage(footage, walk, learning=learning, pacing=pacing), playback
    if settings.code is not None:
        code = parse_code(settings.code, codes_of(footage).shape[1])
        return CodeFootage(footage, code), settings.playback
    if pace is not None and not still and was_recorded(saved):
        return played(footage, pace, settings.playback, settings.timelapse), settings.playback
    return footage, settings.playback


def _moments(
    saved: Painting | Take, settings: RenderSettings, note: Note, *, still: bool
) -> Footage:
    if not was_recorded(saved):
        return PaintedFootage(saved, note=note)
    was = {} if still else saved.note.get("settings")
    same = isinstance(was, dict) and all(
        was.get(name) == value
        for name, value in (
            ("pacing", settings.video.pacing),
            ("every", settings.timelapse.every),
        )
    )
    return RecordedFootage(saved, note=note, as_filmed=same)


def _check_kind(
    settings: RenderSettings, saved: Painting | Take, *, still: bool, audio: Path | None
) -> None:
    """Raise where something was asked for that this output cannot have."""
    changes = settings.changes()
    for name in ("seconds_each", "learn"):
        if not still and settings.walk.path is None and name in changes:
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(f"{flag} is about a walk through codes: give --path too")
    others, what = (CLIP_GROUPS, "a still") if still else ((StillSettings,), "a clip")
    for name in [*(name for cls in others for name in options(cls)), *([] if still else ["at"])]:
        if name in changes:
            other = "a clip such as .mp4" if still else "a still such as .png"
            raise UsageError(f"--{name.replace('_', '-')}: {what} has none; render {other}")
    if still and audio is not None:
        raise UsageError("--audio: a still has no sound")
    if was_recorded(saved):
        return
    if settings.moment.at is not None:
        raise UsageError("--at is about takes: a painting has one moment only")
    for name in ("every", "pacing", "frames_from", "learn"):
        if name in changes:
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(f"{flag} is about takes: a painting has learned already")
    if not still and settings.video.camera is settings.walk.path is None:
        raise UsageError(
            "a painting does not move: give --camera for a clip, or render a still such as .png"
        )
