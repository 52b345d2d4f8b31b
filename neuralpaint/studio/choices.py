"""The forms of the page as JSON: what can be chosen, from the settings and the registries.

Nothing is listed here that the command line does not have, and no default, range or help text: the
page shows what `--help` shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from neuralpaint.config.presets import LOOKS, PLACES, PRESETS, Preset
from neuralpaint.config.registry import CATALOGUE, Registry, load_registry
from neuralpaint.config.settings import Option, Settings, options
from neuralpaint.image.still_files import still_suffixes
from neuralpaint.pipelines.render import RenderSettings
from neuralpaint.pipelines.video import VideoSettings
from neuralpaint.video.formats import formats

__all__ = ["NAMES_ONLY", "PRESETS_OF", "PRESET_FLAGS", "Command", "choices", "offered", "suffixes"]

Command = Literal["video", "render"]

_SETTINGS: dict[Command, type[Settings]] = {"video": VideoSettings, "render": RenderSettings}

NAMES_ONLY = {"mask": "masks", "focus": "masks", "order": "orders"}
"""Options that are a registered name or a file; the page can only give a name. By option, the title
of the registry."""

# Options that the page does not offer.
_HIDDEN = {
    # They name files or parts of the machine, or are limits for files from elsewhere.
    "truth", "device", "threads", "max_pixels",
    # The studio saves the state of each training.
    "checkpoint",
    # They need several pictures, which one upload is not.
    "frames_in", "between", "code", "path", "seconds_each", "learn",
}  # fmt: skip

# What a person needs first; the page folds the rest.
_FIRST: dict[Command, set[str]] = {
    "video": {
        "look", "place", "model", "steps", "seconds", "pacing", "overlay", "size", "fps",
        "duration",
    },
    "render": {"camera", "size", "duration", "fps", "pacing", "overlay", "format", "at"},
}  # fmt: skip

PRESET_FLAGS = {"look": "--look", "place": "--for", "preset": "--preset"}
"""The options that choose values for others, with their names on the command line."""

_PRESETS: dict[str, tuple[Mapping[str, Preset], str]] = {
    "look": (LOOKS, "what the film looks like"),
    "place": (PLACES, "where the clip will be shown: size, rate and length for it"),
    "preset": (PRESETS, "how much is computed"),
}
PRESETS_OF: dict[Command, tuple[str, ...]] = {
    "video": ("look", "place", "preset"),
    "render": ("place",),
}
"""Which of them each command has."""


def offered(command: Command) -> dict[str, Option]:
    """Return the options of a command that the page may set, besides looks, places and presets."""
    known = options(_SETTINGS[command])
    return {name: option for name, option in known.items() if name not in _HIDDEN}


@cache
def suffixes() -> dict[str, list[str]]:
    """Return the suffixes of clips and of stills, the most usual first."""
    clips = [suffix for name in formats for suffix in formats[name].suffixes]
    return {"clip": clips, "still": still_suffixes()}


@cache
def choices() -> dict[str, Any]:
    """Return everything that the forms need, as plain values for JSON."""
    return {
        "commands": {command: {"sections": _sections(command)} for command in _SETTINGS},
        "registries": {title: _entries(load_registry(title)) for title in CATALOGUE},
        "looks": _summaries(LOOKS),
        "places": _summaries(PLACES),
        "presets": _summaries(PRESETS),
        "suffixes": suffixes(),
    }


def _sections(command: Command) -> list[dict[str, Any]]:
    first = _FIRST[command]
    sections: dict[str, list[dict[str, Any]]] = {"Look": []}
    for name in PRESETS_OF[command]:
        sections["Look"].append(_preset_option(name, advanced=name not in first))
    for name, option in offered(command).items():
        facts = _option(option, advanced=name not in first)
        sections.setdefault(option.section, []).append({**facts, "flag": option.flag})
    return [{"title": title, "options": listed} for title, listed in sections.items()]


def _preset_option(name: str, *, advanced: bool) -> dict[str, Any]:
    presets, help_text = _PRESETS[name]
    return {
        "name": name,
        "flag": PRESET_FLAGS[name],
        "kind": "choice",
        "default": None,
        "help": help_text,
        "unit": "",
        "minimum": None,
        "maximum": None,
        "above": None,
        "choices": list(presets),
        "registry": None,
        "advanced": advanced,
    }


def _option(option: Option, *, advanced: bool = False) -> dict[str, Any]:
    names_file = option.entries is not None and not isinstance(option.entries, Registry)
    return {
        "name": option.name,
        "flag": None,
        "kind": _kind(option),
        "default": _default(option),
        "help": option.help,
        "unit": "" if names_file else option.unit,
        "minimum": option.minimum,
        "maximum": option.maximum,
        "above": option.above,
        "choices": list(option.choices) or None,
        "registry": _registry(option),
        "advanced": advanced,
    }


def _kind(option: Option) -> str:
    if option.entries is not None:
        return "entries" if option.repeatable else "entry"
    if option.choices:
        return "choice"
    return {bool: "switch", int: "whole", float: "number"}.get(option.type, "text")


def _default(option: Option) -> str | None:
    """Return the default as it would be typed; None if it is unset."""
    value = option.default
    if value is None or (option.repeatable and not value):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _registry(option: Option) -> str | None:
    """Return the title of the registry of an option's entries."""
    if option.entries is None:
        return None
    if not isinstance(option.entries, Registry):
        return NAMES_ONLY[option.name]
    return next(title for title in CATALOGUE if load_registry(title) is option.entries)


def _entries(registry: Registry[Any]) -> dict[str, Any]:
    return {
        name: {
            "summary": registry.summary(name),
            "settings": [_option(option) for option in options(registry[name]).values()],
        }
        for name in registry
    }


def _summaries(presets: Mapping[str, Preset]) -> dict[str, dict[str, str]]:
    return {name: {"summary": preset.summary} for name, preset in presets.items()}
