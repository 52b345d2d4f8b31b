from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from neuralpaint.image.canvas import Canvas, View
from neuralpaint.image.pictures import Picture
from neuralpaint.models import models
from neuralpaint.models.networks.kernels import ACTIVATIONS
from neuralpaint.models.networks.network import CoordinateModel
from neuralpaint.models.networks.scattered_points import InterpolatedTerms, interpolate_terms
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.runtime.threads import ensure_threads, set_threads
from neuralpaint.training.settings import TrainingSettings

CANVAS = Canvas.of(height=32, width=48)
TENTH_OF_A_LEVEL = 0.1 / 255


def interpolated(
    model: CoordinateModel, x: Tensor, y: Tensor, code: Tensor | None = None
) -> InterpolatedTerms | None:
    return interpolate_terms(model.encoding, model.network.input_layers(), (x, y), code)


def build(spec: str) -> CoordinateModel:
    generator = torch.Generator().manual_seed(0)
    built = models.parse(spec).build(CANVAS, generator).eval()
    assert isinstance(built, CoordinateModel)
    return built


def rotated(**view: float) -> tuple[Tensor, Tensor]:
    """Return the points of a small rotated canvas, (n,) each."""
    grid = CANVAS.scaled(2).seen(View(angle=30, **view)).grid()
    x, y = (torch.from_numpy(axis.reshape(-1)) for axis in grid)
    return x, y


@torch.no_grad()
def exact(model: CoordinateModel, x: Tensor, y: Tensor) -> Tensor:
    signal: Tensor = model.network(model.encoding(x, y))
    return (torch.tanh(signal) + 1) / 2


@torch.no_grad()
def agrees(model: CoordinateModel, points: Sequence[Tensor], *, expected: bool) -> None:
    x, y = points
    assert (interpolated(model, x, y) is not None) == expected
    torch.testing.assert_close(model(x, y), exact(model, x, y), rtol=0, atol=TENTH_OF_A_LEVEL)


@pytest.mark.parametrize("activation", list(ACTIVATIONS))
@pytest.mark.parametrize("network", ["skipconn:encoding=harmonic", "mlp:encoding=positional"])
def test_interpolation_agrees_with_the_encoding(network: str, activation: str) -> None:
    agrees(build(f"{network},activation={activation}"), rotated(), expected=True)


@pytest.mark.parametrize(
    "spec",
    [
        "fourier",
        "fourier:hidden_layers=4,hidden_size=20",
        "skipconn:encoding=positional:sigma=20",
        "skipconn:encoding=positional,activation=relu",
        "siren:encoding=harmonic",
        "siren:encoding=positional,hidden_layers=1",
        "mlp:encoding=harmonic,norm=layer",
        "mlp:encoding=harmonic,norm=batch,dropout=0.3",
        "mlp:encoding=harmonic,hidden_layers=0",
    ],
)
def test_interpolation_works_with_every_network(spec: str) -> None:
    agrees(build(spec), rotated(), expected=True)


@pytest.mark.parametrize(
    "spec", ["siren", "skipconn", "mlp", "skipconn:encoding=basic", "fourier:order=2", "pyramid"]
)
def test_few_features_or_features_of_both_axes_are_not_interpolated(spec: str) -> None:
    agrees(build(spec), rotated(), expected=False)


@pytest.mark.parametrize(
    "view",
    [
        {"zoom": 0.5},
        {"zoom": 3.0, "x": 0.9},
        {"zoom": 100.0, "x": 0.3, "y": 0.6},
        {"x": -3.0, "y": 4.0},
    ],
    ids=str,
)
def test_interpolation_agrees_with_the_encoding_near_and_far(view: dict[str, float]) -> None:
    agrees(build("fourier"), rotated(**view), expected=True)


@pytest.mark.parametrize("model", ["fourier", "siren:encoding=harmonic,hidden_size=32"])
def test_interpolation_agrees_with_the_encoding_after_training(model: str) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    training = learner(Picture(pixels), TrainingSettings(model=model, steps=60, seed=4))
    training.advance(60)
    painting = training.painting()
    x, y = (axis.numpy() for axis in rotated())
    few = [painting(x[i], y[i]) for i in range(0, len(x), 50)]  # too few to interpolate
    np.testing.assert_allclose(painting(x, y)[::50], few, rtol=0, atol=TENTH_OF_A_LEVEL)


def test_fewer_points_than_nodes_are_not_interpolated() -> None:
    model, (x, y) = build("fourier"), rotated()
    for count in (0, 1, 2, 100):
        agrees(model, (x[:count], y[:count]), expected=False)


def test_many_equal_points() -> None:
    for place in (0.0, 1.0, -0.3, 17.123):
        agrees(build("fourier"), (torch.full((99,), place),) * 2, expected=True)


def test_very_distant_points_are_not_interpolated() -> None:
    x, y = rotated()
    for place in (1e9, float("inf"), float("nan")):
        x[7] = place
        assert interpolated(build("fourier"), x, y) is None
        with torch.no_grad():
            assert build("fourier")(x, y)[:7].isfinite().all()


def test_tables_have_a_limited_size() -> None:
    model, points = build("fourier:order=1024,hidden_size=2000"), torch.linspace(-1, 1, 40_000)
    assert interpolated(model, points, points) is None
    assert interpolated(model, points / 300, points / 300) is not None


def test_infinite_frequencies_are_not_interpolated() -> None:
    model = build("skipconn:encoding=positional")
    for frequency in (float("nan"), float("inf"), 1e38):
        model.encoding.get_buffer("frequencies")[0, 0] = frequency
        assert interpolated(model, *rotated()) is None


def test_the_colour_of_a_point_does_not_depend_on_the_other_points() -> None:
    model, (x, y) = build("fourier"), rotated()
    with torch.no_grad():
        torch.testing.assert_close(model(x, y)[2000:], model(x[2000:], y[2000:]), rtol=0, atol=2e-6)


def test_threads_share_the_points() -> None:
    model, (x, y) = build("fourier"), rotated(zoom=0.7)
    x, y = x.repeat(4), y.repeat(4)
    with torch.no_grad():
        alone = model(x, y)
        before = ensure_threads()
        set_threads(3)
        try:
            torch.testing.assert_close(model(x, y), alone, rtol=0, atol=2e-6)
        finally:
            set_threads(before)


def test_with_gradients_nothing_is_interpolated() -> None:
    model, (x, y) = build("fourier"), rotated()
    model(x, y).sum().backward()
    assert all(weight.grad is not None for weight in model.parameters())
