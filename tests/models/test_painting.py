from __future__ import annotations

import io

import numpy as np
import pytest
from contract import WITHOUT_CODES
from PIL import Image

from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas, Grid, View
from neuralpaint.image.pictures import Picture
from neuralpaint.models.encodings import encodings
from neuralpaint.models.painting import Painting
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.rendering.render import render
from neuralpaint.training.settings import Engine, TrainingSettings

MODELS = [
    *((name, "torch") for name in WITHOUT_CODES),
    *((f"mlp:hidden_size=8,encoding={name}", "torch") for name in encodings),
    ("skipconn:hidden_size=8,encoding=gaussian", "torch"),
    ("mlp:hidden_size=8,norm=batch,dropout=0.2", "torch"),
    ("mlp:hidden_size=8", "numpy"),
    ("mlp:hidden_size=8,encoding=harmonic,norm=batch", "numpy"),
]


def picture() -> Picture:
    return Picture(np.random.default_rng(1).integers(0, 256, (18, 26, 3), dtype=np.uint8))


def trained(model: str = "fourier:hidden_size=8", engine: Engine = "torch") -> Painting:
    settings = TrainingSettings(model=model, engine=engine, seed=4, steps=3, batch=60)
    training = learner(picture(), settings)
    training.advance(3)
    return training.painting()


@pytest.mark.parametrize(("model", "engine"), MODELS)
def test_points_and_grids_have_the_same_colours(model: str, engine: Engine) -> None:
    painting, grid = trained(model, engine), Canvas.of(height=31, width=150).grid()
    expected = painting(grid)
    full = Grid(*(np.array(axis) for axis in np.broadcast_arrays(*grid)))
    np.testing.assert_allclose(painting(full), expected, atol=1e-5)
    found = painting(grid.x[0, 7], grid.y[5, 0])
    assert found.shape == (3,)
    np.testing.assert_allclose(found, expected[5, 7], atol=1e-5)


def test_a_rotated_canvas_shows_the_same_plane() -> None:
    painting, canvas = trained(), picture().canvas
    rotated = canvas.seen(View(angle=30))
    assert not rotated.grid().is_product
    side, (x, y) = painting(rotated.grid()), rotated.grid()
    assert side.shape == (canvas.height, canvas.width, 3)
    np.testing.assert_allclose(side[3, 5], painting(x[3, 5], y[3, 5]), atol=1e-5)


def test_coordinates_may_have_any_shapes_that_broadcast() -> None:
    painting = trained()
    assert painting([0.1, 0.2], 0.3).shape == (2, 3)
    assert painting(np.zeros((2, 1, 5)), np.zeros((4, 1))).shape == (2, 4, 5, 3)
    assert painting(np.zeros((0, 1)), np.zeros((1, 0))).shape == (0, 0, 3)
    assert painting(np.zeros((1, 0)), np.zeros((3, 1))).shape == (3, 0, 3)
    assert painting(np.zeros((1, 3)), np.zeros((0, 1))).shape == (0, 3, 3)
    with pytest.raises(UsageError, match="do not broadcast"):
        painting(np.zeros(2), np.zeros(3))


def test_weights_are_copies() -> None:
    painting = trained()
    before = painting(0.1, 0.2)
    weights = painting.weights
    other = painting.with_weights(weights)
    for value in weights.values():
        value[...] = 0
    np.testing.assert_array_equal(painting(0.1, 0.2), before)
    np.testing.assert_array_equal(other(0.1, 0.2), before)


@pytest.mark.parametrize("engine", ["torch", "numpy"])
def test_weights_of_another_model_are_an_error(engine: Engine) -> None:
    painting = trained("mlp:hidden_size=8", engine)
    good = painting.weights
    name = next(iter(good))
    missing = {key: value for key, value in good.items() if key != name}
    for wrong in (missing, good | {"more": np.ones(2)}, good | {name: good[name][:1]}):
        with pytest.raises(UsageError, match="weights"):
            painting.with_weights(wrong)
    with pytest.raises(UsageError, match="float64"):
        painting.with_weights(good | {name: good[name].astype(np.float64)})


def test_a_notebook_shows_the_picture_at_its_original_size() -> None:
    painting = trained()
    shown = np.asarray(Image.open(io.BytesIO(painting._repr_png_())))
    np.testing.assert_array_equal(shown, render(painting, painting.canvas))
