"""The forms: they offer what the command line has, with its words, and nothing of the machine."""

from __future__ import annotations

import json
from typing import Any

import pytest
from studios import Studio

from neuralpaint.cli.render import command as render_command
from neuralpaint.cli.video import command as video_command
from neuralpaint.config.registry import CATALOGUE, load_registry
from neuralpaint.config.settings import options
from neuralpaint.errors import UsageError
from neuralpaint.pipelines.render import RenderSettings
from neuralpaint.pipelines.video import VideoSettings
from neuralpaint.studio.choices import choices, suffixes

COMMANDS = {"video": (VideoSettings, video_command), "render": (RenderSettings, render_command)}
FIELDS = {
    "name", "flag", "kind", "default", "help", "unit", "minimum", "maximum", "above", "choices",
    "registry", "advanced",
}  # fmt: skip
OF_THE_MACHINE = {"device", "threads", "truth", "max_pixels", "checkpoint"}


def form(command: str) -> dict[str, dict[str, Any]]:
    """Return the options of a form by name."""
    sections = choices()["commands"][command]["sections"]
    return {option["name"]: option for section in sections for option in section["options"]}


def test_the_forms_are_sent_as_json(shared: Studio) -> None:
    answer = shared.ask("choices")
    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.body) == choices()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_form_has_the_options_of_its_command(command: str) -> None:
    cls, click_command = COMMANDS[command]
    flags = {flag for parameter in click_command.params for flag in parameter.opts}
    offered = form(command)
    assert all(set(option) == FIELDS for option in offered.values())
    assert {option["flag"] for option in offered.values()} <= flags
    missing = set(options(cls)) - set(offered)
    assert OF_THE_MACHINE & set(options(cls)) <= missing
    assert missing <= OF_THE_MACHINE | {
        "frames_in", "between", "code", "path", "seconds_each", "learn",
    }  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_few_options_are_shown_first(command: str) -> None:
    first = {name for name, option in form(command).items() if not option["advanced"]}
    assert {"pacing", "overlay", "size", "fps", "duration"} <= first
    assert len(first) <= 10


@pytest.mark.parametrize("command", COMMANDS)
def test_each_default_means_what_it_says(command: str) -> None:
    known = options(COMMANDS[command][0])
    for name, option in form(command).items():
        if name in known:
            assert option["help"] == known[name].help
            for fact in ("minimum", "maximum", "above"):
                assert option[fact] == getattr(known[name], fact)
            assert option["unit"] == ("" if known[name].unit == "FILE" else known[name].unit)
            value = None if option["default"] is None else known[name].convert(option["default"])
            assert value == (
                known[name].default or None if name == "overlay" else known[name].default
            )


def _all_options() -> list[dict[str, Any]]:
    entries = [e for registry in choices()["registries"].values() for e in registry.values()]
    inner = [option for entry in entries for option in entry["settings"]]
    return [*form("video").values(), *form("render").values(), *inner]


def test_every_option_can_be_drawn() -> None:
    registries = choices()["registries"]
    for option in _all_options():
        kind = option["kind"]
        assert kind in {"whole", "number", "text", "switch", "choice", "entry", "entries"}
        assert (kind == "choice") == bool(option["choices"])
        assert (kind in ("entry", "entries")) == (option["registry"] is not None)
        assert option["registry"] is None or option["registry"] in registries
        assert option["default"] is None or isinstance(option["default"], str)
        if kind == "switch":
            assert option["default"] in ("true", "false", None)
        if kind == "choice" and option["default"] is not None:
            assert option["default"] in option["choices"]


def test_ranges_are_those_that_are_checked() -> None:
    """A number just outside a range is refused, with the words of the command line."""
    checked = 0
    for name, option in form("video").items():
        if option["kind"] not in ("whole", "number"):
            continue
        for bound, beyond in (("minimum", -1), ("maximum", 1), ("above", 0)):
            if option[bound] is None:
                continue
            with pytest.raises(UsageError, match="must be"):
                options(VideoSettings)[name].convert(str(option[bound] + beyond))
            checked += 1
    assert checked > 20


@pytest.mark.parametrize("title", CATALOGUE)
def test_every_entry_is_listed_with_its_summary(title: str) -> None:
    listed = choices()["registries"][title]
    assert [*listed] == [*load_registry(title)]
    assert all(entry["summary"].endswith((".", ":")) for entry in listed.values())


def test_suffixes_begin_with_the_most_usual() -> None:
    assert suffixes()["clip"][0] == ".mp4"
    assert suffixes()["still"][0] == ".png"
    assert choices()["suffixes"] == suffixes()
