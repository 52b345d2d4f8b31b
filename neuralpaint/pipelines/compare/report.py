"""The report of a race: report.html, from a Jinja template, and its curves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from neuralpaint.export.html.page import image_uri, render_page
from neuralpaint.image.metrics import format_psnr
from neuralpaint.image.pictures import Picture
from neuralpaint.pipelines.charts import Curve, Panel, colour_of, draw_svg
from neuralpaint.pipelines.compare.evidence import noise
from neuralpaint.pipelines.compare.explanation import explain, with_names
from neuralpaint.pipelines.compare.maps import (
    Exhibit,
    brightest,
    differing_crops,
    error_scale,
    paint_errors,
    paint_spectrum,
    spectrum,
)
from neuralpaint.pipelines.compare.outcome import CurvePoint, RaceOutcome
from neuralpaint.pipelines.compare.result import CompareResult
from neuralpaint.pipelines.compare.training import paint_note
from neuralpaint.video.drawing import Frame, colour_scale

__all__ = ["panels_of", "write_report"]

_ENLARGED = 320  # pixels of a side of an enlarged crop, at least
_PIXELATED = 256  # pixels of a side up to which a browser must not smooth
_MOST_DB = 80.0  # no difference is visible above it: higher PSNRs are drawn at this value


class _Image(NamedTuple):
    source: str
    """A data URI."""
    kind: str
    """A CSS class."""


def write_report(
    result: CompareResult,
    picture: Picture,
    exhibits: Sequence[Exhibit],
    *,
    poster: Frame | None,
    files: Sequence[str],
) -> str:
    """Return the page as HTML; all names are escaped.

    Args:
        result: the results.
        picture: the picture that was learned.
        exhibits: the final pictures, in the order of the result.
        poster: the still shown before race.mp4 is played; None if there is no race.mp4.
        files: the names of the other files.
    """
    return render_page(
        __package__,
        "report.html",
        filters={"names": with_names},
        **_context(result, picture, exhibits),
        poster=None if poster is None else image_uri(poster),
        curves=[name for name in files if name.startswith("curves")],
    )


def _context(
    result: CompareResult, picture: Picture, exhibits: Sequence[Exhibit]
) -> dict[str, Any]:
    machine = result.machine
    gpu = f"{machine.gpu}, " if machine.gpu else ""
    threads = f"{machine.threads} thread{'s' * (machine.threads != 1)}"
    own_spectrum = spectrum(picture.pixels)
    scale, top = error_scale(exhibits), brightest(own_spectrum)
    table = result.table()
    return {
        "title": f"{result.picture}, learned {len(result.outcomes)} ways",
        "lead": list(_summary(result)),
        "picture": _image(picture.pixels),
        "width": result.width,
        "height": result.height,
        "headings": table.headings,
        "measure": _measure(result),
        "budget": _budget(result),
        "notes": result.notes(),
        "charts": [(panel.title, draw_svg(panel)) for panel in panels_of(result)],
        **explain(result),
        "ramp": _ramp(),
        "scale": scale,
        "spectrum": _image(paint_spectrum(own_spectrum, top=top)),
        "variants": [
            _variant(result, each, scale=scale, top=top)
            | {"colour": colour_of(number), "row": table.rows[number]}
            for number, each in enumerate(exhibits)
        ],
        "crops": _crops(picture, exhibits),
        "shared": _shared_settings(result),
        "machine": f"{gpu}{machine.cpu}, {threads}, torch {machine.torch}",
    }


def _variant(
    result: CompareResult, exhibit: Exhibit, *, scale: float, top: float
) -> dict[str, Any]:
    outcome = exhibit.outcome
    finished = outcome.status == "finished"
    images = {}
    if exhibit.frame is not None and exhibit.errors is not None:
        images = {
            "final picture": _image(exhibit.frame),
            "errors": _image(paint_errors(exhibit.errors, scale)),
            "spectrum": _image(paint_spectrum(spectrum(exhibit.frame), top=top)),
        }
    note = paint_note(result.settings, outcome.variant, picture=result.picture)
    return {
        "name": outcome.name,
        "achieved": f"{format_psnr(outcome.score)} dB" if finished else outcome.verdict,
        "message": outcome.message,
        "images": images,
        "settings": _own_settings(outcome),
        "command": note.command(),
    }


def _crops(picture: Picture, exhibits: Sequence[Exhibit]) -> list[tuple[str, list[Any]]]:
    """Return the places where the variants differ most, each with its image of every variant."""
    crops = []
    for crop in differing_crops(picture, exhibits):
        frames = [("original", picture.pixels)]
        frames += [(each.outcome.name, each.frame) for each in exhibits if each.frame is not None]
        place = f"{crop.width} x {crop.height} pixels at x {crop.left}, y {crop.top}"
        crops.append((place, [(name, _crop_image(crop.of(frame))) for name, frame in frames]))
    return crops


def _budget(result: CompareResult) -> str:
    """Return for how long each variant was trained."""
    unit, amount = result.settings.budget
    words = {"seconds": "seconds of training", "epochs": "epochs", "steps": "steps"}
    return f"after {amount or 0:,g} {words[unit]}"


def _measure(result: CompareResult) -> str:
    """Return the measure by which variants are ranked."""
    return "PSNR of the held-out pixels" if result.splits else "PSNR"


def _summary(result: CompareResult) -> Iterator[str]:
    """Yield the sentences at the top of the report: the question and the answer."""
    count = len(result.outcomes)
    ways = f"these {count} ways" if count > 1 else "this way"
    pixels = "every second pixel in x and y" if result.splits else "all pixels"
    yield (
        f"How well is the picture learned in {ways}? All had the same seed, learned {pixels} and "
        f"were measured {_budget(result)}."
    )
    winner = result.winner
    if winner is None:
        yield "None of them finished."
    else:
        others = [each for each in result.outcomes[1:] if each.status == "finished"]
        ahead = ""
        if others and math.isfinite(gap := winner.score - others[0].score):
            ahead = f", {gap:.2f} dB ahead of {others[0].name}"
            if gap <= noise(*result.evidence.courses[:2]):
                ahead += "; the order is not settled, another seed may change it"
        measure = _measure(result)
        best = f"{format_psnr(winner.score)} dB ({measure})"
        if math.isinf(winner.score):
            best = f"every colour exact ({measure})"
        yield f"Best is {winner.name} with {best}{ahead}."
    failed = [f"{each.name} {each.verdict} ({each.message})" for each in result.outcomes
              if each.message]  # fmt: skip
    if failed:
        yield f"Not in the ranking: {'; '.join(failed)}."
    if result.missing:
        yield f"Not trained, because the comparison was interrupted: {', '.join(result.missing)}."


def _shared_settings(result: CompareResult) -> dict[str, str]:
    """Return the settings that all variants have in common, by name."""
    trainings = [outcome.settings.to_dict() for outcome in result.outcomes]
    first = trainings[0]
    shared = {k: v for k, v in first.items() if all(each[k] == v for each in trainings)}
    return _shown(shared)


def _own_settings(outcome: RaceOutcome) -> dict[str, str]:
    """Return all settings of a variant that are set, by name."""
    return _shown(outcome.settings.to_dict())


def _shown(values: dict[str, object]) -> dict[str, str]:
    return {
        name.replace("_", " "): f"{value:g}" if isinstance(value, float) else str(value)
        for name, value in values.items()
        if value is not None
    }


def _image(frame: Frame) -> _Image:
    return _Image(image_uri(frame), "pixels" if max(frame.shape) <= _PIXELATED else "")


def _crop_image(frame: Frame) -> _Image:
    """Return a crop, enlarged so that its pixels are squares."""
    times = -(-_ENLARGED // min(frame.shape[:2]))
    large = np.ascontiguousarray(frame.repeat(times, axis=0).repeat(times, axis=1))
    return _Image(image_uri(large, lossless=True), "square")


def _ramp() -> str:
    """Return the colour scale of the maps as a CSS gradient, from dark to light."""
    colours = colour_scale(17)
    stops = ", ".join("#{:02x}{:02x}{:02x}".format(*colour) for colour in colours.tolist())
    return f"linear-gradient(90deg, {stops})"


def panels_of(result: CompareResult) -> tuple[Panel, Panel]:
    """Return PSNR and loss over the training; the PSNR of held-out pixels is dashed."""
    by_clock = result.settings.optimization.seconds is not None
    unit = "seconds of training" if by_clock else "steps"

    def time(point: CurvePoint) -> float:
        return point.seconds if by_clock else float(point.step)

    learned, held_out, losses = [], [], []
    for number, outcome in enumerate(result.outcomes):
        points = outcome.curve
        psnr = [(time(point), min(point.psnr_train, _MOST_DB)) for point in points]
        learned.append(Curve(_label(outcome), psnr, number))
        losses.append(Curve(outcome.name, [(time(point), point.loss) for point in points], number))
        if result.splits:
            rest = [(time(point), min(point.psnr_held_out or math.nan, _MOST_DB))
                    for point in points]  # fmt: skip
            label = f"{outcome.name}, held out"
            held_out.append(Curve(label, rest, number, dashed=True, in_legend=False))
    pixels = "learned pixels; dashed: held-out pixels" if result.splits else "all pixels"
    return (
        Panel(f"PSNR in dB, {pixels}", unit, [*learned, *held_out]),
        Panel("loss while training", unit, losses, logarithmic=True),
    )


def _label(outcome: RaceOutcome) -> str:
    if outcome.status != "finished":
        return f"{outcome.name} ({outcome.verdict})"
    return f"{outcome.name}  {format_psnr(outcome.score)} dB"
