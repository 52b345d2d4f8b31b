"""The files of the page, by name: those of this package and what it shares with other pages."""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping
from importlib.resources.abc import Traversable
from pathlib import PurePath
from typing import NamedTuple

__all__ = ["INDEX", "PageFile", "page_files"]

INDEX = "index.html"
"""The name of the page itself."""

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
# The names of files of other pages that this page uses.
_SHARED = ("view.js", "style.css")


class PageFile(NamedTuple):
    """A file of the page."""

    content: bytes
    media_type: str


def page_files() -> Mapping[str, PageFile]:
    """Read and return all files of the page.

    Requests are answered from this dictionary, so no name in a request becomes a path.
    """
    package = importlib.resources.files("neuralpaint")
    found: dict[str, PageFile] = {}
    shared = package / "export" / "html"
    for name in _SHARED:
        if (shared / name).is_file():
            found[name] = _read(shared / name)
    own = package / "studio" / "page"
    for file in own.iterdir() if own.is_dir() else ():
        if PurePath(file.name).suffix in _TYPES:
            found[file.name] = _read(file)
    return found


def _read(file: Traversable) -> PageFile:
    return PageFile(file.read_bytes(), _TYPES[PurePath(file.name).suffix])
