from __future__ import annotations

import pytest

from neuralpaint.image.canvas import Canvas
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.rendering.camera import cameras
from neuralpaint.rendering.viewport import detail_of, target_scale

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
