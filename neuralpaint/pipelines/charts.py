"""Charts of curves over training time: as image files by matplotlib, and as SVG inside a page."""

from __future__ import annotations

import importlib.util
import io
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Curve", "Panel", "colour_of", "draw_figure", "draw_svg", "has_matplotlib"]

# Distinguishable on white, on black and in shades of grey.
_COLOURS = (
    "#3b7ddd", "#e8862e", "#2e9e6b", "#d9484f", "#8f63d2", "#1fa3b8", "#d15a9e", "#8a9a24",
    "#a9683f", "#6b7a90",
)  # fmt: skip
_DARK = {
    "figure.facecolor": "#0d0e12", "savefig.facecolor": "#0d0e12", "axes.facecolor": "#0d0e12",
    "text.color": "#eceae6", "axes.labelcolor": "#989ba6", "axes.edgecolor": "#2a2d36",
    "xtick.color": "#989ba6", "ytick.color": "#989ba6", "grid.color": "#989ba6",
}  # fmt: skip
_LONGEST_LEGEND = 24  # entries: a longer legend would be larger than the curves

_WIDTH, _HEIGHT = 460, 300  # of the SVG's view box
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 14, 40


@dataclass(frozen=True)
class Curve:
    """One line of a chart."""

    label: str
    points: Sequence[tuple[float, float]]
    """(time, value), in increasing time; a NaN value leaves a gap."""
    number: int
    """Selects the colour; in a page, all curves with this number are highlighted together."""
    dashed: bool = False
    dots: Sequence[tuple[float, float]] = ()
    """Single points that are marked beside the line."""
    in_legend: bool = True


@dataclass(frozen=True)
class Panel:
    """One pair of axes."""

    title: str
    unit: str
    """Unit of the horizontal axis, such as "steps"."""
    curves: Sequence[Curve]
    logarithmic: bool = False
    """Whether the vertical axis is logarithmic; otherwise it is in dB."""

    @property
    def longest(self) -> float:
        """The last time of all curves, or 1 if there is none above 0."""
        times = [x for curve in self.curves for x, _ in (*curve.points, *curve.dots)]
        return max(times, default=0.0) or 1.0


def colour_of(number: int) -> str:
    """Return the colour of a curve, counted from 0, as #rrggbb."""
    return _COLOURS[number % len(_COLOURS)]


def has_matplotlib() -> bool:
    """Return whether `draw_figure` can be called: matplotlib is an extra, `neuralpaint[plots]`."""
    return importlib.util.find_spec("matplotlib") is not None


def draw_figure(
    panels: Sequence[Panel],
    *,
    title: str,
    kinds: Sequence[str] = ("png", "svg"),
    inches: tuple[float, float] = (12.0, 5.2),
    dark: bool = False,
) -> dict[str, bytes]:
    """Return the panels side by side as an encoded image of each kind, 150 pixels an inch."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    style: Any = {  # Any: matplotlib's stubs list the allowed keys
        "font.size": 10.5, "svg.hashsalt": "neuralpaint", "axes.titlelocation": "left",
        **(_DARK if dark else {}),
    }  # fmt: skip
    with mpl.rc_context(style), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # for letters in a name that the font lacks
        # Not pyplot, because it would add the figure to the caller's open figures.
        figure = Figure(figsize=inches, layout="constrained")
        every_axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, panel in zip(every_axes, panels, strict=True):
            _draw_panel(axes, panel)
        handles, labels = every_axes[0].get_legend_handles_labels()
        if len(panels) == 1:  # the upper left is free: curves rise from the lower left
            every_axes[0].legend(handles, labels, loc="upper left", frameon=False)
        elif len(labels) <= _LONGEST_LEGEND:
            figure.legend(handles, labels, loc="outside right upper", frameon=False)
        figure.suptitle(_literal(title), x=0.01, ha="left")
        files = {}
        for kind in kinds:
            content = io.BytesIO()
            metadata = {"Date": None} if kind == "svg" else {"Software": "neuralpaint"}
            figure.savefig(content, format=kind, dpi=150, metadata=metadata)
            files[kind] = content.getvalue()
    return files


def _draw_panel(axes: Axes, panel: Panel) -> None:
    for curve in panel.curves:
        colour = colour_of(curve.number)
        axes.plot(
            [x for x, _ in curve.points],
            [y for _, y in curve.points],
            color=colour,
            linewidth=1.4 if curve.dashed else 1.8,
            linestyle=(0, (4, 2)) if curve.dashed else "-",
            label=_literal(curve.label) if curve.in_legend else None,
        )
        if curve.dots:  # an empty unclipped line breaks constrained layout
            x, y = [x for x, _ in curve.dots], [y for _, y in curve.dots]
            axes.plot(x, y, "o", color=colour, clip_on=False)
    if panel.logarithmic:
        axes.set_yscale("log")
    axes.set_title(panel.title)
    longest = panel.longest
    place = np.vectorize(lambda time: _place(time, longest), otypes=[float])
    time = np.vectorize(lambda place: _time(place, longest), otypes=[float])
    axes.set_xscale("function", functions=(place, time))
    axes.set_xlim(0, longest)
    ticks = _time_ticks(longest, nearest=0.09)
    axes.set_xticks(ticks, [f"{tick:,.10g}" for tick in ticks])
    axes.set_xlabel(panel.unit)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def _literal(text: str) -> str:
    """Escape $ and a leading _, which matplotlib treats specially."""
    text = text.replace("$", r"\$")
    return f"\N{ZERO WIDTH SPACE}{text}" if text.startswith("_") else text


def draw_svg(panel: Panel) -> str:
    """Return a panel as an SVG element, styled by the classes rule, tick, unit and curve.

    The attribute `data-row` of a curve is its number, for a script that highlights it.
    """
    wide, high = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    lines = [_drawable(curve.points, logarithmic=panel.logarithmic) for curve in panel.curves]
    values = [y for line in lines for _, y in line]
    low, high_value, ticks = _decades(values) if panel.logarithmic else _decibels(values)
    longest = panel.longest

    def at_x(x: float) -> float:
        return _LEFT + wide * _place(x, longest)

    def at_y(y: float) -> float:
        return _TOP + high * (1 - (y - low) / (high_value - low))

    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(f"{panel.title}, over {panel.unit}")}">',
        *(
            f'<line class="rule" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at_y(y):.1f}" '
            f'y2="{at_y(y):.1f}"/><text class="tick" x="{_LEFT - 7}" y="{at_y(y) + 4:.1f}" '
            f'text-anchor="end">{label}</text>'
            for y, label in ticks.items()
        ),
        *(
            f'<text class="tick" x="{at_x(x):.1f}" y="{_HEIGHT - _BOTTOM + 18}" '
            f'text-anchor="{"end" if at_x(x) > _WIDTH - 40 else "middle"}">{x:,.10g}</text>'
            for x in _time_ticks(longest, nearest=0.11)
        ),
        f'<text class="unit" x="{_LEFT + wide / 2:.0f}" y="{_HEIGHT - 4}" '
        f'text-anchor="middle">{panel.unit}</text>',
    ]
    for curve, line in zip(panel.curves, lines, strict=True):
        path = " ".join(f"{at_x(x):.1f},{at_y(y):.1f}" for x, y in line)
        dashes = ' stroke-dasharray="5 3"' if curve.dashed else ""
        parts.append(
            f'<polyline class="curve" data-row="{curve.number}" points="{path}" '
            f'stroke="{colour_of(curve.number)}"{dashes}>'
            f"<title>{escape(curve.label)}</title></polyline>"
        )
    return "".join([*parts, "</svg>"])


def _drawable(
    points: Sequence[tuple[float, float]], *, logarithmic: bool
) -> list[tuple[float, float]]:
    """Return the points with finite values; on a log axis, only values above 0, as log10."""
    known = [(x, y) for x, y in points if math.isfinite(y)]
    return [(x, math.log10(y)) for x, y in known if y > 0] if logarithmic else known


def _decibels(values: Sequence[float]) -> tuple[float, float, dict[float, str]]:
    """Return the ends of an axis of decibels, and its ticks."""
    low = 5 * math.floor(min(values, default=0.0) / 5)
    high = 5 * math.ceil((max(values, default=1.0) + 0.5) / 5)
    step = next(step for step in (5, 10, 20) if (high - low) / step <= 8 or step == 20)
    return low, high, {float(tick): str(tick) for tick in range(low, high + 1, step)}


def _decades(values: Sequence[float]) -> tuple[float, float, dict[float, str]]:
    """Return the ends of a log10 axis and its ticks; with fewer than 3 decades, also 2 and 5."""
    low, high = min(values, default=-1.0) - 0.08, max(values, default=0.0) + 0.08
    decades = range(math.ceil(low), math.floor(high) + 1)
    ticks = {float(n): f"{10.0**n:g}" if n > -4 else f"1e{n}" for n in decades}
    if len(ticks) < 3:
        ticks |= {
            y: f"{k * 10.0**n:g}"
            for n in range(math.floor(low), math.ceil(high) + 1)
            for k in (2, 5)
            if low <= (y := n + math.log10(k)) <= high
        }
    return low, high, ticks


# A step at the beginning is about this many times as wide as at the end, as most happens there.
_STRETCH = 50


def _place(time: float, longest: float) -> float:
    """Return the position of a time on the axis, in [0, 1]."""
    return math.log1p(max(0.0, time) * _STRETCH / longest) / math.log1p(_STRETCH)


def _time(place: float, longest: float) -> float:
    """Return the inverse of `_place`."""
    return longest / _STRETCH * math.expm1(place * math.log1p(_STRETCH))


def _time_ticks(longest: float, *, nearest: float) -> list[float]:
    """Return 0, round times and `longest`, at least the fraction `nearest` of the axis apart."""
    chosen = [longest, 0.0]
    exponents = range(math.floor(math.log10(longest)), -3, -1)
    for time in (k * 10.0**n for n in exponents for k in (5, 2, 1)):
        place = _place(time, longest)
        if time < longest and all(abs(place - _place(each, longest)) >= nearest for each in chosen):
            chosen.append(time)
    return sorted(chosen)
