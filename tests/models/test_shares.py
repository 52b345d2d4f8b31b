from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from neuralpaint.models.encodings.encoding import MixingWeights

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


def shares(codes: Codes, at: Codes | list[list[float]]) -> Codes:
    found: torch.Tensor = MixingWeights(codes)(torch.from_numpy(np.array(at, np.float32)))
    return found.numpy()


@every
def test_a_trained_code_is_all_its_own_picture(codes: Codes) -> None:
    np.testing.assert_array_equal(shares(codes, codes), np.eye(len(codes)))


@every
def test_any_code_at_all_is_a_mixture(codes: Codes) -> None:
    at: Codes = 1000 * np.random.default_rng(0).standard_normal((50, codes.shape[1]))
    found = shares(codes, at)
    assert found.min() >= 0
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-5)


@every
def test_the_nearest_of_the_trained_codes_is_found(codes: Codes) -> None:
    at = torch.from_numpy(codes)[[1, 0, 1]] * 1.00001
    assert MixingWeights(codes).nearest(at).tolist() == [1, 0, 1]
    assert MixingWeights(codes).nearest(at[:, None]).shape == (3, 1)


def test_mixtures_of_one_hot_codes_are_the_code() -> None:
    mixtures: Codes = np.random.default_rng(0).dirichlet(np.ones(4), size=20)
    np.testing.assert_allclose(shares(EVERY["one-hot"], mixtures), mixtures, atol=2e-4)


def test_times_are_mixed_from_one_to_the_next() -> None:
    codes = EVERY["times"]
    found = shares(codes, [[0.4 / 6], [2.25 / 6], [-3], [2]])
    wanted = np.zeros((4, 7))
    wanted[0, :2], wanted[1, 2:4], wanted[2, 0], wanted[3, 6] = (0.6, 0.4), (0.75, 0.25), 1, 1
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_the_mixed_codes_of_a_simplex_are_the_code() -> None:
    rng = np.random.default_rng(3)
    codes = rng.standard_normal((4, 3)).astype(np.float32)
    at: Codes = rng.dirichlet(np.ones(4), size=20) @ codes
    np.testing.assert_allclose(shares(codes, at) @ codes, at, atol=2e-3)


def test_the_middle_of_corners_is_of_all_alike() -> None:
    np.testing.assert_allclose(shares(EVERY["corners"], [[0.5, 0.5]]), [[0.25] * 4], atol=1e-5)


def test_beside_the_hull_it_is_as_at_the_nearest_place_in_it() -> None:
    found = shares(EVERY["one-hot"][:3], [[1, 1, 0, 0], [0, 0, 0, 9], [0.7, 0.5, 0.1, 5]])
    wanted = [[0.5, 0.5, 0], [1 / 3, 1 / 3, 1 / 3], [0.6, 0.4, 0]]
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    for beside in ([2, -1, 0], [-2, 1, 0], [0, 0, 5], [6, -3, -2]):
        at = np.array([0.5, 1, 1]) + beside
        np.testing.assert_allclose(
            shares(EVERY["along a line"], at[None]), [[0.5, 0.5, 0]], atol=1e-4
        )


def test_a_place_may_have_a_code_of_its_own() -> None:
    codes = EVERY["one-hot"]
    at = np.random.default_rng(0).random((3, 5, 4), dtype=np.float32)
    found = MixingWeights(codes)(torch.from_numpy(at))
    np.testing.assert_allclose(found.view(15, 4), shares(codes, at.reshape(15, 4)), atol=1e-6)
