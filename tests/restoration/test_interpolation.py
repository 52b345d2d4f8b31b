"""Pictures between two others, against those that were really there."""

from __future__ import annotations

import numpy as np
import pytest
from moving import photo, seen
from numpy.typing import NDArray

from neuralpaint.image.metrics import psnr
from neuralpaint.restoration.motion.flow import Motion, motion
from neuralpaint.restoration.motion.interpolation import between

Pixels = NDArray[np.uint8]


def scene(time: float) -> Pixels:
    """Return a background that goes right, before which a disc goes down."""
    picture: Pixels = seen(shift=(6 * time, 0), size=(96, 144)).copy()
    y, x = np.mgrid[:96, :144]
    disc = np.hypot(x - 70, y - 40 - 10 * time) < 16
    shifted = np.roll(photo(5)[:96, :144], round(10 * time), axis=0)
    picture[disc] = shifted[disc]
    return picture


@pytest.fixture(scope="module")
def moved() -> Motion:
    return motion(scene(0), scene(1))


@pytest.mark.parametrize("u", [0.2, 0.4, 0.8])
def test_the_picture_between_is_nearly_the_one_that_was(moved: Motion, u: float) -> None:
    a, b, truth = scene(0), scene(1), scene(u)
    made = between(a, b, moved, u=u)
    assert made.shape == a.shape
    assert made.dtype == np.uint8
    blend = np.rint((1 - u) * a + u * b).astype(np.uint8)
    assert psnr(made, truth) > psnr(blend, truth) + 8
    assert psnr(made, truth) > 32


def test_at_both_ends_it_is_the_pictures_themselves(moved: Motion) -> None:
    a, b = scene(0), scene(1)
    assert psnr(between(a, b, moved, u=0), a) > 45
    assert psnr(between(a, b, moved, u=1), b) > 45


def test_what_comes_into_view_is_taken_from_where_it_is_seen() -> None:
    a, b, truth = (seen(shift=(shift, 0)) for shift in (0, 10, 5))
    made = between(a, b, motion(a, b), u=0.5)
    assert psnr(made[:, :5], truth[:, :5]) > 30
    assert psnr(made[:, -5:], truth[:, -5:]) > 30


def test_with_a_wrong_flow_it_is_hardly_worse_than_a_blend() -> None:
    a, b, truth = scene(0), scene(1), scene(0.4)
    rng = np.random.default_rng(0)
    there, back = rng.normal(0, 4, (2, *a.shape[:2], 2)).astype(np.float32)
    wild = Motion(there, back)
    blend = np.rint(0.6 * a + 0.4 * b).astype(np.uint8)
    assert psnr(between(a, b, wild, u=0.4), truth) > psnr(blend, truth) - 0.5


def test_pictures_without_motion_are_blended() -> None:
    a, b = (np.full((20, 30, 3), level, np.uint8) for level in (40, 80))
    made = between(a, b, motion(a, b), u=0.25)
    assert np.abs(made.astype(int) - 50).max() <= 1
