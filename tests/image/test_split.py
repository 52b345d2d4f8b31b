from __future__ import annotations

import numpy as np
import pytest

from neuralpaint.image.pictures import Picture
from neuralpaint.image.split import TrainOn, held_out, pixels_to_learn


@pytest.mark.parametrize("train_on", ["all", "every-other"])
def test_what_is_learned_and_what_is_held_out_make_the_whole(train_on: TrainOn) -> None:
    picture = Picture(np.arange(5 * 8 * 3, dtype=np.uint8).reshape(5, 8, 3))
    pixels, grid = pixels_to_learn(picture, train_on)
    out = held_out(picture, train_on)
    np.testing.assert_array_equal(pixels.reshape(-1, 3), picture.pixels[~out])
    assert pixels.shape[:2] == (grid.y.shape[0], grid.x.shape[1])


def test_every_other_pixel_stays_where_it_is_in_the_picture() -> None:
    picture = Picture(np.zeros((4, 6, 3), np.uint8))
    whole = picture.canvas.grid()
    pixels, grid = pixels_to_learn(picture, "every-other")
    assert pixels.shape == (2, 3, 3)
    np.testing.assert_array_equal(grid.x[0], whole.x[0, [0, 2, 4]])
    np.testing.assert_array_equal(grid.y[:, 0], whole.y[[0, 2], 0])


def test_all_pixels_are_shared_not_copied() -> None:
    picture = Picture(np.zeros((4, 6, 3), np.uint8))
    assert np.shares_memory(pixels_to_learn(picture, "all")[0], picture.pixels)
