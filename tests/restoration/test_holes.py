from __future__ import annotations

import numpy as np
import pytest
import torch

from neuralpaint.restoration.inpainting.holes import is_deeper, steps_into


def square(side: int) -> torch.Tensor:
    unknown = torch.zeros(30, 40, dtype=torch.bool)
    unknown[5 : 5 + side, 7 : 7 + side] = True
    return unknown


@pytest.mark.parametrize(("side", "depth"), [(0, -1), (1, 0), (2, 0), (3, 1), (4, 1), (5, 2)])
def test_a_hole_is_as_deep_as_the_square_that_fits(side: int, depth: int) -> None:
    for steps in range(4):
        assert is_deeper(square(side), steps) == (steps <= depth)


def test_a_border_is_no_rim() -> None:
    strip = torch.zeros(20, 20, dtype=torch.bool)
    strip[:4] = True
    assert is_deeper(strip, 3)
    assert not is_deeper(strip, 4)
    assert steps_into(strip, 8)[:5, 0].tolist() == [4, 3, 2, 1, 0]


def test_steps_are_distances() -> None:
    unknown = torch.ones(41, 41, dtype=torch.bool)
    unknown[20, 20] = False
    steps = steps_into(unknown, 8)
    y, x = np.mgrid[-20:21, -20:21]
    near = np.hypot(y, x) < 8
    assert np.abs(steps.numpy() - np.hypot(y, x))[near].max() < 1.5
    assert steps[20, 20:].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8] + 12 * [9]
    assert steps.max() == 9
