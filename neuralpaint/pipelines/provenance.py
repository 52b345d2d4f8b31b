"""Provenance: the note inside a file that says how it was made, and the way back from it.

A note is JSON. What is read from a file is data: only the fields of a settings class count, each is
checked as if it had been typed, and a name is never used as a path.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from neuralpaint._version import __version__
from neuralpaint.config.settings import Settings, options
from neuralpaint.errors import NeuralPaintError, UsageError

__all__ = ["Note", "read_note"]


@dataclass(frozen=True)
class Note:
    """How a file was made: which recipe, of what, with which settings."""

    recipe: str
    source: str
    output: str
    settings: Settings
    audio: str | None = None
    others: tuple[str, ...] = ()
    """The sources beside the first."""
    pace: Mapping[str, Any] | None = None
    """Of a source that moves, how it does."""

    def command(self) -> str:
        """Return the command line that makes the file, as a shell would take it."""
        return shlex.join(
            [
                "neuralpaint",
                self.recipe,
                *map(_shown, (self.source, *self.others)),
                "-o",
                _shown(self.output),
                *(["--audio", _shown(self.audio)] if self.audio else []),
                *_arguments(self.settings.without_folders()),
            ]
        )

    def text(self) -> str:
        """Return the note as it is kept in the file."""
        return json.dumps(self.content(), ensure_ascii=False)

    def content(self) -> dict[str, Any]:
        """Return the same as plain values that JSON can hold."""
        return {
            "neuralpaint": __version__,
            "command": self.command(),
            "recipe": self.recipe,
            "input": self.source,
            **({"others": list(self.others)} if self.others else {}),
            **({"pace": dict(self.pace)} if self.pace else {}),
            "output": _named(self.output),
            "seed": self.settings.to_dict().get("seed"),
            "audio": self.audio,
            # All of them: defaults may be others in another version.
            "settings": self.settings.without_folders().to_dict(),
        }


def read_note(text: str | None, recipes: dict[str, type[Settings]]) -> Note:
    """Return the note in `text`; `recipes` are the settings classes by name of recipe.

    Raises:
        NeuralPaintError: there is no note, it is not one of ours, or a setting cannot be used.
    """
    content = _parse(text)
    recipe, values = content.get("recipe"), content.get("settings")
    source, output = content.get("input"), content.get("output")
    audio, others = content.get("audio"), content.get("others", [])
    if (
        not (isinstance(recipe, str) and isinstance(source, str) and isinstance(output, str))
        or not isinstance(values, dict)
        or not (isinstance(others, list) and all(isinstance(other, str) for other in others))
        or recipe not in recipes
    ):
        raise NeuralPaintError("the settings in this file are damaged: it cannot be replayed")
    try:
        settings = recipes[recipe].from_dict(values)
    except UsageError as error:
        raise NeuralPaintError(f"the settings in this file cannot be used: {error}") from None
    sound = audio if isinstance(audio, str) else None
    return Note(recipe, source, output, settings, sound, tuple(others))


def _parse(text: str | None) -> dict[str, Any]:
    try:
        content = json.loads(text or "")
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or "neuralpaint" not in content:
        raise NeuralPaintError(
            "no neuralpaint settings in this file: only its own files can be replayed, and only "
            "where nothing has re-encoded them since"
        )
    return content


def _arguments(settings: Settings) -> list[str]:
    """Return the command-line arguments that give these settings, those of defaults left out."""
    known = options(type(settings))
    words: list[str] = []
    for name, value in settings.changes().items():
        flag = known[name].flag
        words += [flag] if known[name].type is bool else [flag, _text(value)]
    return words


def _text(value: object) -> str:
    # A float as a person would have typed it.
    return f"{value:.12g}" if isinstance(value, float) else _printable(str(value))


def _shown(name: str) -> str:
    """Return a file's name as an argument: its last part, never taken for an option."""
    name = _named(_printable(name))
    return f"./{name}" if name.startswith("-") and name != "-" else name


def _named(path: str) -> str:
    """Return the last part of a path, that of a folder with its slash."""
    return (PurePath(path).name or "input") + ("/" if path.endswith("/") else "")


def _printable(text: str) -> str:
    """Return the text with `?` for what a terminal would obey and not show."""
    return "".join(c if c.isprintable() else "?" for c in text)
