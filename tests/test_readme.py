"""The README and the guide: links, options and files are right. CI runs the commands themselves."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import readme

from neuralpaint.cli import neuralpaint
from neuralpaint.config.registry import CATALOGUE

CONTEXT = click.Context(neuralpaint)
PAGES = {str(page.relative_to(readme.ROOT)): page for page in readme.PAGES}
every_page = pytest.mark.parametrize("name", PAGES)
every_document = pytest.mark.parametrize(
    "name",
    [*PAGES, "CHANGELOG.md", "examples/README.md", "examples/experiments/README.md"],
)
_WRITTEN_BY = {"-o", "--output", "--save", "--record", "--folder"}


def links(page: Path) -> list[str]:
    """Return the relative links and pictures of a page."""
    found = re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    return [link.partition("#")[0] for link in found if not link.startswith(("http", "#"))]


def calls(command: str) -> list[list[str]]:
    """Return the words of every call of neuralpaint in a shell command."""
    words = shlex.shlex(command, posix=True, punctuation_chars="|&")
    words.whitespace_split = True
    parts: list[list[str]] = [[]]
    for word in words:
        if word in ("|", "&&"):
            parts.append([])
        else:
            parts[-1].append(word)
    return [part for part in parts if part and Path(part[0]).name == "neuralpaint"]


def files(page: Path) -> Iterator[tuple[str, str]]:
    """Yield ("read" or "written", file) for the files in outputs/ of a page, in order."""
    for language, text in readme.steps(page):
        if language == "python":
            yield from (("written", file) for file in re.findall(r'"(outputs/[^"]+)"', text))
            continue
        if not calls(text):
            yield from (("written", word) for word in text.split() if word.startswith("outputs/"))
        for words in calls(text):
            outputs = [words[i + 1] for i, word in enumerate(words) if word in _WRITTEN_BY]
            read = {word for word in words if word.startswith("outputs/")} - {*outputs}
            yield from (("read", word) for word in read)
            yield from (("written", word) for word in outputs if "--dry-run" not in words)


def flags(name: str) -> set[str]:
    """Return the options of a command."""
    command = neuralpaint.get_command(CONTEXT, name)
    assert command is not None, name
    given = (p.opts + p.secondary_opts for p in command.get_params(CONTEXT))
    return {"--debug"} | {flag for flags in given for flag in flags}


@every_document
def test_every_link_leads_to_a_file(name: str) -> None:
    page = readme.ROOT / name
    for link in links(page):
        assert (page.parent / link).exists(), link


def test_the_readme_leads_to_the_guide_and_the_guide_to_every_page() -> None:
    guide = readme.GUIDE / "README.md"
    assert str(guide.relative_to(readme.ROOT)) in links(readme.README)
    listed = [link for link in links(guide) if not link.startswith("..")]
    assert sorted(listed) == sorted({page.name for page in readme.PAGES} - {"README.md"})


def test_every_picture_of_the_gallery_is_shown() -> None:
    shown = {(page.parent / link).resolve() for page in PAGES.values() for link in links(page)}
    gallery = {*(readme.ROOT / "examples" / "gallery").iterdir()}
    assert gallery <= shown


def test_the_readme_is_short() -> None:
    assert len(readme.README.read_text(encoding="utf-8")) < 12_000  # details belong in the guide


@every_page
def test_every_command_has_the_options_it_is_given(name: str) -> None:
    for command in readme.commands([PAGES[name]]):
        for _, what, *rest in calls(command):
            for word in rest:
                if word.startswith("--"):
                    assert word in flags(what), f"{what} {word}"


@every_page
def test_every_option_is_one_that_exists(name: str) -> None:
    known = set.union(*(flags(command) for command in neuralpaint.list_commands(CONTEXT)))
    text = PAGES[name].read_text(encoding="utf-8")
    for option in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", text):
        assert option in known, option


@every_page
def test_a_page_makes_the_files_that_it_reads(name: str) -> None:
    written: set[str] = set()
    for what, file in files(PAGES[name]):
        if what == "read":
            assert file.rstrip("/") in written, file
        else:
            written.add(file.rstrip("/"))


def test_no_two_pages_write_the_same_file() -> None:
    writers: dict[str, str] = {}
    for name, page in PAGES.items():
        for what, file in files(page):
            if what == "written":
                assert writers.setdefault(file, name) == name, file


def test_the_guide_names_classes_and_functions_that_exist() -> None:
    page = readme.GUIDE / "extend.md"
    named = re.findall(r"\]\((\S+\.py)\), `(\w+)`", page.read_text(encoding="utf-8"))
    assert named
    for file, name in named:
        text = (page.parent / file).read_text(encoding="utf-8")
        assert re.search(rf"\b(class|def) {name}\b", text), f"{name} in {file}"


def test_the_guide_lists_every_registry() -> None:
    text = (readme.GUIDE / "extend.md").read_text(encoding="utf-8")
    for address in CATALOGUE.values():
        assert f"`{address.rpartition('.')[2]}`" in text


@pytest.mark.parametrize("kind", [*CATALOGUE, "looks", "presets"])
def test_the_guide_mentions_every_kind_of_entry(kind: str) -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in readme.PAGES)
    assert f"neuralpaint list {kind}" in text


def test_the_readme_has_commands_that_make_a_clip_and_run_the_tests() -> None:
    first, second, *_ = readme.commands([readme.README])
    assert "neuralpaint video examples/rocket.jpg -o" in first
    assert second == readme.command_for_tests()
