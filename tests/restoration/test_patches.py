from __future__ import annotations

import numpy as np
import pytest
import torch

from neuralpaint.restoration.inpainting.patches import SIDE, SIZE, Patches, Shift

SIZES = [(1, 1), (5, 8), (6, 6), (13, 20), (30, 31)]


@pytest.mark.parametrize("size", SIZES)
def test_every_shift_covers_every_pixel_once(size: tuple[int, int]) -> None:
    patches = Patches(*size)
    for shift in Shift.drawn(1, np.random.default_rng(0)):
        total = patches.padded(torch.zeros(3, *size))
        patches.cut(total, shift)[:] += 1
        assert (patches.inside(total) == 1).all()


def test_all_shifts_differ() -> None:
    assert len(set(Shift.drawn(1, np.random.default_rng(0)))) == SIDE**2
    assert len(Shift.drawn(0.125, np.random.default_rng(0))) == 4


@pytest.mark.parametrize("size", SIZES)
def test_a_patch_is_a_part_of_the_picture(size: tuple[int, int]) -> None:
    x = torch.rand(3, *size)
    patches = Patches(*size)
    padded = patches.padded(x)
    assert torch.equal(patches.inside(padded), x)
    shift = Shift(2, 5)
    cut = patches.cut(padded, shift)
    assert cut.shape == (patches.rows, patches.columns, 3, SIDE, SIDE)
    assert cut[0, 0].numel() == SIZE
    corner = padded[:, 2 + SIDE : 2 + 2 * SIDE, 5 : 5 + SIDE]
    assert torch.equal(cut[1, 0], corner)
    means = patches.shares(padded[:1], shift)
    assert torch.allclose(means, cut[:, :, 0].mean((2, 3)), atol=1e-6)
