"""What the layers of a network answer: the values from which its colours are made."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import neuralpaint as npaint
from neuralpaint.errors import UsageError
from neuralpaint.models.painting import Painting

CANVAS_HEIGHT, CANVAS_WIDTH = 6, 9


def trained(model: str) -> Painting:
    """Return a painting after a few steps, so that no layer has its initial weights."""
    pixels = np.random.default_rng(3).integers(0, 256, (CANVAS_HEIGHT, CANVAS_WIDTH, 3), np.uint8)
    learner = npaint.learner(npaint.Picture(pixels), model=model, steps=6, device="cpu")
    (snapshot,) = npaint.learn(learner, stops=[6])
    return snapshot.painting


def layers_of(weights: dict[str, NDArray[Any]]) -> list[NDArray[np.float64]]:
    """Return the weights of the layers, without their biases."""
    return [
        value.astype(np.float64)
        for name, value in weights.items()
        if name.startswith("network.layers.") and name.endswith("weight")
    ]


@pytest.mark.parametrize(
    ("model", "units"),
    [
        ("fourier:order=4,hidden_size=5", [5, 5]),
        ("fourier:order=4,hidden_size=5,series=no,hidden_layers=2", [5, 5, 5]),
        ("skipconn:hidden_size=6,hidden_layers=3", [6, 6, 6, 6]),
        ("mlp:hidden_size=7,hidden_layers=2", [7, 7]),
        ("siren:hidden_size=4,hidden_layers=3", [4, 4, 4]),
        ("pyramid", [32, 32]),
    ],
)
def test_the_colours_follow_from_the_last_of_the_layers(model: str, units: list[int]) -> None:
    painting = trained(model)
    grid = painting.canvas.grid()
    *hidden, signal = painting.layer_values(grid)
    assert [each.shape for each in hidden] == [(CANVAS_HEIGHT, CANVAS_WIDTH, n) for n in units]
    np.testing.assert_allclose((np.tanh(signal) + 1) / 2, painting(grid), atol=2e-5)


def test_the_last_layer_of_a_plain_network_mixes_the_units_of_the_one_before() -> None:
    painting = trained("siren:hidden_size=4,hidden_layers=2")
    _, second, signal = painting.layer_values(painting.canvas.grid())
    mixed = second.astype(np.float64) @ layers_of(painting.weights)[-1].T
    np.testing.assert_allclose(signal - signal[0, 0], mixed - mixed[0, 0], atol=1e-5)


def test_a_turned_view_has_values_too() -> None:
    painting = trained("fourier:order=4,hidden_size=5")
    grid = painting.canvas.seen(npaint.View(angle=30.0)).grid()
    assert not grid.is_product
    first, *_, signal = painting.layer_values(grid)
    assert first.shape == (*grid.shape, 5)
    np.testing.assert_allclose((np.tanh(signal) + 1) / 2, painting(grid), atol=2e-5)


def test_a_model_without_coordinates_has_no_layers_to_look_into() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (2, 6, 9, 3), np.uint8)
    album = npaint.Album([npaint.Picture(each) for each in pixels], [[0.0], [1.0]])
    learner = npaint.learner(album, model="buttons:hidden_size=4", steps=1, device="cpu")
    (snapshot,) = npaint.learn(learner, stops=[1])
    with pytest.raises(UsageError, match="no layers"):
        snapshot.painting.layer_values(album.pictures[0].canvas.grid())


def test_a_network_from_scratch_has_the_values_of_its_layers_too() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (CANVAS_HEIGHT, CANVAS_WIDTH, 3), np.uint8)
    learner = npaint.learner(
        npaint.Picture(pixels), model="mlp:hidden_size=7,hidden_layers=2,norm=layer", steps=6,
        engine="numpy",
    )  # fmt: skip
    (snapshot,) = npaint.learn(learner, stops=[6])
    grid = snapshot.painting.canvas.grid()
    *hidden, signal = snapshot.painting.layer_values(grid)
    assert [each.shape[-1] for each in hidden] == [7, 7]
    np.testing.assert_allclose((np.tanh(signal) + 1) / 2, snapshot.painting(grid), atol=2e-5)
    last = snapshot.painting.weights["linear2.weight"]
    mixed = hidden[1] @ last.T
    np.testing.assert_allclose(signal - signal[0, 0], mixed - mixed[0, 0], atol=1e-5)
