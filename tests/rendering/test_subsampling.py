"""Frames of paintings whose finest detail is known: waves of one frequency in one direction."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from fake_painting import Flat

from neuralpaint.image.canvas import Canvas, Grid, View
from neuralpaint.rendering import render as rendering
from neuralpaint.rendering.render import PendingFrame, render
from neuralpaint.rendering.subsampling import sampling_step

CANVAS = Canvas.of(height=131, width=200)


class Waves(Flat):
    """Waves across the picture, `tone` of them in 200 pixels; counts what is evaluated."""

    points = 0

    def colours(self, grid: Grid) -> torch.Tensor:
        Waves.points += math.prod(grid.shape)
        x, y = (torch.from_numpy(axis) for axis in grid)
        phase = math.pi * self.tone * (0.8 * x + 0.6 * y)
        return (0.5 + 0.5 * torch.sin(phase))[..., None].repeat(1, 1, 3)


def interpolated(painting: Flat, canvas: Canvas) -> np.ndarray:
    return PendingFrame(painting, canvas, may_interpolate=True).frame()


@pytest.mark.parametrize(("waves", "step"), [(3, 4), (25, 2), (60, 1), (99, 1)])
def test_the_step_suits_the_finest_detail(waves: float, step: int) -> None:
    assert sampling_step(Waves(waves), CANVAS) == step


@pytest.mark.parametrize(
    "canvas",
    [
        CANVAS,
        Canvas.of(height=200, width=133),
        CANVAS.seen(View(x=0.9, y=0.1, zoom=1.5)),
        CANVAS.seen(View(zoom=1.2, angle=33)),
        replace(CANVAS.seen(View(zoom=0.7)), samples=2),
        replace(CANVAS.seen(View(zoom=0.7)), edge="black"),
    ],
)
@pytest.mark.parametrize("waves", [2, 5, 9])
def test_a_smooth_frame_is_that_of_all_pixels(canvas: Canvas, waves: float) -> None:
    painting = Waves(waves)
    exact = render(painting, canvas)
    Waves.points = 0
    frame = interpolated(painting, canvas)
    assert frame.shape == exact.shape
    assert np.abs(np.subtract(frame, exact, dtype=int)).max() <= 1
    assert Waves.points < 0.75 * canvas.height * canvas.width * canvas.samples**2


@pytest.mark.parametrize("canvas", [CANVAS, CANVAS.seen(View(angle=20))])
def test_a_detailed_frame_is_rendered_at_all_pixels(canvas: Canvas) -> None:
    painting = Waves(70)
    assert (interpolated(painting, canvas) == render(painting, canvas)).all()


def test_detail_at_one_place_is_found() -> None:
    class Spot(Flat):
        def colours(self, grid: Grid) -> torch.Tensor:
            x, y = (torch.from_numpy(axis) for axis in grid)
            distance = (x - 0.4) ** 2 + (y + 0.2) ** 2
            inside = (distance < 0.03) * torch.sin(150 * x)
            return (0.5 + 0.4 * inside)[..., None].repeat(1, 1, 3)

    assert sampling_step(Spot(0), CANVAS) == 1


def test_tiles_join(monkeypatch: pytest.MonkeyPatch) -> None:
    painting = Waves(5)
    exact = render(painting, CANVAS)
    monkeypatch.setattr(rendering, "_TILE", 3000)
    frame = interpolated(painting, CANVAS)
    assert np.abs(np.subtract(frame, exact, dtype=int)).max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (95, 95)])
def test_small_frames_are_rendered_at_all_pixels(size: tuple[int, int]) -> None:
    canvas = Canvas.of(height=size[0], width=size[1])
    assert sampling_step(Waves(1), canvas) == 1
    assert (interpolated(Waves(1), canvas) == render(Waves(1), canvas)).all()
