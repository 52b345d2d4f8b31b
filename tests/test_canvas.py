from __future__ import annotations

import numpy as np
import pytest

from neuralpaint.canvas import Canvas, CanvasSettings, CenteredLinearMap, parse_size
from neuralpaint.errors import UsageError

WIDE = Canvas.of(height=200, width=400)


def test_the_linear_map_centres_and_scales() -> None:
    to_pi = CenteredLinearMap(-1, 1, 2 * np.pi)
    np.testing.assert_allclose(to_pi(np.array([-1.0, 0.0, 1.0])), [-np.pi, 0, np.pi])
    assert CenteredLinearMap(2, 6, 1)(4.0) == 0


def test_pixels_are_square_and_centred_and_the_longer_side_spans_two() -> None:
    x, y = WIDE.grid()
    assert x.shape == (1, 400)
    assert y.shape == (200, 1)
    np.testing.assert_allclose(np.diff(x[0]), 2 / 400, rtol=1e-4)
    np.testing.assert_allclose(np.diff(y[:, 0]), 2 / 400, rtol=1e-4)
    assert x[0, 0] == pytest.approx(-1 + 1 / 400)
    assert x[0, 0] == -x[0, -1]
    assert y[0, 0] == -y[-1, 0] == pytest.approx(-0.5 + 1 / 400)


def test_twice_the_size_samples_the_same_plane_with_nothing_shifted() -> None:
    fine = WIDE.scaled(2).grid()
    pairs = fine.x[0].reshape(-1, 2).mean(1)
    np.testing.assert_allclose(pairs, WIDE.grid().x[0], atol=1e-6)


def test_neighbours_of_a_very_wide_canvas_stay_apart() -> None:
    assert np.all(np.diff(Canvas.of(height=1, width=60_000).grid().x[0]) > 0)


def test_a_single_pixel_lies_at_the_origin() -> None:
    x, y = Canvas.of(height=1, width=1).grid()
    assert (x.item(), y.item()) == (0, 0)


@pytest.mark.parametrize(
    ("fit", "size", "span"),
    [
        ("contain", (100, 200), (1.0, 2.0)),
        ("cover", (300, 200), (1.0, 1 / 1.5)),
        ("extend", (300, 200), (3.0, 2.0)),
        ("stretch", (300, 200), (1.0, 2.0)),
    ],
)
def test_fits_of_a_wide_picture_in_a_tall_frame(
    fit: str, size: tuple[int, int], span: tuple[float, float]
) -> None:
    canvas = WIDE.fitted(height=300, width=200, fit=fit)  # type: ignore[arg-type]
    assert (canvas.height, canvas.width) == size
    assert canvas.span == pytest.approx(span)


@pytest.mark.parametrize("text", ["640", "640x", "x480", "0x5", "5x-5", "a x b", "70000x5", ""])
def test_what_is_not_a_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="size must"):
        parse_size(text)


def test_a_size_is_width_times_height() -> None:
    assert parse_size("640x480") == (480, 640)
    assert parse_size("640X480") == (480, 640)


def test_views_obey_size_scale_and_the_default_limit() -> None:
    def sizes(settings: CanvasSettings, longest: int | None = None) -> list[tuple[int, int]]:
        return [(c.height, c.width) for c in settings.views(WIDE, longest=longest)]

    assert sizes(CanvasSettings()) == [(200, 400)] * 2
    assert sizes(CanvasSettings(), longest=100) == [(50, 100)] * 2
    assert sizes(CanvasSettings(), longest=1000) == [(200, 400)] * 2
    assert sizes(CanvasSettings(scale=1.5), longest=100) == [(300, 600)] * 2
    assert sizes(CanvasSettings(size="100x100")) == [(50, 100), (100, 100)]
    assert sizes(CanvasSettings(size="100x100", fit="cover")) == [(100, 100)] * 2
    assert sizes(CanvasSettings(scale=0.0001)) == [(1, 1)] * 2


def test_a_scale_beyond_every_format_is_refused() -> None:
    with pytest.raises(UsageError, match="no side may exceed"):
        CanvasSettings(scale=64).views(Canvas.of(height=10, width=4000))
