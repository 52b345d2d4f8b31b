"""Chromium for the tests of pages; without it, or without Playwright, they are skipped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["OpenPage", "browser", "open_page"]

OpenPage = Callable[..., "Page"]
"""Opens an empty page; the options are those of `Browser.new_context`."""

_PATHS = ("chromium", "chromium-browser", "google-chrome", "chrome")
# WebGL is computed by the CPU, and nothing is fetched in the background.
_ARGUMENTS = (
    "--headless --no-sandbox --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --use-gl=angle --use-angle=swiftshader "
    "--enable-unsafe-swiftshader"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A running Chromium; CHROMIUM is the path of another one than that of the system."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _PATHS)), None)
    if path is None:
        pytest.skip("needs Chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=path, args=_ARGUMENTS.split())
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Open empty pages, and fail if one of them has reported an error at the end of the test."""
    errors: list[str] = []
    with ExitStack() as opened:

        def open_page(**options: Any) -> Page:
            context = browser.new_context(**{"viewport": {"width": 800, "height": 600}} | options)
            opened.callback(context.close)
            page = context.new_page()
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
            return page

        yield open_page
    assert not errors, errors
