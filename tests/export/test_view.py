"""The view of a picture on a page: what wheel, pointers and keys show of it."""

from __future__ import annotations

from typing import Any

import pytest
from browser import OpenPage

from neuralpaint.export.html.page import asset

WHOLE = {"left": 0, "top": 0, "width": 1, "height": 1}


@pytest.fixture
def shown(open_page: OpenPage) -> Any:
    """A page with a picture of 300 x 200 in an element of that size, at (0, 0)."""
    page = open_page(reduced_motion="reduce")
    page.set_content(
        '<body style="margin:0;height:2000px"><div id="e" tabindex="0" '
        'style="width:300px;height:200px"></div></body>'
    )
    module = asset("view.js").replace("export class", "window.View = class")
    page.add_script_tag(content=module, type="module")
    page.wait_for_function("typeof View !== 'undefined'")
    page.evaluate(
        "window.view = new View(e, {aspect: 1.5, deepest: 64, onchange: r => window.last = r})"
    )
    return page


def region(page: Any) -> dict[str, float]:
    found: dict[str, float] = page.evaluate("view.region")
    return found


def test_the_whole_picture_is_seen_at_first(shown: Any) -> None:
    assert region(shown) == WHOLE


def test_the_wheel_zooms_at_the_cursor_until_the_deepest_zoom(shown: Any) -> None:
    shown.mouse.move(75, 150)
    shown.mouse.wheel(0, -250)
    shown.wait_for_function("view.zoom > 1")
    seen = region(shown)
    assert seen["left"] + 0.25 * seen["width"] == pytest.approx(0.25)
    assert seen["top"] + 0.75 * seen["height"] == pytest.approx(0.75)
    shown.evaluate("view.zoomAt(0.5, 0.5, 1e9)")
    assert shown.evaluate("view.zoom") == 64


def test_the_page_scrolls_where_nothing_is_left_to_zoom_out(shown: Any) -> None:
    shown.mouse.move(75, 150)
    shown.mouse.wheel(0, 100)
    shown.wait_for_function("scrollY > 0")
    assert region(shown) == WHOLE


def test_dragging_moves_the_picture_with_the_pointer_and_not_beyond_its_edges(shown: Any) -> None:
    shown.evaluate("view.set({left: 0.4, top: 0.4, width: 0.2, height: 0.2})")
    shown.mouse.move(150, 100)
    shown.mouse.down()
    shown.mouse.move(210, 140)
    seen = region(shown)
    assert (seen["left"], seen["top"]) == pytest.approx((0.36, 0.36))
    shown.mouse.move(3000, 100)
    shown.mouse.up()
    assert region(shown)["left"] == pytest.approx(0)


def test_two_fingers_zoom_at_the_point_between_them(shown: Any) -> None:
    pointer = """([type, id, x, y]) => e.dispatchEvent(new PointerEvent(type, {
        pointerId: id, clientX: x, clientY: y, button: 0, isPrimary: id === 1}))"""
    shown.evaluate("e.setPointerCapture = () => {}")  # these pointers do not exist
    for each in (
        ["pointerdown", 1, 120, 100],
        ["pointerdown", 2, 180, 100],
        ["pointermove", 1, 90, 100],
        ["pointermove", 2, 210, 100],
    ):
        shown.evaluate(pointer, each)
    assert region(shown) == pytest.approx({"left": 0.25, "top": 0.25, "width": 0.5, "height": 0.5})


def test_a_double_click_returns_to_the_whole_picture(shown: Any) -> None:
    shown.evaluate("view.set({left: 0.4, top: 0.4, width: 0.2, height: 0.2})")
    shown.mouse.dblclick(40, 40)
    assert region(shown) == WHOLE
    assert shown.evaluate("last") == WHOLE


def test_keys_zoom_and_move(shown: Any) -> None:
    shown.locator("#e").focus()
    shown.keyboard.press("ArrowRight")
    assert region(shown) == WHOLE
    shown.keyboard.press("+")
    closer = region(shown)
    assert closer["width"] < 1
    shown.keyboard.press("ArrowRight")
    assert region(shown)["left"] > closer["left"]
    shown.keyboard.press("-")
    assert region(shown)["width"] == pytest.approx(1)
    shown.keyboard.press("+")
    shown.keyboard.press("0")
    assert region(shown) == WHOLE


def test_an_element_of_another_shape_has_margins_around_the_whole_picture(shown: Any) -> None:
    shown.evaluate("e.style.width = '600px'")
    shown.wait_for_function("view.region.width > 1")
    assert region(shown) == pytest.approx({"left": -0.5, "top": 0, "width": 2, "height": 1})


def test_a_movement_ends_where_it_should(open_page: OpenPage) -> None:
    page = open_page()
    page.set_content('<div id="e" style="width:300px;height:200px"></div>')
    script = asset("view.js").replace("export class", "window.View = class")
    page.add_script_tag(content=script, type="module")
    page.evaluate("window.view = new View(e, {aspect: 1.5})")
    page.evaluate("view.set({left: 0.4, top: 0.4, width: 0.001, height: 0.001})")
    page.evaluate("view.reset()")
    page.wait_for_function("view.zoom === 1")
    assert region(page) == WHOLE
