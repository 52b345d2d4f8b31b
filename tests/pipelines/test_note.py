from __future__ import annotations

import json
import shlex

import pytest

from neuralpaint.config.settings import Settings
from neuralpaint.errors import NeuralPaintError
from neuralpaint.pipelines.note import Note, read_note
from neuralpaint.pipelines.paint import PaintSettings
from neuralpaint.pipelines.video import VideoSettings

RECIPES: dict[str, type[Settings]] = {"video": VideoSettings, "paint": PaintSettings}
SETTINGS = VideoSettings(
    model="fourier:order=9", steps=70, lr=0.0030, boomerang=True, overlay="steps,curve:metric=loss"
)


def content(**changes: object) -> str:
    text = Note("video", "été 'x'.jpg", "-o.mp4", SETTINGS).text()
    return json.dumps(json.loads(text) | changes)


def test_a_note_comes_back_recorded_settings() -> None:
    note = Note("video", "in.jpg", "out.mp4", SETTINGS)
    assert read_note(note.text(), RECIPES) == note


def test_the_command_of_a_note_is_what_a_shell_would_take() -> None:
    words = shlex.split(read_note(content(), RECIPES).command())
    assert words[:5] == ["neuralpaint", "video", "été 'x'.jpg", "-o", "./-o.mp4"]
    assert words[5:] == [
        "--boomerang", "--overlay", "steps,curve:metric=loss", "--model", "fourier:order=9",
        "--lr", "0.003", "--steps", "70",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [None, "", "hello", "[]", "{}", '{"neuralpaint": 1}', "[" * 100_000, '"neuralpaint"', "NaN"],
)
def test_what_is_no_note_is_refused(text: str | None) -> None:
    with pytest.raises(NeuralPaintError):
        read_note(text, RECIPES)


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": {"output": "/etc/passwd"}},
        {"settings": {"audio": "/etc/passwd"}},
        {"settings": {"steps": "$(reboot)"}},
        {"settings": {"model": "fourier:path=/etc"}},
        {"settings": {"steps": [1]}},
        {"settings": []},
        {"recipe": "rm -rf"},
        {"recipe": ["video"]},
        {"input": 5},
    ],
)
def test_only_our_own_options_are_taken(changes: dict[str, object]) -> None:
    with pytest.raises(NeuralPaintError, match="the settings in this file"):
        read_note(content(**changes), RECIPES)


def test_a_name_from_a_file_is_never_a_path_an_option_or_a_terminal_code() -> None:
    for name in ("../../etc/passwd", "/etc/passwd", "--audio", "a\x1b[2Jb", ""):
        word = shlex.split(read_note(content(input=name), RECIPES).command())[2]
        assert "/" not in word.removeprefix("./")
        assert not word.startswith("-")
        assert word.isprintable()
        assert word
