"""The files of the page: all are served, and none needs what the headers forbid."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from studios import Studio

import neuralpaint
from neuralpaint.studio.page_files import INDEX, page_files

FILES = page_files()
OWN = Path(neuralpaint.__file__).parent / "studio" / "page"
SOURCES = [*OWN.rglob("*")] if OWN.is_dir() else []
needs_page = pytest.mark.skipif(not OWN.is_dir(), reason="the page is not written yet")


def names(suffix: str) -> list[str]:
    return [name for name in FILES if name.endswith(suffix)]


def text(name: str) -> str:
    return FILES[name].content.decode("utf-8")


@needs_page
def test_every_file_of_the_page_is_served(shared: Studio) -> None:
    assert {path.relative_to(OWN).as_posix() for path in SOURCES} <= set(FILES)
    assert INDEX in FILES
    assert shared.ask("").body == FILES[INDEX].content
    for name, file in FILES.items():
        answer = shared.ask(f"page/{name}")
        assert (answer.status, answer.body) == (200, file.content)
        assert answer.headers["content-type"] == file.media_type
    assert shared.ask("page/nothing.js").status == 404


class _Tags(HTMLParser):
    """Collects the tags of a page, with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize("name", names(".html"))
def test_a_page_has_nothing_inline_and_nothing_from_elsewhere(name: str) -> None:
    parser = _Tags()
    parser.feed(text(name))
    parser.close()
    assert parser.tags
    for tag, attributes in parser.tags:
        assert tag not in ("style", "iframe", "object", "embed", "base"), tag
        assert tag != "form" or "action" not in attributes
        assert tag != "script" or attributes.get("src"), "an inline script"
        assert not [a for a in attributes if a.startswith("on") or a == "style"], attributes
        for attribute in ("src", "href"):
            link = attributes.get(attribute) or ""
            if link and not link.startswith(("#", "data:")):
                assert link.removeprefix("./").removeprefix("page/") in FILES, link


@pytest.mark.parametrize("name", names(".js"))
def test_a_module_imports_only_files_that_are_served(name: str) -> None:
    source = text(name)
    found = re.findall(r"""(?:from\s+|import\s+|import\()["']([^"']+)["']""", source)
    for module in found:
        assert module.startswith("./")
        assert module.removeprefix("./") in FILES, module
    assert not re.search(r"\beval\(|new Function\(", source)
    assert not re.search(r"https?://(?!www\.w3\.org/)", source)


@pytest.mark.parametrize("name", names(".css"))
def test_a_style_needs_nothing_from_elsewhere(name: str) -> None:
    source = re.sub(r"/\*.*?\*/", "", text(name), flags=re.DOTALL)
    assert source.count("{") == source.count("}") > 0
    assert "@import" not in source
    assert all(
        link.startswith(("data:", "#")) for link in re.findall(r"url\([\"']?([^)\"']+)", source)
    )
