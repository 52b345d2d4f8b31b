"""Noise, estimated from a picture."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from neuralpaint.restoration.observation import estimate_noise


def slopes(height: int = 160, width: int = 200) -> NDArray[np.float64]:
    """Return smooth colours, with a texture on the right."""
    y, x = np.mgrid[:height, :width]
    base: NDArray[np.float64] = (
        90
        + 40 * np.sin(y / 30)[..., None]
        + 30 * np.cos(x / 40 + np.array([0, 1, 2])[:, None, None]).transpose(1, 2, 0)
    )
    base[:, 140:] += 15 * np.sin(1.7 * x + 1.1 * y)[:, 140:, None]
    return base


def noisy(sigma: float) -> NDArray[np.uint8]:
    clean = slopes()
    draw = np.random.default_rng(5).normal(0, sigma, clean.shape)
    return np.rint(clean + draw).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("sigma", [2, 5, 10])
def test_noise_is_estimated(sigma: float) -> None:
    assert estimate_noise(noisy(sigma)) == pytest.approx(sigma, rel=0.25)


def test_a_clean_picture_has_none() -> None:
    assert estimate_noise(noisy(0)) == 0


def test_texture_of_a_grey_picture_is_not_noise() -> None:
    grey = noisy(0)[..., :1].repeat(3, axis=2)
    assert estimate_noise(grey) == 0


def test_estimate_noise_a_grey_picture_is_seen() -> None:
    grey = noisy(4)[..., :1].repeat(3, axis=2)
    assert estimate_noise(grey) > 4  # the channels are equal: luma contains all of it


def test_a_sample_of_a_large_picture_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neuralpaint.restoration.observation._SAMPLE", 20_000)
    assert estimate_noise(np.tile(noisy(5), (4, 1, 1))) == pytest.approx(5, rel=0.25)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 5), (9, 9), (12, 12)])
def test_a_picture_that_is_too_small_has_no_estimate(shape: tuple[int, int]) -> None:
    assert estimate_noise(np.zeros((*shape, 3), np.uint8)) == 0
