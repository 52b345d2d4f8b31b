from __future__ import annotations

import pytest
import torch

from neuralpaint.image.canvas import Canvas
from neuralpaint.models.encodings.pyramid import Pyramid, plane_sizes

PLANES = ((1, 1), (2, 4), (8, 3))


def build(canvas: Canvas, *, fade: float = 0.0) -> Pyramid:
    sizes = plane_sizes(PLANES, height=canvas.height, width=canvas.width)
    pyramid = Pyramid(sizes, span=canvas.span, fade=fade)
    pyramid.initialize(torch.Generator().manual_seed(0))
    return pyramid


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (17, 9), (31, 46)])
def test_the_fast_way_agrees_with_the_definition_also_beyond_the_edges(
    size: tuple[int, int],
) -> None:
    pyramid = build(Canvas.of(height=size[0], width=size[1]))
    x, y = 1.5 * torch.rand(1, 13) - 0.7, 1.5 * torch.rand(11, 1) - 0.7
    direction = torch.randn(11, 13, pyramid.width)
    planes = list(pyramid.parameters())

    (fast,), plain = pyramid(x, y), pyramid.forward_plain(x, y)
    torch.testing.assert_close(fast, plain, rtol=0, atol=1e-6)
    for found, wanted in zip(
        torch.autograd.grad((fast * direction).sum(), planes),
        torch.autograd.grad((plain * direction).sum(), planes),
        strict=True,
    ):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


def test_points_and_grids_read_the_same_features() -> None:
    pyramid = build(Canvas.of(height=20, width=30))
    x, y = torch.rand(1, 4), torch.rand(3, 1)
    (grid,) = pyramid(x, y)
    (points,) = pyramid(x.expand(3, 4).flatten(), y.expand(3, 4).flatten())
    torch.testing.assert_close(points.view(3, 4, -1), grid, rtol=0, atol=1e-6)


def test_the_finest_plane_has_a_node_at_every_pixel() -> None:
    canvas = Canvas.of(height=6, width=9)
    pyramid = build(canvas)
    grid = canvas.grid()
    (features,) = pyramid(torch.from_numpy(grid.x), torch.from_numpy(grid.y))
    torch.testing.assert_close(features[..., :1], pyramid.planes[0].detach(), rtol=0, atol=1e-5)


def test_planes_of_a_huge_picture_stay_bounded() -> None:
    finest, *_ = plane_sizes(PLANES, height=8000, width=12_000)
    assert finest.height * finest.width < 1.1 * 2**20
    assert finest.width / finest.height == pytest.approx(1.5, rel=0.01)


def test_planes_fade_in_from_coarse_to_fine() -> None:
    pyramid = build(Canvas.of(height=16, width=24), fade=0.5)
    assert pyramid.strengths is not None
    seen = []
    for progress in (0.0, 0.125, 0.25, 0.4, 0.5, 1.0):
        pyramid.set_progress(progress)
        seen.append(pyramid.strengths[[0, 1, 5]].tolist())  # finest, middle, coarsest
    assert seen[0] == [0, 0, 1]
    assert seen[-1] == seen[-2] == [1, 1, 1]
    assert 0 < seen[1][1] < 1
    assert seen[2][0] == 0
    assert seen[2][1] == 1
    assert 0 < seen[3][0] < 1
