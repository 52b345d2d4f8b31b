"""Rays and rings: their definition, and the symmetries that a network over them has."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from neuralpaint.image.pictures import Picture
from neuralpaint.models.encodings.polar import Polar, orders_up_to, symmetries
from neuralpaint.pipelines.make_learner import learner

ORDERS = orders_up_to(60)


def polar(mirrors: int = 0, *, unfold: float = 1.0) -> Polar:
    return Polar(ORDERS, centre=(0.2, -0.1), core=0.05, mirrors=mirrors, unfold=unfold)


def at(encoding: Polar, distance: float, angle: float) -> torch.Tensor:
    """Return the features at a distance from the centre, the angle being 0 upwards."""
    x, y = 0.2 + distance * math.sin(angle), -0.1 - distance * math.cos(angle)
    (features,) = encoding.parts(torch.tensor([x]), torch.tensor([y]))
    return features[0]


def test_orders_are_dense_at_first_and_then_eight_per_octave() -> None:
    assert orders_up_to(5) == [1, 2, 3, 4, 5]
    assert orders_up_to(40) == [*range(1, 17), *range(18, 33, 2), 36, 40]
    octave = [k for k in orders_up_to(512) if 256 < k <= 512]
    assert octave == [*range(288, 513, 32)]


@pytest.mark.parametrize(
    ("mirrors", "numbers"),
    [(0, []), (1, [1]), (8, [8, 4, 2, 1]), (12, [12, 6, 3, 1]), (7, [7, 1])],
)
def test_every_number_of_mirrors_divides_the_one_before(mirrors: int, numbers: list[int]) -> None:
    assert symmetries(mirrors) == numbers


@pytest.mark.parametrize("highest", [1, 3, 16, 17, 60, 200])
def test_features_are_powers_of_complex_numbers(highest: int) -> None:
    orders = np.array(orders_up_to(highest))
    encoding = Polar(orders.tolist(), centre=(0.2, -0.1), core=0.05)
    x, y = torch.rand(1, 9) * 2 - 1, torch.rand(7, 1) - 0.5
    (features,) = encoding(x, y)
    assert features.shape == (7, 9, *encoding.widths)
    right, up = x.numpy().astype(float) - 0.2, -0.1 - y.numpy().astype(float)
    size = np.sqrt(right**2 + up**2 + 0.05**2)
    u = (up + 1j * right) / size
    v = np.abs(u) * np.exp(1j * np.log(size))
    rays, rings = u[..., None] ** orders, v[..., None] ** orders
    wanted = np.concatenate([rays.real, rays.imag, rings.real, rings.imag], -1)
    np.testing.assert_allclose(features.numpy(), wanted, rtol=0, atol=1e-6 * orders[-1] + 1e-5)


@pytest.mark.parametrize("angle", [0.0, 1.0, math.pi / 2, math.pi, 4.0])
def test_there_is_no_seam_and_no_ray_at_the_centre(angle: float) -> None:
    encoding = polar()
    beside = at(encoding, 0.5, angle - 1e-5), at(encoding, 0.5, angle + 1e-5)
    torch.testing.assert_close(*beside, rtol=0, atol=2e-3)
    assert at(encoding, 1e-6, angle).abs().max() < 1e-4


@pytest.mark.parametrize("mirrors", [1, 2, 5, 12])
def test_every_sector_between_two_mirrors_is_the_same_at_first(mirrors: int) -> None:
    encoding = polar(mirrors)
    for angle in (0.3, 1.1, 2.9):
        first = at(encoding, 0.7, angle)
        assert first.abs().sum() > 1
        for turn in range(mirrors):
            sector = 2 * math.pi * turn / mirrors
            for mirrored in (sector + angle, sector - angle):
                torch.testing.assert_close(at(encoding, 0.7, mirrored), first, rtol=0, atol=1e-4)


def test_mirrors_disappear_until_there_is_none() -> None:
    encoding = polar(12, unfold=0.5)
    # The greatest number of mirrors of the features, at some times.
    found = []
    for progress in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 1.0):
        encoding.set_progress(progress)
        here = at(encoding, 0.7, 0.4)

        def alike(angle: float, here: torch.Tensor = here) -> bool:
            return bool((at(encoding, 0.7, angle) - here).abs().max() < 1e-4)

        turns = [n for n in (12, 6, 3, 1) if alike(0.4 + 2 * math.pi / n)]
        found.append(turns[0] if alike(-0.4) else 0)
    assert found == [12, 6, 3, 1, 0, 0, 0]
    assert encoding.amplitudes is not None
    assert encoding.amplitudes.eq(1).all()


def test_each_snapshot_keeps_its_mirrors() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    model = "mlp:encoding=polar:mirrors=4,unfold=0.5,hidden_size=16,hidden_layers=1"
    trained = learner(Picture(pixels), model=model, steps=40, batch=64, device="cpu")
    trained.advance(1)
    early = trained.painting()
    trained.advance(39)
    x = np.linspace(-0.9, 0.9, 15, dtype=np.float32)
    y = x[:, None]
    for painting, is_symmetric in ((early, True), (trained.painting(), False)):
        colours = painting(x[None], y)
        for mirrored in (colours[:, ::-1], colours[::-1], colours.swapaxes(0, 1)):
            assert np.allclose(mirrored, colours, atol=1e-4) == is_symmetric
