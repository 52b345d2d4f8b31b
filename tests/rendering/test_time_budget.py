from __future__ import annotations

import math
import time

import pytest

from neuralpaint.errors import UsageError
from neuralpaint.rendering.time_budget import TimeBudget


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter", clock)
    return clock


def planned(seconds: float, *, shots: int, seconds_per_shot: float) -> TimeBudget:
    budget = TimeBudget(seconds)
    budget.plan_rendering(shots, seconds_per_shot=seconds_per_shot)
    return budget


def test_without_a_limit_there_is_always_time(clock: Clock) -> None:
    budget = TimeBudget()
    budget.plan_rendering(100, seconds_per_shot=1)
    clock.now += 1e6
    assert budget.left() == math.inf
    assert not budget.is_short
    budget.check(larger="--size")


def test_the_first_guess_counts_until_shots_are_measured(clock: Clock) -> None:
    assert planned(120, shots=100, seconds_per_shot=0.2).ahead == pytest.approx(20)


def test_the_newest_shots_give_the_cost_of_the_others(clock: Clock) -> None:
    budget = planned(2000, shots=200, seconds_per_shot=0.2)
    for cost in [1.0] * 50 + [0.1] * 50:
        clock.now += cost
        budget.count_shot()
    assert budget.ahead == pytest.approx(100 * 0.1, rel=0.3)


def test_rendering_gets_at_most_half_of_the_time(clock: Clock) -> None:
    # Even blended shots take their time.
    assert planned(20, shots=100, seconds_per_shot=5).ahead == pytest.approx(500 / 8)
    assert planned(200, shots=100, seconds_per_shot=5).ahead == pytest.approx(100)


def test_rendering_is_short_of_time_when_shots_are_late(clock: Clock) -> None:
    budget = planned(20, shots=100, seconds_per_shot=0.1)
    assert not budget.is_short
    clock.now += 2
    assert budget.is_short
    for _ in range(50):
        budget.count_shot()
    assert not budget.is_short


def test_training_does_not_use_up_the_time_of_rendering(clock: Clock) -> None:
    budget = planned(20, shots=100, seconds_per_shot=0.1)
    clock.now += 2
    budget.trained = 2
    assert not budget.is_short


def test_all_that_is_not_reserved_is_left_to_train(clock: Clock) -> None:
    budget = TimeBudget(60, earlier=10)
    budget.reserve(writing=5)
    clock.now += 3
    assert budget.elapsed == pytest.approx(13)
    assert budget.left() == pytest.approx(60 - 13 - 5)


def test_a_budget_that_is_used_up_before_the_training_is_refused(clock: Clock) -> None:
    budget = TimeBudget(10)
    budget.reserve(writing=9.8)
    with pytest.raises(UsageError, match=r"--budget 10 leaves no time to train.*lower --size"):
        budget.check(larger="--size")
