from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch
from fake_painting import Flat

from neuralpaint.image.canvas import Canvas, Edge, Fit, Grid, View
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.image.pictures import Picture
from neuralpaint.image.resampling import resample
from neuralpaint.rendering.render import render


def picture(height: int = 30, width: int = 40) -> Picture:
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 6, y * 6, x * 0 + 9], axis=-1)
    return Picture(pixels.astype(np.uint8))


class Hills(Flat):
    """A sum of waves so long that its pixels determine it completely."""

    def colours(self, grid: Grid) -> torch.Tensor:
        x, y = (torch.from_numpy(axis) for axis in grid)
        red, green = torch.broadcast_tensors(torch.sin(3 * x + 0.4), torch.cos(4 * y - 0.3))
        return torch.stack([red, green, torch.sin(2 * x + 3 * y)], -1) * 0.4 + 0.5


HILLS = Picture(render(Hills(0), Canvas.of(height=90, width=120)))


def test_a_picture_at_its_own_size_is_unchanged() -> None:
    subject = picture()
    assert resample(subject, subject.canvas) is subject.pixels


@pytest.mark.parametrize("scale", [0.5, 2.0, 3.3])
def test_a_resized_picture_shows_the_same_plane(scale: float) -> None:
    subject = picture()
    seen = resample(subject, subject.canvas.scaled(scale))
    expected = (np.arange(seen.shape[1]) + 0.5) / seen.shape[1] * 240 - 3
    np.testing.assert_allclose(seen[5, 3:-3, 0], expected[3:-3], atol=2)


@pytest.mark.parametrize("fit", ["cover", "extend"])
def test_a_crop_and_an_extension_line_up_with_the_network(fit: Fit) -> None:
    subject = picture()
    canvas = subject.canvas.fitted(height=60, width=60, fit=fit)
    seen = resample(subject, canvas).astype(int)
    assert seen.shape == (60, 60, 3)
    grid = canvas.grid()
    # Red of the picture is 6 levels a pixel; its column c lies at x = (c + 0.5 - 20) / 20.
    column = np.clip(grid.x[0] * 20 + 20 - 0.5, 0, 39)
    row = np.clip(grid.y[:, 0] * 20 + 15 - 0.5, 0, 29)
    np.testing.assert_allclose(seen[30, :, 0], 6 * column, atol=4)
    np.testing.assert_allclose(seen[:, 30, 1], 6 * row, atol=4)


@pytest.mark.parametrize(("edge", "angle"), [("extend", 0.0), ("mirror", 0.0), ("mirror", 10.0)])
def test_a_view_beyond_the_edges_does_not_copy_the_picture(edge: Edge, angle: float) -> None:
    subject = picture(height=1200, width=800)
    canvas = subject.canvas.fitted(height=36, width=64, fit="extend").seen(View(angle=angle))
    tracemalloc.start()
    try:
        resample(subject, replace(canvas, edge=edge))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 0.3 * subject.pixels.nbytes


@pytest.mark.parametrize("edge", ["mirror", "clamp", "black"])
@pytest.mark.parametrize(
    "place",
    [
        View(),
        View(x=0.3, y=0.6, zoom=3),
        View(x=0.1, y=0.95, zoom=2),
        View(zoom=0.4),
        View(x=3.2, y=-2.1, zoom=0.7),
        View(angle=30),
        View(angle=90),
        View(x=0.9, y=0.1, zoom=2.5, angle=-75),
        View(x=0.4, zoom=0.3, angle=200),
    ],
    ids=str,
)
def test_a_resampled_picture_equals_a_perfect_painting(place: View, edge: Edge) -> None:
    canvas = HILLS.canvas.resized(height=60, width=100)
    canvas = replace(canvas, edge=edge, samples=3).seen(place)
    seen, shown = resample(HILLS, canvas).astype(int), render(Hills(0), canvas).astype(int)
    assert seen.shape == shown.shape
    error = np.abs(seen - shown)
    # The repeated edge pixels are as large as the outermost pixels of the frame.
    coarse = edge == "clamp" and place.zoom < 1
    assert error.mean() < (6 if coarse else 1)
    assert np.quantile(error, 0.98) <= (16 if coarse else 4)
    assert error.max() <= (120 if edge == "black" else 16)


def test_a_rotated_view_repeats_the_edge_pixels() -> None:
    canvas = HILLS.canvas.seen(View(zoom=0.5, angle=20))
    np.testing.assert_array_equal(
        resample(HILLS, canvas), resample(HILLS, replace(canvas, edge="clamp"))
    )
    assert resample(HILLS, canvas).min() > 20


def test_a_crop_of_whole_pixels_is_not_resampled() -> None:
    canvas = CanvasSettings(crop="33x21+7+40").views(HILLS.canvas)[0]
    np.testing.assert_array_equal(resample(HILLS, canvas), HILLS.pixels[40:61, 7:40])


def test_a_view_outside_the_picture_repeats_its_edge_or_is_black() -> None:
    canvas = HILLS.canvas.seen(View(x=9.0, zoom=4))
    column = resample(HILLS, canvas)[:, 0]
    assert (resample(HILLS, canvas) == column[:, None]).all()
    assert np.abs(column[60].astype(int) - HILLS.pixels[48, -1]).max() <= 3
    assert (resample(HILLS, replace(canvas, edge="black")) == 0).all()


def test_a_rotated_view_of_a_fine_pattern_is_averaged() -> None:
    checks = Picture(
        (np.indices((400, 400)).sum(0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, 2)
    )
    seen = resample(checks, Canvas.of(height=40, width=40).seen(View(zoom=1.5, angle=17)))
    assert np.abs(seen.astype(int) - 128).max() < 12
