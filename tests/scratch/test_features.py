from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from neuralpaint.image.canvas import Canvas
from neuralpaint.models import MLPModel
from neuralpaint.models.encodings import encodings
from neuralpaint.scratch.choices import build_network
from neuralpaint.scratch.features import Features

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


def test_a_point_next_to_another_is_far_from_it_to_high_frequencies() -> None:
    pair = np.array([[0, 0], [0.05, 0]], np.float32)
    low, high = (features(f"gaussian:features=64,sigma={sigma}") for sigma in (0.1, 10))
    near, far = (float(np.abs(np.diff(f(pair).copy(), axis=0)).mean()) for f in (low, high))
    assert far > 10 * near
