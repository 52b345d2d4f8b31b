from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from neuralpaint.image.canvas import Canvas
from neuralpaint.models import MLPModel
from neuralpaint.models.encodings import encodings
from neuralpaint.scratch.features import Features
from neuralpaint.scratch.network import build_network
from neuralpaint.scratch.regularization import NORMS

CANVAS = Canvas.of(height=40, width=60)
SPECS = ["none", "basic", "positional", "gaussian:features=32", "harmonic", "harmonic:order=5"]


def features(spec: str) -> Features:
    model = MLPModel(encoding=spec, hidden_size=4)
    return build_network(model, CANVAS, seed=4).features


def points(count: int = 9) -> NDArray[np.float32]:
    return np.random.default_rng(0).uniform(-1, 1, (count, 2)).astype(np.float32)


@pytest.mark.parametrize("spec", SPECS)
def test_features_are_those_of_the_torch_engine(spec: str) -> None:
    ours = features(spec)
    theirs = encodings.parse(spec).build(CANVAS, torch.Generator().manual_seed(4))
    x, y = torch.from_numpy(points()).unbind(1)
    expected = torch.cat(list(theirs(x, y)), dim=-1)
    assert ours.width == expected.shape[1] == len(ours.spectrum)
    np.testing.assert_allclose(ours(points()), expected, atol=5e-5)
    strengths = theirs.sine_strengths[0] * torch.cat(list(theirs.spectra))
    np.testing.assert_allclose(ours.spectrum, strengths, rtol=1e-5)


@pytest.mark.parametrize("spec", SPECS)
def test_features_of_a_point_do_not_depend_on_the_others(spec: str) -> None:
    ours = features(spec)
    few = ours(points(3)).copy()
    np.testing.assert_array_equal(ours(points(200))[:3], few)
    np.testing.assert_array_equal(ours(points(3)), few)


def test_neighbouring_points_have_different_features_at_high_frequencies() -> None:
    pair = np.array([[0, 0], [0.05, 0]], np.float32)
    low, high = (features(f"gaussian:features=64,sigma={sigma}") for sigma in (0.1, 10))
    near, far = (float(np.abs(np.diff(f(pair).copy(), axis=0)).mean()) for f in (low, high))
    assert far > 10 * near


@pytest.mark.parametrize("norm", ["none", "layer", "batch"])
def test_a_hidden_layer_is_linear_norm_activation_dropout(norm: str) -> None:
    settings = {"hidden_layers": 2, "norm": norm, "dropout": 0.1, "activation": "tanh"}
    canvas = Canvas.of(height=4, width=4)
    network = build_network(MLPModel.from_dict(settings), canvas, seed=0)
    kinds = [type(layer).__name__ for layer in network.layers]
    norms = [] if norm == "none" else [NORMS[norm].__name__]
    hidden = ["Linear", *norms, "Tanh", "Dropout"]
    assert kinds == [*hidden, *hidden, "Linear", "Colours"]
    assert any("running" in name for name in network.state()) == (norm == "batch")


def test_a_network_without_hidden_layers_is_one_map() -> None:
    canvas = Canvas.of(height=4, width=4)
    network = build_network(
        MLPModel(hidden_layers=0, encoding="none", activation="sine"),
        canvas,
        seed=0,
    )
    assert [parameter.value.shape for parameter in network.parameters.values()] == [(3, 2), (3,)]
    colours = network.forward(np.zeros((5, 2), np.float32))
    np.testing.assert_array_equal(colours, 0.5)
