"""Command lines: the settings that a page has chosen, checked, and the shell line that uses them.

A page sends the options that it has changed as texts, by name: `{"look": "bloom", "steps": "600"}`.
They mean what the same options mean on the command line, and the shown line, pasted into a shell,
makes the same film.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from neuralpaint.config.presets import chosen_values, combined
from neuralpaint.config.registry import Registry, load_registry
from neuralpaint.config.settings import Settings
from neuralpaint.errors import NeuralPaintError, UnknownNameError, UsageError
from neuralpaint.pipelines.note import argument, flags
from neuralpaint.pipelines.outputs import not_preset
from neuralpaint.pipelines.render import RenderSettings, renders_still, unused_options
from neuralpaint.pipelines.saved_networks import load_saved, recorded_settings
from neuralpaint.pipelines.video import VideoSettings
from neuralpaint.studio.choices import (
    NAMES_ONLY,
    PRESET_FLAGS,
    PRESETS_OF,
    Command,
    offered,
    suffixes,
)
from neuralpaint.studio.folder import MadeFolder
from neuralpaint.studio.training import Training

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting
    from neuralpaint.storage.take import Take

__all__ = [
    "as_still",
    "checked",
    "render_line",
    "render_settings",
    "resume_line",
    "video_line",
    "video_settings",
]

S = TypeVar("S", bound=Settings)
Values = Mapping[str, str]
"""Options by name, as a page sends them: texts."""

_CLIP, _TAKE, _PAINTING = "film.mp4", "film.take", "film.painting"


def video_settings(values: Values, *, output: str | Path = _CLIP) -> VideoSettings:
    """Return the settings with which `neuralpaint video` would run.

    Raises:
        UsageError: a page may not set an option, or a value cannot be used.
    """
    return _video_settings(_permitted("video", values), output)


def render_settings(
    saved: Painting | Take, output: str | Path, values: Values, *, audio: Path | None = None
) -> RenderSettings:
    """Return the settings with which `neuralpaint render` would run.

    Raises:
        UsageError: as `video_settings`.
    """
    values = _permitted("render", values)
    still = renders_still(saved, output, values.get("at"), values.get("camera"))
    unused = unused_options(output, still=still)
    preset, typed = _layers(RenderSettings, values, unused=unused)
    named = {*preset, *typed}
    recorded = {} if still else recorded_settings(saved, output, typed=named, audio=audio)
    return combined(RenderSettings, preset=preset, typed=typed, earlier=recorded)


def as_still(values: Values, suffix: str) -> Values:
    """Return the options for a still of a take whose suffix a clip can have too.

    `render` makes a still of such a name only with --at.
    """
    ambiguous = suffix in suffixes()["clip"]
    return {"at": "100%", **values} if ambiguous and values.get("at") is None else values


def video_line(
    values: Values, *, picture: str, sound: str | None = None, output: str = _CLIP
) -> str:
    """Return the line that trains and films, without options that change nothing.

    `picture` and `sound` are the names of files in the folder in which it is run.

    Raises:
        UsageError: as `video_settings`.
    """
    values = _permitted("video", values)
    settings = _video_settings(values, output)
    for name in [*values]:
        fewer = {key: value for key, value in values.items() if key != name}
        if _same(fewer, settings, output):
            values = fewer
    files = [*_files(picture, output, sound), "--record", _TAKE, "--save", _PAINTING]
    return shlex.join(["neuralpaint", "video", *files, *_words("video", values)])


def render_line(values: Values, *, saved: str, output: str, sound: str | None = None) -> str:
    """Return the line that renders a take or a painting.

    Every option is written, also one at its default: the take may have recorded another value.

    Raises:
        UsageError: as `video_settings`.
    """
    words = _words("render", _permitted("render", values))
    return shlex.join(["neuralpaint", "render", *_files(saved, output, sound), *words])


def resume_line(*, picture: str, sound: str | None = None) -> str:
    """Return the line that continues an interrupted training; it needs no other options."""
    files = [*_files(picture, _CLIP, sound), "--record", _TAKE, "--save", _PAINTING]
    return shlex.join(["neuralpaint", "video", *files, "--resume"])


def checked(message: Mapping[str, Any], folder: MadeFolder) -> dict[str, Any]:
    """Answer the command `check`: what is wrong with a form, or the lines that do the same."""
    try:
        error, lines = None, _lines(message, folder)
    except NeuralPaintError as wrong:
        error, lines = str(wrong), []
    return {"event": "checked", "error": error, "lines": lines}


def _lines(message: Mapping[str, Any], folder: MadeFolder) -> list[str]:
    values: Values = message["settings"]
    sound = None if message["sound"] is None else folder.uploads.sound(message["sound"]).name
    if message["command"] == "video":
        video_settings(values)
        picture = message["picture"]
        name = "PICTURE" if picture is None else folder.uploads.picture(picture).name
        return [video_line(values, picture=name, sound=sound)]
    take = folder.file(message["made"] or "", _TAKE)
    training = None if take is None else Training.read(take.path.parent)
    if take is None or training is None:
        raise UsageError("this training is not in the folder any more: reload the page")
    if message["command"] == "page":
        output = training.output(".html").name
        return [shlex.join(["neuralpaint", "export", _TAKE, "-o", output])]
    suffix, still = message["suffix"] or "", message["command"] == "still"
    output = training.output(suffix, still=still).name
    values = as_still(values, suffix) if still else values
    render_settings(load_saved(take.path, "cpu"), output, values)
    return [render_line(values, saved=_TAKE, output=output, sound=sound)]


def _permitted(command: Command, values: Values) -> Values:
    """Return the options that have a value; raise UsageError if a page may not set one."""
    known = offered(command)
    values = {name: value for name, value in values.items() if value != ""}
    for name, value in values.items():
        if name in PRESETS_OF[command]:
            continue
        if name not in known:
            raise UnknownNameError("option of this page", name, [*PRESETS_OF[command], *known])
        if name in NAMES_ONLY:  # before it is taken for the name of a file
            load_registry(NAMES_ONLY[name]).parse(value)
        known[name].convert(value, label=known[name].flag)
    return values


def _video_settings(values: Values, output: str | Path) -> VideoSettings:
    preset, typed = _layers(VideoSettings, values, unused=not_preset(output))
    return combined(VideoSettings, preset=preset, typed=typed)


def _layers(
    cls: type[Settings], values: Values, *, unused: set[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values that looks, places and presets stand for, and the others."""
    names = {name: value for name, value in values.items() if name in PRESET_FLAGS}
    preset = {k: v for k, v in chosen_values(cls, names).items() if k not in unused}
    return preset, {name: value for name, value in values.items() if name not in PRESET_FLAGS}


def _same(values: Values, settings: VideoSettings, output: str) -> bool:
    try:
        return _video_settings(values, output) == settings
    except UsageError:
        return False


def _files(source: str, output: str, sound: str | None) -> list[str]:
    audio = [] if sound is None else ["--audio", argument(sound)]
    return [argument(source), "-o", argument(output), *audio]


def _words(command: Command, values: Values) -> list[str]:
    """Return the options of a command line, first those that choose values for others."""
    cls = VideoSettings if command == "video" else RenderSettings
    words: list[str] = []
    for name in PRESETS_OF[command]:
        if name in values:
            words += [PRESET_FLAGS[name], values[name]]
    for name, option in offered(command).items():
        if name not in values:
            continue
        value = option.convert(values[name])
        if option.repeatable and value and isinstance(option.entries, Registry):
            for entry in option.entries.parse_list(value):
                words += flags(cls, {name: option.entries.spec(entry)})
        else:  # other values as they were typed: 30000/1001 has no exact decimals
            words += flags(cls, {name: value if option.type is bool else values[name].strip()})
    return words
