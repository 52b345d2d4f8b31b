"""Non-local means, compared with their definition."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from neuralpaint.restoration import non_local_means as module
from neuralpaint.restoration.non_local_means import Window, non_local_means
from neuralpaint.runtime.threads import ensure_threads, set_threads


@pytest.fixture
def threads() -> Iterator[None]:
    before = ensure_threads()
    yield
    set_threads(before)


def planes(height: int, width: int) -> torch.Tensor:
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(3))


def by_loops(
    x: torch.Tensor,
    h: float,
    reach: int,
    patch: int,
    average: int,
    chroma: float = 0,
    own: float = 1,
) -> np.ndarray:
    """Return the means by definition, without the margin that depends on mirrored pixels."""
    planes, margin = x.numpy().astype(float), reach + patch + average
    _, height, width = planes.shape
    out = np.zeros_like(planes)

    def similarity(y: int, x: int, dy: int, dx: int) -> float:
        here = planes[0, y - patch : y + patch + 1, x - patch : x + patch + 1]
        there = planes[0, y + dy - patch : y + dy + patch + 1, x + dx - patch : x + dx + patch + 1]
        hues = planes[1:, y, x] - planes[1:, y + dy, x + dx]
        return math.exp(-(np.mean((here - there) ** 2) + chroma * np.sum(hues**2)) / h**2)

    spread = range(-average, average + 1)
    for y in range(margin, height - margin):
        for x_ in range(margin, width - margin):
            weights = 0.0
            for dy in range(-reach, reach + 1):
                for dx in range(-reach, reach + 1):
                    weight = np.mean(
                        [similarity(y + i, x_ + j, dy, dx) for i in spread for j in spread]
                    )
                    weight *= own if dy == dx == 0 else 1
                    out[:, y, x_] += weight * planes[:, y + dy, x_ + dx]
                    weights += float(weight)
            out[:, y, x_] /= weights
    return out[:, margin:-margin, margin:-margin]


@pytest.mark.parametrize(("chroma", "own"), [(0, 1), (0.3, 0.5)])
@pytest.mark.parametrize(("patch", "average"), [(1, 0), (2, 1)])
def test_the_result_is_that_of_the_definition(
    patch: int, average: int, chroma: float, own: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CPU_TILE", (5, 7))  # several tiles
    x, reach = planes(13, 15), 2
    found = non_local_means(
        x, 0.2, Window.whole(reach), patch=patch, average=average, chroma=chroma, own=own
    )
    margin = reach + patch + average
    expected = by_loops(x, 0.2, reach, patch, average, chroma, own)
    np.testing.assert_allclose(found[:, margin:-margin, margin:-margin], expected, atol=2e-6)


def test_a_window_has_one_of_two_opposite_offsets() -> None:
    offsets = Window.whole(3).offsets
    everywhere = {(y, x) for y in range(-3, 4) for x in range(-3, 4)} - {(0, 0)}
    assert {*offsets, *((-y, -x) for y, x in offsets)} == everywhere
    assert len(offsets) == len(everywhere) // 2


def test_a_thinned_window_keeps_near_offsets() -> None:
    window = Window.whole(6).thinned(0.25, np.random.default_rng(0))
    assert set(Window.whole(2).offsets) <= set(window.offsets)
    assert len(window.offsets) == 12 + round(0.25 * (84 - 12))


def test_any_number_of_threads_gives_the_same_bits(
    threads: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_CPU_TILE", (16, 16))
    x, results = planes(50, 60), []
    for count in (1, 3):
        set_threads(count)
        results.append(non_local_means(x, 0.1, Window.whole(3), patch=1))
    assert torch.equal(*results)


def test_different_patches_have_no_weight() -> None:
    x = torch.zeros(3, 20, 20)
    x[:, :, 10:] = 1
    found = non_local_means(x, 0.01, Window.whole(4), patch=1)
    torch.testing.assert_close(found, x, atol=1e-6, rtol=0)


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (2, 2)])
def test_pictures_smaller_than_a_patch(shape: tuple[int, int]) -> None:
    x = planes(*shape)
    found = non_local_means(x, 0.1, Window.whole(4), patch=2, average=1)
    assert x.min() - 1e-6 <= found.min()
    assert found.max() <= x.max() + 1e-6


def test_progress_is_reported_after_each_tile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CPU_TILE", (8, 8))
    set_threads(1)  # progress is only reported by the calling thread
    reported: list[float] = []
    non_local_means(planes(16, 24), 0.1, Window.whole(2), patch=1, on_done=reported.append)
    assert reported == pytest.approx([i / 6 for i in range(1, 7)])
