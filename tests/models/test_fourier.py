from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import torch

from neuralpaint.image.canvas import Canvas
from neuralpaint.image.pictures import Picture
from neuralpaint.models.encodings import FrequencyEncoding, encodings
from neuralpaint.models.encodings.fourier import (
    AxisHarmonics,
    Cosine,
    Harmonic,
    Waves,
    draw_frequencies,
)
from neuralpaint.pipelines.make_learner import learner

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


def cosines(*, anneal: float = 0.0, decay: float = 0.0, order: int = 4) -> Cosine:
    return Cosine(order, span=(1.5, 2.0), anneal=anneal, decay=decay)


def test_cosines_have_half_periods_up_to_the_order_along_the_longer_side() -> None:
    x, y = torch.tensor([[-1.0, 0.25, 1.0]]), torch.tensor([[-0.75], [0.5]])
    across, down = cosines()(x, y)
    expected = [math.cos(k * math.pi * (0.25 + 1) / 2) for k in range(1, 9)]
    torch.testing.assert_close(across[0, 1], torch.tensor(expected))
    expected = [math.cos(k * math.pi * (0.5 / 0.75 + 1) / 2) for k in range(1, 7)]
    torch.testing.assert_close(down[1, 0], torch.tensor(expected))


def test_beyond_the_edges_cosines_mirror_the_picture() -> None:
    encoding, inside = cosines(order=40), torch.linspace(-0.7, 0.7, 11)
    for edge_x, edge_y in ((1.0, 0.75), (-1.0, -0.75)):
        mirrored = encoding(2 * edge_x - inside, 2 * edge_y - inside)
        for found, expected in zip(mirrored, encoding(inside, inside), strict=True):
            torch.testing.assert_close(found, expected, rtol=0, atol=2e-4)


@pytest.mark.parametrize("build", [cosines, partial(Harmonic, 4)])
def test_harmonics_open_from_the_lowest_to_the_highest(
    build: Callable[..., AxisHarmonics],
) -> None:
    encoding = build(anneal=0.5, decay=0.5)
    final = build(decay=0.5).amplitudes
    assert final is not None
    assert encoding.amplitudes is not None
    opened = []
    for progress in (0.0, 0.1, 0.25, 0.4, 0.5, 1.0):
        encoding.set_progress(progress)
        share = encoding.amplitudes / final
        assert float(share.min()) >= 0
        opened.append(share)
    first = opened[0]
    assert float(first[0]) == 1
    assert float(first[encoding.widths[0] // 2 :].min()) == 0
    assert all(bool((late >= early).all()) for early, late in pairwise(opened))
    assert all(bool((each[:4].diff() <= 0).all()) for each in opened)
    torch.testing.assert_close(opened[-2], torch.ones_like(final))


def test_amplitudes_fall_with_the_frequency_and_the_phases_start_the_same() -> None:
    falling, equal = cosines(decay=0.5, order=16), cosines(order=16)
    assert equal.amplitudes is None
    assert falling.amplitudes is not None
    of_x = falling.amplitudes[:32]
    torch.testing.assert_close(of_x / of_x[0], torch.arange(1, 33).float() ** -0.5)
    torch.testing.assert_close(falling.spectra[0] * of_x, equal.spectra[0])


def test_a_closed_harmonic_is_not_trained_and_each_snapshot_keeps_its_amplitudes() -> None:
    levels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    trained = learner(
        Picture(levels), model="fourier:order=8,hidden_size=8", steps=40, device="cpu"
    )
    start = trained.painting().weights
    trained.advance(2)
    early = trained.painting().weights
    trained.advance(38)
    late = trained.painting().weights
    highest, weight = 15, "network.layers.0.weight"
    assert early["encoding.amplitudes"][highest] == 0 < late["encoding.amplitudes"][highest]
    assert (early[weight][:, highest] == start[weight][:, highest]).all()
    assert (late[weight][:, highest] != start[weight][:, highest]).all()
