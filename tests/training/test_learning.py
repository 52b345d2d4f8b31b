from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from contract import WITHOUT_CODES
from fake_gpu import FakeGpu
from learners import picture, small

from neuralpaint.errors import DeviceError, DivergedError, UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.image.metrics import psnr
from neuralpaint.image.pictures import Picture
from neuralpaint.models.painting import Painting
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.rendering.render import render
from neuralpaint.training.learner import Learner
from neuralpaint.training.learning import learn, stops_by_clock
from neuralpaint.training.settings import TrainingSettings
from neuralpaint.training.timing import CudaTimer
from neuralpaint.training.torch_learner import TorchLearner


@pytest.mark.slow
@pytest.mark.parametrize("name", WITHOUT_CODES)
def test_every_model_learns(name: str) -> None:
    trained = small(name, batch=864)
    canvas = Canvas.of(height=24, width=36)
    first, last = learn(trained, [0, 200])
    assert math.isnan(first.loss)
    before, after = (psnr(render(s.painting, canvas), picture().pixels) for s in (first, last))
    assert after > max(20, before + 8)


@pytest.mark.parametrize("activation", ["leaky_relu", "sine", "relu", "gelu", "silu"])
def test_every_activation_learns(activation: str) -> None:
    trained = small(model=f"fourier:order=8,hidden_size=16,hidden_layers=2,activation={activation}")
    trained.advance(5)
    first = trained.loss
    trained.advance(150)
    trained.advance(5)
    assert trained.loss < 0.5 * first


def test_the_same_seed_gives_the_same_painting_and_another_another() -> None:
    def colours(seed: int) -> np.ndarray:
        trained = small(seed=seed)
        trained.advance(20)
        return trained.painting()(Canvas.of(height=8, width=8).grid())

    np.testing.assert_array_equal(colours(1), colours(1))
    assert np.abs(colours(1) - colours(2)).max() > 0.01


def test_learning_does_not_change_torchs_global_generator() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    small().advance(2)
    torch.testing.assert_close(torch.rand(3), expected)


def test_snapshots_are_frozen() -> None:
    grid = Canvas.of(height=8, width=8).grid()
    trained = small()
    snapshots = list(learn(trained, [0, 10, 30]))
    colours = [s.painting(grid) for s in snapshots]
    assert [s.step for s in snapshots] == [0, 10, 30]
    assert np.abs(colours[0] - colours[1]).max() > 0
    assert np.abs(colours[1] - colours[2]).max() > 0


def test_steps_run_when_the_next_snapshot_is_requested() -> None:
    trained = small()
    snapshots = learn(trained, [0, 10, 20])
    assert next(snapshots).step == trained.step == 0
    assert next(snapshots).step == trained.step == 10


def test_a_passed_stop_yields_the_same_snapshot_again() -> None:
    a, b, c, d = learn(small(), [0, 0, 4, 4])
    assert a is b
    assert c is d


def test_the_painting_shows_the_averaged_weights() -> None:
    def change(ema: float) -> float:
        trained = small(ema=ema, lr=0.03, schedule="constant")
        trained.advance(60)
        grid = Canvas.of(height=12, width=18).grid()
        before = trained.painting()(grid)
        trained.advance(1)
        return float(np.abs(trained.painting()(grid) - before).mean())

    assert change(0.99) < 0.5 * change(0)


@pytest.mark.parametrize(
    ("options", "steps"), [({"steps": 7}, 7), ({"steps": None, "epochs": 3, "batch": 216}, 12)]
)
def test_the_length_is_given_in_steps_or_epochs(options: dict[str, Any], steps: int) -> None:
    assert small(**options).steps == steps


def test_training_by_the_clock_takes_the_time_and_ends_the_schedule_with_it() -> None:
    trained = small(steps=None, seconds=0.6)
    fractions = [i / 10 for i in range(11)]
    snapshots = list(
        learn(trained, stops_by_clock(trained, fractions, left=lambda: 0.6 - trained.seconds))
    )
    assert len(snapshots) == 11
    assert 0.4 < trained.seconds < 1.2
    assert trained.steps == pytest.approx(trained.step, rel=0.2)


def test_an_infinite_loss_raises_with_advice() -> None:
    trained = small(lr=100, schedule="constant", model="skipconn:activation=relu,hidden_layers=9")
    with torch.no_grad():
        trained.model.network.layers[0].weight.fill_(1e38)  # type: ignore[attr-defined]
    with pytest.raises(DivergedError, match=r"lower --lr \(now 100\)"):
        trained.advance(5)


def test_clipping_slows_the_training() -> None:
    free, clipped = small(ema=0), small(ema=0, clip=1e-6)
    for trained in (free, clipped):
        trained.advance(50)
    assert free.loss < clipped.loss


@pytest.mark.skipif(torch.cuda.is_available(), reason="has a GPU")
def test_a_missing_device_is_named() -> None:
    with pytest.raises(DeviceError, match=r"cuda is not available.*--device auto or cpu"):
        small(device="cuda")


def test_steps_and_seconds_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="--steps and --seconds exclude each other"):
        TrainingSettings(steps=3, seconds=4)


@pytest.mark.slow
def test_one_pixel_can_be_learned() -> None:
    trained = learner(Picture.from_array(np.full((1, 1, 3), 0.25)), steps=300, device="cpu")
    trained.advance(300)
    colour = render(trained.painting(), Canvas.of(height=1, width=1))
    assert np.abs(colour.astype(int) - 64).max() <= 2


def test_paintings_blend_from_one_to_the_other() -> None:
    first, last = (s.painting for s in learn(small(), [0, 5]))
    grid = Canvas.of(height=6, width=6).grid()
    np.testing.assert_allclose(first.blend(last, 0)(grid), first(grid), atol=1e-6)
    np.testing.assert_allclose(first.blend(last, 1)(grid), last(grid), atol=1e-6)
    middle = first.blend(last, 0.5)
    assert isinstance(middle, Painting)
    assert middle.nbytes == first.nbytes
    assert np.abs(middle(grid) - first(grid)).max() > 0


@pytest.mark.gpu
def test_training_on_a_gpu_gives_the_colours_of_the_cpu() -> None:
    grid = Canvas.of(height=24, width=36).grid()
    cpu, cuda = small(device="cpu"), small(device="cuda")
    np.testing.assert_allclose(cpu.painting()(grid), cuda.painting()(grid), atol=1e-3)
    cpu.advance(50)
    cuda.advance(50)
    np.testing.assert_allclose(cpu.painting()(grid), cuda.painting()(grid), atol=0.05)


def test_progress_is_reported_between_distant_stops() -> None:
    seen: list[float] = []
    (snapshot,) = learn(small(), [6], look=seen.append, interval=lambda: 0.0)
    assert len(seen) == 6
    assert snapshot.loss == pytest.approx(np.mean(seen))


def test_the_loss_of_a_snapshot_is_the_mean_since_the_previous_one() -> None:
    trained, losses = small(), []
    for _ in range(6):
        trained.advance(1)
        losses.append(trained.loss)
    found = [snapshot.loss for snapshot in learn(small(), [2, 3, 6])]
    assert found == pytest.approx([np.mean(losses[:2]), losses[2], np.mean(losses[3:])])


def on_a_slow_gpu(trained: Learner) -> TorchLearner:
    """Return the learner with the timer of a GPU."""
    assert isinstance(trained, TorchLearner)
    trained._timer = CudaTimer(torch.zeros((), dtype=torch.float64))
    return trained


def test_snapshots_are_yielded_before_the_gpu_has_computed_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stops = [0, 1, 4, 8]
    expected = [snapshot.loss for snapshot in learn(small(), stops)]
    gpu = FakeGpu(monkeypatch)
    reported: list[float] = []
    slow = on_a_slow_gpu(small())
    snapshots = list(learn(slow, stops, look=reported.append, interval=lambda: 1e3))
    assert [snapshot.step for snapshot in snapshots] == stops
    assert gpu.waits == 1  # for the first advance, to estimate the speed
    assert reported == [expected[1]]
    assert [snapshot.loss for snapshot in snapshots] == pytest.approx(expected, nan_ok=True)
    assert gpu.waits == 3


def test_an_infinite_loss_ends_learning_on_a_gpu_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    FakeGpu(monkeypatch)
    trained = on_a_slow_gpu(small(lr=100, schedule="constant"))
    with torch.no_grad():
        next(trained.model.parameters()).fill_(math.nan)
    trained.advance(2)
    with pytest.raises(DivergedError, match=r"lower --lr \(now 100\)"):
        _ = trained.loss
    with pytest.raises(DivergedError, match=r"nan by step 2"):
        list(learn(trained, [3]))


@pytest.mark.parametrize("name", WITHOUT_CODES)
def test_a_painting_has_no_autograd_history(name: str) -> None:
    trained = learner(picture(), model=name, device="cpu")
    trained.advance(3)
    assert not trained.painting().colours(Canvas.of(height=4, width=4).grid()).requires_grad
    weights = trained.painting()._weights.values()
    assert not any(weight.requires_grad or weight.grad_fn for weight in weights)
