from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.image.pictures import Picture
from neuralpaint.models.painting import Painting
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.rendering.render import render
from neuralpaint.storage.painting_file import load_painting
from neuralpaint.training.settings import TrainingSettings
from neuralpaint.training.target import Target, initial_signal

ENGINES = [
    {"model": "fourier:order=4,hidden_size=8,hidden_layers=1,decay=0,anneal=0"},
    {"model": "mlp:features=8,sigma=2,hidden_size=8,hidden_layers=1", "engine": "numpy"},
]


def picture(height: int = 20, width: int = 30) -> Picture:
    y, x = np.mgrid[0:height, 0:width] / width
    colours = np.stack([x, y, 0.5 + 0.4 * np.sin(9 * x)], axis=-1)
    return Picture((255 * colours).astype(np.uint8))


def test_the_pixels_of_a_picture_are_its_target() -> None:
    subject = picture()
    target = Target(subject, TrainingSettings())
    assert np.shares_memory(target.colours(), subject.pixels)
    np.testing.assert_array_equal(target.grid.x, subject.canvas.grid().x)


def test_a_larger_target_has_more_pixels_of_the_same_plane() -> None:
    target = Target(picture(), TrainingSettings(target_scale=2))
    assert target.grid.shape == target.colours().shape[:2] == (40, 60)
    np.testing.assert_array_equal(target.grid.y, Canvas.of(height=40, width=60).grid().y)


def test_an_enhanced_target_is_twice_as_large_by_default() -> None:
    assert Target(picture(), TrainingSettings(enhance=True)).grid.shape == (40, 60)
    settings = TrainingSettings(enhance=True, target_scale=1.5)
    assert Target(picture(), settings).grid.shape == (30, 45)


def test_an_enhanced_target_cannot_have_the_size_of_the_picture() -> None:
    with pytest.raises(UsageError, match="--target-scale is 1"):
        TrainingSettings(enhance=True, target_scale=1)


def test_a_picture_can_be_learned_without_its_noise() -> None:
    rng = np.random.default_rng(0)
    noisy = Picture(rng.normal(128, 5, (40, 60, 3)).clip(0, 255).astype(np.uint8))
    clean = Target(noisy, TrainingSettings(denoise=5)).colours()
    assert clean.shape == noisy.pixels.shape
    assert clean.std() < 0.6 * noisy.pixels.std()


@pytest.mark.parametrize("options", [{"target_scale": 2}, {"enhance": True}, {"denoise": 3}])
def test_train_on_excludes_restored_targets(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="--train-on every-other leaves pixels out"):
        TrainingSettings(train_on="every-other", **options)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_target_is_computed_once(engine: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    whole = Target.colours

    def counted(self: Target, **options: Any) -> NDArray[np.uint8]:
        made.append(1)
        return whole(self, **options)

    monkeypatch.setattr(Target, "colours", counted)
    trained = learner(picture(), device="cpu", target_scale=2, steps=4, **engine)
    assert not made
    seen: list[float] = []
    trained.prepare(seen.append)
    assert made
    assert seen == sorted(seen)
    assert seen[-1] == 1
    trained.prepare()
    trained.advance(2)
    assert len(made) == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_training_with_a_larger_target_can_be_resumed(engine: dict[str, Any]) -> None:
    def trained() -> Any:
        return learner(picture(), device="cpu", target_scale=2, steps=6, batch=200, **engine)

    whole, half, again = trained(), trained(), trained()
    whole.advance(6)
    half.advance(3)
    again.restore(half.state())
    again.advance(3)
    for name, weight in whole.painting().weights.items():
        np.testing.assert_array_equal(again.painting().weights[name], weight)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_epoch_is_every_pixel_of_the_target(engine: dict[str, Any]) -> None:
    def epoch(**options: Any) -> int:
        return learner(picture(), device="cpu", batch=100, **engine, **options).epoch_steps

    assert epoch(target_scale=2) == pytest.approx(4 * epoch(), rel=0.2)


@pytest.mark.parametrize(("enhance", "larger"), [(False, 1), (True, 4)])
def test_a_model_has_the_size_of_an_enhanced_target(enhance: bool, larger: float) -> None:
    subject = picture()

    def untrained(**options: Any) -> Painting:
        return learner(subject, model="pyramid:hidden_size=2", device="cpu", **options).painting()

    painting, own = untrained(target_scale=2, enhance=enhance), untrained()
    assert painting.canvas == subject.canvas
    assert painting.nbytes == pytest.approx(larger * own.nbytes, rel=0.2)


def test_an_enhanced_target_has_more_steps() -> None:
    def steps(**options: Any) -> int:
        return learner(picture(), device="cpu", model="pyramid:hidden_size=2", **options).steps

    assert steps(target_scale=3) == steps()
    assert steps(enhance=True, target_scale=1.5) == 1.5 * steps()
    assert steps(enhance=True, target_scale=4) == 2 * steps()
    assert steps(enhance=True, steps=7) == 7


@pytest.mark.parametrize("model", ["pyramid:hidden_size=4", "mlp:encoding=hash,hidden_size=8"])
def test_the_painting_of_an_enhanced_target_is_loaded_unchanged(model: str, tmp_path: Path) -> None:
    trained = learner(picture(), model=model, enhance=True, steps=4, batch=200, device="cpu")
    trained.advance(4)
    painting = trained.painting()
    again = load_painting(painting.save(tmp_path / "it.painting"))
    grid = picture().canvas.scaled(2).grid()
    np.testing.assert_array_equal(again(grid), painting(grid))


def hole(height: int = 20, width: int = 30) -> NDArray[np.float32]:
    unknown = np.zeros((height, width), np.float32)
    unknown[6:11, 9:15] = 1
    return unknown


def test_a_hole_is_filled_in_the_target() -> None:
    masked = replace(
        picture(),
        unknown=hole(),
        pixels=np.where(hole()[..., None] > 0, 0, picture().pixels).astype(np.uint8),
    )
    target = Target(masked, TrainingSettings())
    assert target.is_restored
    pixels = target.colours()
    known = hole() == 0
    np.testing.assert_array_equal(pixels[known], masked.pixels[known])
    error = np.abs(pixels.astype(float) - picture().pixels)[~known]
    assert error.mean() < 4
    assert target.weights() is None


def test_a_hole_that_is_not_filled_has_the_weight_0() -> None:
    masked = replace(picture(), unknown=hole(), fills=False)
    target = Target(masked, TrainingSettings())
    assert not target.is_restored
    assert np.shares_memory(target.colours(), masked.pixels)
    np.testing.assert_array_equal(target.weights(), 1 - hole())


@pytest.mark.slow
def test_a_hole_can_be_filled_with_texture_by_the_seed() -> None:
    draw = np.random.default_rng(0)
    noise = Picture(draw.integers(0, 256, (40, 50, 3), dtype=np.uint8))
    wide = np.zeros((40, 50), np.float32)
    wide[13:27, 18:32] = 1
    masked = replace(noise, unknown=wide, fill="texture")
    made = [Target(masked, TrainingSettings(seed=seed)) for seed in (0, 0, 1)]
    first, again, other = (target.colours() for target in made)
    np.testing.assert_array_equal(first[wide == 0], noise.pixels[wide == 0])
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    likely = Target(replace(masked, fill="patches"), TrainingSettings()).colours()
    assert first[wide > 0].std() > 2 * likely[wide > 0].std()
    assert made[0].weights() is None  # the texture is learned as well as the known pixels


def test_a_filled_hole_can_be_enlarged() -> None:
    masked = replace(picture(), unknown=hole())
    filled = Picture(Target(masked, TrainingSettings()).colours())
    settings = TrainingSettings(target_scale=2)
    seen: list[float] = []
    both = Target(masked, settings).colours(on_done=seen.append)
    np.testing.assert_array_equal(both, Target(filled, settings).colours())
    assert seen == sorted(seen)
    assert seen[-1] == 1


@pytest.mark.parametrize(
    ("options", "shape"), [({"target_scale": 2}, (40, 60)), ({"train_on": "every-other"}, (10, 15))]
)
def test_weights_and_order_have_the_shape_of_the_target(
    options: dict[str, Any], shape: tuple[int, int]
) -> None:
    y, x = np.mgrid[0:20, 0:30].astype(np.float32)
    target = Target(replace(picture(), weights=x, order=y / 20), TrainingSettings(**options))
    weights, order = target.weights(), target.order()
    assert weights is not None
    assert order is not None
    assert weights.shape == order.shape == shape
    coarse = 2 if shape[0] < 20 else 0.5
    np.testing.assert_array_equal(weights[0], np.floor(np.arange(shape[1]) * coarse))
    np.testing.assert_array_equal(
        order[:, 0], np.float32(np.floor(np.arange(shape[0]) * coarse)) / 20
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_pixels_with_larger_weights_are_learned_better(engine: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    noise = Picture(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8))
    weights = np.ones((20, 30), np.float32)
    weights[:, :15] = 100

    def error(subject: Picture) -> float:
        trained = learner(subject, device="cpu", steps=150, batch=600, **engine)
        trained.advance(150)
        colours = trained.painting()(subject.canvas.grid())
        return float(np.square(255 * colours - subject.pixels)[:, :15].mean())

    assert error(replace(noise, weights=weights)) < 0.96 * error(noise)


@pytest.mark.parametrize("engine", ENGINES)
def test_pixels_with_a_later_order_have_no_influence_before(engine: dict[str, Any]) -> None:
    order = np.zeros((20, 30), np.float32)
    order[:, 15:] = 0.5
    other = picture().pixels.copy()
    other[:, 15:] = 255 - other[:, 15:]

    def weights(pixels: NDArray[np.uint8], steps: int) -> NDArray[np.float32]:
        subject = Picture(pixels, order=order)
        trained = learner(subject, device="cpu", steps=20, batch=200, **engine)
        trained.advance(steps)
        return np.concatenate([w.ravel() for w in trained.painting().weights.values()])

    np.testing.assert_array_equal(weights(picture().pixels, 10), weights(other, 10))
    assert (weights(picture().pixels, 20) != weights(other, 20)).any()


def test_unknown_pixels_do_not_colour_their_neighbours() -> None:
    red = picture().pixels.copy()
    red[hole() > 0] = (255, 0, 0)
    masked = Picture(red, unknown=hole(), fills=False)
    settings = TrainingSettings(target_scale=2)
    plain, made = (Target(p, settings).colours() for p in (picture(), masked))
    beside = np.abs(made[10:24, 12:18].astype(int) - plain[10:24, 12:18])
    assert beside.max() < 8


def speckled(ground: int, dots: int) -> Picture:
    """Return a picture of one level with a few dots of another."""
    pixels = np.full((40, 60, 3), ground, np.uint8)
    pixels[::8, ::8] = dots
    return Picture(pixels)


@pytest.mark.parametrize("model", ["pyramid:hidden_size=16", "mlp:features=16,hidden_size=16"])
@pytest.mark.parametrize(("ground", "dots"), [(0, 60), (3, 70), (255, 60), (250, 0)])
def test_nearly_black_and_nearly_white_pictures_are_learned(
    model: str, ground: int, dots: int
) -> None:
    picture = speckled(ground, dots)
    trained = learner(picture, model=model, steps=150, batch=2400, device="cpu", threads=1)
    trained.advance(150)
    frame = render(trained.painting(), picture.canvas).astype(int)
    contrast = abs(frame[::8, ::8].mean() - np.median(frame))
    assert contrast > 0.5 * abs(ground - dots)


def test_only_channels_that_are_nearly_black_or_white_have_a_signal_at_the_start() -> None:
    pixels = np.empty((30, 40, 3), np.uint8)
    pixels[...] = (10, 128, 250)
    low, middle, high = initial_signal([Picture(pixels)]).tolist()
    assert (np.tanh([low, high]) + 1) * 127.5 == pytest.approx([10, 250], abs=0.01)
    assert middle == 0
    hole = np.zeros((30, 40), np.float32)
    hole[:15] = 1
    pixels[:15] = 128  # not known
    masked = Picture(pixels, unknown=hole)
    assert initial_signal([masked]).tolist() == pytest.approx([low, middle, high])
    assert initial_signal([speckled(0, 0)]).tolist() == [-3, -3, -3]


@pytest.mark.parametrize("engine", ["torch", "numpy"])
def test_both_engines_begin_at_the_colour_of_a_dark_picture(engine: str) -> None:
    picture = speckled(5, 5)
    chosen: dict[str, Any] = {"model": "mlp:features=4,hidden_size=4", "engine": engine, "steps": 1}
    first = learner(picture, **chosen).painting()(picture.canvas.grid())
    grey = learner(speckled(128, 128), **chosen).painting()(picture.canvas.grid())
    signal = np.arctanh(2 * first - 1) - np.arctanh(2 * grey - 1)
    np.testing.assert_allclose(signal, np.arctanh(2 * 5 / 255 - 1), atol=1e-3)
