from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from contract import WITHOUT_CODES
from fake_gpu import FakeGpu, waiting_is_an_error

from neuralpaint.image.canvas import Canvas
from neuralpaint.image.pictures import Picture
from neuralpaint.models import models
from neuralpaint.models.networks.network import CoordinateModel
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.runtime.threads import ensure_threads, set_threads
from neuralpaint.training.batches import Batch, Lattice
from neuralpaint.training.losses import losses
from neuralpaint.training.step import StepGraphs, backpropagate
from neuralpaint.training.torch_learner import TorchLearner


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = ensure_threads()
    set_threads(3)
    yield
    set_threads(before)


def batch(height: int = 43, width: int = 51, *, weighted: bool = False) -> Batch:
    generator = torch.Generator().manual_seed(1)
    weights = torch.rand(height, width, generator=generator) if weighted else None
    if weights is not None:
        weights[: height // 2] = 0  # a part without weight
    grid = Canvas.of(height=height, width=width).grid()
    colours = torch.rand(height, width, 3, generator=generator)
    return Batch(torch.from_numpy(grid.x), torch.from_numpy(grid.y), colours, weights=weights)


def model(spec: str) -> CoordinateModel:
    canvas = Canvas.of(height=43, width=51)
    built = models.parse(spec).build(canvas, torch.Generator().manual_seed(2))
    assert isinstance(built, CoordinateModel)
    return built


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", ["mse", "mae", "ssim"])
@pytest.mark.parametrize("spec", ["mlp:hidden_size=16,features=8", "skipconn:hidden_size=16"])
def test_parts_give_the_gradients_of_the_whole(spec: str, loss: str, weighted: bool) -> None:
    pixels, both = batch(weighted=weighted), model(spec)
    parameters = list(both.parameters())
    prediction = both(pixels.x, pixels.y)
    expected = losses.parse(loss)(prediction, pixels.colours, weights=pixels.weights)
    gradients = torch.autograd.grad(expected, parameters)
    value, prediction = backpropagate(both, pixels, loss=losses.parse(loss), parameters=parameters)
    torch.testing.assert_close(value, expected.detach())
    torch.testing.assert_close(prediction, both(pixels.x, pixels.y).detach())
    for parameter, gradient in zip(parameters, gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, atol=1e-6, rtol=1e-4)


@pytest.mark.usefixtures("three_threads")
def test_every_thread_takes_some_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    both, rows = model("mlp:hidden_size=8,features=4"), []
    forward = both.forward

    def watch(x: torch.Tensor, y: torch.Tensor, code: None) -> torch.Tensor:
        rows.append(len(y))
        return forward(x, y, code)

    monkeypatch.setattr(both, "forward", watch)
    backpropagate(both, batch(), loss=losses.parse("mse"), parameters=list(both.parameters()))
    assert sorted(rows) == [14, 14, 15]


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> FakeGpu:
    return FakeGpu(monkeypatch)


def lattices(shapes: Sequence[int]) -> list[Lattice]:
    """Return different lattices with these numbers of rows."""
    return [
        Lattice(torch.arange(rows) + 100 * i, torch.arange(2) + i) for i, rows in enumerate(shapes)
    ]


def steps_of(gpu: FakeGpu, given: Sequence[Lattice]) -> list[list[int]]:
    """Return the indices that the steps read from the given lattices."""
    read: list[list[int]] = []

    def step(lattice: Lattice) -> None:
        gpu.do(lambda: read.append([*lattice.rows.tolist(), *lattice.columns.tolist()]))

    graphs = StepGraphs()
    for lattice in given:
        graphs.run(step, lattice)
    return read


def plainly(given: Sequence[Lattice]) -> list[list[int]]:
    return [[*lattice.rows.tolist(), *lattice.columns.tolist()] for lattice in given]


def test_every_lattice_is_used_once_with_and_without_a_graph(gpu: FakeGpu) -> None:
    given = lattices([4, 5, 4, 4, 5, 4, 4, 5, 5, 5, 4, 6])
    assert steps_of(gpu, given) == plainly(given)
    assert [len(graph.works) for graph in gpu.graphs] == [1, 1]  # one for each shape read often


def test_a_step_that_cannot_be_recorded_runs_without_graphs(
    gpu: FakeGpu, caplog: pytest.LogCaptureFixture
) -> None:
    gpu.fails_to_record = True
    given, stream = lattices([4] * 8 + [5] * 8), gpu.stream
    with caplog.at_level(logging.WARNING):
        assert steps_of(gpu, given) == plainly(given)
    assert gpu.stream is stream
    (warning,) = caplog.messages
    assert warning.startswith("training without CUDA graphs: CUDA error: operation")
    assert "\n" not in warning
    assert not gpu.pool_is_open
    gpu.fails_to_record = False
    assert steps_of(gpu, given) == plainly(given)  # by another learner
    assert len(gpu.graphs) == 1  # no other recording is tried in this process


def test_a_step_that_waits_for_the_gpu_is_not_recorded(
    gpu: FakeGpu, caplog: pytest.LogCaptureFixture
) -> None:
    gpu.waits_in_step = True
    given = lattices([4] * 8 + [5] * 8)
    assert steps_of(gpu, given) == plainly(given)
    assert not gpu.graphs
    assert gpu.mode == 0
    (warning,) = caplog.messages
    assert warning.startswith(
        "training without CUDA graphs: a step waits for the GPU: called a synchronizing"
    )


def on_cpu(**options: Any) -> TorchLearner:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    chosen: dict[str, Any] = {"model": "skipconn", "steps": 40, "batch": 150} | options
    made = learner(Picture(pixels), device="cpu", threads=1, **chosen)
    assert isinstance(made, TorchLearner)
    return made


def test_a_training_that_cannot_be_recorded_has_the_same_result(gpu: FakeGpu) -> None:
    gpu.fails_to_record = True
    plain, graphed = on_cpu(), on_cpu()
    graphed._graphs = StepGraphs()
    grid = Canvas.of(height=8, width=8).grid()
    for trained in (plain, graphed):
        trained.advance(12)
    assert gpu.graphs
    np.testing.assert_array_equal(graphed.painting()(grid), plain.painting()(grid))


@pytest.mark.parametrize("options", [{}, {"optimizer": "adamw", "loss": "mae", "clip": 1.0}])
@pytest.mark.parametrize("trained_before", [0, 7])
def test_recording_before_the_training_changes_nothing(
    gpu: FakeGpu, trained_before: int, options: dict[str, Any]
) -> None:
    plain, graphed = on_cpu(**options), on_cpu(**options)
    for trained in (plain, graphed):
        trained.begin_sketch(np.zeros((20, 30, 3), np.uint8))
        trained.advance(trained_before)
    graphed._graphs = StepGraphs()
    graphed.prepare()
    assert len(gpu.graphs) == len({(len(rows), len(columns)) for rows, columns in epoch_of(plain)})
    assert (graphed.step, graphed.seconds) == (trained_before, graphed.finished.seconds)
    graphed._graphs = None  # on this device a recording is empty
    for trained in (plain, graphed):
        trained.advance(12)
    assert graphed.loss == plain.loss
    np.testing.assert_array_equal(graphed.sketch(), plain.sketch())
    before, after = plain.state(), graphed.state()
    for name in before.keys() - {"seconds"}:
        np.testing.assert_array_equal(after[name], before[name], err_msg=name)


def epoch_of(trained: TorchLearner) -> list[Lattice]:
    """Return the lattices of an epoch of a learner of the same settings."""
    same = on_cpu()
    assert same.epoch_steps == trained.epoch_steps
    return [next(same._lattices) for _ in range(same.epoch_steps)]


def test_numbers_that_a_graph_reads_from_tensors_train_like_plain_ones() -> None:
    plain, graphed = on_cpu(), on_cpu()
    graphed._average_weight = torch.zeros(())
    for group in graphed._optimizer.param_groups:
        group["lr"] = torch.zeros(())
    places = [graphed._average_weight, *(group["lr"] for group in graphed._optimizer.param_groups)]
    for trained in (plain, graphed):
        trained.advance(12)
    now = [graphed._average_weight, *(group["lr"] for group in graphed._optimizer.param_groups)]
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
def test_a_graph_trains_like_its_step(model: str, clip: float | None) -> None:
    plain, graphed = (on_gpu(model=model, clip=clip, batch=20_000) for _ in range(2))
    plain._graphs = None
    for _ in range(10):
        for trained in (plain, graphed):
            trained.advance(5)
        assert graphed.loss == pytest.approx(plain.loss, rel=0.02)
    assert graphed._graphs is not None
    assert graphed._graphs._recorded


@pytest.mark.gpu
def test_rendering_between_the_steps_of_a_graph_changes_nothing() -> None:
    plain, graphed = on_gpu(), on_gpu()
    plain._graphs = None
    large = Canvas.of(height=900, width=1600).grid()
    for _ in range(10):
        plain.advance(5)
        graphed.advance(5)
        graphed.painting().colours(large)  # takes more memory than a step, from the same pool
        torch.cuda.empty_cache()
    assert graphed.loss == pytest.approx(plain.loss, rel=0.02)


@pytest.mark.gpu
@pytest.mark.parametrize("model", WITHOUT_CODES)
def test_the_host_does_not_wait_while_a_gpu_trains(model: str) -> None:
    trained = on_gpu(
        model=model, batch=10**6
    )  # one shape of lattice, recorded before the test begins
    trained.advance(10)
    assert trained.loss > 0
    with waiting_is_an_error():
        for _ in range(5):
            trained.advance(10)
            trained.painting()
    assert trained.loss > 0
    assert 0 < trained.seconds < 60
