"""Saved networks: loading a painting or a take, and how a take was filmed when it was recorded."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuralpaint.config.settings import Settings, options
from neuralpaint.config.versions import rewritten
from neuralpaint.errors import UsageError
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.pipelines.settings import ClipSettings, PathSettings, TimelapseSettings
from neuralpaint.storage.painting_file import load_painting
from neuralpaint.video.formats import format_for
from neuralpaint.video.playback import PlaybackSettings

if TYPE_CHECKING:
    from typing_extensions import TypeIs

    from neuralpaint.models.painting import Painting
    from neuralpaint.storage.take import Take

__all__ = ["CLIP_GROUPS", "is_take", "load_saved", "recorded_settings"]

logger = logging.getLogger(__name__)

CLIP_GROUPS: tuple[type[Settings], ...] = (
    PathSettings,
    PlaybackSettings,
    TimelapseSettings,
    ClipSettings,
)
"""The settings that only clips have."""

# If the user sets one option of a group, the recorded values of the others no longer apply.
_LENGTHS = {"duration", "frames", "every"}
_SIZES = {"size", "scale", "longest", "fit", "crop", "aspect"}


def load_saved(path: str | Path, device: str) -> Painting | Take:
    """Return the painting or the take in a file.

    Raises:
        UsageError: there is no such file.
        SavedError: it is neither, damaged, or made by a newer neuralpaint.
        DeviceError: the device does not exist or has too little memory.
    """
    from neuralpaint.storage.take import is_take_file, load_take

    if is_take_file(path):
        return load_take(path, device=device)
    return load_painting(path, device=device)


def is_take(saved: Painting | Take) -> TypeIs[Take]:
    """Return whether it is a take and not a painting."""
    from neuralpaint.storage.take import Take

    return isinstance(saved, Take)


def recorded_settings(
    saved: Painting | Take, output: str | Path, *, typed: set[str], audio: Path | None = None
) -> dict[str, Any]:
    """Return the settings with which a recorded take was filmed, except those the user has set.

    The values come from a file: they are plain values, but are not checked yet.

    Args:
        saved: what is rendered again; a painting has no such settings.
        output: the clip.
        typed: the names of the options that the user has set.
        audio: the sound of the clip; without one, it does not follow that of the recorded clip.
    """
    settings = saved.note.get("settings")
    if not is_take(saved) or not isinstance(settings, dict):
        return {}
    settings = rewritten(settings, saved.note.get("neuralpaint"))
    groups = (*CLIP_GROUPS, CanvasSettings)
    known = {"background", *(name for cls in groups for name in options(cls))}
    recorded = {
        name: value
        for name, value in settings.items()
        if name in known and isinstance(value, str | int | float | None)
    }
    if "fps" in typed and not typed & _LENGTHS and not recorded.get("path"):
        # At another frame rate the clip lasts as long as before.
        recorded |= dict.fromkeys(_LENGTHS) | {"duration": _duration(recorded, saved)}
    replaced = typed.union(*(names for names in (_LENGTHS, _SIZES) if names & typed))
    recorded = {name: value for name, value in recorded.items() if name not in replaced}
    if not _fits(recorded.get("format"), output):
        recorded["format"] = None  # the format of the recorded clip does not fit the new suffix
    has_tempo = "beats" in typed or recorded.get("beats") is not None
    if audio is None and not has_tempo and recorded.get("beat") is not None:
        logger.info("without the sound of the recorded clip, this one does not follow its beat")
        recorded["beat"] = None
    return recorded


def _duration(recorded: dict[str, Any], take: Take) -> float | None:
    """Return the seconds of the recorded clip; None if its settings cannot be used."""
    steps = take.at(math.inf).step
    try:
        playback = PlaybackSettings.from_dict(
            {name: recorded[name] for name in options(PlaybackSettings) if name in recorded}
        )
        snapshots = TimelapseSettings(every=recorded.get("every")).snapshots(steps)
        return playback.playback(snapshots).frames / playback.fps
    except UsageError:
        return None


def _fits(format_name: object, output: str | Path) -> bool:
    """Return whether a clip of this format can have the name of the output."""
    if not isinstance(format_name, str | None):
        return False
    try:
        format_for(output, format_name)
    except UsageError:
        return False
    return True
