"""Smooth fills, distances in holes, and known pixels restored in a still."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from neuralpaint.errors import UsageError
from neuralpaint.restoration.smooth_fill import (
    distance,
    double,
    fill_smoothly,
    halve,
    is_deeper,
    restore_known,
)

Hole = NDArray[np.bool_]


def test_known_pixels_stay_and_the_fill_is_within_their_range() -> None:
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.random((3, 21, 34), dtype=np.float32))
    unknown = torch.from_numpy(rng.random((21, 34)) < 0.8)
    made = fill_smoothly(x.masked_fill(unknown, torch.nan), unknown)
    assert torch.equal(made[:, ~unknown], x[:, ~unknown])
    for plane, known in zip(made, x[:, ~unknown], strict=True):
        assert known.min() - 1e-6 <= plane.min()
        assert plane.max() <= known.max() + 1e-6


@pytest.mark.parametrize("shape", [(1, 1), (1, 8), (9, 1), (2, 2), (7, 5)])
def test_one_known_pixel_fills_all(shape: tuple[int, int]) -> None:
    unknown = torch.ones(shape, dtype=torch.bool)
    unknown[-1, -1] = False
    x = torch.rand(2, *shape)
    made = fill_smoothly(x, unknown)
    assert torch.allclose(made, x[:, -1:, -1:].expand(2, *shape), atol=1e-6)


def test_a_slope_is_continued_through_a_hole() -> None:
    x = torch.linspace(0, 1, 40).expand(1, 40, 40).contiguous()
    unknown = torch.zeros(40, 40, dtype=torch.bool)
    unknown[14:26, 14:26] = True
    assert (fill_smoothly(x, unknown) - x).abs().max() < 0.05


def test_halves_are_means_of_known_pixels() -> None:
    x = torch.tensor([[[1.0, 3, 5], [7, 9, 11]]])
    unknown = torch.tensor([[False, True, True], [False, True, True]])
    means, still_unknown = halve(x, unknown)
    assert still_unknown.tolist() == [[False, True]]
    assert means[0, 0, 0] == 4
    assert double(means, 2, 3).shape == (1, 2, 3)


@pytest.mark.parametrize(("side", "depth"), [(0, -1), (1, 0), (2, 0), (3, 1), (4, 1), (5, 2)])
def test_a_hole_is_as_deep_as_the_square_that_fits(side: int, depth: int) -> None:
    unknown = torch.zeros(30, 40, dtype=torch.bool)
    unknown[5 : 5 + side, 7 : 7 + side] = True
    for steps in range(4):
        assert is_deeper(unknown, steps) == (steps <= depth)


def test_the_border_of_the_picture_is_not_a_rim() -> None:
    strip = torch.zeros(20, 20, dtype=torch.bool)
    strip[:4] = True
    assert is_deeper(strip, 3)
    assert not is_deeper(strip, 4)
    assert distance(strip, 8)[:5, 0].tolist() == [4, 3, 2, 1, 0]


def test_steps_approximate_the_distance() -> None:
    unknown = torch.ones(41, 41, dtype=torch.bool)
    unknown[20, 20] = False
    steps = distance(unknown, 8)
    y, x = np.mgrid[-20:21, -20:21]
    near = np.hypot(y, x) < 8
    assert np.abs(steps.numpy() - np.hypot(y, x))[near].max() < 1.5
    assert steps[20, 20:].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8] + 12 * [9]
    assert steps.max() == 9


@pytest.fixture
def pixels() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(60, 190, (40, 50, 3), dtype=np.uint8)


@pytest.fixture
def hole() -> Hole:
    hole = np.zeros((40, 50), bool)
    hole[8:34, 10:40] = True
    return hole


def test_known_pixels_are_restored_exactly(pixels: NDArray[np.uint8], hole: Hole) -> None:
    eight = restore_known(np.zeros_like(pixels), pixels, unknown=hole)
    assert eight.dtype == np.uint8
    assert np.array_equal(eight[~hole], pixels[~hole])
    still = np.zeros(pixels.shape, np.uint16)
    sixteen = restore_known(still, pixels, unknown=hole.astype(np.float32))
    assert sixteen.dtype == np.uint16
    assert np.array_equal(sixteen[~hole], pixels[~hole].astype(np.uint16) * 257)


def test_the_correction_fades_into_the_hole(hole: Hole) -> None:
    still = np.full((40, 50, 3), 100, np.uint8)
    picture = np.full((40, 50, 3), 140, np.uint8)
    before = still.copy()
    made = restore_known(still, picture, unknown=hole)[20, :, 1].astype(int)
    deep = restore_known(still.astype(np.uint16) * 257, picture, unknown=hole)[20, :, 1] / 257
    assert np.abs(deep - made).max() < 0.51
    assert np.array_equal(still, before)
    rim = made[9:20]
    assert rim[0] == 140
    assert (np.diff(rim) <= 0).all()
    assert np.abs(np.diff(rim)).max() < 10  # 40 without the correction
    assert (made[20:30] == 100).all()


def test_an_exact_still_is_not_changed(pixels: NDArray[np.uint8], hole: Hole) -> None:
    assert np.array_equal(restore_known(pixels, pixels, unknown=hole), pixels)


def test_a_narrow_hole_is_corrected_in_all_of_it() -> None:
    hole = np.zeros((20, 20), bool)
    hole[10] = True
    picture = np.full((20, 20, 3), 140, np.uint8)
    made = restore_known(np.full_like(picture, 100), picture, unknown=hole)
    assert (made[10] > 125).all()


def test_colours_stay_in_range(hole: Hole) -> None:
    still = np.full((40, 50, 3), 250, np.uint8)
    still[~hole] = 100
    picture = np.full((40, 50, 3), 255, np.uint8)
    assert restore_known(still, picture, unknown=hole).min() >= 250


def test_a_soft_mask_is_blended(pixels: NDArray[np.uint8], hole: Hole) -> None:
    still = np.zeros_like(pixels)
    whole = restore_known(still, pixels, unknown=hole)
    soft = np.where(hole, 0.75, 0.25).astype(np.float32)
    made = restore_known(still, pixels, unknown=soft)
    assert np.array_equal(made[~hole], pixels[~hole])
    assert np.abs(made - (0.25 * pixels + 0.75 * whole.astype(float))).max() <= 1


def test_without_a_hole_it_is_the_picture(pixels: NDArray[np.uint8]) -> None:
    made = restore_known(np.zeros_like(pixels), pixels, unknown=np.zeros((40, 50), bool))
    assert np.array_equal(made, pixels)


def test_wrong_sizes_and_no_known_pixels_are_refused(pixels: NDArray[np.uint8], hole: Hole) -> None:
    with pytest.raises(UsageError, match="at the picture's own size"):
        restore_known(np.zeros((80, 100, 3), np.uint8), pixels, unknown=hole)
    with pytest.raises(UsageError, match="none to keep"):
        restore_known(pixels, pixels, unknown=np.ones((40, 50), bool))
