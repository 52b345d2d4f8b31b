from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neuralpaint.canvas import Canvas
from neuralpaint.errors import UsageError
from neuralpaint.learning import learner
from neuralpaint.lesson import Lesson
from neuralpaint.painting import Painting
from neuralpaint.pictures import Picture
from neuralpaint.saved import load_painting
from neuralpaint.training import TrainingSettings

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
    with pytest.raises(UsageError, match="--target-scale 1 wants none"):
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
