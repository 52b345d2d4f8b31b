"""The note inside every output: how it was made, so that `replay` can make it again.

A note is JSON. When it is read from a file it is untrusted: only the fields of a settings class are
used, each is checked as if it had been typed, and no name in it is used as a path.
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
from neuralpaint.config.versions import rewritten
from neuralpaint.errors import NeuralPaintError, UsageError
from neuralpaint.image.pictures import Picture, Source
from neuralpaint.models.codes import Subject

__all__ = ["Note", "argument", "flags", "noted_source", "read_note"]


@dataclass(frozen=True)
class Note:
    """How a file was made: by which command, from what, with which settings."""

    command_name: str
    source: str
    output: str
    settings: Settings
    audio: str | None = None
    others: tuple[str, ...] = ()
    """The sources after the first."""
    pace: Mapping[str, Any] | None = None
    """The fields of `moving_input.Pace`, for an input that moves."""
    reset: tuple[str, ...] = ()
    """Options with their default value, which a take that is rendered has set."""

    def command(self) -> str:
        """Return the command line that makes the file, quoted for a shell."""
        return shlex.join(
            [
                "neuralpaint",
                self.command_name,
                *map(argument, (self.source, *self.others)),
                "-o",
                argument(self.output),
                *(["--audio", argument(self.audio)] if self.audio else []),
                *self._flags(),
            ]
        )

    def _flags(self) -> list[str]:
        """Return the options: without those at their default, except those of `reset`."""
        settings = self.settings.without_folders()
        named = {*settings.changes(), *self.reset}
        values = {name: value for name, value in settings.to_dict().items() if name in named}
        return flags(type(settings), values)

    def text(self) -> str:
        """Return the note as it is stored in the file."""
        return json.dumps(self.content(), ensure_ascii=False)

    def content(self) -> dict[str, Any]:
        """Return the note as plain values for JSON."""
        return {
            "neuralpaint": __version__,
            "command": self.command(),
            "recipe": self.command_name,
            "input": self.source,
            **({"others": list(self.others)} if self.others else {}),
            **({"pace": dict(self.pace)} if self.pace else {}),
            **({"reset": list(self.reset)} if self.reset else {}),
            "output": _file_name(self.output),
            "seed": self.settings.to_dict().get("seed"),
            "audio": self.audio,
            # All settings, because another version may have other defaults.
            "settings": self.settings.without_folders().to_dict(),
        }


def noted_source(source: Source, subject: Subject) -> str:
    """Return the source as written on a command line; a picture without its folder."""
    if source == "-" or not isinstance(subject, Picture):
        return str(source)
    return subject.name


def read_note(text: str | None, commands: Mapping[str, type[Settings]]) -> Note:
    """Return the note in `text`; `commands` are the settings classes by name of the command.

    Raises:
        NeuralPaintError: there is no note, it is damaged, or a setting cannot be used.
    """
    content = _parse(text)
    name, values = content.get("recipe"), content.get("settings")
    source, output = content.get("input"), content.get("output")
    audio, others = content.get("audio"), content.get("others", [])
    if (
        not (isinstance(name, str) and isinstance(source, str) and isinstance(output, str))
        or not isinstance(values, dict)
        or not (isinstance(others, list) and all(isinstance(other, str) for other in others))
        or name not in commands
    ):
        raise NeuralPaintError("the settings in this file are damaged: use the original file")
    try:
        settings = commands[name].from_dict(rewritten(values, content["neuralpaint"]))
    except UsageError as error:
        raise NeuralPaintError(f"the settings in this file cannot be used: {error}") from None
    sound = audio if isinstance(audio, str) else None
    given = content.get("reset")
    reset = tuple(n for n in options(type(settings)) if isinstance(given, list) and n in given)
    return Note(name, source, output, settings, sound, tuple(others), reset=reset)


def _parse(text: str | None) -> dict[str, Any]:
    try:
        content = json.loads(text or "")
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict) or "neuralpaint" not in content:
        raise NeuralPaintError(
            "no neuralpaint settings in this file: it was made by another program, or was "
            "re-encoded since"
        )
    return content


def flags(cls: type[Settings], values: Mapping[str, Any]) -> list[str]:
    """Return the command-line options that set these values, which have the types of the class."""
    known = options(cls)
    words: list[str] = []
    for name, value in values.items():
        flag = known[name].flag
        if known[name].type is bool:
            words.append(flag if value else f"--no-{flag.removeprefix('--')}")
        else:
            # Without the rounding errors of floats.
            text = f"{value:.12g}" if isinstance(value, float) else _printable(str(value))
            text = "none" if value in (None, "") else text
            # A value that begins like an option is taken for one by an option that needs no value.
            words += [f"{flag}={text}"] if text.startswith("-") else [flag, text]
    return words


def argument(name: str) -> str:
    """Return the last part of a file's name as an argument that is not taken for an option."""
    name = _file_name(_printable(name))
    return f"./{name}" if name.startswith("-") and name != "-" else name


def _file_name(path: str) -> str:
    """Return the last part of a path; the name of a folder keeps its slash."""
    return (PurePath(path).name or "input") + ("/" if path.endswith("/") else "")


def _printable(text: str) -> str:
    """Return the text with `?` for control characters, which a terminal would interpret."""
    return "".join(c if c.isprintable() else "?" for c in text)
