"""Textures with a hole, which is filled with more of the same texture."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from neuralpaint.restoration import texture_fill
from neuralpaint.restoration.filling import fill_hole
from neuralpaint.restoration.texture_fill import fill_texture, textured_part

Pixels = NDArray[np.uint8]
Hole = NDArray[np.bool_]


def stripes(height: int, width: int, period: int = 8) -> Pixels:
    lit = (np.arange(height)[:, None] + np.zeros(width, int)) % period < period // 2
    return colours(lit)


def checkerboard(height: int, width: int, side: int = 6) -> Pixels:
    row, column = np.mgrid[:height, :width] // side
    return colours((row + column) % 2 == 0)


def colours(lit: Hole) -> Pixels:
    return np.where(lit[..., None], [230, 180, 60], [30, 40, 90]).astype(np.uint8)


def square(height: int, width: int, side: int) -> Hole:
    hole = np.zeros((height, width), bool)
    top, left = (height - side) // 2, (width - side) // 2
    hole[top : top + side, left : left + side] = True
    return hole


def damaged(pixels: Pixels, hole: Hole) -> Pixels:
    result = pixels.copy()
    result[hole] = 128
    return result


@pytest.mark.parametrize(("texture", "side"), [(stripes, 36), (checkerboard, 24)])
def test_a_regular_texture_is_continued(texture: Callable[[int, int], Pixels], side: int) -> None:
    truth, hole = texture(90, 100), square(90, 100, side)
    made = fill_texture(damaged(truth, hole), hole)
    assert np.array_equal(made[~hole], truth[~hole])
    wrong = np.abs(made.astype(int) - truth)[hole].mean()
    assert wrong < 6  # the mean of both colours is 90 off


def test_a_hole_in_noise_gets_noise_of_the_same_strength() -> None:
    draw = np.random.default_rng(0)
    truth = draw.integers(60, 200, (80, 90, 1)).repeat(3, axis=2).astype(np.uint8)
    hole = square(80, 90, 30)
    made = fill_texture(damaged(truth, hole), hole)
    assert made[hole].std() > 0.8 * truth[~hole].std()


def test_a_gradient_has_no_seam_though_its_colours_are_nowhere_else() -> None:
    row, column = np.mgrid[:80, :80]
    truth = np.stack([60 + 1.5 * column, 60 + 1.5 * row, 90 + 0 * row], -1).astype(np.uint8)
    hole = square(80, 80, 30)
    made = fill_texture(damaged(truth, hole), hole).astype(int)
    assert np.abs(np.diff(made, axis=0)).max() <= 6  # 21 without the integration
    assert np.abs(np.diff(made, axis=1)).max() <= 6


def test_unknown_values_are_ignored() -> None:
    truth, hole = checkerboard(40, 50), square(40, 50, 14)
    other = truth.copy()
    other[hole] = np.random.default_rng(1).integers(0, 256, (hole.sum(), 3))
    assert np.array_equal(fill_texture(other, hole), fill_texture(truth, hole))


@pytest.mark.slow
def test_the_seed_determines_the_texture() -> None:
    truth = np.random.default_rng(2).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    hole = square(40, 50, 14)
    first, again, other = (fill_texture(truth, hole, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("side", ["top", "left", "corner"])
def test_a_hole_at_the_border(side: str) -> None:
    truth, hole = stripes(70, 80), np.zeros((70, 80), bool)
    hole[
        {"top": np.s_[:24, 20:50], "left": np.s_[20:50, :24], "corner": np.s_[-24:, -24:]}[side]
    ] = 1
    made = fill_texture(damaged(truth, hole), hole)
    assert np.array_equal(made[~hole], truth[~hole])
    assert np.abs(made.astype(int) - truth)[hole].mean() < 12


@pytest.mark.parametrize("shape", [(81, 90), (80, 91), (77, 83)])
def test_a_picture_that_is_too_large_is_searched_at_a_smaller_size(
    shape: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texture_fill, "_SEARCHED_PIXELS", 2000)
    monkeypatch.setattr(texture_fill, "_STRIP_PIXELS", 1800)
    monkeypatch.setattr(texture_fill, "_STRIP_OVERLAP", 8)
    truth, hole = stripes(*shape, period=16), square(*shape, 28)
    assert np.array_equal(textured_part(hole), hole)
    made = fill_texture(damaged(truth, hole), hole)
    assert np.array_equal(made[~hole], truth[~hole])
    assert np.abs(made.astype(int) - truth)[hole].mean() < 16


def test_only_wide_parts_of_a_hole_get_a_texture() -> None:
    hole = square(60, 70, 20)
    scattered = np.random.default_rng(5).random(hole.shape) < 0.3
    scattered[12:48, 17:53] = False
    lines = hole | scattered
    lines[::12] = True
    part = textured_part(lines)
    assert part[hole].all()
    assert not (part & ~lines).any()
    assert not part[:5].any()
    assert not textured_part(scattered).any()


def test_without_a_wide_part_the_fill_is_that_of_patches() -> None:
    truth = checkerboard(40, 50)
    hole = np.random.default_rng(6).random((40, 50)) < 0.4
    assert np.array_equal(fill_hole(truth, hole, fill="texture"), fill_hole(truth, hole))


@pytest.mark.parametrize("shape", [(1, 9), (6, 40), (9, 9), (12, 30), (16, 16)])
def test_a_picture_without_a_whole_known_patch_is_filled_as_by_patches(
    shape: tuple[int, int],
) -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (*shape, 3), dtype=np.uint8)
    hole = np.ones(shape, bool)
    hole[0, 0] = False
    assert np.array_equal(fill_hole(pixels, hole, fill="texture"), fill_hole(pixels, hole))


def test_narrow_and_wide_parts_are_filled_together() -> None:
    truth, hole = stripes(80, 90), square(80, 90, 24)
    hole[5::20, ::3] = True
    made = fill_hole(damaged(truth, hole), hole, fill="texture")
    assert np.array_equal(made[~hole], truth[~hole])
    assert np.abs(made.astype(int) - truth)[hole].mean() < 20


def test_progress_is_reported_on_this_thread_and_rises_to_one() -> None:
    truth, hole = checkerboard(80, 90), square(80, 90, 30)
    reported, threads_used = [], set()

    def report(done: float) -> None:
        reported.append(done)
        threads_used.add(threading.get_ident())

    fill_hole(truth, hole, fill="texture", on_done=report)
    assert threads_used == {threading.get_ident()}
    assert reported == sorted(reported)
    assert reported[0] == 0
    assert reported[-1] == 1
    assert len(reported) > 40


def test_an_exception_in_the_callback_ends_the_work() -> None:
    def interrupt(done: float) -> None:
        if done > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill_texture(checkerboard(40, 50), square(40, 50, 14), on_done=interrupt)
