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
from neuralpaint.pipelines.learner import learner
from neuralpaint.storage.saved import load_painting
from neuralpaint.training.lesson import Lesson
from neuralpaint.training.settings import TrainingSettings

ENGINES = [
    {"model": "fourier:order=4,hidden_size=8,hidden_layers=1"},
    {"model": "mlp:features=8,sigma=2,hidden_size=8,hidden_layers=1", "engine": "numpy"},
]


def picture(height: int = 20, width: int = 30) -> Picture:
    y, x = np.mgrid[0:height, 0:width] / width
    colours = np.stack([x, y, 0.5 + 0.4 * np.sin(9 * x)], axis=-1)
    return Picture((255 * colours).astype(np.uint8))


def test_the_pixels_of_the_picture_are_learned_where_they_lie() -> None:
    subject = picture()
    lesson = Lesson(subject, TrainingSettings())
    assert np.shares_memory(lesson.pixels(), subject.pixels)
    np.testing.assert_array_equal(lesson.grid.x, subject.canvas.grid().x)


def test_of_a_larger_target_more_is_learned_of_the_same_plane() -> None:
    lesson = Lesson(picture(), TrainingSettings(target_scale=2))
    assert lesson.shape == lesson.pixels().shape[:2] == (40, 60)
    np.testing.assert_array_equal(lesson.grid.y, Canvas.of(height=40, width=60).grid().y)


def test_enhanced_a_picture_is_learned_at_twice_its_size_unless_said_otherwise() -> None:
    assert Lesson(picture(), TrainingSettings(enhance=True)).shape == (40, 60)
    settings = TrainingSettings(enhance=True, target_scale=1.5)
    assert Lesson(picture(), settings).shape == (30, 45)


def test_what_is_enhanced_is_not_of_the_size_of_the_picture() -> None:
    with pytest.raises(UsageError, match="--target-scale is 1"):
        TrainingSettings(enhance=True, target_scale=1)


def test_a_picture_can_be_learned_without_its_noise() -> None:
    rng = np.random.default_rng(0)
    noisy = Picture(rng.normal(128, 5, (40, 60, 3)).clip(0, 255).astype(np.uint8))
    clean = Lesson(noisy, TrainingSettings(denoise=5)).pixels()
    assert clean.shape == noisy.pixels.shape
    assert clean.std() < 0.6 * noisy.pixels.std()


@pytest.mark.parametrize("options", [{"target_scale": 2}, {"enhance": True}, {"denoise": 3}])
def test_pixels_are_not_left_out_of_what_is_made_of_all(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="--train-on every-other leaves pixels out"):
        TrainingSettings(train_on="every-other", **options)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_target_is_made_once_by_whoever_is_first(
    engine: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    whole = Lesson.pixels

    def counted(self: Lesson, **options: Any) -> NDArray[np.uint8]:
        made.append(1)
        return whole(self, **options)

    monkeypatch.setattr(Lesson, "pixels", counted)
    student = learner(picture(), device="cpu", target_scale=2, steps=4, **engine)
    assert not made
    seen: list[float] = []
    student.prepare(seen.append)
    assert made
    assert seen == sorted(seen)
    assert seen[-1] == 1
    student.prepare()
    student.advance(2)
    assert len(made) == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_what_a_larger_target_has_taught_is_the_same_after_a_pause(engine: dict[str, Any]) -> None:
    def student() -> Any:
        return learner(picture(), device="cpu", target_scale=2, steps=6, batch=200, **engine)

    whole, half, again = student(), student(), student()
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
def test_a_model_is_as_large_as_what_there_is_to_learn(enhance: bool, larger: float) -> None:
    subject = picture()

    def untrained(**options: Any) -> Painting:
        return learner(subject, model="pyramid:hidden_size=2", device="cpu", **options).painting()

    painting, own = untrained(target_scale=2, enhance=enhance), untrained()
    assert painting.canvas == subject.canvas
    assert painting.nbytes == pytest.approx(larger * own.nbytes, rel=0.2)


def test_there_is_more_to_learn_of_what_is_enhanced() -> None:
    def steps(**options: Any) -> int:
        return learner(picture(), device="cpu", model="pyramid:hidden_size=2", **options).steps

    assert steps(target_scale=3) == steps()
    assert steps(enhance=True, target_scale=1.5) == 1.5 * steps()
    assert steps(enhance=True, target_scale=4) == 2 * steps()
    assert steps(enhance=True, steps=7) == 7


@pytest.mark.parametrize("model", ["pyramid:hidden_size=4", "mlp:encoding=hash,hidden_size=8"])
def test_what_was_enhanced_is_the_same_once_it_is_loaded(model: str, tmp_path: Path) -> None:
    student = learner(picture(), model=model, enhance=True, steps=4, batch=200, device="cpu")
    student.advance(4)
    painting = student.painting()
    again = load_painting(painting.save(tmp_path / "it.painting"))
    grid = picture().canvas.scaled(2).grid()
    np.testing.assert_array_equal(again(grid), painting(grid))


def hole(height: int = 20, width: int = 30) -> NDArray[np.float32]:
    unknown = np.zeros((height, width), np.float32)
    unknown[6:11, 9:15] = 1
    return unknown


def test_a_hole_is_filled_before_anything_is_learned_of_it() -> None:
    masked = replace(
        picture(),
        unknown=hole(),
        pixels=np.where(hole()[..., None] > 0, 0, picture().pixels).astype(np.uint8),
    )
    lesson = Lesson(masked, TrainingSettings())
    assert lesson.is_made
    pixels = lesson.pixels()
    known = hole() == 0
    np.testing.assert_array_equal(pixels[known], masked.pixels[known])
    error = np.abs(pixels.astype(float) - picture().pixels)[~known]
    assert error.mean() < 4
    assert lesson.weights() is None


def test_or_it_is_left_to_the_network() -> None:
    masked = replace(picture(), unknown=hole(), fills=False)
    lesson = Lesson(masked, TrainingSettings())
    assert not lesson.is_made
    assert np.shares_memory(lesson.pixels(), masked.pixels)
    np.testing.assert_array_equal(lesson.weights(), 1 - hole())


def test_filled_it_can_be_enlarged_too() -> None:
    masked = replace(picture(), unknown=hole())
    filled = Picture(Lesson(masked, TrainingSettings()).pixels())
    settings = TrainingSettings(target_scale=2)
    seen: list[float] = []
    both = Lesson(masked, settings).pixels(look=seen.append)
    np.testing.assert_array_equal(both, Lesson(filled, settings).pixels())
    assert seen == sorted(seen)
    assert seen[-1] == 1


@pytest.mark.parametrize(
    ("options", "shape"), [({"target_scale": 2}, (40, 60)), ({"train_on": "every-other"}, (10, 15))]
)
def test_weights_and_order_lie_where_the_pixels_do(
    options: dict[str, Any], shape: tuple[int, int]
) -> None:
    y, x = np.mgrid[0:20, 0:30].astype(np.float32)
    lesson = Lesson(replace(picture(), weights=x, order=y / 20), TrainingSettings(**options))
    weights, order = lesson.weights(), lesson.order()
    assert weights is not None
    assert order is not None
    assert weights.shape == order.shape == shape
    coarse = 2 if shape[0] < 20 else 0.5
    np.testing.assert_array_equal(weights[0], np.floor(np.arange(shape[1]) * coarse))
    np.testing.assert_array_equal(
        order[:, 0], np.float32(np.floor(np.arange(shape[0]) * coarse)) / 20
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_what_counts_more_is_learned_better(engine: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    noise = Picture(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8))
    weights = np.ones((20, 30), np.float32)
    weights[:, :15] = 100

    def error(subject: Picture) -> float:
        student = learner(subject, device="cpu", steps=150, batch=600, **engine)
        student.advance(150)
        colours = student.painting()(subject.canvas.grid())
        return float(np.square(255 * colours - subject.pixels)[:, :15].mean())

    assert error(replace(noise, weights=weights)) < 0.96 * error(noise)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_learned_later_is_not_known_before(engine: dict[str, Any]) -> None:
    order = np.zeros((20, 30), np.float32)
    order[:, 15:] = 0.5
    other = picture().pixels.copy()
    other[:, 15:] = 255 - other[:, 15:]

    def weights(pixels: NDArray[np.uint8], steps: int) -> NDArray[np.float32]:
        subject = Picture(pixels, order=order)
        student = learner(subject, device="cpu", steps=20, batch=200, **engine)
        student.advance(steps)
        return np.concatenate([w.ravel() for w in student.painting().weights.values()])

    np.testing.assert_array_equal(weights(picture().pixels, 10), weights(other, 10))
    assert (weights(picture().pixels, 20) != weights(other, 20)).any()


def test_what_counts_nothing_does_not_colour_what_is_around_it() -> None:
    red = picture().pixels.copy()
    red[hole() > 0] = (255, 0, 0)
    masked = Picture(red, unknown=hole(), fills=False)
    settings = TrainingSettings(target_scale=2)
    plain, made = (Lesson(p, settings).pixels() for p in (picture(), masked))
    beside = np.abs(made[10:24, 12:18].astype(int) - plain[10:24, 12:18])
    assert beside.max() < 8
