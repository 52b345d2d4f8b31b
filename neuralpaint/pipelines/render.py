"""Render: a still or a clip of a saved painting or take, without its picture and training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from neuralpaint.config.presets import expanded
from neuralpaint.config.settings import ComposedSettings, flag_of, group, options, setting
from neuralpaint.errors import UsageError
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.image.pictures import PictureSettings
from neuralpaint.models.codes import parse_code
from neuralpaint.pipelines.album_sources import AlongPath, AtCode, codes_of
from neuralpaint.pipelines.beats import bar_seconds, check_beat
from neuralpaint.pipelines.clip import Clip
from neuralpaint.pipelines.job import Job, Result
from neuralpaint.pipelines.moving_input import Pace, playing, timed
from neuralpaint.pipelines.note import Note
from neuralpaint.pipelines.outputs import makes_still, not_preset
from neuralpaint.pipelines.saved_networks import CLIP_GROUPS, is_take, load_saved
from neuralpaint.pipelines.settings import (
    ClipSettings,
    MomentSettings,
    PathSettings,
    StillSettings,
    TimelapseSettings,
)
from neuralpaint.pipelines.snapshot_sources import FromPainting, FromTake, SnapshotSource
from neuralpaint.pipelines.still import Still
from neuralpaint.rendering.paths import code_paths
from neuralpaint.runtime.progress import Report, ignore
from neuralpaint.runtime.threads import set_threads
from neuralpaint.training.settings import DeviceSettings
from neuralpaint.video.playback import PlaybackSettings

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting
    from neuralpaint.storage.take import Take

__all__ = ["RenderSettings", "prepare_render", "render_saved", "renders_still", "unused_options"]


@dataclass(frozen=True, init=False)
class RenderSettings(ComposedSettings):
    """All settings of `render`."""

    section: ClassVar[str] = "Output"
    exclusive: ClassVar[tuple[tuple[str, ...], ...]] = (("code", "path"),)

    moment: MomentSettings = group(MomentSettings)
    paths: PathSettings = group(PathSettings)
    playback: PlaybackSettings = group(PlaybackSettings)
    timelapse: TimelapseSettings = group(TimelapseSettings)
    video: ClipSettings = group(ClipSettings)
    still: StillSettings = group(StillSettings)
    view: CanvasSettings = group(CanvasSettings)
    machine: DeviceSettings = group(DeviceSettings)
    code: str | None = setting(
        None,
        "the code at which a network of several pictures is rendered: numbers such as 0.3,0.7, or "
        "buttons such as 10110000; unset, the code of the first picture",
        unit="CODE",
    )
    background: str | None = setting(
        None,
        "colour of bars, and behind transparent parts; unset, black and white, or transparent "
        "where the network has learned alpha and the output stores it",
        unit="colour",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        PictureSettings(background=self.background)  # raises if that is no colour
        if self.timelapse.every is None:
            self.playback.playback()  # raises if the settings leave no time for a frame


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

    Unlike the command `render`, an option that is not given has its default, not its recorded
    value.

    Args:
        saved: a painting or a take, or the path of one.
        output: its suffix chooses: a still, or a clip.
        settings: all settings.
        audio: a sound file for a clip.
        overwrite: whether `output` may exist.
        report: called with the progress, several times a second.
        **options: fields of `RenderSettings`, instead of `settings`: for example `scale=4`.

    Raises:
        UsageError: an option cannot be used, or the output exists or cannot be written there.
        SavedError: the file is damaged, or made by a newer neuralpaint.
        DeviceError: the device does not exist or has too little memory.
        EncodingError: the result cannot be written.
    """
    values = expanded(RenderSettings, options, unused=unused_options(output))
    chosen = RenderSettings.given(settings, values)
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
    """Return the job that `render_saved` runs, after all checks.

    `source` is the name for a painting or take that is already loaded.

    Raises:
        NeuralPaintError: as in `render_saved`.
    """
    set_threads(settings.machine.threads)
    if isinstance(saved, (str, Path)):
        source, saved = str(saved), load_saved(saved, settings.machine.device)
    sound = None if audio is None else Path(audio)
    still = renders_still(saved, output, settings.moment.at, settings.video.camera)
    _check(settings, saved, still=still, audio=sound)
    check_beat(settings.video, audio=sound, has_path=settings.paths.path is not None)
    note = Note(
        "render",
        source,
        str(output),
        settings,
        None if sound is None else sound.name,
        reset=() if still else _reset(saved, settings),
    )
    snapshots, playback = _source(saved, settings, note, still=still, audio=sound)
    picture = PictureSettings(background=settings.background)
    if still:
        return Still(
            output,
            source=snapshots,
            fractions=[settings.moment.fraction(snapshots.steps)],
            still=settings.still,
            view=settings.view,
            bars=picture.bar_colour,
            paper=picture.chosen_colour,
            overwrite=overwrite,
            began=began,
        )
    return Clip(
        output,
        source=snapshots,
        playback=playback,
        timelapse=settings.timelapse,
        video=settings.video,
        view=settings.view,
        bars=picture.bar_colour,
        paper=picture.chosen_colour,
        audio=sound,
        overwrite=overwrite,
        began=began,
    )


def _reset(saved: Painting | Take, settings: RenderSettings) -> tuple[str, ...]:
    """Return the options with their default value that have another one in the take's note."""
    recorded = saved.note.get("settings")
    if not is_take(saved) or not isinstance(recorded, dict):
        return ()
    known, changes = options(RenderSettings), settings.changes()
    return tuple(
        name
        for name, option in known.items()
        if name not in changes and recorded.get(name, option.default) != option.default
    )


def unused_options(output: str | Path, *, still: bool | None = None) -> set[str]:
    """Return the options that a place does not set for this output.

    `still` is whether it is a still, if that is known; if not, its suffix decides.
    """
    unused = not_preset(output)
    if makes_still(output, ambiguous=False) if still is None else still:
        unused |= {name for cls in CLIP_GROUPS for name in options(cls)}
    return unused


def renders_still(
    saved: Painting | Take, output: str | Path, at: str | None, camera: str | None
) -> bool:
    """Return whether the output is a still; formats that can be both depend on the options."""
    return makes_still(output, ambiguous=at is not None or (not is_take(saved) and camera is None))


def _source(
    saved: Painting | Take,
    settings: RenderSettings,
    note: Note,
    *,
    still: bool,
    audio: Path | None,
) -> tuple[SnapshotSource, PlaybackSettings]:
    """Return the source of snapshots, and the playback with the length that it needs."""
    source, playback = _base_source(saved, settings, note, still=still), settings.playback
    pace = Pace.of(saved.note)
    if settings.paths.path is not None:
        path = code_paths.parse(settings.paths.path)
        path = path if pace is None else pace.path(path)
        bar = bar_seconds(settings.video, audio=audio)
        playback, learning = timed(playback, settings.paths, path, codes_of(source), pace, bar=bar)
        return AlongPath(source, path, learning=learning), playback
    if settings.code is not None:
        return AtCode(source, parse_code(settings.code, codes_of(source).shape[1])), playback
    if pace is not None and not still and is_take(saved):
        return playing(source, pace, playback, settings.timelapse), playback
    return source, playback


def _base_source(
    saved: Painting | Take, settings: RenderSettings, note: Note, *, still: bool
) -> SnapshotSource:
    if not is_take(saved):
        return FromPainting(saved, note=note)
    recorded = {} if still else saved.note.get("settings")
    pacing = {"pacing": settings.video.pacing, "every": settings.timelapse.every}
    same = isinstance(recorded, dict) and all(
        name in recorded and recorded[name] == value for name, value in pacing.items()
    )
    return FromTake(saved, note=note, as_recorded=same)


def _check(
    settings: RenderSettings, saved: Painting | Take, *, still: bool, audio: Path | None
) -> None:
    """Raise UsageError if an option cannot be used for this output or this saved network."""
    changes = settings.changes()
    for name in ("seconds_each", "learn"):
        if not still and settings.paths.path is None and name in changes:
            raise UsageError(f"{flag_of(name)} has no effect without --path: add it")
    groups, what = (
        (CLIP_GROUPS, "a still") if still else ((StillSettings, MomentSettings), "a clip")
    )
    for name in (name for cls in groups for name in options(cls)):
        if name in changes:
            other = "a clip such as .mp4" if still else "a still such as .png"
            raise UsageError(f"{flag_of(name)} cannot be used for {what}: render {other}")
    if still and audio is not None:
        raise UsageError("--audio: a still has no sound")
    if is_take(saved):
        return
    if settings.moment.at is not None:
        raise UsageError("--at needs a take: a painting has only one moment")
    for name in ("every", "pacing", "frames_from", "learn"):
        if name in changes:
            raise UsageError(
                f"{flag_of(name)} needs a take: a painting does not contain its training"
            )
    follows = settings.video.follows
    if follows is not None and not follows.moves_camera and settings.paths.path is None:
        raise UsageError(
            "a painting does not contain its training: only a camera or a path can follow a beat; "
            "add --camera and --beat camera, or --path"
        )
    if not still and settings.video.camera is settings.paths.path is None:
        raise UsageError(
            "a painting does not move: give --camera for a clip, or render a still such as .png"
        )
