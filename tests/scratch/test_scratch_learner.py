from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import neuralpaint as npaint
from neuralpaint.errors import DivergedError, UsageError
from neuralpaint.image.canvas import Canvas, Grid
from neuralpaint.image.metrics import psnr
from neuralpaint.image.pictures import Picture
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.rendering.render import painting_psnr, render
from neuralpaint.scratch import layers
from neuralpaint.scratch import learner as scratch_learner
from neuralpaint.scratch.learner import ScratchLearner
from neuralpaint.scratch.painting import ScratchPainting
from neuralpaint.scratch.regularization import Dropout
from neuralpaint.training.learning import learn
from neuralpaint.training.settings import TrainingSettings

CANVAS = Canvas.of(height=24, width=36)
SMALL = "mlp:hidden_size=24,hidden_layers=2,features=16,sigma=2"


def picture(height: int = 24, width: int = 36) -> Picture:
    """Return a smooth picture, which a small network learns quickly."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    colours = np.stack([x, y, 0.5 + 0.5 * np.sin(6 * x + 4 * y)], axis=-1)
    return Picture.from_array(colours.clip(0, 1))


def small(**options: Any) -> ScratchLearner:
    options = {
        "model": SMALL, "engine": "numpy", "steps": 200, "batch": 216, "lr": 1e-2
    } | options  # fmt: skip
    trained = learner(picture(), TrainingSettings.from_dict(options))
    assert isinstance(trained, ScratchLearner)
    return trained


def colours(trained: ScratchLearner) -> NDArray[np.float32]:
    return trained.painting()(CANVAS.grid())


TINY = "mlp:hidden_size=24,hidden_layers=2"


@pytest.mark.parametrize(
    "options",
    [
        *(
            {"model": f"{TINY},encoding={encoding}"}
            for encoding in ("none", "basic", "positional:sigma=4,features=16", "harmonic:order=3")
        ),
        *(
            {"model": f"{SMALL},activation={activation}"}
            for activation in ("leaky_relu", "relu", "sigmoid", "silu", "sine", "tanh")
        ),
        *({"model": f"{SMALL},norm={norm}"} for norm in ("layer", "batch")),
        {"model": f"{SMALL},dropout=0.05"},
        *({"loss": loss} for loss in ("mse", "mae", "huber:delta=0.2")),
        {"optimizer": "sgd", "lr": 0.3},
        {"optimizer": "sgd:nesterov=yes", "lr": 0.3},
        *({"optimizer": name} for name in ("adam", "adamw")),
        {"train_on": "every-other", "batch": 108},
        {"clip": 0.01},
        {"l1": 1e-5, "l2": 1e-5},
    ],
    ids=lambda options: ",".join(f"{value}" for value in options.values()),
)
def test_every_option_learns(options: dict[str, Any]) -> None:
    trained = small(**options)
    first, last = learn(trained, [0, 200])
    assert math.isnan(first.loss)
    before, after = (psnr(render(s.painting, CANVAS), picture().pixels) for s in (first, last))
    assert after > max(19, before + 6)


@pytest.mark.slow
def test_both_engines_reach_the_same_quality() -> None:
    found = {}
    for engine in ("numpy", "torch"):
        options: dict[str, Any] = {"engine": engine, "steps": 400, "batch": 864, "device": "cpu"}
        trained = learner(picture(), model=SMALL, lr=5e-3, **options)
        trained.advance(400)
        found[engine] = trained.painting(), painting_psnr(trained.painting(), picture())
    assert found["numpy"][1] > 32
    assert found["numpy"][1] == pytest.approx(found["torch"][1], abs=3)


@pytest.mark.parametrize("optimizer", ["sgd:momentum=0", "adam"])
def test_a_step_is_the_step_of_torch(optimizer: str) -> None:
    trained = small(batch=864, optimizer=optimizer, schedule="constant", ema=0)
    state = trained._network.state()
    theirs = torch.nn.Sequential(
        torch.nn.Linear(32, 24),
        torch.nn.ReLU(),
        torch.nn.Linear(24, 24),
        torch.nn.ReLU(),
        torch.nn.Linear(24, 3),
    )
    for number, place in enumerate((0, 2, 4)):
        linear = theirs[place]
        assert isinstance(linear, torch.nn.Linear)
        for part in ("weight", "bias"):
            getattr(linear, part).data = torch.from_numpy(state[f"linear{number}.{part}"])
    grid = picture().canvas.grid()
    points = np.stack(np.broadcast_arrays(grid.x, grid.y), axis=-1).reshape(-1, 2)
    features = torch.from_numpy(trained._network.features(points).copy())
    prediction = (torch.tanh(theirs(features)) + 1) / 2
    np.testing.assert_allclose(colours(trained), prediction.detach().reshape(24, 36, 3), atol=1e-5)
    target = torch.from_numpy(picture().pixels.reshape(-1, 3)) / 255
    loss = torch.nn.functional.mse_loss(prediction, target)
    loss.backward()
    if optimizer == "adam":
        torch.optim.Adam(theirs.parameters(), lr=1e-2, betas=(0.9, 0.99)).step()
    else:
        torch.optim.SGD(theirs.parameters(), lr=1e-2).step()
    trained.advance(1)
    assert trained.loss == pytest.approx(loss.item(), rel=1e-5)
    moved = theirs.state_dict()
    for number, place in enumerate((0, 2, 4)):
        for part in ("weight", "bias"):
            found = trained._network.state()[f"linear{number}.{part}"]
            np.testing.assert_allclose(found, moved[f"{place}.{part}"], atol=1e-5)


@pytest.mark.parametrize(
    "spec",
    [
        "encoding=none,activation=sine",
        "encoding=basic",
        "encoding=positional,features=16,sigma=4",
        "encoding=gaussian,features=16,sigma=2,norm=layer",
        "encoding=harmonic,order=3,activation=tanh",
    ],
)
def test_both_engines_make_the_same_steps_on_whole_pictures(spec: str) -> None:
    """The same seed, and the whole picture as a batch, so that its order does not matter."""
    whole = {"model": f"mlp:hidden_size=24,hidden_layers=2,{spec}", "batch": 864, "lr": 1e-3}
    ours = small(**whole, seed=3)
    theirs = learner(picture(), TrainingSettings.from_dict(whole | {"seed": 3, "steps": 200}))
    grid = CANVAS.grid()
    for _ in range(3):
        np.testing.assert_allclose(colours(ours), theirs.painting()(grid), atol=2e-3)
        ours.advance(5)
        theirs.advance(5)
    assert ours.loss == pytest.approx(theirs.loss, rel=1e-2)


def test_the_same_seed_gives_the_same_painting_and_another_another() -> None:
    def learned(seed: int) -> NDArray[np.float32]:
        trained = small(seed=seed, model=f"{SMALL},dropout=0.2,norm=batch")
        trained.advance(9)
        return colours(trained)

    np.testing.assert_array_equal(learned(1), learned(1))
    assert np.abs(learned(1) - learned(2)).max() > 0.01


def test_the_result_does_not_depend_on_the_advances() -> None:
    whole, cut = small(), small()
    whole.advance(7)
    for steps in (1, 4, 2):
        cut.advance(steps)
        colours(cut)
    np.testing.assert_array_equal(colours(whole), colours(cut))
    assert cut.newest.total == pytest.approx(whole.newest.total)


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_snapshots_are_frozen(norm: str) -> None:
    trained = small(model=f"{SMALL},norm={norm}")
    taken = [(s.painting, s.painting(CANVAS.grid())) for s in learn(trained, [0, 10, 30])]
    for painting, then in taken:
        np.testing.assert_array_equal(painting(CANVAS.grid()), then)
    assert np.abs(taken[1][1] - taken[2][1]).max() > 0


def test_paintings_blend_from_one_to_the_other() -> None:
    first, last = (s.painting for s in learn(small(), [0, 5]))
    assert isinstance(first, ScratchPainting)
    assert isinstance(last, ScratchPainting)
    grid = CANVAS.grid()
    np.testing.assert_allclose(first.blend(last, 0)(grid), first(grid), atol=1e-6)
    np.testing.assert_allclose(first.blend(last, 1)(grid), last(grid), atol=1e-6)
    middle = first.blend(last, np.float64(0.5))
    assert middle.nbytes == first.nbytes == 4 * small().weights
    assert np.abs(middle(grid) - first(grid)).max() > 0


def test_a_grid_of_many_tiles_is_rendered_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    painting = small().painting()
    expected = painting(CANVAS.grid())
    monkeypatch.setattr("neuralpaint.scratch.painting._TILE", 100)
    np.testing.assert_allclose(painting(CANVAS.grid()), expected, atol=1e-6)


def test_rendering_uses_no_dropout_and_no_batch_statistics() -> None:
    trained = small(model=f"{SMALL},dropout=0.5,norm=batch")
    trained.advance(5)
    painting, grid = trained.painting(), CANVAS.grid()
    whole = painting(grid)
    np.testing.assert_array_equal(painting(grid), whole)
    row = painting(Grid(grid.x, grid.y[5:6]))
    np.testing.assert_allclose(row[0], whole[5], atol=1e-5)


def test_the_painting_shows_the_averaged_weights() -> None:
    def change(ema: float) -> float:
        trained = small(ema=ema, lr=0.03, schedule="constant")
        trained.advance(60)
        before = colours(trained)
        trained.advance(1)
        return float(np.abs(colours(trained) - before).mean())

    assert change(0.99) < 0.5 * change(0)


def test_an_epoch_shows_every_pixel_once() -> None:
    trained = small(batch=100, epochs=2, steps=None)
    assert (trained.epoch_steps, trained.steps) == (9, 18)
    batches = [next(trained._batches) for _ in range(18)]
    assert {len(batch) for batch in batches} == {96}  # equal sizes
    for epoch in (batches[:9], batches[9:]):
        assert sorted(np.concatenate(epoch)) == list(range(864))
    assert batches[0].tolist() != batches[9].tolist()


def test_penalties_apply_to_weights_and_not_to_biases() -> None:
    def first_move(**options: float) -> dict[str, NDArray[Any]]:
        trained = small(optimizer="sgd:momentum=0", lr=1, schedule="constant", **options)
        trained._network.weights += 0.05  # the biases start at 0, where penalties have no gradient
        before = trained._network.state()
        trained.advance(1)
        after = trained._network.state()
        return {name: after[name] - before[name] for name in before}

    begin = {name: weight + 0.05 for name, weight in small()._network.state().items()}
    plain, bound = first_move(), first_move(l1=0.001, l2=0.01)
    for name, weight in begin.items():
        pull = 0.001 * np.sign(weight) + 0.01 * weight if weight.ndim == 2 else 0
        np.testing.assert_allclose(bound[name], plain[name] - pull, atol=1e-6)


def test_clipping_bounds_the_move() -> None:
    trained = small(optimizer="sgd:momentum=0", lr=1, schedule="constant", clip=1e-3)
    before = trained._network.weights.copy()
    trained.advance(1)
    moved = np.linalg.norm(trained._network.weights - before)
    assert moved == pytest.approx(1e-3, rel=0.01)


def test_a_reactive_schedule_observes_every_epoch() -> None:
    trained = small(schedule="plateau:patience=1,factor=0.5,threshold=0.5", lr=1e-9)
    rates = []
    for _ in range(4):
        trained.advance(trained.epoch_steps)
        rates.append(trained._multiplier())
    assert rates == [1, 0.5, 0.5, 0.25]


def test_a_schedule_observes_the_mean_loss_of_the_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trained = small(schedule="plateau")
    observed: list[float] = []
    losses: list[float] = []
    monkeypatch.setattr(trained._plan.schedule, "observe", observed.append)
    for _ in range(3):
        trained.advance(trained.epoch_steps)
        losses.append(trained.loss)
    assert observed == pytest.approx(losses)


def test_train_on_every_other_uses_a_quarter_of_the_pixels() -> None:
    trained = small(train_on="every-other", batch=216)
    assert trained.epoch_steps == 1
    assert trained._samples is not None
    points = trained._samples.inputs(np.arange(216))
    grid = picture().canvas.grid()
    assert set(points[:, 0]) == set(grid.x[0, ::2])
    assert set(points[:, 1]) == set(grid.y[::2, 0])


def test_dropout_has_the_chosen_probability() -> None:
    trained = small(model=f"{SMALL},dropout=0.3", batch=864)
    trained.advance(1)
    masks = [layer.mask for layer in trained._network.layers if isinstance(layer, Dropout)]
    assert [np.mean(mask == 0) for mask in masks] == pytest.approx([0.3, 0.3], abs=0.02)


def test_a_sketch_contains_the_predictions_of_the_batches() -> None:
    trained = small(batch=216, lr=1e-9)
    begin = np.full((24, 36, 3), 7, np.uint8)
    trained.begin_sketch(begin)
    trained.advance(1)
    drawn = trained.sketch()
    seen = (drawn != 7).any(axis=-1)
    assert abs(seen.sum() - 216) < 10
    expected = render(small().painting(), CANVAS).astype(int)
    assert np.abs(drawn[seen] - expected[seen]).max() <= 1
    trained.advance(3)
    assert np.abs(trained.sketch() - expected).max() <= 1
    assert (drawn != 7).any(axis=-1).sum() == seen.sum()  # a copy
    assert (begin == 7).all()


def test_an_infinite_loss_raises_with_advice() -> None:
    trained = small(lr=100, schedule="constant")
    trained._network.weights[:] = 1e38
    with pytest.raises(DivergedError, match=r"by step 5: lower --lr \(now 100\) or set --clip 1"):
        trained.advance(5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "fourier"}, "no model 'fourier': choose from mlp, buttons, or --engine torch"),
        ({"model": f"{TINY},encoding=hash"}, "no encoding 'hash': choose from none, basic, "),
        ({"model": f"{SMALL},activation=gelu"}, "no activation 'gelu': choose from leaky_relu, "),
        ({"loss": "ssim"}, "no loss 'ssim': choose from mse, mae, huber"),
        ({"optimizer": "muon"}, "no optimizer 'muon': choose from sgd, adam, adamw"),
        ({"device": "cuda"}, "no device 'cuda': choose from cpu"),
        ({"device": "mps"}, "no device 'mps': choose from cpu"),
    ],
)
def test_unsupported_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as refusal:
        small(**options)
    assert str(refusal.value).startswith(f"--engine numpy has {message}")
    assert "\n" not in str(refusal.value)


def test_an_unknown_blas_uses_its_own_threads(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for module in (scratch_learner, layers):
        monkeypatch.setattr(module, "limit_blas", lambda: False)
    small()
    assert not caplog.text
    small(threads=3)
    assert "OPENBLAS_NUM_THREADS" in caplog.text
    a = np.ones((400, 400))
    np.testing.assert_array_equal(layers.matmul(a, a, out=np.empty_like(a)), 400)


@pytest.mark.slow
def test_it_paints_and_films(tmp_path: Path) -> None:
    source = tmp_path / "in.png"
    Image.fromarray(picture().pixels).save(source)
    options: dict[str, Any] = {
        "model": SMALL,
        "engine": "numpy",
        "steps": 60,
        "lr": 1e-2,
        "batch": 432,
    }
    result = npaint.paint(str(source), str(tmp_path / "out.png"), **options)
    assert result.psnr > 20
    assert result.device == "cpu"
    film: dict[str, Any] = {"duration": 0.5, "fps": 10}
    for frames_from in ("render", "training", "auto"):
        out = tmp_path / f"{frames_from}.mp4"
        clip = npaint.timelapse(str(source), str(out), frames_from=frames_from, **film, **options)
        assert clip.frames == 5
        assert out.stat().st_size > 500
