from __future__ import annotations

import numpy as np
import pytest
import torch

from neuralpaint.restoration.inpainting.push_pull import halved, larger, spread


def test_what_is_known_stays_and_the_rest_is_within_it() -> None:
    draw = np.random.default_rng(0)
    x = torch.from_numpy(draw.random((3, 21, 34), dtype=np.float32))
    unknown = torch.from_numpy(draw.random((21, 34)) < 0.8)
    made = spread(x.masked_fill(unknown, torch.nan), unknown)
    assert torch.equal(made[:, ~unknown], x[:, ~unknown])
    for plane, known in zip(made, x[:, ~unknown], strict=True):
        assert known.min() - 1e-6 <= plane.min()
        assert plane.max() <= known.max() + 1e-6


@pytest.mark.parametrize("shape", [(1, 1), (1, 8), (9, 1), (2, 2), (7, 5)])
def test_one_known_pixel_fills_all(shape: tuple[int, int]) -> None:
    unknown = torch.ones(shape, dtype=torch.bool)
    unknown[-1, -1] = False
    x = torch.rand(2, *shape)
    made = spread(x, unknown)
    assert torch.allclose(made, x[:, -1:, -1:].expand(2, *shape), atol=1e-6)


def test_a_slope_is_continued_through_a_hole() -> None:
    x = torch.linspace(0, 1, 40).expand(1, 40, 40).contiguous()
    unknown = torch.zeros(40, 40, dtype=torch.bool)
    unknown[14:26, 14:26] = True
    assert (spread(x, unknown) - x).abs().max() < 0.05


def test_halves_are_means_of_what_is_known() -> None:
    x = torch.tensor([[[1.0, 3, 5], [7, 9, 11]]])
    unknown = torch.tensor([[False, True, True], [False, True, True]])
    means, still_unknown = halved(x, unknown)
    assert still_unknown.tolist() == [[False, True]]
    assert means[0, 0, 0] == 4
    assert larger(means, 2, 3).shape == (1, 2, 3)
