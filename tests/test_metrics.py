from __future__ import annotations

import math

import numpy as np
import pytest

from neuralpaint.metrics import psnr, psnr_of_mse


def test_psnr_follows_its_definition() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 256, (2, 300, 7, 3), dtype=np.uint8)
    mse = np.mean((a.astype(float) - b.astype(float)) ** 2)
    assert psnr(a, b) == pytest.approx(10 * math.log10(255**2 / mse))
    assert psnr(a, b) == psnr(b, a)


def test_psnr_at_the_ends() -> None:
    black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)
    assert psnr(black, black) == math.inf
    assert psnr(black, white) == pytest.approx(0)
    assert psnr_of_mse(0.001) == pytest.approx(30)
    assert math.isnan(psnr_of_mse(math.nan))


def test_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        psnr(np.zeros((4, 5, 3), np.uint8), np.zeros((5, 4, 3), np.uint8))
