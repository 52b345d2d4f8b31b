from __future__ import annotations

import pytest

from neuralpaint.schedules import Cosine, Step, schedules


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


def test_step_halves_every_three_epochs_as_the_original_did() -> None:
    factors = [Step().multiplier(step=0, steps=0, epoch=epoch) for epoch in range(8)]
    assert factors == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]
