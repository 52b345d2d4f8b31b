"""`explain`: the parts of a network add up to it, and the page shows them."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import numpy as np
import pytest

import neuralpaint as npaint
from neuralpaint.errors import UsageError
from neuralpaint.image.metrics import psnr
from neuralpaint.models.painting import Painting
from neuralpaint.pipelines.explain.anatomy import Anatomy, noisy
from neuralpaint.pipelines.explain.explain import Explain

MODELS = {
    "siren:hidden_size=6,hidden_layers=2": 0,
    "mlp:hidden_size=6,hidden_layers=1": 0,
    "skipconn:hidden_size=5,hidden_layers=3": 1,
    "fourier:order=4,hidden_size=5,hidden_layers=1,series=no": 1,
    "fourier:order=4,hidden_size=5": 2,
    "pyramid": 0,
}
"""Each model, and the number of stages after all hidden units."""


@functools.cache
def picture() -> npaint.Picture:
    rng = np.random.default_rng(2)
    blocks = rng.integers(0, 256, (8, 12, 3), np.uint8)
    return npaint.Picture(blocks.repeat(6, 0).repeat(6, 1))


@functools.cache
def painting(model: str, *, engine: str = "torch") -> Painting:
    learner = npaint.learner(picture(), model=model, steps=40, device="cpu", engine=engine)
    (snapshot,) = npaint.learn(learner, stops=[40])
    return snapshot.painting


def anatomy(model: str, *, engine: str = "torch") -> Anatomy:
    return Anatomy(painting(model, engine=engine), picture().canvas.grid())


@pytest.mark.parametrize("model", MODELS)
def test_the_last_stage_is_what_the_network_paints(model: str) -> None:
    parts = anatomy(model)
    stages = list(parts.stages())
    np.testing.assert_allclose(stages[-1].colours, painting(model)(parts.grid), atol=1e-4)
    assert stages[0].name == "the bias alone"
    assert len(np.unique(stages[0].colours.reshape(-1, 3), axis=0)) == 1
    after = MODELS[model]
    assert stages[len(stages) - 1 - after].name.startswith("all ")
    assert len({stage.name for stage in stages}) == len(stages)


def test_the_parts_of_a_network_from_scratch_add_up_too() -> None:
    parts = anatomy("mlp:hidden_size=6,hidden_layers=2", engine="numpy")
    *_, last = parts.stages()
    np.testing.assert_allclose(last.colours, parts.colours, atol=1e-4)
    assert parts.feature_count == parts.features[0].shape[-1]


@pytest.mark.parametrize("model", MODELS)
def test_without_a_layer_the_network_is_another_one(model: str) -> None:
    parts = anatomy(model)
    silenced = {each.name: each for each in parts.silenced()}
    for layer, values in enumerate(parts.hidden, 1):
        one, every = silenced[f"one unit of layer {layer}"], silenced[f"layer {layer}"]
        assert every.units == values.shape[-1]
        assert np.abs(one.colours - parts.colours).max() > 0
        assert np.abs(every.colours - parts.colours).mean() > 1e-3
    assert ("the series of waves" in silenced) == (parts.series_size > 0)


def test_a_plain_network_without_its_last_layer_paints_one_colour() -> None:
    silenced = {
        each.name: each for each in anatomy("siren:hidden_size=6,hidden_layers=2").silenced()
    }
    colours = silenced["layer 2"].colours
    np.testing.assert_allclose(colours, np.broadcast_to(colours[0, 0], colours.shape), atol=1e-6)


def test_the_unit_that_is_silenced_is_the_one_that_matters_most() -> None:
    model = painting("siren:hidden_size=6,hidden_layers=2")
    weights = model.weights
    weights["network.layers.2.weight"] *= 0.01
    weights["network.layers.2.weight"][:, 4] *= 300
    parts = Anatomy(model.with_weights(weights), picture().canvas.grid())
    one = next(each for each in parts.silenced() if each.name == "one unit of layer 2")
    every = next(each for each in parts.silenced() if each.name == "layer 2")
    assert np.abs(one.colours - every.colours).max() < 0.05
    assert np.abs(one.colours - parts.colours).max() > 0.1


def test_more_noise_on_the_weights_does_more_harm() -> None:
    model = painting("siren:hidden_size=6,hidden_layers=2")
    grid = picture().canvas.grid()
    whole = np.rint(255 * model(grid)).astype(np.uint8)
    off = [
        psnr(np.rint(255 * noisy(model, amount, seed=1)(grid)).astype(np.uint8), whole)
        for amount in (0.01, 0.1, 1.0)
    ]
    assert off[0] > off[1] + 6 > off[2] + 12
    first, again = (noisy(model, 0.1, seed=1)(grid) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_the_page_of_a_take_needs_no_other_file(tmp_path: Path) -> None:
    source, take, page = tmp_path / "blocks.png", tmp_path / "film.take", tmp_path / "page.html"
    npaint.save_still(picture().pixels, source)
    npaint.timelapse(
        source, tmp_path / "film.mkv", record=take, frames=10, steps=40, device="cpu",
        model="fourier:order=4,hidden_size=5",
    )  # fmt: skip
    result = Explain(take, page).run(lambda progress: None)
    text = page.read_text("utf-8")
    assert result.bytes == page.stat().st_size
    assert "Inside a network that learned blocks.png" in text
    assert not re.search(r"(src|href)=\"(?!data:)", text)
    assert "http" not in text
    assert "step 0" in text
    assert text.count("step 40</figcaption>") == 1
    assert text.count("<img") == text.count("data:image/webp")


def test_the_page_of_a_painting_has_no_moments(tmp_path: Path) -> None:
    saved, page = tmp_path / "a.painting", tmp_path / "page.html"
    painting("siren:hidden_size=6,hidden_layers=2").save(saved)
    Explain(saved, page).run(lambda progress: None)
    text = page.read_text("utf-8")
    assert "How did it get there?" not in text
    assert "layer 2: 6 units" in text
    assert "inputs: the layer before</small>" in text


def test_a_page_needs_a_name_of_a_page_and_a_network_with_layers(tmp_path: Path) -> None:
    saved = tmp_path / "a.painting"
    painting("siren:hidden_size=6,hidden_layers=2").save(saved)
    with pytest.raises(UsageError, match=r"choose a name with \.html"):
        Explain(saved, tmp_path / "page.pdf")
    pictures = [picture(), npaint.Picture(picture().pixels[::-1].copy())]
    album = npaint.Album(pictures, [[0.0], [1.0]])
    learner = npaint.learner(album, model="buttons:hidden_size=3", steps=1, device="cpu")
    (snapshot,) = npaint.learn(learner, stops=[1])
    snapshot.painting.save(saved, overwrite=True)
    with pytest.raises(UsageError, match="no layers of units"):
        Explain(saved, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_noise_leaves_the_fixed_frequencies_of_features_as_they_are() -> None:
    model = painting("mlp:hidden_size=6,hidden_layers=1,encoding=gaussian:features=5")
    before, after = model.weights, noisy(model, 0.5, seed=1).weights
    assert {name for name in before if (before[name] == after[name]).all()} == (
        set(before) - model.trained
    )
    assert "encoding.frequencies" not in model.trained


def test_a_network_without_hidden_layers_is_not_explained() -> None:
    with pytest.raises(UsageError, match="no hidden layer"):
        anatomy("mlp:hidden_layers=0")
