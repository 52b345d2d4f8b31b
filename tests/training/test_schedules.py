from __future__ import annotations

import pytest

from neuralpaint.training.schedules import Cosine, ScheduleRun, Step, schedules


@pytest.mark.parametrize("name", list(schedules))
def test_every_schedule_stays_between_zero_and_one(name: str) -> None:
    schedule = schedules.parse(name)
    for steps in (0, 1, 10, 100):
        for step in range(2 * steps + 1):
            assert 0 < schedule.multiplier(step=step, steps=steps, epoch=step // 10) <= 1


def test_cosine_warms_up_then_falls_to_its_floor() -> None:
    cosine = Cosine(warmup=10, floor=0.1)
    factors = [cosine.multiplier(step=step, steps=110, epoch=0) for step in range(111)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[9] == factors[10] == 1
    assert factors[60] == pytest.approx(0.55)
    assert factors[110] == pytest.approx(0.1)
    assert factors[10:] == sorted(factors[10:], reverse=True)


def test_step_halves_every_three_epochs() -> None:
    factors = [Step().multiplier(step=0, steps=0, epoch=epoch) for epoch in range(8)]
    assert factors == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_exponential_falls_by_the_same_factor_in_every_step() -> None:
    schedule = schedules.parse("exponential:end=0.01")
    factors = [schedule.multiplier(step=step, steps=100, epoch=0) for step in (0, 50, 100, 200)]
    assert factors == pytest.approx([1, 0.1, 0.01, 0.01])


def reductions(spec: str, errors: list[float]) -> list[int]:
    """Return the epochs after which the rate was reduced."""
    run = ScheduleRun(schedules.parse(spec))
    assert run.needs_loss
    found, before = [], 1.0
    for epoch, error in enumerate(errors):
        run.observe(error)
        now = run.multiplier(step=0, steps=1, epoch=0)
        if now < before:
            assert now == before / 2
            found.append(epoch)
        before = now
    return found


def test_plateau_halves_after_some_epochs_without_improvement() -> None:
    falling, flat = [1 - 0.1 * i for i in range(5)], [0.6] * 9
    assert reductions("plateau:patience=4", falling + flat) == [8, 13]
    assert reductions("plateau:patience=4", [0.99**i for i in range(100)]) == []
    assert reductions("plateau:patience=4,threshold=0.05", [0.99**i for i in range(10)]) == [4, 9]


def test_adaptive_halving_compares_a_hundred_epochs_with_the_hundred_before() -> None:
    up_and_down = [0.5] * 100 + [0.4] * 100 + [0.41] * 300
    # At epoch 201 the newest hundred are 0.4 and one 0.41, still below the hundred before.
    (first, *later) = reductions("adaptive-halving", up_and_down)
    assert 200 < first < 310
    assert later == []
    assert reductions("adaptive-halving:window=3", [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]) == [5, 11]


def test_adaptive_halving_can_grow_after_every_better_epoch() -> None:
    run = ScheduleRun(schedules.parse("adaptive-halving:window=1,grow=1.5"))
    found = []
    for error in [4.0, 3, 2, 3, 2, 1]:
        run.observe(error)
        found.append(run.multiplier(step=0, steps=1, epoch=0))
    ups = 1.5**3
    assert found == pytest.approx([1.5, 1.5**2, ups, ups / 2, ups / 2 * 1.5, ups / 2 * 1.5**2])


def test_the_state_is_continued_by_another_run() -> None:
    spec, errors = "plateau:patience=2,threshold=0", [5.0, 4, 4, 4, 3, 3, 3, 2, 1, 1]
    whole = ScheduleRun(schedules.parse(spec))
    rates = []
    for error in errors:
        again = ScheduleRun(schedules.parse(spec))
        again.restore(whole.state())
        whole.observe(error)
        again.observe(error)
        rates.append(whole.multiplier(step=0, steps=1, epoch=0))
        assert again.multiplier(step=0, steps=1, epoch=0) == rates[-1]
    assert rates[-1] < rates[3] < rates[0]


def test_other_schedules_need_no_loss() -> None:
    run = ScheduleRun(Step())
    run.observe(9)
    assert not run.needs_loss
    assert run.multiplier(step=0, steps=1, epoch=3) == 0.5
