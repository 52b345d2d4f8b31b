from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from neuralpaint.image.canvas import Canvas
from neuralpaint.models.encodings import encodings
from neuralpaint.models.encodings.encoding import (
    Concatenation,
    Conditioned,
    Encoding,
    Identity,
    MixingWeights,
)

CANVAS = Canvas.of(height=12, width=18)
CODES = np.array([[0, 1], [1, 0], [1, 1]], np.float32)
X, Y = torch.rand(1, 7), torch.rand(5, 1)


def build(name: str, codes: np.ndarray = CODES) -> Encoding:
    generator = torch.Generator().manual_seed(0)
    return encodings.parse(name).build(CANVAS, generator, codes).eval()


def build_uncoded(name: str) -> Encoding:
    return encodings.parse(name).build(CANVAS, torch.Generator().manual_seed(0))


def test_identity_gives_the_coordinates() -> None:
    x, y = torch.rand(1, 4), torch.rand(3, 1)
    across, down = Identity()(x, y)
    torch.testing.assert_close(across.squeeze(-1), x)
    torch.testing.assert_close(down.squeeze(-1), y)


@pytest.mark.parametrize("name", list(encodings))
@pytest.mark.parametrize("shape", [(1, 1), (5, 1), (5, 7)])
def test_the_last_features_are_the_centred_code(name: str, shape: tuple[int, int]) -> None:
    encoding = build(name)
    code = torch.rand(*shape, 2)
    parts = encoding.parts(X, Y, code)
    whole = torch.cat([part.expand(5, 7, -1) for part in parts], -1)
    assert whole.shape[-1] == sum(encoding.widths) == sum(map(len, encoding.spectra))
    centred = (code - torch.from_numpy(CODES).mean(0)).expand(5, 7, 2)
    ratio = whole[..., -2:] / centred
    torch.testing.assert_close(ratio, ratio[0, 0, 0].expand(5, 7, 2), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["none", "harmonic", "positional"])
def test_rows_and_columns_are_separate_parts_unless_every_point_has_its_own_code(name: str) -> None:
    encoding = build(name)
    assert encoding.separable
    for rows in (1, 5):
        of_x, of_y = encoding.parts(X, Y, torch.rand(rows, 1, 2))
        assert of_x.shape[:2] == (1, 7)
        assert of_y.shape[:2] == (5, 1)
        assert (of_x.shape[2], of_y.shape[2]) == encoding.widths
    assert len(encoding.parts(X, Y, torch.rand(5, 7, 2))) == 3
    for points in (1, 6):
        of_x, of_y = encoding.parts(torch.rand(6), torch.rand(6), torch.rand(points, 2))
        assert of_x.shape[0] == of_y.shape[0] == 6


@pytest.mark.parametrize("name", list(encodings))
def test_scaling_and_shifting_all_codes_changes_nothing(name: str) -> None:
    codes = torch.tensor([[0.3, 0.6]])
    first = build(name).parts(X, Y, codes.view(1, 1, 2))
    other = build(name, 40 * CODES - 7).parts(X, Y, (40 * codes - 7).view(1, 1, 2))
    for found, wanted in zip(other, first, strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=2e-5)


def test_the_phase_shift_between_codes_does_not_depend_on_their_length() -> None:
    for codes in (np.eye(2), np.eye(9), np.array([[0], [1]]), np.linspace(0, 1, 30)[:, None]):
        encoding = build("gaussian", codes.astype(np.float32))
        assert isinstance(encoding, Conditioned)
        parts = encoding.parts(X, Y, torch.tensor(codes, dtype=torch.float32)[:, None])
        draws = torch.randn(codes.shape[1], 500, generator=torch.Generator().manual_seed(0))
        phases = (parts[-1][:, 0] * encoding.spectra[-1]) @ draws
        shift = torch.cdist(phases, phases).square().sum() / 500
        assert (shift / len(codes) / (len(codes) - 1)).sqrt() == pytest.approx(0.6, rel=0.2)


def test_a_concatenation_has_the_parts_and_spectra_of_all_encodings() -> None:
    each = [
        build_uncoded("gaussian:features=3"),
        build_uncoded("harmonic:order=2"),
        build_uncoded("pyramid:fade=0"),
    ]
    both = Concatenation(*each)
    x, y = torch.rand(1, 7), torch.rand(5, 1)
    parts = both.parts(x, y)
    assert tuple(part.shape[-1] for part in parts) == both.widths
    wanted = [part for encoding in each for part in encoding.parts(x, y)]
    spectra = [
        encoding.sine_strengths[0] * spectrum for encoding in each for spectrum in encoding.spectra
    ]
    for found, part in zip(parts, wanted, strict=True):
        torch.testing.assert_close(found, part, rtol=0, atol=0)
    for own, spectrum in zip(both.spectra, spectra, strict=True):
        torch.testing.assert_close(both.sine_strengths[0] * own, spectrum)


def test_a_concatenation_forwards_the_progress_of_the_training() -> None:
    pyramid = build_uncoded("pyramid:fade=0.5")
    both = Concatenation(build_uncoded("gaussian:features=3"), pyramid)
    both.set_progress(1.0)
    assert both.parts(torch.rand(4), torch.rand(4))[1].all()
    assert both.rate == pyramid.rate


Codes = NDArray[np.floating[Any]]

BITS = np.random.default_rng(1).permutation(2**5)[:12, None] >> np.arange(5) & 1
EVERY: dict[str, Codes] = {
    name: np.array(codes, np.float32)
    for name, codes in {
        "one-hot": np.eye(4),
        "two": [[0], [1]],
        "times": np.linspace(0, 1, 7)[:, None],
        "tiny times": 1e-7 * np.arange(4)[:, None],
        "far times": 500 + np.arange(4)[:, None],
        "corners": [[0, 0], [0, 1], [1, 0], [1, 1]],
        "along a line": [[0, 0, 1], [1, 2, 1], [3, 6, 1]],
        "buttons": BITS,
    }.items()
}
every = pytest.mark.parametrize("codes", EVERY.values(), ids=EVERY.keys())


def weights(codes: Codes, at: Codes | list[list[float]]) -> Codes:
    found: torch.Tensor = MixingWeights(codes)(torch.from_numpy(np.array(at, np.float32)))
    return found.numpy()


@every
def test_a_trained_code_has_the_weight_of_its_own_picture_only(codes: Codes) -> None:
    np.testing.assert_array_equal(weights(codes, codes), np.eye(len(codes)))


@every
def test_the_weights_of_any_code_are_not_negative_and_have_the_sum_one(codes: Codes) -> None:
    at: Codes = 1000 * np.random.default_rng(0).standard_normal((50, codes.shape[1]))
    found = weights(codes, at)
    assert found.min() >= 0
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-5)


@every
def test_the_nearest_trained_code(codes: Codes) -> None:
    at = torch.from_numpy(codes)[[1, 0, 1]] * 1.00001
    assert MixingWeights(codes).nearest(at).tolist() == [1, 0, 1]
    assert MixingWeights(codes).nearest(at[:, None]).shape == (3, 1)


def test_the_weights_at_mixtures_of_one_hot_codes_are_the_code() -> None:
    mixtures: Codes = np.random.default_rng(0).dirichlet(np.ones(4), size=20)
    np.testing.assert_allclose(weights(EVERY["one-hot"], mixtures), mixtures, atol=2e-4)


def test_weights_between_times_are_linear() -> None:
    codes = EVERY["times"]
    found = weights(codes, [[0.4 / 6], [2.25 / 6], [-3], [2]])
    wanted = np.zeros((4, 7))
    wanted[0, :2], wanted[1, 2:4], wanted[2, 0], wanted[3, 6] = (0.6, 0.4), (0.75, 0.25), 1, 1
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_weights_in_a_simplex_reproduce_the_code() -> None:
    rng = np.random.default_rng(3)
    codes = rng.standard_normal((4, 3)).astype(np.float32)
    at: Codes = rng.dirichlet(np.ones(4), size=20) @ codes
    np.testing.assert_allclose(weights(codes, at) @ codes, at, atol=2e-3)


def test_the_centre_of_a_square_has_equal_weights() -> None:
    np.testing.assert_allclose(weights(EVERY["corners"], [[0.5, 0.5]]), [[0.25] * 4], atol=1e-5)


def test_a_code_outside_the_affine_hull_has_the_weights_of_the_nearest_point_in_it() -> None:
    found = weights(EVERY["one-hot"][:3], [[1, 1, 0, 0], [0, 0, 0, 9], [0.7, 0.5, 0.1, 5]])
    wanted = [[0.5, 0.5, 0], [1 / 3, 1 / 3, 1 / 3], [0.6, 0.4, 0]]
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    for offset in ([2, -1, 0], [-2, 1, 0], [0, 0, 5], [6, -3, -2]):
        at = np.array([0.5, 1, 1]) + offset
        np.testing.assert_allclose(
            weights(EVERY["along a line"], at[None]), [[0.5, 0.5, 0]], atol=1e-4
        )


def test_weights_of_a_code_per_point() -> None:
    codes = EVERY["one-hot"]
    at = np.random.default_rng(0).random((3, 5, 4), dtype=np.float32)
    found = MixingWeights(codes)(torch.from_numpy(at))
    np.testing.assert_allclose(found.view(15, 4), weights(codes, at.reshape(15, 4)), atol=1e-6)
