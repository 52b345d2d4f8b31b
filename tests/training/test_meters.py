from __future__ import annotations

import math

import pytest
import torch
from fake_gpu import FakeGpu

from neuralpaint.errors import DivergedError
from neuralpaint.training.meters import CudaMeter, HostMeter, Meter
from neuralpaint.training.readings import Reading

CPU = torch.device("cpu")


def measure(meter: Meter, *, steps: int, loss: float) -> None:
    """Let a meter see an advance whose steps all have one loss."""
    meter.begin()
    for _ in range(steps):
        meter.losses += loss
    meter.end(meter.newest.step + steps, advice="try another")


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> FakeGpu:
    return FakeGpu(monkeypatch)


@pytest.mark.parametrize("kind", [HostMeter, CudaMeter])
def test_the_mean_loss_is_that_of_the_steps_in_between(
    kind: type[HostMeter | CudaMeter], gpu: FakeGpu
) -> None:
    meter = kind(CPU)
    assert math.isnan(meter.loss)
    start = meter.newest
    measure(meter, steps=3, loss=0.5)
    middle = meter.newest
    measure(meter, steps=1, loss=0.1)
    assert meter.loss == meter.newest.mean_since(middle) == pytest.approx(0.1)
    assert middle.mean_since(start) == pytest.approx(0.5)
    assert meter.newest.mean_since(start) == pytest.approx(0.4)
    assert [start.step, middle.step, meter.newest.step] == [0, 3, 4]


@pytest.mark.parametrize("kind", [HostMeter, CudaMeter])
def test_a_meter_goes_on_from_a_reading(kind: type[HostMeter | CudaMeter], gpu: FakeGpu) -> None:
    meter, other = kind(CPU), kind(CPU)
    measure(meter, steps=4, loss=0.5)
    reading = Reading.of(meter.newest.state())
    other.restore(reading)
    assert other.known is other.newest is reading
    assert other.seconds == meter.seconds > 0
    assert math.isnan(other.loss)
    measure(other, steps=2, loss=0.25)
    assert other.newest.step == 6
    assert other.newest.total == 2.5
    assert other.newest.seconds > reading.seconds
    assert other.loss == 0.25


def test_an_advance_on_a_gpu_is_not_waited_for_but_where_it_is_read(gpu: FakeGpu) -> None:
    meter = CudaMeter(CPU)
    measure(meter, steps=4, loss=0.2)
    reading = meter.newest
    measure(meter, steps=4, loss=0.2)
    assert gpu.waits == 0
    assert meter.known.step == 0
    assert reading.seconds == 1.0  # between two events of the stand-in
    assert gpu.waits == 1
    assert meter.known is reading


def test_no_more_than_two_advances_are_on_their_way(gpu: FakeGpu) -> None:
    meter = CudaMeter(CPU)
    for _ in range(6):
        measure(meter, steps=1, loss=0.2)
    meter.begin()
    assert gpu.waits == 5
    assert meter.known.step == 5


def test_steps_on_their_way_take_as_long_as_the_newest_known_ones(gpu: FakeGpu) -> None:
    meter = CudaMeter(CPU)
    assert meter.seconds == 0
    measure(meter, steps=4, loss=0.2)
    gpu.catch_up()
    measure(meter, steps=8, loss=0.2)
    assert meter.seconds == pytest.approx(1 + 8 * 1 / 4)
    assert gpu.waits == 0
    gpu.catch_up()
    assert meter.seconds == pytest.approx(2)


def test_steps_on_their_way_go_at_the_pace_of_the_training_that_goes_on(gpu: FakeGpu) -> None:
    meter = CudaMeter(CPU)
    meter.restore(Reading(100, seconds=50.0, total=1.0))
    measure(meter, steps=8, loss=0.2)
    assert meter.seconds == 54
    assert gpu.waits == 0


def test_a_loss_that_is_no_number_is_raised_as_soon_as_it_is_known(gpu: FakeGpu) -> None:
    meter = CudaMeter(CPU)
    measure(meter, steps=2, loss=math.nan)
    reading = meter.newest
    measure(meter, steps=2, loss=0.1)  # was given to the GPU before it told
    gpu.catch_up()
    with pytest.raises(DivergedError, match="nan by step 2"):
        meter.begin()
    with pytest.raises(DivergedError, match="nan by step"):
        _ = meter.loss
    with pytest.raises(DivergedError, match="nan by step 2"):
        _ = reading.total
    assert meter.seconds == reading.seconds + 1  # can be told all the same


def test_a_training_that_has_diverged_is_not_told_of(gpu: FakeGpu) -> None:
    meter = CudaMeter(CPU)
    measure(meter, steps=2, loss=math.nan)
    with pytest.raises(DivergedError, match="nan by step 2"):
        meter.newest.state()


def test_on_a_host_it_is_raised_at_once() -> None:
    meter = HostMeter(CPU)
    with pytest.raises(DivergedError, match="the loss became inf by step 2: try another"):
        measure(meter, steps=2, loss=math.inf)
