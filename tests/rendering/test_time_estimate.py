from __future__ import annotations

import time

import pytest

from neuralpaint.rendering.time_estimate import StepTimer, TimeEstimate, seconds_of

ESTIMATE = TimeEstimate(preparing=2, training=30, filming=15, writing=5, steps=2000)


def test_an_estimate_is_the_sum_of_its_parts() -> None:
    assert ESTIMATE.seconds == 52


def test_training_and_filming_count_by_their_time() -> None:
    assert ESTIMATE.done(trained=0.5, filmed=0) == pytest.approx(15 / 50)
    assert ESTIMATE.done(trained=1, filmed=0.5) == pytest.approx(40 / 50)
    assert ESTIMATE.done(trained=1, filmed=1) == 1


def test_the_first_steps_are_a_warm_up() -> None:
    pace = StepTimer()
    pace.observe(1, 0.3)
    assert pace.seconds_per_step is None
    pace.observe(11, 0.4)
    assert pace.seconds_per_step is None  # too short to be measured
    pace.observe(51, 0.8)
    assert pace.seconds_per_step == pytest.approx(0.01)


def test_a_pace_is_measured_once() -> None:
    pace = StepTimer()
    for step, seconds in [(1, 0.1), (101, 1.1), (102, 9.0)]:
        pace.observe(step, seconds)
    assert pace.seconds_per_step == pytest.approx(0.01)


def test_steps_that_take_seconds_need_no_warm_up() -> None:
    pace = StepTimer()
    pace.observe(2, 6.0)
    assert pace.seconds_per_step == 3


@pytest.mark.parametrize("seconds", [[5, 2], [0.5, 0.03, 0.01, 0.02]])
def test_a_call_is_timed_when_it_is_made_again(
    monkeypatch: pytest.MonkeyPatch, seconds: list[float]
) -> None:
    now, costs = 0.0, list(seconds)

    def call() -> None:
        nonlocal now
        now += costs.pop(0)

    monkeypatch.setattr(time, "perf_counter", lambda: now)
    assert seconds_of(call) == pytest.approx(min(seconds))  # of a short call, without interruptions
    assert costs == []
