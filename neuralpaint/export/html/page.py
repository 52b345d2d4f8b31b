"""Pages: HTML files without other files, from Jinja templates that extend `base.html`."""

from __future__ import annotations

import base64
import importlib.resources
import io
from collections.abc import Callable, Mapping
from typing import Any

from PIL import Image

from neuralpaint._version import __version__
from neuralpaint.image.pictures import Frame

__all__ = ["asset", "image_uri", "render_page"]

_LONGEST = 1024  # pixels of a side of an embedded image
_EXACT = 160  # pixels of a side up to which an image is lossless


def render_page(
    package: str,
    template: str,
    *,
    filters: Mapping[str, Callable[..., Any]] | None = None,
    **context: Any,
) -> str:
    """Return a page as HTML; all values are escaped.

    Args:
        package: the name of the package with the template.
        template: the name of its file; it extends `base.html`, and fills its blocks.
        filters: functions that it uses as filters, by name.
        context: the values of the names of the template; all are required. `style` and `version`
            are added to them, and `base.html` needs the `title`.
    """
    import jinja2  # takes 40 ms, and only pages need it
    from markupsafe import Markup

    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FunctionLoader(asset),
    )
    environment.filters |= filters or {}
    source = (importlib.resources.files(package) / template).read_text("utf-8")
    return environment.from_string(source).render(
        style=Markup(asset("style.css")), version=__version__, **context
    )


def asset(name: str) -> str:
    """Return the text of a file that pages share: `base.html`, `style.css`, `view.js`."""
    return (importlib.resources.files(__package__) / name).read_text("utf-8")


def image_uri(frame: Frame, *, lossless: bool = False) -> str:
    """Return a frame, uint8 (h, w, 3), as a WebP image inside a URI; a small one is lossless."""
    image = Image.fromarray(frame)
    if max(image.size) > _LONGEST:
        image.thumbnail((_LONGEST, _LONGEST), Image.Resampling.LANCZOS)
    encoded = io.BytesIO()
    lossless = lossless or max(image.size) <= _EXACT
    image.save(encoded, "WEBP", lossless=lossless, quality=80 if lossless else 92, method=4)
    return f"data:image/webp;base64,{base64.b64encode(encoded.getvalue()).decode()}"
