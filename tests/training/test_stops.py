from __future__ import annotations

from typing import Any, NoReturn

import pytest
from fake_painting import Flat

from neuralpaint.runtime.state import State
from neuralpaint.training.learner import Learner
from neuralpaint.training.learning import learn, stops_by_clock
from neuralpaint.training.settings import TrainingSettings
from neuralpaint.training.timing import Measurement


class Clockwork(Learner):
    """A learner whose steps take a hundredth of a second."""

    settings = TrainingSettings()
    device, weights, epoch_steps, loss = "cpu", 1, 1, 0.5
    steps = 1

    def __init__(self, step: int = 0) -> None:
        self.step = step
        self.advances: list[int] = []

    def prepare(self, look: Any = None, on_phase: Any = None) -> None:
        pass

    def advance(self, steps: int) -> None:
        self.step += steps
        self.advances.append(steps)

    @property
    def seconds(self) -> float:
        return self.step / 100

    @property
    def newest(self) -> Measurement:
        return Measurement(self.step, seconds=self.seconds, total=0.5 * self.step)

    @property
    def finished(self) -> Measurement:
        return self.newest

    def painting(self) -> Flat:
        return Flat(0.5)

    def _parts(self) -> NoReturn:
        raise NotImplementedError

    def _optimizer_form(self, state: State) -> NoReturn:
        raise NotImplementedError

    def _restore_parts(self, state: State) -> NoReturn:
        raise NotImplementedError

    def _set_sketch(self, frame: Any) -> NoReturn:
        raise NotImplementedError

    def _get_sketch(self) -> NoReturn:
        raise NotImplementedError


def train(learner: Clockwork, fractions: list[float], *, seconds: float) -> tuple[list[int], int]:
    """Return the steps of the snapshots of a training by the clock, and the number of reports."""
    reports: list[float] = []
    stops = stops_by_clock(learner, fractions, left=lambda: seconds - learner.seconds)
    found = [snapshot.step for snapshot in learn(learner, stops, look=reports.append)]
    return found, len(reports)


@pytest.mark.parametrize("fractions", [[1.0], [0.0, 0.5, 1.0], [i / 300 for i in range(301)]])
def test_a_long_training_reports_twice_a_second(fractions: list[float]) -> None:
    learner = Clockwork()
    found, reports = train(learner, fractions, seconds=120)
    assert max(learner.advances) <= 50
    assert reports == len(learner.advances) >= 240
    assert found == pytest.approx([12000 * fraction for fraction in fractions], abs=2)
    assert learner.steps == pytest.approx(12000, rel=0.01)


@pytest.mark.parametrize("seconds", [3.0, -1.0])
def test_without_time_left_the_stops_are_the_current_step(seconds: float) -> None:
    learner = Clockwork(step=400)
    assert train(learner, [0.5, 0.75, 1.0], seconds=seconds) == ([400, 400, 400], 0)
