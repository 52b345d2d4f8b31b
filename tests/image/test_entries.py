from __future__ import annotations

import numpy as np
import pytest

from neuralpaint.errors import UsageError
from neuralpaint.image.masks import masks
from neuralpaint.image.pictures import Plane

DRAWN = [name for name in masks if name != "alpha"]


def drawn(spec: str, *, height: int = 96, width: int = 160) -> Plane:
    unknown = masks.parse(spec).draw(height, width)
    assert unknown.shape == (height, width)
    assert unknown.dtype == np.float32
    assert set(np.unique(unknown)) <= {0, 1}
    return unknown


@pytest.mark.parametrize("name", DRAWN)
def test_it_hides_something_and_always_the_same(name: str) -> None:
    unknown = drawn(name)
    assert 0.02 < unknown.mean() < 0.6
    assert np.array_equal(drawn(name), unknown)


@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (3, 2)])
def test_the_smallest_pictures(name: str, size: tuple[int, int]) -> None:
    drawn(name, height=size[0], width=size[1])


@pytest.mark.parametrize("name", ["random", "centre", "checkerboard"])
@pytest.mark.parametrize("fraction", [0.1, 0.37, 0.5, 0.8])
def test_it_hides_the_share_that_is_asked_for(name: str, fraction: float) -> None:
    unknown = drawn(f"{name}:fraction={fraction}", height=192, width=320)
    assert unknown.mean() == pytest.approx(fraction, abs=0.03)


@pytest.mark.parametrize("name", ["random", "lines"])
def test_another_seed_hides_something_else(name: str) -> None:
    assert not np.array_equal(drawn(f"{name}:seed=1"), drawn(name))


def test_half_the_pixels_are_those_of_the_generator() -> None:
    assert np.array_equal(drawn("random:seed=3"), np.random.default_rng(3).random((96, 160)) < 0.5)


def test_the_disc_is_round_and_in_the_middle() -> None:
    disc = drawn("centre", height=101, width=151)
    rows, columns = np.nonzero(disc)
    assert (rows.mean(), columns.mean()) == (50, 75)
    assert np.ptp(rows) == np.ptp(columns)
    assert disc[50, 75] == 1
    assert disc[0, 0] == 0
    assert drawn("centre", height=1, width=3).tolist() == [[0, 1, 0]]


def test_the_fields_of_the_board_alternate() -> None:
    board = drawn("checkerboard:block=8")
    assert not board[:8, :8].any()
    assert board[:8, 8:16].all()
    assert board[8:16, :8].all()
    assert np.array_equal(board, 1 - np.roll(board, 8, axis=0))


def test_scratches_are_as_wide_and_as_far_apart_as_asked_for() -> None:
    thin = drawn("lines:width=2,spacing=40", height=400, width=600).mean()
    assert thin == pytest.approx(2 / 40, rel=0.4)
    assert drawn("lines:width=6,spacing=40", height=400, width=600).mean() > 2 * thin
    assert drawn("lines:width=2,spacing=20", height=400, width=600).mean() > 1.4 * thin


def test_the_words_are_there_to_be_read() -> None:
    size = 20
    tall = drawn(f"text:words=III,size={size}", height=25, width=200)
    assert 0.1 < tall.mean() < 0.6
    assert drawn("text:words=-,size=20", height=25, width=200).mean() < tall.mean() / 2
    # It is written from left to right: a letter that begins with a bar is not mirrored.
    letter = drawn("text:words=E,size=60", height=75, width=46)
    columns = letter.sum(0)
    assert columns.argmax() < np.flatnonzero(columns).mean()


def test_lines_of_text_do_not_touch() -> None:
    rows = drawn("text:words=HHHH,size=20", height=100, width=100).any(1)
    assert 2 * np.abs(np.diff(rows.astype(int))).sum() >= 4 * 2 * 2 - 4  # on and off, 4 times


@pytest.mark.parametrize("spec", ["text:words=", "text:words=  "])
def test_no_words_are_refused(spec: str) -> None:
    with pytest.raises(UsageError, match="no words to write"):
        masks.parse(spec).draw(20, 20)


@pytest.mark.parametrize(
    "spec", ["random:fraction=0", "random:fraction=1", "checkerboard:block=0", "lines:width=0"]
)
def test_settings_out_of_range_are_refused(spec: str) -> None:
    with pytest.raises(UsageError, match="must be"):
        masks.parse(spec)


def test_alpha_needs_a_file() -> None:
    with pytest.raises(UsageError, match="give another mask"):
        masks.parse("alpha").draw(4, 4)


def test_the_american_name_is_understood() -> None:
    assert masks.parse("center") == masks.parse("centre")
