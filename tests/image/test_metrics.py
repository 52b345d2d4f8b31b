from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from neuralpaint.image.metrics import format_psnr, luma_psnr, psnr, psnr_of_mse, ssim


def test_psnr_follows_its_definition() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 256, (2, 300, 7, 3), dtype=np.uint8)
    mse = np.mean((a.astype(float) - b.astype(float)) ** 2)
    assert psnr(a, b) == pytest.approx(10 * math.log10(255**2 / mse))
    assert psnr(a, b) == psnr(b, a)


def test_psnr_of_equal_and_opposite_pictures() -> None:
    black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)
    assert psnr(black, black) == math.inf
    assert psnr(black, white) == pytest.approx(0)
    assert psnr_of_mse(0.001) == pytest.approx(30)
    assert math.isnan(psnr_of_mse(math.nan))


def luma(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    red, green, blue = np.moveaxis(pixels.astype(float), 2, 0)
    result: NDArray[np.float64] = 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255
    return result


def naive_ssim(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return the mean of equation 13 of Wang et al. 2004, computed window by window."""
    away = np.arange(11) - 5
    weights = np.exp(-(away[:, None] ** 2 + away**2) / (2 * 1.5**2))
    weights /= weights.sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    found = []
    for row in range(len(a) - 10):
        for column in range(len(a[0]) - 10):
            x, y = (each[row : row + 11, column : column + 11] for each in (a, b))
            mx, my = (weights * x).sum(), (weights * y).sum()
            vx, vy = (weights * (x - mx) ** 2).sum(), (weights * (y - my) ** 2).sum()
            both = (weights * (x - mx) * (y - my)).sum()
            top = (2 * mx * my + c1) * (2 * both + c2)
            found.append(top / ((mx**2 + my**2 + c1) * (vx + vy + c2)))
    return float(np.mean(found))


def two_frames(height: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    first = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    noise = rng.normal(0, 20, first.shape)
    return first, np.clip(first + noise, 0, 255).astype(np.uint8)


def test_luma_psnr_is_the_psnr_of_the_luma() -> None:
    a, b = two_frames(300, 7)  # more rows than are compared at a time
    mse = np.mean((luma(a) - luma(b)) ** 2)
    assert luma_psnr(a, b) == pytest.approx(10 * math.log10(255**2 / mse))
    assert luma_psnr(a, a) == math.inf
    green, blue = (np.zeros((4, 4, 3), np.uint8) for _ in range(2))
    green[..., 1] = blue[..., 2] = 50
    black = np.zeros_like(green)
    assert luma_psnr(blue, black) > luma_psnr(green, black)


@pytest.mark.parametrize("size", [(11, 11), (12, 17), (90, 13)])
def test_ssim_is_the_mean_over_all_windows(size: tuple[int, int]) -> None:
    a, b = two_frames(*size)
    assert ssim(a, b) == pytest.approx(naive_ssim(luma(a), luma(b)), abs=1e-9)
    assert ssim(a, b) == pytest.approx(ssim(b, a), abs=1e-12)
    assert ssim(a, a) == pytest.approx(1)


def test_a_picture_smaller_than_a_window_has_no_ssim() -> None:
    a, b = two_frames(10, 40)
    with pytest.raises(ValueError, match="smaller than a window of 11 pixels"):
        ssim(a, b)


@pytest.mark.parametrize("metric", [psnr, luma_psnr, ssim])
def test_different_shapes_are_refused(
    metric: Callable[[NDArray[np.uint8], NDArray[np.uint8]], float],
) -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        metric(np.zeros((14, 15, 3), np.uint8), np.zeros((15, 14, 3), np.uint8))


def test_psnr_of_selected_pixels() -> None:
    frame, reference = (np.zeros((300, 4, 3), np.uint8) for _ in range(2))
    frame[290:], frame[:10] = 10, 90
    where = np.zeros((300, 4), bool)
    where[280:] = True
    assert psnr(frame, reference, where=where) == pytest.approx(10 * np.log10(255**2 / 50))
    assert math.isnan(psnr(frame, reference, where=np.zeros((300, 4), bool)))


@pytest.mark.parametrize(
    ("psnr", "one", "two"),
    [
        (9.96, "10.0", "9.96"),
        (31.25, "31.2", "31.25"),
        (math.inf, "99.9", "exact"),
        (math.nan, "-", "-"),
    ],
)
def test_format_psnr(psnr: float, one: str, two: str) -> None:
    assert format_psnr(psnr, digits=1) == one
    assert format_psnr(psnr) == two
