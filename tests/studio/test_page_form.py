"""The forms of the page: what they send for what a person sets, without a studio behind them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser import OpenPage
from studios import FakeSession, serving

from neuralpaint.config.registry import CATALOGUE, load_registry
from neuralpaint.config.settings import Option, options
from neuralpaint.errors import UsageError
from neuralpaint.pipelines.video import VideoSettings
from neuralpaint.studio.choices import choices, offered
from neuralpaint.studio.folder import MadeFolder

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

TEXTS = (
    "x",
    "-1",
    "0",
    "0.5",
    "1",
    "1.5",
    "3",
    "1e3",
    "99999",
    "1e9",
    "90s",
    "1m30s",
    "30/1",
    "1/0",
)


@dataclass
class Form:
    """The page with a chosen picture, and the session that gets what it sends."""

    page: Page
    session: FakeSession

    def option(self, name: str) -> Locator:
        """The field of an option."""
        return self.page.locator(f"#start [data-option={name}]").first

    def start(self) -> dict[str, str]:
        """Press Start; return the settings that were sent."""
        self.page.click("#start [type=submit]")
        for _ in range(200):
            if self.session.commands:
                (command,) = self.session.commands
                assert command["do"] == "start"
                settings: dict[str, str] = command["settings"]
                return settings
            self.page.wait_for_timeout(50)
        raise AssertionError("nothing was started")


@pytest.fixture
def form(open_page: OpenPage, tmp_path: Path) -> Iterator[Form]:
    """The form before a training, and a studio that trains nothing."""
    with MadeFolder(tmp_path / "made") as folder:
        session = FakeSession(folder)
        session.fields |= {"fraction": None, "lines": [], "job": None}
        with serving(session) as server:
            page = open_page()
            page.set_default_timeout(20_000)
            page.goto(server.address)
            page.click("#sample")
            page.wait_for_selector("#start:not([hidden])")
            yield Form(page, session)
            page.goto("about:blank")  # before the server ends


def test_a_value_at_its_default_is_not_sent(form: Form) -> None:
    form.option("fps").locator("input").fill("30")
    form.option("model").locator("summary").click()
    default = options(load_registry("models")["fourier"])["hidden_layers"].default
    form.option("hidden_layers").locator("input").fill(str(default))
    form.option("order").locator("input").fill("9")
    form.option("steps").locator("input").fill("60")
    assert form.start() == {"steps": "60", "model": "fourier:order=9"}


def test_a_commas_text_is_one_value_and_overlays_keep_their_order(form: Form) -> None:
    overlays = form.option("overlay")
    for name in ("title", "steps"):
        overlays.get_by_label(name, exact=True).check()
    overlays.locator("summary", has_text="title").click()
    form.option("text").locator("input").fill("One, 'two'")
    sent = form.start()["overlay"]
    title, steps = load_registry("overlays").parse_list(sent)
    assert (title.text, type(steps)) == ("One, 'two'", load_registry("overlays")["steps"])


def test_settings_of_an_inner_entry_are_sent_with_the_outer_one(form: Form) -> None:
    form.option("model").locator("select").first.select_option("mlp")
    form.option("model").locator("summary").first.click()
    form.option("encoding").locator("select").select_option("hash")
    form.option("encoding").locator("summary").click()
    form.option("levels").locator("input").fill("4")
    sent = form.start()["model"]
    registry = load_registry("models")
    assert registry.parse(sent) == registry.parse("mlp:encoding=hash,levels=4")


def test_a_look_can_be_overridden_by_the_default_of_an_option(form: Form) -> None:
    form.option("look").get_by_label("watercolour").check()
    form.option("model").locator("select").first.select_option("fourier")
    assert form.start() == {"look": "watercolour", "model": "fourier"}


def test_a_wrong_value_is_not_sent_but_explained_beside_it(form: Form) -> None:
    steps = form.option("steps")
    steps.locator("input").fill("-1")
    assert "--steps must be at least" in steps.locator(".wrong").inner_text()
    assert steps.locator("input").get_attribute("aria-invalid") == "true"
    form.page.click("#start [type=submit]")
    form.page.wait_for_selector("[data-option=steps] :focus")
    assert not form.session.commands


def test_what_the_studio_finds_wrong_is_shown_at_the_option_that_it_names(form: Form) -> None:
    form.page.click("#start .more > summary")
    form.page.locator("#start .more summary", has_text="Size").click()
    form.option("crop").locator("input").fill("9")
    error = form.option("crop").locator(".wrong")
    error.wait_for()
    assert "--crop" in error.inner_text()
    form.page.click("#start .more > summary")
    form.option("crop").locator("input").evaluate("each => { each.value = '8'; }")
    form.option("steps").locator("input").fill("60")
    form.page.locator("#start .wrong", has_text="'8'").wait_for()  # it is folded open


def test_a_reload_keeps_the_picture_and_the_settings(form: Form) -> None:
    form.option("look").get_by_label("bloom").check()
    form.option("steps").locator("input").fill("60")
    form.page.reload()
    form.page.wait_for_selector("#start:not([hidden])")
    assert form.start() == {"look": "bloom", "steps": "60"}


def other_value(option: Option) -> str | None:
    """Return a value that an option accepts and that is not its default."""
    found: list[Any] = list(option.choices or option.entries or ())
    found += ["true", "false", "3", "7", "0.3", "a, b", "12x8"]
    for text in map(str, found):
        try:
            if option.convert(text) != option.default:
                return text
        except UsageError:
            pass
    return None


def specs(title: str) -> list[str]:
    """Return an entry with other values for each of its settings, for all names of a registry."""
    registry, found = load_registry(title), []
    for name in registry:
        for key, option in options(registry[name]).items():
            value = other_value(option)
            text = f"{name}:{key}={value!r}" if value and "," in value else f"{name}:{key}={value}"
            try:
                registry.parse(text)
            except UsageError:
                continue  # it needs another setting with it
            found.append(text)
    return found


def test_each_setting_of_each_entry_is_read_and_written_by_its_field(form: Form) -> None:
    titles = {facts["name"]: facts["registry"] for facts in options_of("video")}
    given = [(option, spec) for option, title in titles.items() if title for spec in specs(title)]
    assert len(given) > 100
    written = form.page.evaluate(
        """async ([given, choices]) => {
          const { Form } = await import("./page/form.js");
          const form = new Form(document.createElement("div"), choices, "video", {changed() {}});
          return given.map(([name, text]) => {
            form.values = {[name]: text};
            return form.values[name] ?? null;
          });
        }""",
        [given, choices()],
    )
    for (option, spec), text in zip(given, written, strict=True):
        registry = load_registry(titles[option])
        assert text is not None, (option, spec)
        assert registry.parse_list(text) == registry.parse_list(spec), (option, spec, text)


def options_of(command: str) -> list[dict[str, Any]]:
    sections = choices()["commands"][command]["sections"]
    return [facts for section in sections for facts in section["options"]]


def test_limits_are_explained_in_the_words_of_the_command_line(form: Form) -> None:
    known = {**{o.name: o for o in offered("video").values()}}
    pairs = [
        (known[facts["name"]], facts) for facts in options_of("video") if facts["name"] in known
    ]
    for title in CATALOGUE:
        registry = load_registry(title)
        for name, entry in choices()["registries"][title].items():
            pairs += [
                (options(registry[name])[facts["name"]], facts) for facts in entry["settings"]
            ]
    pairs = [(option, facts) for option, facts in pairs if facts["kind"] in ("whole", "number")]
    assert len(pairs) > 50
    told = form.page.evaluate(
        """async ([all, texts]) => {
          const { wrong } = await import("./page/limits.js");
          return all.map((option) => texts.map((text) => wrong(option, text, "LABEL")));
        }""",
        [[facts for _, facts in pairs], TEXTS],
    )
    for (option, _), words in zip(pairs, told, strict=True):
        for text, word in zip(TEXTS, words, strict=True):
            assert word == error_of(option, text), (option.name, text)


def error_of(option: Option, text: str) -> str | None:
    try:
        option.convert(text, label="LABEL")
    except UsageError as error:
        return str(error)
    return None


def test_the_settings_that_the_page_sends_are_those_of_video(form: Form) -> None:
    form.option("pacing").locator("select").first.select_option("log")
    form.option("duration").locator("input").fill("1m")
    settings = VideoSettings.from_dict(form.start())
    assert (settings.video.pacing, settings.playback.duration) == ("log", 60)
