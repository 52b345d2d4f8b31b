"""Replay: the note in a file, and the job that makes the file again."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neuralpaint.config.settings import Settings
from neuralpaint.errors import SavedError, UsageError
from neuralpaint.pipelines.job import Job
from neuralpaint.pipelines.morph import MorphSettings, prepare_morph
from neuralpaint.pipelines.note import Note, read_note
from neuralpaint.pipelines.paint import PaintSettings, prepare_paint
from neuralpaint.pipelines.render import RenderSettings, prepare_render
from neuralpaint.pipelines.saved_networks import load_saved
from neuralpaint.pipelines.video import VideoSettings, prepare_video
from neuralpaint.storage.resume import Resume
from neuralpaint.video.formats import format_for
from neuralpaint.video.reader import read_tag

__all__ = ["COMMANDS", "Command", "note_in", "prepare_replay"]


def _prepare_render(saved: str, output: str, *, resume: Resume, **options: Any) -> Job:
    return prepare_render(saved, output, overwrite=resume.may_replace_output(), **options)


@dataclass(frozen=True)
class Command:
    """A command that writes a note into its file, and the function that prepares its job."""

    settings: type[Settings]
    prepare: Callable[..., Job]
    several_inputs: bool = False
    accepts_audio: bool = True
    trains: bool = True


COMMANDS = {
    "video": Command(VideoSettings, prepare_video),
    "paint": Command(PaintSettings, prepare_paint, accepts_audio=False),
    "morph": Command(MorphSettings, prepare_morph, several_inputs=True),
    "render": Command(RenderSettings, _prepare_render, trains=False),
}


def note_in(path: Path) -> Note:
    """Return the note in a clip, a still, a take or a painting.

    Raises:
        UsageError: there is no such file.
        NeuralPaintError: there is no note in it, or its settings cannot be used.
    """
    text = read_tag(path)
    if text is None:
        with contextlib.suppress(SavedError):
            text = json.dumps(dict(load_saved(path, "cpu").note))
    return read_note(text, {name: command.settings for name, command in COMMANDS.items()})


def prepare_replay(
    note: Note,
    sources: Sequence[str],
    output: str,
    *,
    files: Mapping[str, str | None],
    audio: Path | None,
    resume: Resume,
    began: float,
) -> Job:
    """Return the job of a note's command, for other inputs and another output.

    Args:
        note: the note of the file.
        sources: the inputs.
        output: the new file.
        files: by option, the path of each file that the settings name, or None. A path is never
            read from the note.
        audio: a sound file to add.
        resume: the files of the run, and whether they may be replaced.
        began: when the job began, by `time.perf_counter()`.

    Raises:
        UsageError: an input or a file is missing, or is not needed.
    """
    command = COMMANDS[note.command_name]
    if len(sources) > 1 and not command.several_inputs:
        raise UsageError(f"the file was made from one INPUT, not {len(sources)}: give one")
    if audio is not None and not command.accepts_audio:
        raise UsageError("--audio: a still has no sound")
    _check_sound(note, audio)
    settings = _with_format(_with_files(note.settings, files), output)
    return command.prepare(
        list(sources) if command.several_inputs else sources[0],
        output,
        settings=settings,
        resume=resume,
        began=began,
        **({"audio": audio} if command.accepts_audio else {}),
    )


def _check_sound(note: Note, audio: Path | None) -> None:
    values = note.settings.to_dict()
    if audio is None and values.get("beat") is not None and values.get("beats") is None:
        raise UsageError(
            f"the file follows the beat of {note.audio or 'a sound'}, and does not contain that: "
            "give --audio with that file or another"
        )


def _with_files(settings: Settings, files: Mapping[str, str | None]) -> Settings:
    named = settings.files()
    for name, path in files.items():
        if path is None and name in named:
            raise UsageError(
                f"the file was made with --{name} {named[name]}, and does not contain that: give "
                f"--{name} with that file or another"
            )
        if path is not None and name not in named:
            raise UsageError(f"--{name}: the file was made without it; leave it out")
    known = {name: path for name, path in files.items() if path is not None}
    return settings.replaced(**known)


def _with_format(settings: Settings, output: str) -> Settings:
    """Return the settings without their clip format where the suffix of `output` needs another."""
    chosen = settings.to_dict().get("format")
    if chosen is not None:
        try:
            format_for(output, chosen)
        except UsageError:
            return settings.replaced(format=None)
    return settings
