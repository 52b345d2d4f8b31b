from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from neuralpaint.errors import UsageError
from neuralpaint.restoration.inpainting.seam import kept

Hole = NDArray[np.bool_]


@pytest.fixture
def pixels() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(60, 190, (40, 50, 3), dtype=np.uint8)


@pytest.fixture
def hole() -> Hole:
    hole = np.zeros((40, 50), bool)
    hole[8:34, 10:40] = True
    return hole


def test_known_pixels_are_as_they_were(pixels: NDArray[np.uint8], hole: Hole) -> None:
    eight = kept(np.zeros_like(pixels), pixels, unknown=hole)
    assert eight.dtype == np.uint8
    assert np.array_equal(eight[~hole], pixels[~hole])
    sixteen = kept(np.zeros(pixels.shape, np.uint16), pixels, unknown=hole.astype(np.float32))
    assert sixteen.dtype == np.uint16
    assert np.array_equal(sixteen[~hole], pixels[~hole].astype(np.uint16) * 257)


def test_a_correction_goes_on_and_fades(hole: Hole) -> None:
    still = np.full((40, 50, 3), 100, np.uint8)
    picture = np.full((40, 50, 3), 140, np.uint8)
    before = still.copy()
    made = kept(still, picture, unknown=hole)[20, :, 1].astype(int)
    deep = kept(still.astype(np.uint16) * 257, picture, unknown=hole)[20, :, 1] / 257
    assert np.abs(deep - made).max() < 0.51
    assert np.array_equal(still, before)
    rim = made[9:20]
    assert rim[0] == 140
    assert (np.diff(rim) <= 0).all()
    assert np.abs(np.diff(rim)).max() < 10  # 40 without a seam
    assert (made[20:30] == 100).all()


def test_what_was_learned_exactly_stays(pixels: NDArray[np.uint8], hole: Hole) -> None:
    assert np.array_equal(kept(pixels, pixels, unknown=hole), pixels)


def test_a_narrow_hole_is_corrected_all_over() -> None:
    hole = np.zeros((20, 20), bool)
    hole[10] = True
    picture = np.full((20, 20, 3), 140, np.uint8)
    made = kept(np.full_like(picture, 100), picture, unknown=hole)
    assert (made[10] > 125).all()


def test_colours_stay_in_range(hole: Hole) -> None:
    still = np.full((40, 50, 3), 250, np.uint8)
    still[~hole] = 100
    picture = np.full((40, 50, 3), 255, np.uint8)
    assert kept(still, picture, unknown=hole).min() >= 250


def test_a_soft_mask_is_blended(pixels: NDArray[np.uint8], hole: Hole) -> None:
    still = np.zeros_like(pixels)
    whole = kept(still, pixels, unknown=hole)
    made = kept(still, pixels, unknown=np.where(hole, 0.75, 0.25).astype(np.float32))
    assert np.array_equal(made[~hole], pixels[~hole])
    assert np.abs(made - (0.25 * pixels + 0.75 * whole.astype(float))).max() <= 1


def test_nothing_unknown_is_the_picture(pixels: NDArray[np.uint8]) -> None:
    made = kept(np.zeros_like(pixels), pixels, unknown=np.zeros((40, 50), bool))
    assert np.array_equal(made, pixels)


def test_wrong_sizes_and_no_known_pixels_are_refused(pixels: NDArray[np.uint8], hole: Hole) -> None:
    with pytest.raises(UsageError, match="at the picture's own size"):
        kept(np.zeros((80, 100, 3), np.uint8), pixels, unknown=hole)
    with pytest.raises(UsageError, match="none to keep"):
        kept(pixels, pixels, unknown=np.ones((40, 50), bool))
