from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from neuralpaint.image.canvas import Canvas
from neuralpaint.models.encodings import FrequencyEncoding, encodings
from neuralpaint.models.encodings.fourier import Harmonic, Waves, draw_frequencies

CANVAS = Canvas.of(height=20, width=30)


def table(spec: str, *, seed: int = 0) -> np.ndarray:
    entry = encodings.parse(spec)
    assert isinstance(entry, FrequencyEncoding)
    return entry.frequencies(np.random.default_rng(seed))


def build(spec: str, *, seed: int = 0) -> Waves:
    built = encodings.parse(spec).build(CANVAS, torch.Generator().manual_seed(seed))
    assert isinstance(built, Waves)
    return built


def test_basic_is_one_period_along_each_axis() -> None:
    np.testing.assert_array_equal(table("basic"), [[1, 0], [0, 1]])


def test_positional_frequencies_rise_by_a_constant_factor() -> None:
    found = table("positional:features=8,sigma=16")
    np.testing.assert_allclose(found[:4], [[1, 0], [2, 0], [4, 0], [8, 0]], rtol=1e-6)
    np.testing.assert_array_equal(found[4:], found[:4, ::-1])


def test_gaussian_frequencies_are_normal_in_every_direction() -> None:
    found = table("gaussian:features=20000,sigma=7")
    assert found.shape == (20_000, 2)
    assert found.dtype == np.float32
    assert found.mean(0) == pytest.approx([0, 0], abs=0.2)
    assert np.cov(found.T) == pytest.approx(49 * np.eye(2), abs=2)
    assert (np.abs(found) < 7).mean() == pytest.approx(0.683, abs=0.01)


@pytest.mark.parametrize("spec", ["basic", "positional:features=12", "gaussian:features=12"])
def test_the_table_depends_on_the_seed_and_is_saved(spec: str) -> None:
    encoding = build(spec, seed=5)
    np.testing.assert_array_equal(encoding.frequencies.numpy(), table(spec, seed=5))
    other = build(spec, seed=6)
    other.load_state_dict(encoding.state_dict())
    torch.testing.assert_close(other.frequencies, encoding.frequencies, rtol=0, atol=0)


@pytest.mark.parametrize(
    "spec", ["basic", "positional:features=64,sigma=500", "gaussian:features=64,sigma=80"]
)
def test_features_are_cosines_and_sines_to_the_precision_of_the_coordinates(spec: str) -> None:
    encoding = build(spec)
    generator = torch.Generator().manual_seed(0)
    x, y = (2 * torch.rand(1, 50, generator=generator) - 1 for _ in range(2))
    found = torch.cat([part.expand(50, 50, -1) for part in encoding(x, y.t())], -1)
    v = torch.stack(torch.broadcast_tensors((x.double() + 1) / 2, (y.double().t() + 1) / 2), -1)
    phase = 2 * math.pi * v @ encoding.frequencies.double().t()
    expected = torch.cat([phase.cos(), phase.sin()], -1)
    # The error of a coordinate is 2^-24, that of the phase of a wave with f periods f times that.
    precision = 2 * math.pi * 2 * float(encoding.frequencies.abs().max()) * 2**-23 + 1e-6
    if encoding.separable:  # the features of x come first, then those of y
        along_x, along_y = (encoding.frequencies[:, axis] != 0 for axis in (0, 1))
        expected = torch.cat([expected[..., rows.repeat(2)] for rows in (along_x, along_y)], -1)
    torch.testing.assert_close(found.double(), expected, rtol=0, atol=precision)


@pytest.mark.parametrize("name", list(encodings))
def test_spectra_match_the_parts_and_have_a_deviation_of_about_one(name: str) -> None:
    encoding = encodings.parse(name).build(CANVAS, torch.Generator().manual_seed(0))
    assert len(encoding.spectra) == len(encoding.widths)
    for spectrum, width in zip(encoding.spectra, encoding.widths, strict=True):
        assert spectrum.shape == (width,)
        assert (spectrum >= 0).all()
    assert sum(float(s.square().sum()) for s in encoding.spectra) == pytest.approx(1, abs=1.1)


def test_drawn_frequencies_cover_all_directions_and_rise_by_a_constant_factor() -> None:
    generator = torch.Generator().manual_seed(0)
    table = draw_frequencies(12, lowest=1.5, highest=24, generator=generator).double()
    lengths = table.norm(dim=1).sort().values
    torch.testing.assert_close(
        lengths[1:] / lengths[:-1], torch.full((11,), 16 ** (1 / 12)).double(), rtol=1e-5, atol=0
    )
    assert lengths[0] > 1.5
    assert lengths[-1] < 24
    sectors = torch.atan2(table[:, 1], table[:, 0]) / torch.pi * 12
    assert sectors.floor().long().sort().values.tolist() == list(range(12))
    other = draw_frequencies(12, lowest=1.5, highest=24, generator=generator)
    assert not torch.allclose(other, table.float())


def test_harmonics_are_sines_cosines_and_the_angle_itself() -> None:
    x, y = torch.tensor([[-1.0, 0.0, 0.25]]), torch.tensor([[0.5], [1.0]])
    across, down = Harmonic(order=4)(x, y)
    assert across.shape == (1, 3, 9)
    assert down.shape == (2, 1, 9)
    t = math.pi * 0.25
    expected = [math.sin(k * t) for k in range(1, 5)] + [math.cos(k * t) for k in range(1, 5)] + [t]
    torch.testing.assert_close(across[0, 2], torch.tensor(expected))


def test_both_axes_have_the_same_frequencies() -> None:
    x = torch.linspace(-1, 1, 9)
    across, down = Harmonic(order=3)(x, x)
    torch.testing.assert_close(across, down)
