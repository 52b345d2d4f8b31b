from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from contract import WITHOUT_CODES
from fake_gpu import FakeGpu

from neuralpaint.image.canvas import Canvas
from neuralpaint.image.pictures import Picture
from neuralpaint.pipelines.learner import learner
from neuralpaint.training.cuda_graph import StepGraphs
from neuralpaint.training.target import Lattice
from neuralpaint.training.torch_learner import TorchLearner


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> FakeGpu:
    return FakeGpu(monkeypatch)


def lattices(shapes: Sequence[int]) -> list[Lattice]:
    """Return lattices of so many rows each, all different."""
    return [
        Lattice(torch.arange(rows) + 100 * i, torch.arange(2) + i) for i, rows in enumerate(shapes)
    ]


def steps_of(gpu: FakeGpu, given: Sequence[Lattice]) -> list[list[int]]:
    """Return what the steps on the given lattices have seen, a graph being made where it can."""
    seen: list[list[int]] = []

    def step(lattice: Lattice) -> None:
        gpu.do(lambda: seen.append([*lattice.rows.tolist(), *lattice.columns.tolist()]))

    graphs = StepGraphs()
    for lattice in given:
        graphs.run(step, lattice)
    return seen


def plainly(given: Sequence[Lattice]) -> list[list[int]]:
    return [[*lattice.rows.tolist(), *lattice.columns.tolist()] for lattice in given]


def test_every_lattice_is_learned_from_once_whether_recorded_or_not(gpu: FakeGpu) -> None:
    given = lattices([4, 5, 4, 4, 5, 4, 4, 5, 5, 5, 4, 6])
    assert steps_of(gpu, given) == plainly(given)
    assert [len(graph.works) for graph in gpu.graphs] == [1, 1]  # one for each shape seen often


def test_a_step_that_cannot_be_recorded_goes_on_as_it_was(
    gpu: FakeGpu, caplog: pytest.LogCaptureFixture
) -> None:
    gpu.fails_to_record = True
    given, stream = lattices([4] * 8 + [5] * 8), gpu.stream
    with caplog.at_level(logging.WARNING):
        assert steps_of(gpu, given) == plainly(given)
    assert gpu.stream is stream
    (warning,) = caplog.messages
    assert warning.startswith("training goes on without CUDA graphs: CUDA error: operation")
    assert "\n" not in warning


def pupil() -> TorchLearner:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    made = learner(Picture(pixels), model="skipconn", steps=40, batch=150, device="cpu", threads=1)
    assert isinstance(made, TorchLearner)
    return made


def test_a_training_that_cannot_be_recorded_learns_the_same(gpu: FakeGpu) -> None:
    gpu.fails_to_record = True
    plain, graphed = pupil(), pupil()
    graphed._graphs = StepGraphs()
    grid = Canvas.of(height=8, width=8).grid()
    for student in (plain, graphed):
        student.advance(12)
    assert gpu.graphs
    np.testing.assert_array_equal(graphed.painting()(grid), plain.painting()(grid))


def test_numbers_that_a_graph_reads_from_tensors_train_like_plain_ones() -> None:
    plain, graphed = pupil(), pupil()
    graphed._renewal = torch.zeros(())
    for group in graphed._optimizer.param_groups:
        group["lr"] = torch.zeros(())
    places = [graphed._renewal, *(group["lr"] for group in graphed._optimizer.param_groups)]
    for student in (plain, graphed):
        student.advance(12)
    now = [graphed._renewal, *(group["lr"] for group in graphed._optimizer.param_groups)]
    assert all(a is b for a, b in zip(places, now, strict=True))
    grid = Canvas.of(height=8, width=8).grid()
    np.testing.assert_allclose(graphed.painting()(grid), plain.painting()(grid), atol=1e-4)


def on_gpu(**options: Any) -> TorchLearner:
    y, x = np.mgrid[0:256, 0:384] / 384
    colours = np.stack([x, y, 0.5 + 0.5 * np.sin(20 * x + 9 * y)], axis=-1)
    picture = Picture.from_array(colours.clip(0, 1))
    made = learner(picture, device="cuda", steps=300, **options)
    assert isinstance(made, TorchLearner)
    return made


@pytest.mark.gpu
@pytest.mark.parametrize("model", WITHOUT_CODES)
@pytest.mark.parametrize("clip", [None, 1.0])
def test_a_graph_trains_as_the_step_it_was_made_of(model: str, clip: float | None) -> None:
    plain, graphed = (on_gpu(model=model, clip=clip, batch=20_000) for _ in range(2))
    plain._graphs = None
    for _ in range(10):
        for student in (plain, graphed):
            student.advance(5)
        assert graphed.loss == pytest.approx(plain.loss, rel=0.02)
    assert graphed._graphs is not None
    assert graphed._graphs._recorded


@pytest.mark.gpu
def test_a_graph_outlives_what_is_rendered_between_its_steps() -> None:
    plain, graphed = on_gpu(), on_gpu()
    plain._graphs = None
    large = Canvas.of(height=900, width=1600).grid()
    for _ in range(10):
        plain.advance(5)
        graphed.advance(5)
        graphed.painting().colours(large)  # takes more memory than a step, and from the same shelf
        torch.cuda.empty_cache()
    assert graphed.loss == pytest.approx(plain.loss, rel=0.02)


@pytest.mark.gpu
@pytest.mark.parametrize("model", WITHOUT_CODES)
def test_the_host_does_not_wait_while_a_gpu_trains(model: str) -> None:
    student = on_gpu(model=model, batch=10**6)  # one shape, recorded before the test begins
    student.advance(10)
    assert student.loss > 0
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(5):
            student.advance(10)
            student.painting()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert student.loss > 0
    assert 0 < student.seconds < 60
