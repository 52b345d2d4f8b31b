"""The player in the cell of a notebook, above a still for where no script runs."""

from __future__ import annotations

import html

from neuralpaint.errors import UsageError
from neuralpaint.export.html.film import QUICK, write_film
from neuralpaint.export.html.page import image_uri
from neuralpaint.export.moments import Moments
from neuralpaint.models.painting import Painting
from neuralpaint.rendering.render import render
from neuralpaint.storage.take import Take

__all__ = ["painting_cell", "take_cell"]

_BYTES = 1_000_000  # of the page: a notebook contains it once for every time that it is shown
_WIDTH = 640  # pixels
_CONTROLS = 270  # pixels of height


def take_cell(take: Take, *, still: str) -> str:
    """Return the player of a take as HTML; `still` is the HTML that is seen without scripts."""
    return _cell(Moments.of_take(take), still) if len(take) else still


def painting_cell(painting: Painting) -> str:
    """Return the player of a painting as HTML."""
    longer = max(painting.canvas.height, painting.canvas.width)
    frame = render(painting, painting.canvas.scaled(min(1.0, _WIDTH / longer)))
    return _cell(Moments.of_painting(painting), f'<img src="{image_uri(frame)}" alt="a painting">')


def _cell(moments: Moments, still: str) -> str:
    """Return the player over the still, or the still if the model cannot be written as a page."""
    try:
        page = write_film(moments, most_bytes=_BYTES, effort=QUICK)
    except UsageError:
        return still
    canvas = moments.painting.canvas
    height = round(_WIDTH * canvas.height / canvas.width) + _CONTROLS
    # Sites that show notebooks without running them remove the frame and all styles.
    return (
        f'<div style="position:relative;max-width:{_WIDTH}px;min-height:{height}px">{still}'
        f'<iframe srcdoc="{html.escape(page)}" sandbox="allow-scripts" allow="fullscreen" '
        f'title="player" style="position:absolute;inset:0;width:100%;height:{height}px;border:0">'
        "</iframe></div>"
    )
