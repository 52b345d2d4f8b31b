from __future__ import annotations

import pytest

from neuralpaint.rendering.allowance import Allowance


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_until_shots_are_measured_the_guess_counts(clock: Clock) -> None:
    assert Allowance(60, shots=100, guess=0.2, clock=clock).ahead() == pytest.approx(20)


def test_the_newest_shots_tell_what_the_others_cost(clock: Clock) -> None:
    allowance = Allowance(1000, shots=200, guess=0.2, clock=clock)
    for cost in [1.0] * 50 + [0.1] * 50:
        clock.now += cost
        allowance.count()
    assert allowance.ahead() == pytest.approx(100 * 0.1, rel=0.3)


def test_filming_never_plans_on_more_than_it_may_take(clock: Clock) -> None:
    allowance = Allowance(10, shots=100, guess=5.0, clock=clock)
    assert allowance.ahead() == pytest.approx(500 / 8)  # even in a hurry it takes its time
    dear = Allowance(100, shots=100, guess=5.0, clock=clock)
    assert dear.ahead() == pytest.approx(100)


def test_it_is_short_when_the_shots_fall_behind(clock: Clock) -> None:
    allowance = Allowance(10, shots=100, guess=0.1, clock=clock)
    assert not allowance.is_short()
    clock.now += 2
    assert allowance.is_short()
    for _ in range(50):
        allowance.count()
    assert not allowance.is_short()


def test_without_a_limit_it_is_never_short(clock: Clock) -> None:
    allowance = Allowance(float("inf"), shots=100, guess=0.0, clock=clock)
    clock.now += 1e6
    assert not allowance.is_short()
