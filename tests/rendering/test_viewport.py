from __future__ import annotations

from typing import Any

import pytest

from neuralpaint.image.canvas import Canvas
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.rendering.camera import cameras
from neuralpaint.rendering.viewport import Viewport, detail_of, target_scale
from neuralpaint.restoration.settings import TargetSettings

PICTURE = Canvas.of(height=200, width=300)


@pytest.mark.parametrize(
    ("view", "detail"),
    [
        (CanvasSettings(), 1),
        (CanvasSettings(scale=3), 3),
        (CanvasSettings(scale=0.5), 0.5),
        (CanvasSettings(size="600x400"), 2),
        (CanvasSettings(size="600x600"), 2),  # between bars
        (CanvasSettings(size="600x600", fit="cover"), 3),
        (CanvasSettings(size="300x300", fit="stretch"), 1.5),
        (CanvasSettings(crop="50%x50%", scale=2), 2),
        (CanvasSettings(crop="50%x50%", size="300x200"), 2),
    ],
)
def test_detail_is_the_pixels_of_a_frame_to_one_of_the_picture(
    view: CanvasSettings, detail: float
) -> None:
    assert detail_of(PICTURE, view, camera=None) == pytest.approx(detail)


def test_a_large_picture_is_shown_no_larger_than_a_clip_is() -> None:
    large = Canvas.of(height=3000, width=4000)
    assert detail_of(large, CanvasSettings(), longest=1000, camera=None) == pytest.approx(0.25)


def test_a_camera_comes_as_near_as_it_ever_does() -> None:
    camera = cameras.parse("zoom-in:factor=5")
    assert detail_of(PICTURE, CanvasSettings(scale=0.5), camera=camera) == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("detail", "least", "scale"),
    [(0.5, 1, 1), (1.4, 1, 1), (1.7, 1, 1.7), (9, 1, 4), (1, 2, 2), (3, 2, 3)],
)
def test_a_picture_is_learned_as_finely_as_it_is_looked_at(
    detail: float, least: float, scale: float
) -> None:
    assert target_scale(PICTURE, detail, least=least) == pytest.approx(scale)


def test_a_target_that_nobody_asked_for_has_bounds() -> None:
    huge = Canvas.of(height=8000, width=10_000)
    scale = target_scale(huge, 4, least=1)
    assert 1 < scale**2 * 80e6 <= 100e6 + 1e3


def viewport(camera: str | None = None, **view: Any) -> Viewport:
    return Viewport(
        PICTURE,
        CanvasSettings(**view),
        picture=None,
        target=TargetSettings(),
        bars=(0, 0, 0),
        camera=None if camera is None else cameras.parse(camera),
    )


def test_a_pixel_that_is_wider_than_at_rest_is_a_mean_of_more_samples() -> None:
    out = viewport("beyond:factor=4,ease=linear")
    assert [out.canvas_at(moment).samples for moment in (0, 0.2, 0.4, 1)] == [1, 1, 2, 2]
    assert viewport("beyond", samples=3).canvas_at(1).samples == 3
    assert viewport("zoom-in").canvas_at(1).samples == 1


@pytest.mark.parametrize(
    ("camera", "view", "beyond"),
    [
        ("beyond", {}, True),
        ("beyond", {"edge": "mirror"}, False),
        ("beyond:factor=1.5", {"crop": "50%x50%"}, False),
        ("path:keys=0/0.5x0/1x0.5", {}, True),
        (None, {"size": "300x300", "fit": "extend"}, True),
        (None, {"size": "300x300", "fit": "extend", "edge": "clamp"}, False),
        (None, {"size": "300x300"}, False),
        *((name, {}, False) for name in ("zoom-in", "pan", "orbit", "ken-burns")),
    ],
)
def test_it_knows_whether_it_shows_what_is_beyond(
    camera: str | None, view: dict[str, Any], beyond: bool
) -> None:
    assert viewport(camera, **view).shows_beyond == beyond
