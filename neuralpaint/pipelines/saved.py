"""What was saved, a painting or a take, and what is meant where nothing is said of it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralpaint.config.settings import Settings, options
from neuralpaint.errors import UsageError
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.image.stills import still_suffixes
from neuralpaint.pipelines.clip_settings import ClipSettings, TimelapseSettings
from neuralpaint.pipelines.walk_settings import WalkSettings
from neuralpaint.runtime.devices import DeviceName
from neuralpaint.storage.saved import load_painting
from neuralpaint.video.formats import clip_suffixes, format_for
from neuralpaint.video.playback import PlaybackSettings

if TYPE_CHECKING:
    from typing_extensions import TypeIs

    from neuralpaint.models.painting import Painting
    from neuralpaint.storage.take import Take

__all__ = ["CLIP_GROUPS", "as_it_was", "load_saved", "makes_still", "was_recorded"]

CLIP_GROUPS: tuple[type[Settings], ...] = (
    WalkSettings,
    PlaybackSettings,
    TimelapseSettings,
    ClipSettings,
)
"""The settings that only clips have."""

# Said together: who says one of them anew does not mean the others as they were.
_LENGTHS = {"duration", "frames", "every"}
_TOGETHER = (
    _LENGTHS,
    {"size", "scale", "fit", "crop", "aspect"},
)


def load_saved(path: str | Path, device: DeviceName) -> Painting | Take:
    """Return the painting or the take in a file.

    Raises:
        UsageError: there is no such file.
        SavedError: it is neither, damaged, or by a newer neuralpaint.
        DeviceError: the device is not there or has too little memory.
    """
    from neuralpaint.storage.take import is_take, load_take

    if is_take(path):
        return load_take(path, device=device)
    return load_painting(path, device=device)


def was_recorded(saved: Painting | Take) -> TypeIs[Take]:
    """Return whether it is a take: a whole training, and not one painting."""
    from neuralpaint.storage.take import Take

    return isinstance(saved, Take)


def makes_still(
    saved: Painting | Take, output: str | Path, *, at: str | None, camera: str | None
) -> bool:
    """Return whether an output is a still; where its suffix leaves that open, what is meant.

    Raises:
        UsageError: neither stills nor clips have that suffix.
    """
    suffix = Path(output).suffix.lower()
    known = {*still_suffixes(), *clip_suffixes()}
    if suffix not in known and not str(output).endswith("/"):
        wrong = f"unknown suffix {suffix!r}" if suffix else "no suffix"
        raise UsageError(
            f"{wrong} in {str(output)!r}: choose from {', '.join(sorted(known))}, or a folder "
            "for a name that ends in /"
        )
    if suffix in still_suffixes() and suffix in clip_suffixes():
        return at is not None or (not was_recorded(saved) and camera is None)
    return suffix in still_suffixes()


def as_it_was(saved: Painting | Take, output: str | Path, *, typed: set[str]) -> dict[str, Any]:
    """Return how a take was filmed when it was recorded, as far as nothing else was typed.

    What it says comes from a file: the values are plain, but not checked yet.

    Args:
        saved: what is rendered again; a painting was not filmed.
        output: the clip.
        typed: the names of the settings that the user has given.
    """
    if not was_recorded(saved) or not isinstance(saved.note.get("settings"), dict):
        return {}
    settings = saved.note["settings"]
    groups = (*CLIP_GROUPS, CanvasSettings)
    known = {"background", *(name for cls in groups for name in options(cls))}
    was = {
        name: value
        for name, value in settings.items()
        if name in known and isinstance(value, str | int | float | None)
    }
    if "fps" in typed and not typed & _LENGTHS and not was.get("path"):
        # At another rate it lasts as long as it did.
        was |= dict.fromkeys(_LENGTHS) | {"duration": _length(was, saved)}
    meant_anew = typed.union(*(group for group in _TOGETHER if group & typed))
    was = {name: value for name, value in was.items() if name not in meant_anew}
    if not _fits(was.get("format"), output):
        # The format was that of the old file; the new one's suffix asks for another.
        was["format"] = None
    return was


def _length(was: dict[str, Any], take: Take) -> float | None:
    """Return how many seconds the film took; None where what is said of it cannot be used."""
    steps = take.at(math.inf).step
    try:
        playback = PlaybackSettings.from_dict(
            {name: was[name] for name in options(PlaybackSettings) if name in was}
        )
        snapshots = TimelapseSettings(every=was.get("every")).snapshots(steps)
        return playback.playback(snapshots).frames / playback.fps
    except UsageError:
        return None


def _fits(form: object, output: str | Path) -> bool:
    """Return whether a clip of this format can be the output; None is what its suffix says."""
    if not isinstance(form, str | None):
        return False
    try:
        format_for(output, form)
    except UsageError:
        return False
    return True
