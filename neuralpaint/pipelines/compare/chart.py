"""The curves of the report: drawn as SVG into the page, in the page's own colours."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

from neuralpaint.pipelines.compare.palette import colour_of
from neuralpaint.pipelines.compare.result import CompareResult, CurvePoint
from neuralpaint.pipelines.compare.timeline import Timeline

__all__ = ["loss_chart", "psnr_chart"]

_WIDTH, _HEIGHT = 460, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 14, 40
_NEAREST = 0.11  # of the axis, between two ticks
_MOST_DB = 80.0  # what is better looks the same

_Points = list[tuple[float, float]]


class _Line(NamedTuple):
    number: int
    name: str
    points: _Points
    dashed: bool


class _Axis(NamedTuple):
    low: float
    high: float
    ticks: dict[float, str]

    def share(self, value: float) -> float:
        """Return where a value lies, in [0, 1]."""
        return (value - self.low) / (self.high - self.low)


def psnr_chart(result: CompareResult) -> str:
    """Return PSNR over the training as SVG: of the learned pixels, dashed of those held out."""
    measures: list[tuple[Callable[[CurvePoint], float | None], bool]] = [
        (lambda point: point.psnr_train, False)
    ]
    if result.splits:
        measures.append((lambda point: point.psnr_held_out, True))
    lines = [line for of, dashed in measures for line in _lines(result, of, dashed=dashed)]
    values = [y for line in lines for _, y in line.points]
    low, high = min(values, default=0.0), max(values, default=1.0)
    low, high = 5 * math.floor(low / 5), 5 * math.ceil((high + 0.5) / 5)
    step = next(step for step in (5, 10, 20) if (high - low) / step <= 8 or step == 20)
    ticks = {float(tick): str(tick) for tick in range(low, high + 1, step)}
    return _svg(result, lines, _Axis(low, high, ticks), f"PSNR in dB over {_unit(result)}")


def loss_chart(result: CompareResult) -> str:
    """Return the loss over the training as SVG, on a logarithmic axis."""

    def of(point: CurvePoint) -> float | None:
        return math.log10(point.loss) if point.loss > 0 else None

    lines = _lines(result, of, dashed=False)
    values = [y for line in lines for _, y in line.points]
    low, high = min(values, default=-1.0) - 0.08, max(values, default=0.0) + 0.08
    decades = range(math.ceil(low), math.floor(high) + 1)
    ticks = {float(n): f"{10.0**n:g}" if n > -4 else f"1e{n}" for n in decades}
    if len(ticks) < 3:
        ticks.update(
            {y: f"{k * 10.0**n:g}" for n in range(math.floor(low), math.ceil(high) + 1)
             for k in (2, 5) if low <= (y := n + math.log10(k)) <= high}
        )  # fmt: skip
    return _svg(result, lines, _Axis(low, high, ticks), f"loss over {_unit(result)}")


def _unit(result: CompareResult) -> str:
    return "seconds of training" if result.settings.optimization.seconds is not None else "steps"


def _when(result: CompareResult, point: CurvePoint) -> float:
    return point.seconds if result.settings.optimization.seconds is not None else float(point.step)


def _lines(
    result: CompareResult, of: Callable[[CurvePoint], float | None], *, dashed: bool
) -> list[_Line]:
    lines = []
    for number, outcome in enumerate(result.outcomes):
        points = [
            (_when(result, point), min(value, _MOST_DB))
            for point in outcome.curve
            if (value := of(point)) is not None and not math.isnan(value)
        ]
        lines.append(_Line(number, outcome.name, points, dashed))
    return lines


def _svg(result: CompareResult, lines: Sequence[_Line], axis: _Axis, title: str) -> str:
    wide, high = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    timeline = Timeline(max((x for line in lines for x, _ in line.points), default=0.0))

    def at_x(x: float) -> float:
        return _LEFT + wide * timeline.share(x)

    def at_y(y: float) -> float:
        return _TOP + high * (1 - axis.share(y))

    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">',
        *(
            f'<line class="rule" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at_y(y):.1f}" '
            f'y2="{at_y(y):.1f}"/><text class="tick" x="{_LEFT - 7}" y="{at_y(y) + 4:.1f}" '
            f'text-anchor="end">{escape(label)}</text>'
            for y, label in axis.ticks.items()
        ),
        *(
            f'<text class="tick" x="{at_x(x):.1f}" y="{_HEIGHT - _BOTTOM + 18}" '
            f'text-anchor="{"end" if at_x(x) > _WIDTH - 40 else "middle"}">{x:,.10g}</text>'
            for x in timeline.ticks(_NEAREST)
        ),
        f'<text class="unit" x="{_LEFT + wide / 2:.0f}" y="{_HEIGHT - 4}" '
        f'text-anchor="middle">{_unit(result)}</text>',
    ]
    for line in lines:
        path = " ".join(f"{at_x(x):.1f},{at_y(y):.1f}" for x, y in line.points)
        dashes = ' stroke-dasharray="5 3"' if line.dashed else ""
        label = f"{line.name}, held out" if line.dashed else line.name
        parts.append(
            f'<polyline class="curve" data-row="{line.number}" points="{path}" '
            f'stroke="{colour_of(line.number)}"{dashes}><title>{escape(label)}</title></polyline>'
        )
    return "".join([*parts, "</svg>"])
