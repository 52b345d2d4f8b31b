"""The curves as a figure for a paper or a lecture: curves.png and curves.svg, by matplotlib."""

from __future__ import annotations

import importlib.util
import io
import logging
import math
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neuralpaint.pipelines.compare.palette import colour_of
from neuralpaint.pipelines.compare.result import CompareResult, CurvePoint, Outcome
from neuralpaint.pipelines.compare.timeline import Timeline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["check_plots", "draw_curves"]

_log = logging.getLogger(__name__)

_WIDTH, _HEIGHT = 12.0, 5.2  # inches
_NEAREST = 0.09  # of the axis, between two ticks
_LISTED = 24  # names in the legend: with more it is larger than the curves


def check_plots() -> bool:
    """Say whether there is a matplotlib; where there is none, warn how to get it."""
    if importlib.util.find_spec("matplotlib") is not None:
        return True
    _log.warning(
        "curves.png and curves.svg are left out, because matplotlib is missing: "
        "run pip install 'neuralpaint[plots]'"
    )
    return False


def draw_curves(result: CompareResult) -> dict[str, bytes]:
    """Return curves.png and curves.svg: PSNR and loss over the training, of every contestant.

    The PSNR is that of the learned pixels, and, dashed, that of the held-out ones.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    # A figure of our own, not pyplot's: whoever calls this may have figures open.
    style: Any = {"font.size": 10.5, "svg.hashsalt": "neuralpaint", "axes.titlelocation": "left"}
    with mpl.rc_context(style), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # names in letters that the font has not
        listed = len(result.outcomes) <= _LISTED
        figure = Figure(figsize=(_WIDTH, _HEIGHT), layout="constrained")
        quality, loss = figure.subplots(1, 2)
        unit, of = _horizontal(result)
        longest = max((of(point) for each in result.outcomes for point in each.curve), default=1.0)
        _draw_psnr(quality, result, of)
        _draw_loss(loss, result.outcomes, of)
        for axes in (quality, loss):
            _dress(axes, unit, Timeline(longest))
        if listed:
            handles, labels = quality.get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside right upper", frameon=False)
        figure.suptitle(
            _plain(f"{result.picture}, {result.width}x{result.height}"), x=0.01, ha="left"
        )
        files = {}
        for kind in ("png", "svg"):
            content = io.BytesIO()
            metadata = {"Date": None} if kind == "svg" else {"Software": "neuralpaint"}
            figure.savefig(content, format=kind, dpi=150, metadata=metadata)
            files[f"curves.{kind}"] = content.getvalue()
    return files


def _horizontal(result: CompareResult) -> tuple[str, Callable[[CurvePoint], float]]:
    if result.settings.seconds is not None:
        return "seconds of training", lambda point: point.seconds
    return "step", lambda point: float(point.step)


def _draw_psnr(axes: Axes, result: CompareResult, of: Callable[[CurvePoint], float]) -> None:
    for number, outcome in enumerate(result.outcomes):
        x = [of(point) for point in outcome.curve]
        colour = colour_of(number)
        train = [_finite(point.psnr_train) for point in outcome.curve]
        axes.plot(x, train, color=colour, linewidth=1.8, label=_label(outcome))
        if result.splits:
            held_out = [_finite(point.psnr_held_out) for point in outcome.curve]
            axes.plot(x, held_out, color=colour, linewidth=1.4, linestyle=(0, (4, 2)))
    note = "learned pixels; dashed: held out" if result.splits else "all pixels"
    axes.set_title(f"PSNR, dB ({note})")


def _draw_loss(axes: Axes, outcomes: Sequence[Outcome], of: Callable[[CurvePoint], float]) -> None:
    for number, outcome in enumerate(outcomes):
        points = [point for point in outcome.curve if math.isfinite(point.loss) and point.loss > 0]
        x, y = [of(point) for point in points], [point.loss for point in points]
        axes.plot(x, y, color=colour_of(number), linewidth=1.8)
    axes.set_yscale("log")
    axes.set_title("loss while training")


def _dress(axes: Axes, unit: str, timeline: Timeline) -> None:
    scale = (
        np.vectorize(timeline.share, otypes=[float]),
        np.vectorize(timeline.time, otypes=[float]),
    )
    axes.set_xscale("function", functions=scale)
    axes.set_xlim(0, timeline.longest)
    ticks = timeline.ticks(_NEAREST)
    axes.set_xticks(ticks, [f"{tick:,.10g}" for tick in ticks])
    axes.set_xlabel(unit)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def _label(outcome: Outcome) -> str:
    if outcome.status != "finished":
        return _plain(f"{outcome.name} ({outcome.verdict})")
    return _plain(f"{outcome.name}  {outcome.score:.2f} dB")


def _plain(text: str) -> str:
    """Return text in which nothing is a formula, and which no legend leaves out."""
    text = text.replace("$", r"\$")
    return f"\N{ZERO WIDTH SPACE}{text}" if text.startswith("_") else text


def _finite(psnr: float | None) -> float:
    return psnr if psnr is not None and math.isfinite(psnr) else math.nan
