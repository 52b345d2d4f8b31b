"""The parts of the report that explain: reasons, what PSNR is, waves by length, and questions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from neuralpaint.pipelines.charts import colour_of
from neuralpaint.pipelines.compare.evidence import Course, brief, levels_of
from neuralpaint.pipelines.compare.questions import questions_of
from neuralpaint.pipelines.compare.reasons import reasons_of
from neuralpaint.pipelines.compare.result import CompareResult

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["explain", "with_names"]

_SHORT_AXIS = 20  # dB, at least


def explain(result: CompareResult) -> dict[str, Any]:
    """Return the context of these parts for the template."""
    return {
        "reasons": reasons_of(result.evidence),
        "waves": _waves(result),
        "questions": questions_of(result),
        **_psnr_box(result),
    }


def with_names(text: str) -> Markup:
    """Return text as HTML, with the names in backticks bold."""
    from markupsafe import Markup, escape

    parts = [Markup("<b>{}</b>").format(part) if k % 2 else escape(part)
             for k, part in enumerate(text.split("`"))]  # fmt: skip
    return Markup("").join(parts)


def _psnr_box(result: CompareResult) -> dict[str, Any]:
    """Return what explains PSNR: an example, a scale with every variant, and pairs of greys."""
    courses = result.evidence.courses
    if not courses:
        return {}
    best = courses[0]
    levels = brief(levels_of(best.score))
    example = (
        f"Here: {best.name} has {best.score:.1f} dB, so its typical error is "
        f"255 / 10^({best.score:.1f}/20) = {levels} levels. Each pair of greys below differs by "
        "the typical error of one picture: where you can hardly see the line in the middle, the "
        "errors are hard to see too."
    )
    low = 10 * math.floor(min(course.score for course in courses) / 10)
    high = max(low + _SHORT_AXIS, 10 * math.ceil(max(course.score for course in courses) / 10))

    def left(psnr: float) -> str:
        return f"{100 * (psnr - low) / (high - low):.1f}"

    ticks = [
        {"psnr": tick, "levels": brief(levels_of(tick)), "left": left(tick)}
        for tick in range(low, high + 1, 10)
    ]
    dots = [
        {
            **_mark(result, course),
            "left": left(course.score),
            "title": f"{course.outcome.name}, {course.score:.1f} dB",
        }
        for course in courses
    ]
    shown = {id(each): each for each in (best, courses[len(courses) // 2], courses[-1])}
    greys = [_greys(course) for course in shown.values()]
    return {"example": example, "axis": {"ticks": ticks, "dots": dots}, "greys": greys}


def _mark(result: CompareResult, course: Course) -> dict[str, Any]:
    """Return the row and the colour of a variant on the page."""
    row = result.outcomes.index(course.outcome)
    return {"row": row, "colour": colour_of(row)}


def _greys(course: Course) -> dict[str, str]:
    """Return two greys, in CSS, that are apart by the typical error of a variant."""
    apart = levels_of(course.score)
    first, second = (max(0, round(128 + side * apart / 2)) for side in (-1, 1))
    text = f"{brief(apart)} levels, {course.score:.1f} dB"
    return {
        "name": course.outcome.name,
        "text": text,
        "first": f"rgb({first},{first},{first})",
        "second": f"rgb({second},{second},{second})",
    }


def _waves(result: CompareResult) -> dict[str, Any] | None:
    """Return how much of each octave is right in each final picture, in percent."""
    evidence = result.evidence
    courses = evidence.detailed
    if not courses or not len(courses[0].octaves):
        return None
    return {
        "lengths": [evidence.lengths(octave) for octave in courses[0].octaves.tolist()],
        "rows": [
            {
                "name": course.outcome.name,
                **_mark(result, course),
                "right": [max(0, math.floor(100 * right)) for right in course.right[-1].tolist()],
            }
            for course in courses
        ],
    }
