"""Rendering again: a still or a clip of a saved painting or take, without picture or training."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from neuralpaint.canvas import CanvasSettings
from neuralpaint.devices import DeviceName, set_threads
from neuralpaint.errors import UsageError
from neuralpaint.pictures import PictureSettings
from neuralpaint.recipes.clip import Clip, ClipSettings
from neuralpaint.recipes.footage import Footage
from neuralpaint.recipes.job import Job
from neuralpaint.recipes.provenance import Note
from neuralpaint.recipes.recorded import PaintedFootage, RecordedFootage
from neuralpaint.recipes.report import Report, Result, ignore
from neuralpaint.recipes.still import Still, StillSettings
from neuralpaint.saved import load_painting
from neuralpaint.settings import options, setting
from neuralpaint.stills import still_suffixes
from neuralpaint.training import DeviceSettings
from neuralpaint.video.formats import clip_suffixes, format_for

if TYPE_CHECKING:
    from typing_extensions import TypeIs

    from neuralpaint.painting import Painting
    from neuralpaint.take import Take

__all__ = [
    "RenderSettings",
    "as_it_was",
    "load_saved",
    "makes_still",
    "parse_moment",
    "prepare_render",
    "render_saved",
]

_AT = re.compile(r"(\d+)|(\d+(?:\.\d+)?)%", re.ASCII)
# Said together: who says one of them anew does not mean the others as they were.
_TOGETHER = (
    {"duration", "frames", "every"},
    {"size", "scale", "fit", "crop", "aspect"},
)


@dataclass(frozen=True)
class RenderSettings(ClipSettings, StillSettings, CanvasSettings, DeviceSettings):
    """Everything that shapes a look at something saved."""

    section: ClassVar[str] = "Output"

    at: str | None = setting(
        None,
        "the moment of a take that a still shows: a step, or percent such as 40%; unset, the last",
        unit="STEP|PERCENT",
    )
    background: str = setting(PictureSettings.background, "colour of bars", unit="colour")

    def __post_init__(self) -> None:
        super().__post_init__()
        PictureSettings(background=self.background)
        if self.at is not None:
            parse_moment(self.at, steps=1)


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
    set_threads(settings.threads)
    thing = load_saved(saved, settings.device) if isinstance(saved, (str, Path)) else saved
    sound = None if audio is None else Path(audio)
    still = makes_still(thing, output, at=settings.at, camera=settings.camera)
    _check_kind(settings, thing, still=still, audio=sound)
    source = str(saved) if isinstance(saved, (str, Path)) else source
    note = Note("render", source, str(output), settings, None if sound is None else sound.name)
    footage = _footage(thing, settings, note)
    bars = PictureSettings(background=settings.background).background_colour
    if not still:
        return Clip(
            output,
            footage=footage,
            settings=settings,
            view=settings,
            bars=bars,
            audio=sound,
            overwrite=overwrite,
            began=began,
        )
    moment = 1.0 if settings.at is None else parse_moment(settings.at, steps=footage.steps)
    return Still(
        output,
        footage=footage,
        fractions=[moment],
        settings=settings,
        view=settings,
        bars=bars,
        overwrite=overwrite,
        began=began,
    )


def load_saved(path: str | Path, device: DeviceName) -> Painting | Take:
    """Return the painting or the take in a file.

    Raises:
        UsageError: there is no such file.
        SavedError: it is neither, damaged, or by a newer neuralpaint.
        DeviceError: the device is not there or has too little memory.
    """
    from neuralpaint.take import is_take, load_take

    if is_take(path):
        return load_take(path, device=device)
    return load_painting(path, device=device)


def makes_still(
    saved: Painting | Take, output: str | Path, *, at: str | None, camera: str | None
) -> bool:
    """Return whether an output is a still; where its suffix leaves that open, what is meant."""
    suffix = Path(output).suffix.lower()
    if suffix in still_suffixes() and suffix in clip_suffixes():
        return at is not None or (not _was_recorded(saved) and camera is None)
    return suffix in still_suffixes()


def as_it_was(saved: Painting | Take, output: str | Path, *, typed: set[str]) -> dict[str, Any]:
    """Return how a take was filmed when it was recorded, as far as nothing else was typed.

    Args:
        saved: what is rendered again; a painting was not filmed.
        output: the clip.
        typed: the names of the settings that the user has given.
    """
    settings = saved.note.get("settings") if _was_recorded(saved) else None
    if not isinstance(settings, dict):
        return {}
    known = {*options(ClipSettings), *options(CanvasSettings), "background"}
    meant_anew = set(typed).union(*(group for group in _TOGETHER if group & typed))
    was = {k: v for k, v in settings.items() if k in known and k not in meant_anew}
    try:
        format_for(output, was.get("format"))
    except UsageError:
        # The format was that of the old file; the new one's suffix asks for another.
        was["format"] = None
    return was


def parse_moment(text: str, *, steps: int) -> float:
    """Return the fraction of a training of `steps` steps at which a step or percentage lies.

    Raises:
        UsageError: the text is neither, or it lies beyond the end.
    """
    found = _AT.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"--at must be a step such as 500, or percent such as 40%, not {text!r}")
    step, percent = found.groups()
    if percent is not None:
        fraction = float(percent) / 100
    elif steps <= 1:
        return 1.0
    else:
        fraction = int(step) / steps
    if fraction > 1:
        raise UsageError(f"--at {text}: the training ends at step {steps}")
    return fraction


def _was_recorded(saved: Painting | Take) -> TypeIs[Take]:
    from neuralpaint.take import Take

    return isinstance(saved, Take)


def _footage(saved: Painting | Take, settings: RenderSettings, note: Note) -> Footage:
    if not _was_recorded(saved):
        return PaintedFootage(saved, note=note)
    was = saved.note.get("settings")
    same = isinstance(was, dict) and all(
        was.get(name) == getattr(settings, name) for name in ("pacing", "every")
    )
    return RecordedFootage(saved, note=note, as_filmed=same)


def _check_kind(
    settings: RenderSettings, saved: Painting | Take, *, still: bool, audio: Path | None
) -> None:
    """Raise where something was asked for that this output cannot have."""
    changes = settings.changes()
    others, what = (ClipSettings, "a still") if still else (StillSettings, "a clip")
    for name in [*options(others), *([] if still else ["at"])]:
        if name in changes:
            raise UsageError(f"--{name.replace('_', '-')}: {what} has none; choose another suffix")
    if still and audio is not None:
        raise UsageError("--audio: a still has no sound")
    if _was_recorded(saved):
        return
    if settings.at is not None:
        raise UsageError("--at is about takes: a painting has one moment only")
    if not still and settings.camera is None:
        raise UsageError(
            "a painting does not move: give --camera for a clip, or render a still such as .png"
        )
