from __future__ import annotations

import math

import pytest
import torch
from fake_gpu import FakeGpu

from neuralpaint.errors import DivergedError
from neuralpaint.training.timing import CudaTimer, HostTimer, Measurement, Timer


def zero() -> torch.Tensor:
    return torch.zeros((), dtype=torch.float64)


def measure(timer: Timer, *, steps: int, loss: float) -> None:
    """Run an advance whose steps all have the same loss."""
    timer.begin()
    for _ in range(steps):
        timer.losses += loss
    timer.end(timer.newest.step + steps, advice="try another")


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> FakeGpu:
    return FakeGpu(monkeypatch)


@pytest.mark.parametrize("kind", [HostTimer, CudaTimer])
def test_the_mean_loss_is_that_of_the_steps_in_between(
    kind: type[HostTimer | CudaTimer], gpu: FakeGpu
) -> None:
    timer = kind(zero())
    assert math.isnan(timer.loss)
    start = timer.newest
    measure(timer, steps=3, loss=0.5)
    middle = timer.newest
    measure(timer, steps=1, loss=0.1)
    assert timer.loss == timer.newest.mean_since(middle) == pytest.approx(0.1)
    assert middle.mean_since(start) == pytest.approx(0.5)
    assert timer.newest.mean_since(start) == pytest.approx(0.4)
    assert [start.step, middle.step, timer.newest.step] == [0, 3, 4]


@pytest.mark.parametrize("kind", [HostTimer, CudaTimer])
def test_a_timer_continues_from_a_measurement(
    kind: type[HostTimer | CudaTimer], gpu: FakeGpu
) -> None:
    timer, other = kind(zero()), kind(zero())
    measure(timer, steps=4, loss=0.5)
    measurement = Measurement.of(timer.newest.state())
    other.restore(measurement)
    assert other.finished is other.newest is measurement
    assert other.seconds == timer.seconds > 0
    assert math.isnan(other.loss)
    measure(other, steps=2, loss=0.25)
    assert other.newest.step == 6
    assert other.newest.total == 2.5
    assert other.newest.seconds > measurement.seconds
    assert other.loss == 0.25


def test_only_reading_a_measurement_waits_for_a_gpu(gpu: FakeGpu) -> None:
    timer = CudaTimer(zero())
    measure(timer, steps=4, loss=0.2)
    measurement = timer.newest
    measure(timer, steps=4, loss=0.2)
    assert gpu.waits == 0
    assert timer.finished.step == 0
    assert measurement.seconds == 1.0  # between two events of the fake GPU
    assert gpu.waits == 1
    assert timer.finished is measurement


def test_at_most_two_advances_are_queued(gpu: FakeGpu) -> None:
    timer = CudaTimer(zero())
    for _ in range(6):
        measure(timer, steps=1, loss=0.2)
    timer.begin()
    assert gpu.waits == 5
    assert timer.finished.step == 5


def test_queued_steps_are_estimated_from_the_newest_finished_ones(gpu: FakeGpu) -> None:
    timer = CudaTimer(zero())
    assert timer.seconds == 0
    measure(timer, steps=4, loss=0.2)
    gpu.catch_up()
    measure(timer, steps=8, loss=0.2)
    assert timer.seconds == pytest.approx(1 + 8 * 1 / 4)
    assert gpu.waits == 0
    gpu.catch_up()
    assert timer.seconds == pytest.approx(2)


def test_queued_steps_are_estimated_from_the_resumed_training(gpu: FakeGpu) -> None:
    timer = CudaTimer(zero())
    timer.restore(Measurement(100, seconds=50.0, total=1.0))
    measure(timer, steps=8, loss=0.2)
    assert timer.seconds == 54
    assert gpu.waits == 0


def test_an_infinite_loss_raises_when_the_gpu_has_computed_it(gpu: FakeGpu) -> None:
    timer = CudaTimer(zero())
    measure(timer, steps=2, loss=math.nan)
    measurement = timer.newest
    measure(timer, steps=2, loss=0.1)  # queued before the result of the first
    gpu.catch_up()
    with pytest.raises(DivergedError, match="nan by step 2"):
        timer.begin()
    with pytest.raises(DivergedError, match="nan by step"):
        _ = timer.loss
    with pytest.raises(DivergedError, match="nan by step 2"):
        _ = measurement.total
    assert timer.seconds == measurement.seconds + 1  # still available


def test_a_diverged_training_has_no_state(gpu: FakeGpu) -> None:
    timer = CudaTimer(zero())
    measure(timer, steps=2, loss=math.nan)
    with pytest.raises(DivergedError, match="nan by step 2"):
        timer.newest.state()


def test_on_a_host_an_infinite_loss_raises_at_once() -> None:
    timer = HostTimer(zero())
    with pytest.raises(DivergedError, match="the loss became inf by step 2: try another"):
        measure(timer, steps=2, loss=math.inf)
