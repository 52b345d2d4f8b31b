"""In-between frames, compared with the true frames of made clips."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from moving import photo, seen
from numpy.typing import NDArray

from neuralpaint.image.metrics import psnr
from neuralpaint.restoration.flow import Motion, estimate_motion
from neuralpaint.restoration.interpolation import densify, interpolate
from neuralpaint.runtime.threads import ensure_threads, set_threads

Pixels = NDArray[np.uint8]

FRAMES = [seen(shift=(4.0 * i, 0)) for i in range(3)]
TIMES = np.array([0, 0.25, 1], np.float32)


def scene(time: float) -> Pixels:
    """Return a background that moves right, with a disc in front that moves down."""
    picture: Pixels = seen(shift=(6 * time, 0), size=(96, 144)).copy()
    y, x = np.mgrid[:96, :144]
    disc = np.hypot(x - 70, y - 40 - 10 * time) < 16
    shifted = np.roll(photo(5)[:96, :144], round(10 * time), axis=0)
    picture[disc] = shifted[disc]
    return picture


@pytest.fixture(scope="module")
def motion() -> Motion:
    return estimate_motion(scene(0), scene(1))


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = ensure_threads()
    set_threads(2)
    yield
    set_threads(before)


@pytest.mark.slow
@pytest.mark.parametrize("u", [0.2, 0.4, 0.8])
def test_an_inbetween_is_close_to_the_true_frame(motion: Motion, u: float) -> None:
    a, b, truth = scene(0), scene(1), scene(u)
    made = interpolate(a, b, motion, u=u)
    assert made.shape == a.shape
    assert made.dtype == np.uint8
    blend = np.rint((1 - u) * a + u * b).astype(np.uint8)
    assert psnr(made, truth) > psnr(blend, truth) + 8
    assert psnr(made, truth) > 32


def test_at_both_ends_it_is_the_frames_themselves(motion: Motion) -> None:
    a, b = scene(0), scene(1)
    assert psnr(interpolate(a, b, motion, u=0), a) > 45
    assert psnr(interpolate(a, b, motion, u=1), b) > 45


def test_what_is_visible_in_one_frame_only_is_taken_from_that_frame() -> None:
    a, b, truth = (seen(shift=(shift, 0)) for shift in (0, 10, 5))
    made = interpolate(a, b, estimate_motion(a, b), u=0.5)
    assert psnr(made[:, :5], truth[:, :5]) > 30
    assert psnr(made[:, -5:], truth[:, -5:]) > 30


def test_with_a_wrong_flow_it_is_hardly_worse_than_a_blend() -> None:
    a, b, truth = scene(0), scene(1), scene(0.4)
    forward, backward = np.random.default_rng(0).normal(0, 4, (2, *a.shape[:2], 2))
    wrong = Motion(forward.astype(np.float32), backward.astype(np.float32))
    blend = np.rint(0.6 * a + 0.4 * b).astype(np.uint8)
    assert psnr(interpolate(a, b, wrong, u=0.4), truth) > psnr(blend, truth) - 0.5


def test_pictures_without_texture_are_blended() -> None:
    a, b = (np.full((20, 30, 3), level, np.uint8) for level in (40, 80))
    made = interpolate(a, b, estimate_motion(a, b), u=0.25)
    assert np.abs(made.astype(int) - 50).max() <= 1


def test_each_pair_gets_the_given_number_of_inbetweens() -> None:
    dense, times = densify(FRAMES, TIMES, between=1)
    assert times == pytest.approx([0, 0.125, 0.25, 0.625, 1])
    assert times.dtype == np.float32
    for i in range(3):
        assert dense[2 * i] is FRAMES[i]
    assert psnr(dense[1][:, 8:-8], seen(shift=(2, 0))[:, 8:-8]) > 35


@pytest.mark.slow
def test_without_a_number_the_motion_decides() -> None:
    frames = [seen(), seen(shift=(1, 0)), seen(shift=(6, 0)), seen(shift=(6, 0))]
    times = np.array([0, 0.2, 0.4, 1], np.float32)
    dense, at = densify(frames, times)
    assert at == pytest.approx([0, 0.2, 0.25, 0.3, 0.35, 0.4, 1])
    assert len(dense) == 7
    assert len(densify(frames, times, max_motion=3)[0]) == 5
    assert len(densify(frames, times, max_between=2)[0]) == 6


def test_there_are_no_inbetweens_across_a_cut() -> None:
    frames = [seen(), photo(9)[:64, :80]]
    dense, times = densify(frames, np.array([0, 1], np.float32))
    assert len(dense) == len(times) == 2


def test_a_loop_is_closed() -> None:
    frames, times = [seen(), seen(shift=(3, 0))], np.array([0, 0.5], np.float32)
    dense, at = densify(frames, times, between=1, loops=True)
    assert at == pytest.approx([0, 0.25, 0.5, 0.75])
    assert psnr(dense[3][:, 8:-8], seen(shift=(1.5, 0))[:, 8:-8]) > 35


def test_a_single_frame_is_returned_alone() -> None:
    dense, times = densify(FRAMES[:1], TIMES[:1], loops=True)
    assert dense == FRAMES[:1]
    assert times.tolist() == [0]


def test_a_wrong_number_of_times_is_refused() -> None:
    with pytest.raises(ValueError, match="3 frames have 2 times"):
        densify(FRAMES, TIMES[:2])


def test_the_number_of_threads_does_not_change_the_frames(two_threads: None) -> None:
    together, times = densify(FRAMES, TIMES, between=2)
    set_threads(1)
    alone, expected = densify(FRAMES, TIMES, between=2)
    assert np.array_equal(together, alone)
    assert np.array_equal(times, expected)


def test_progress_rises_to_one() -> None:
    reported: list[float] = []
    densify(FRAMES, TIMES, between=1, on_done=reported.append)
    assert reported == sorted(reported)
    assert len(reported) > 16
    assert reported[-1] == pytest.approx(1)


def test_an_interruption_ends_the_work(two_threads: None) -> None:
    reported: list[float] = []

    def interrupt(done: float) -> None:
        reported.append(done)
        if len(reported) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        densify(FRAMES * 4, np.linspace(0, 1, 12, dtype=np.float32), on_done=interrupt)
    assert len(reported) == 3
