from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from neuralpaint.image.canvas import Canvas
from neuralpaint.models.encodings.pyramid import PerPicturePlanes, Pyramid, plane_sizes

CANVAS = Canvas.of(height=14, width=22)
CODES = np.array([[0, 0], [1, 0], [0, 1]], np.float32)
SIZES = plane_sizes(((1, 1), (2, 4), (8, 3)), height=14, width=22)
X, Y = 2.2 * torch.rand(1, 9) - 1.1, 1.4 * torch.rand(6, 1) - 0.7


def build(*, fade: float = 0.0) -> PerPicturePlanes:
    pyramid = Pyramid(SIZES, span=CANVAS.span, fade=fade, pictures=len(CODES))
    pyramid.initialize(torch.Generator().manual_seed(0))
    return PerPicturePlanes(pyramid, CODES)


def alone(pages: PerPicturePlanes, page: int) -> Pyramid:
    """Return a pyramid of one page's planes."""
    pyramid = Pyramid(SIZES, span=CANVAS.span)
    for own, plane in zip(pyramid.planes, pages.pyramid.planes, strict=True):
        height = own.shape[0]
        own.data = plane.data[page * height : (page + 1) * height]
    return pyramid


def close(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-6)


def test_while_training_each_row_is_of_its_own_picture() -> None:
    pages, of_rows = build(), [2, 0, 1, 1, 0, 2]
    codes = torch.from_numpy(CODES)[of_rows][:, None]
    (found,) = pages(X, Y, codes)
    for row, page in enumerate(of_rows):
        (wanted,) = alone(pages, page)(X, Y[row : row + 1])
        close(found[row : row + 1], wanted)

    direction = torch.randn_like(found)
    planes = list(pages.parameters())
    x, y = (axis.expand(6, 9).flatten() for axis in (X, Y))
    plain = pages.pyramid.forward_plain(x, y, torch.tensor(of_rows).repeat_interleave(9))
    for fast, slow in zip(
        torch.autograd.grad((found * direction).sum(), planes),
        torch.autograd.grad((plain.view_as(found) * direction).sum(), planes),
        strict=True,
    ):
        torch.testing.assert_close(fast, slow, rtol=1e-5, atol=1e-5)
    with torch.no_grad():
        close(pages(X, Y, codes + 0.1)[0], found.detach())  # the nearest alone
        close(pages.eval()(X, Y, codes)[0], found.detach())


@pytest.mark.parametrize("page", range(3))
def test_at_a_trained_code_it_is_that_picture(page: int) -> None:
    pages = build().eval()
    (found,) = pages(X, Y, torch.from_numpy(CODES[page]).view(1, 1, 2))
    (wanted,) = alone(pages, page)(X, Y)
    torch.testing.assert_close(found, wanted, rtol=0, atol=0)


@torch.no_grad()
@pytest.mark.parametrize("shares", [(0.5, 0.5, 0), (0.2, 0, 0.8), (0.2, 0.3, 0.5)])
def test_between_the_codes_pictures_are_mixed(shares: tuple[float, ...]) -> None:
    pages = build().eval()
    wanted = sum(share * alone(pages, page)(X, Y)[0] for page, share in enumerate(shares))
    code = torch.tensor(shares) @ torch.from_numpy(CODES)
    assert isinstance(wanted, Tensor)
    close(pages(X, Y, code.view(1, 1, 2))[0], wanted)
    x, y = (axis.expand(6, 9).flatten() for axis in (X, Y))
    close(pages(x, y, code.view(1, 2))[0], wanted.flatten(0, 1))


@torch.no_grad()
def test_every_place_may_have_a_code_of_its_own() -> None:
    pages = build().eval()
    codes = torch.rand(6, 9, 2)
    (found,) = pages(X, Y, codes)
    for row, column in ((0, 0), (3, 7), (5, 8)):
        place = X[:, column : column + 1], Y[row : row + 1], codes[row, column].view(1, 1, 2)
        close(found[row, column], pages(*place)[0][0, 0])
    x, y = (axis.expand(6, 9).flatten() for axis in (X, Y))
    close(pages(x, y, codes.view(54, 2))[0], found.view(54, -1))


def test_pages_fade_in_together() -> None:
    pages = build(fade=0.5).eval()
    finest = pages(X, Y, torch.rand(1, 1, 2))[0][..., 0]
    assert not finest.any()
    pages.set_progress(0.5)
    assert pages(X, Y, torch.rand(1, 1, 2))[0][..., 0].all()


def test_all_pages_together_stay_bounded() -> None:
    sizes = plane_sizes(((1, 1), (2, 4)), height=720, width=1280, pictures=30)
    assert 30 * sizes[0].height * sizes[0].width < 1.1 * 2**21
    assert plane_sizes(((1, 1),), height=720, width=1280, pictures=2)[0][:2] == (720, 1280)
