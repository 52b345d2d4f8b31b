"""Charts: figures by matplotlib, and SVG inside a page."""

from __future__ import annotations

import io
import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageColor

from neuralpaint.pipelines.charts import Curve, Panel, colour_of, draw_figure, draw_svg

POINTS = [(0.0, 10.0), (1.0, 20.0), (5.0, math.nan), (10.0, 30.0)]


def panel(*curves: Curve, logarithmic: bool = False) -> Panel:
    return Panel("PSNR in dB", "steps", curves, logarithmic=logarithmic)


def drawn(panels: list[Panel], *, dark: bool = False) -> NDArray[np.int64]:
    """Return the figure as levels (h, w, 3)."""
    files = draw_figure(panels, title="photo", kinds=("png",), dark=dark)
    return np.asarray(Image.open(io.BytesIO(files["png"])).convert("RGB")).astype(int)


@pytest.mark.parametrize("dots", [(), [(10.0, 30.0)]])
def test_the_curves_of_two_panels_fill_the_figure(dots: list[tuple[float, float]]) -> None:
    figure = drawn([panel(Curve("a", [(0, 10), (10, 30)], 0, dots=dots))] * 2)
    colour = ImageColor.getrgb(colour_of(0))
    columns = (np.abs(figure - colour).max(axis=2) < 30).any(axis=0)
    assert columns.mean() > 0.6


def test_a_dark_figure_is_dark() -> None:
    one = panel(Curve("a", POINTS, 0))
    assert np.median(drawn([one], dark=True)) < 30
    assert np.median(drawn([one])) == 255


def test_a_name_is_no_formula_and_stays_in_the_legend() -> None:
    curves = [Curve("_hidden", POINTS, 0), Curve("$\\frac{", POINTS, 1)]
    svg = draw_figure([panel(*curves)], title="$x$", kinds=("svg",))["svg"].decode()
    assert "_hidden" in svg
    assert "$\\frac{" in svg


def test_empty_curves_are_drawn() -> None:
    empty = [Curve("a", [], 0), Curve("b", [(0, math.nan)], 1)]
    for logarithmic in (False, True):
        assert draw_figure([panel(*empty, logarithmic=logarithmic)], title="", kinds=("png",))
        ElementTree.fromstring(draw_svg(panel(*empty, logarithmic=logarithmic)))


def test_the_svg_has_a_line_for_each_curve_and_escapes_names() -> None:
    svg = draw_svg(panel(Curve("<b>", POINTS, 0), Curve("c", POINTS, 1, dashed=True)))
    lines = [each for each in ElementTree.fromstring(svg).iter() if each.tag == "polyline"]
    assert [line.get("data-row") for line in lines] == ["0", "1"]
    assert lines[0].find("title").text == "<b>"  # type: ignore[union-attr]
    assert [line.get("stroke-dasharray") for line in lines] == [None, "5 3"]
    points = [tuple(map(float, point.split(","))) for point in lines[0].get("points", "").split()]
    assert len(points) == 3  # without the NaN
    assert points == sorted(points)
    assert [y for _, y in points] == sorted((y for _, y in points), reverse=True)


def test_logarithmic_ticks_are_round() -> None:
    svg = draw_svg(panel(Curve("a", [(0, 0.5), (10, 0.002)], 0), logarithmic=True))
    labels = re.findall(r'text-anchor="end">([^<]*)</text>', svg)
    assert {"0.1", "0.01"} <= set(labels)
