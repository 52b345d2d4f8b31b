"""Sheets, and the places that they show."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from neuralpaint.pipelines.compare.maps import crop_side, disagreement, places_of
from neuralpaint.pipelines.sheets import Column, draw_columns


def spotted(*spots: tuple[int, int], size: tuple[int, int] = (120, 160)) -> NDArray[np.float32]:
    """Return interest around each (row, column), decreasing from one to the next."""
    interest = np.zeros(size, np.float32)
    for number, (row, column) in enumerate(spots):
        interest[row - 4 : row + 4, column - 4 : column + 4] = 10 - number
    return interest


def test_places_are_where_the_interest_is_highest() -> None:
    spots = [(90, 30), (20, 140), (30, 40)]
    places = places_of(spotted(*spots), side=20, border=2, count=3)
    assert len(places) == 3
    for (row, column), place in zip(spots, places, strict=True):
        assert place.top <= row - 4 < row + 4 <= place.top + 20
        assert place.left <= column - 4 < column + 4 <= place.left + 20


def test_places_are_apart_and_off_the_border() -> None:
    interest = np.random.default_rng(0).random((90, 130)).astype(np.float32)
    places = places_of(interest, side=16, border=3, count=4)
    assert len(places) == 4
    interest[:3], interest[:, :3] = 1e6, 1e6
    assert places_of(interest, side=16, border=3, count=4) == places
    for number, place in enumerate(places):
        assert min(place.top, place.left) >= 3
        assert place.top + 16 <= 87
        assert place.left + 16 <= 127
        for other in places[:number]:
            away = max(abs(place.top - other.top), abs(place.left - other.left))
            assert away > 16


def test_without_interest_the_place_is_the_middle() -> None:
    (place,) = places_of(np.zeros((50, 70), np.float32), side=20, border=2, count=3)
    assert place == (15, 25, 20, 20)


@pytest.mark.parametrize("size", [(15, 40), (16, 16), (31, 17)])
def test_places_fit_into_a_small_picture(size: tuple[int, int]) -> None:
    side = crop_side(*size, border=2)
    interest = np.ones(size, np.float32)
    for place in places_of(interest, side=side, border=2, count=3):
        assert 2 <= place.top <= place.top + side <= size[0] - 2
        assert 2 <= place.left <= place.left + side <= size[1] - 2


def test_disagreement_is_the_deviation_of_the_brightness() -> None:
    frames = np.random.default_rng(0).integers(200, 256, (3, 8, 9, 3), dtype=np.uint8)
    expected = frames.mean(axis=3).std(axis=0)
    assert np.allclose(disagreement(iter(frames)), expected, atol=1e-3)
    assert not disagreement(iter([frames[0], frames[0]])).any()


@pytest.mark.parametrize("count", [1, 5, 9])
def test_every_pixel_of_a_crop_is_a_square(count: int) -> None:
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (count, 2, 24, 24, 3), dtype=np.uint8)
    columns = [
        Column(f"a long name {n}", "+1.00 dB", list(tiles), best=n == 0)
        for n, tiles in enumerate(crops)
    ]
    sheet = draw_columns(columns, title="photo.png", note="2 times smaller", legend="what it is")
    times = 10 if count <= 8 else 8
    for tile in (crops[0, 0], crops[-1, -1]):
        assert contains(sheet, tile.repeat(times, axis=0).repeat(times, axis=1))


def contains(sheet: NDArray[np.uint8], tile: NDArray[np.uint8]) -> bool:
    height, width = tile.shape[:2]
    begins = (sheet == tile[0, 0]).all(axis=2)[: 1 - height, : 1 - width]
    ends = (sheet == tile[-1, -1]).all(axis=2)[height - 1 :, width - 1 :]
    return any(
        np.array_equal(sheet[row : row + height, column : column + width], tile)
        for row, column in np.argwhere(begins & ends)
    )
