"""Frames between which in-betweens are put."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from moving import photo, seen

from neuralpaint.image.metrics import psnr
from neuralpaint.restoration.motion.densification import densified
from neuralpaint.runtime.threads import set_threads, thread_count

FRAMES = [seen(shift=(4.0 * i, 0)) for i in range(3)]
TIMES = np.array([0, 0.25, 1], np.float32)


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = thread_count()
    set_threads(2)
    yield
    set_threads(before)


def test_a_number_of_in_betweens_comes_into_each_pair() -> None:
    dense, times = densified(FRAMES, TIMES, between=1)
    assert times == pytest.approx([0, 0.125, 0.25, 0.625, 1])
    assert times.dtype == np.float32
    for i in range(3):
        assert dense[2 * i] is FRAMES[i]
    assert psnr(dense[1][:, 8:-8], seen(shift=(2, 0))[:, 8:-8]) > 35


def test_without_a_number_there_are_as_many_as_the_motion_asks_for() -> None:
    frames = [seen(), seen(shift=(1, 0)), seen(shift=(6, 0)), seen(shift=(6, 0))]
    times = np.array([0, 0.2, 0.4, 1], np.float32)
    dense, at = densified(frames, times)
    assert at == pytest.approx([0, 0.2, 0.25, 0.3, 0.35, 0.4, 1])
    assert len(dense) == 7
    assert len(densified(frames, times, reach=3)[0]) == 5
    assert len(densified(frames, times, most=2)[0]) == 6


def test_a_cut_gets_none() -> None:
    frames = [seen(), photo(9)[:64, :80]]
    dense, times = densified(frames, np.array([0, 1], np.float32))
    assert len(dense) == len(times) == 2


def test_a_loop_is_closed() -> None:
    frames, times = [seen(), seen(shift=(3, 0))], np.array([0, 0.5], np.float32)
    dense, at = densified(frames, times, between=1, loops=True)
    assert at == pytest.approx([0, 0.25, 0.5, 0.75])
    assert psnr(dense[3][:, 8:-8], seen(shift=(1.5, 0))[:, 8:-8]) > 35


def test_one_frame_stays_alone() -> None:
    dense, times = densified(FRAMES[:1], TIMES[:1], loops=True)
    assert dense == FRAMES[:1]
    assert times.tolist() == [0]


def test_each_frame_needs_its_time() -> None:
    with pytest.raises(ValueError, match="3 frames have 2 times"):
        densified(FRAMES, TIMES[:2])


def test_two_threads_make_the_same(two_threads: None) -> None:
    together, times = densified(FRAMES, TIMES, between=2)
    set_threads(1)
    alone, expected = densified(FRAMES, TIMES, between=2)
    assert np.array_equal(together, alone)
    assert np.array_equal(times, expected)


def test_whoever_looks_is_told_of_rising_parts() -> None:
    told: list[float] = []
    densified(FRAMES, TIMES, between=1, look=told.append)
    assert told == sorted(told)
    assert len(told) > 16
    assert told[-1] == pytest.approx(1)


def test_an_interruption_ends_it(two_threads: None) -> None:
    seen_parts: list[float] = []

    def interrupt(done: float) -> None:
        seen_parts.append(done)
        if len(seen_parts) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        densified(FRAMES * 4, np.linspace(0, 1, 12, dtype=np.float32), look=interrupt)
    assert len(seen_parts) == 3
