from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from neuralpaint.image.canvas import Canvas
from neuralpaint.models.encodings.pyramid import PerPicturePlanes, Pyramid, plane_sizes

PLANES = ((1, 1), (2, 4), (8, 3))


def build(canvas: Canvas, *, fade: float = 0.0) -> Pyramid:
    sizes = plane_sizes(PLANES, height=canvas.height, width=canvas.width)
    generator = torch.Generator().manual_seed(0)
    return Pyramid(sizes, span=canvas.span, generator=generator, fade=fade)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (17, 9), (31, 46)])
def test_the_fast_path_agrees_with_the_definition_inside_and_outside_the_picture(
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


def test_the_planes_of_a_huge_picture_have_a_limited_size() -> None:
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


CODES = np.array([[0, 0], [1, 0], [0, 1]], np.float32)
SMALL = Canvas.of(height=14, width=22)
SIZES = plane_sizes(PLANES, height=14, width=22)
X, Y = 2.2 * torch.rand(1, 9) - 1.1, 1.4 * torch.rand(6, 1) - 0.7


def build_pictures(*, fade: float = 0.0) -> PerPicturePlanes:
    generator = torch.Generator().manual_seed(0)
    pyramid = Pyramid(SIZES, span=SMALL.span, generator=generator, fade=fade, pictures=len(CODES))
    return PerPicturePlanes(pyramid, CODES)


def alone(encoding: PerPicturePlanes, picture: int) -> Pyramid:
    """Return a pyramid with the planes of one picture."""
    pyramid = Pyramid(SIZES, span=SMALL.span, generator=torch.Generator())
    for own, plane in zip(pyramid.planes, encoding.pyramid.planes, strict=True):
        height = own.shape[0]
        own.data = plane.data[picture * height : (picture + 1) * height]
    return pyramid


def close(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6)


def test_while_training_each_row_reads_the_planes_of_its_picture() -> None:
    encoding, of_rows = build_pictures(), [2, 0, 1, 1, 0, 2]
    codes = torch.from_numpy(CODES)[of_rows][:, None]
    (found,) = encoding(X, Y, codes)
    for row, picture in enumerate(of_rows):
        (wanted,) = alone(encoding, picture)(X, Y[row : row + 1])
        close(found[row : row + 1], wanted)

    direction = torch.randn_like(found)
    planes = list(encoding.parameters())
    x, y = (axis.expand(6, 9).flatten() for axis in (X, Y))
    plain = encoding.pyramid.forward_plain(x, y, torch.tensor(of_rows).repeat_interleave(9))
    for fast, slow in zip(
        torch.autograd.grad((found * direction).sum(), planes),
        torch.autograd.grad((plain.view_as(found) * direction).sum(), planes),
        strict=True,
    ):
        torch.testing.assert_close(fast, slow, rtol=1e-5, atol=1e-5)
    with torch.no_grad():
        close(encoding(X, Y, codes + 0.1)[0], found.detach())  # the nearest code counts
        close(encoding.eval()(X, Y, codes)[0], found.detach())


@pytest.mark.parametrize("picture", range(3))
def test_a_trained_code_gives_the_features_of_its_picture(picture: int) -> None:
    encoding = build_pictures().eval()
    (found,) = encoding(X, Y, torch.from_numpy(CODES[picture]).view(1, 1, 2))
    (wanted,) = alone(encoding, picture)(X, Y)
    torch.testing.assert_close(found, wanted, rtol=0, atol=0)


@torch.no_grad()
@pytest.mark.parametrize("shares", [(0.5, 0.5, 0), (0.2, 0, 0.8), (0.2, 0.3, 0.5)])
def test_the_features_of_pictures_are_mixed_between_their_codes(shares: tuple[float, ...]) -> None:
    encoding = build_pictures().eval()
    wanted = sum(share * alone(encoding, picture)(X, Y)[0] for picture, share in enumerate(shares))
    code = torch.tensor(shares) @ torch.from_numpy(CODES)
    assert isinstance(wanted, Tensor)
    close(encoding(X, Y, code.view(1, 1, 2))[0], wanted)
    x, y = (axis.expand(6, 9).flatten() for axis in (X, Y))
    close(encoding(x, y, code.view(1, 2))[0], wanted.flatten(0, 1))


@torch.no_grad()
def test_planes_with_a_code_per_point() -> None:
    encoding = build_pictures().eval()
    codes = torch.rand(6, 9, 2)
    (found,) = encoding(X, Y, codes)
    for row, column in ((0, 0), (3, 7), (5, 8)):
        place = X[:, column : column + 1], Y[row : row + 1], codes[row, column].view(1, 1, 2)
        close(found[row, column], encoding(*place)[0][0, 0])
    x, y = (axis.expand(6, 9).flatten() for axis in (X, Y))
    close(encoding(x, y, codes.view(54, 2))[0], found.view(54, -1))


def test_the_planes_of_all_pictures_fade_in_together() -> None:
    encoding = build_pictures(fade=0.5).eval()
    finest = encoding(X, Y, torch.rand(1, 1, 2))[0][..., 0]
    assert not finest.any()
    encoding.set_progress(0.5)
    assert encoding(X, Y, torch.rand(1, 1, 2))[0][..., 0].all()


def test_the_planes_of_many_pictures_have_a_limited_size() -> None:
    sizes = plane_sizes(((1, 1), (2, 4)), height=720, width=1280, pictures=30)
    assert 30 * sizes[0].height * sizes[0].width < 1.1 * 2**21
    assert plane_sizes(((1, 1),), height=720, width=1280, pictures=2)[0][:2] == (720, 1280)


def test_a_gpu_reads_all_of_a_few_pictures_and_the_result_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    planes = build_pictures().eval()
    codes = [torch.tensor(code)[None, None] for code in [*CODES, CODES.mean(0)]]
    with torch.no_grad():
        for plane in planes.pyramid.planes:
            plane.normal_()
        expected = [planes(X, Y, code)[0] for code in codes]
        every = torch.arange(len(CODES))
        monkeypatch.setattr("neuralpaint.models.encodings.pyramid._mixed", lambda _: every)
        for code, one in zip(codes, expected, strict=True):
            torch.testing.assert_close(planes(X, Y, code)[0], one, rtol=0, atol=1e-6)
