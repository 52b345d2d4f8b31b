"""The report: everything on one page that needs no network, and no other file but the race."""

from __future__ import annotations

import importlib.resources
from collections.abc import Iterator, Sequence
from html import escape

from neuralpaint._version import __version__
from neuralpaint.image.pictures import Picture
from neuralpaint.pipelines.charts import colour_of, draw_svg
from neuralpaint.pipelines.compare.curves import panels_of
from neuralpaint.pipelines.compare.images import embedded, enlarged, ramp
from neuralpaint.pipelines.compare.maps import (
    Exhibit,
    brightest,
    error_scale,
    paint_errors,
    paint_spectrum,
    spectrum,
    telling_crops,
)
from neuralpaint.pipelines.compare.result import CompareResult
from neuralpaint.pipelines.compare.words import (
    budget,
    command,
    lead,
    measure,
    notes,
    own_settings,
    shared_settings,
    table,
)
from neuralpaint.video.drawing import Frame

__all__ = ["write_page"]

_SMALL = 256  # pixels of a side up to which a browser must not smooth


def write_page(
    result: CompareResult, picture: Picture, exhibits: Sequence[Exhibit], *, files: Sequence[str]
) -> str:
    """Return the page as HTML; whatever a user has named is escaped.

    Args:
        result: what was found out.
        picture: what was learned.
        exhibits: what the contestants have to show, in the order of the result.
        files: the names of the other files that were made.
    """
    title = f"{result.picture}, learned {len(result.outcomes)} ways"
    sections = [
        *_opening(result, picture, title),
        *_race(files),
        *_ranking(result),
        *_curves(result, files),
        *_pictures(picture, exhibits),
        *_crops(picture, exhibits),
        *_settings(result),
    ]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{escape(title)}</title>",
            f"<style>{_asset('report.css')}</style></head><body>",
            *sections,
            f"<script>{_asset('report.js')}</script>",
            "</body></html>",
            "",
        ]
    )


def _asset(name: str) -> str:
    return (importlib.resources.files(__package__) / name).read_text("utf-8")


def _opening(result: CompareResult, picture: Picture, title: str) -> Iterator[str]:
    yield "<header>"
    yield f'<div class="opening"><div><h1>{escape(title)}</h1>'
    yield from (f"<p>{escape(sentence)}</p>" for sentence in lead(result))
    yield "</div>"
    yield _picture(picture.pixels, f"the picture, {result.width} x {result.height}")
    yield "</div></header><main>"


def _race(files: Sequence[str]) -> Iterator[str]:
    if "race.mp4" in files:
        yield "<section><h2>The race</h2>"
        yield '<video src="race.mp4" controls loop muted playsinline preload="metadata"></video>'
        yield "</section>"


def _ranking(result: CompareResult) -> Iterator[str]:
    heading, rows = table(result)
    yield '<section><h2>The ranking</h2><div class="scroll"><table class="ranking"><thead><tr>'
    yield from (f"<th scope=col>{escape(cell)}</th>" for cell in heading)
    yield "</tr></thead><tbody>"
    for number, row in enumerate(rows):
        yield f'<tr data-row="{number}">'
        for column, (shown, value) in enumerate(row):
            dot = f'<i style="background:{colour_of(number)}"></i>' if column == 1 else ""
            yield f'<td data-value="{escape(value)}">{dot}{escape(shown)}</td>'
        yield "</tr>"
    yield "</tbody></table></div>"
    yield f'<p class="note">Ranked by the {measure(result)}, in dB, of the 8-bit picture at the '
    yield f"end, {escape(budget(result))}. A click on a heading sorts by it.</p>"
    yield from (f'<p class="note">Note: {escape(note)}.</p>' for note in notes(result))
    yield "</section>"


def _curves(result: CompareResult, files: Sequence[str]) -> Iterator[str]:
    yield '<section><h2>The learning</h2><ul class="legend">'
    for number, outcome in enumerate(result.outcomes):
        colour = colour_of(number)
        yield f'<li data-row="{number}"><i style="background:{colour}"></i>{escape(outcome.name)}'
    yield '</ul><div class="charts">'
    for panel in panels_of(result):
        yield f"<figure>{draw_svg(panel)}<figcaption>{panel.title}</figcaption></figure>"
    yield "</div>"
    links = ", ".join(f'<a href="{name}">{name}</a>' for name in files if name.startswith("curves"))
    if links:
        yield f'<p class="note">For print: {links}</p>'
    yield "</section>"


def _pictures(picture: Picture, exhibits: Sequence[Exhibit]) -> Iterator[str]:
    scale = error_scale(exhibits)
    top_level = brightest(spectrum(picture.pixels))
    yield "<section><h2>What they have learned</h2>"
    yield '<p class="note">Each final picture, its errors, and the magnitudes of its frequencies; '
    yield "the slowest are in the middle of a spectrum, the finest at its edges. "
    yield "A click enlarges.</p>"
    yield '<p class="scales">'
    yield f'<span>error 0 <b style="background:{ramp()}"></b> {scale} of 255 levels or more</span>'
    yield f'<span>spectrum &minus;5 <b style="background:{ramp()}"></b> 0 decades</span></p>'
    yield '<div class="triple"><h3>the picture itself</h3>'
    own = paint_spectrum(spectrum(picture.pixels), top=top_level)
    yield _picture(picture.pixels, "original")
    yield '<figure class="empty"></figure>'
    yield _picture(own, "its spectrum") + "</div>"
    for number, exhibit in enumerate(exhibits):
        outcome = exhibit.outcome
        dot = f'<i style="background:{colour_of(number)}"></i>'
        done = f"{outcome.score:.2f} dB" if outcome.status == "finished" else outcome.verdict
        yield f'<div class="triple"><h3>{dot}{escape(outcome.name)} '
        yield f"<small>{escape(done)}</small></h3>"
        if exhibit.frame is None or exhibit.errors is None:
            yield f'<p class="note">{escape(outcome.message)}</p></div>'
            continue
        levels = paint_spectrum(spectrum(exhibit.frame), top=top_level)
        yield _picture(exhibit.frame, "final picture", of=outcome.name)
        yield _picture(paint_errors(exhibit.errors, scale), "errors", of=outcome.name)
        yield _picture(levels, "spectrum", of=outcome.name) + "</div>"
    yield "</section>"


def _crops(picture: Picture, exhibits: Sequence[Exhibit]) -> Iterator[str]:
    crops = telling_crops(picture, exhibits)
    if not crops:
        return
    yield "<section><h2>Where they differ most</h2>"
    for crop in crops:
        where = f"{crop.width} x {crop.height} pixels at x {crop.left}, y {crop.top}"
        yield f'<p class="note">{where}</p><div class="crops">'
        yield _figure(embedded(enlarged(crop.of(picture.pixels)), exact=True), "original", "square")
        for exhibit in exhibits:
            if exhibit.frame is not None:
                shown = embedded(enlarged(crop.of(exhibit.frame)), exact=True)
                yield _figure(shown, exhibit.outcome.name, "square")
        yield "</div>"
    yield "</section>"


def _settings(result: CompareResult) -> Iterator[str]:
    machine = result.machine
    yield "<section><h2>How it was done</h2><dl>"
    for name, value in shared_settings(result):
        yield f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
    yield "</dl>"
    for number, outcome in enumerate(result.outcomes):
        dot = f'<i style="background:{colour_of(number)}"></i>'
        yield f"<details><summary>{dot}{escape(outcome.name)}</summary><dl>"
        for name, value in own_settings(outcome):
            yield f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
        yield "</dl>"
        yield f"<pre>{escape(command(result, outcome))}</pre></details>"
    gpu = f"{machine.gpu}, " if machine.gpu else ""
    threads = f"{machine.threads} thread{'s' * (machine.threads != 1)}"
    where = f"{gpu}{machine.cpu}, {threads}, torch {machine.torch}"
    yield f"</section></main><footer>neuralpaint {__version__}, on {escape(where)}</footer>"


def _picture(frame: Frame, caption: str, *, of: str = "") -> str:
    """Return a whole picture; of a small one every pixel is seen."""
    kind = "pixels" if max(frame.shape) <= _SMALL else ""
    return _figure(embedded(frame), caption, kind, of=of)


def _figure(image: str, caption: str, kind: str, *, of: str = "") -> str:
    """Return an image and what stands under it; `of` is told to those who cannot see it."""
    words, described = escape(caption), escape(f"{caption} of {of}" if of else caption)
    classes = f' class="{kind}"' if kind else ""
    return (
        f'<figure{classes}><img src="{image}" alt="{described}">'
        f"<figcaption>{words}</figcaption></figure>"
    )
