"""Optical flow between pictures whose motion is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from moving import photo, seen
from numpy.typing import NDArray

from neuralpaint.restoration.flow import dominant_flow, estimate_flow, estimate_motion
from neuralpaint.restoration.variational import median, splat, warp

Values = float | NDArray[np.float64]


def errors(flow: NDArray[np.float32], x: Values, y: Values) -> NDArray[np.float64]:
    """Return the error in pixels of a flow (h, w, 2), without a margin."""
    wrong = np.hypot(flow[..., 0] - x, flow[..., 1] - y)
    return np.asarray(wrong[12:-12, 12:-12])


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.4, -0.3), (3.0, 2.0), (-7.5, 4.25)])
def test_a_shift_is_estimated_to_a_tenth_of_a_pixel(shift: tuple[float, float]) -> None:
    wrong = errors(estimate_flow(seen(), seen(shift=shift)), *shift)
    assert np.median(wrong) < 0.1
    assert np.quantile(wrong, 0.9) < 0.2


def test_rotation_and_zoom_are_estimated() -> None:
    angle, zoom = math.radians(3), 1.04
    a, b = seen(), seen(angle=angle, zoom=zoom)
    h, w = a.shape[:2]
    y, x = np.mgrid[:h, :w] - np.array([(h - 1) / 2, (w - 1) / 2])[:, None, None]
    cos, sin = zoom * math.cos(angle), zoom * math.sin(angle)
    wrong = errors(estimate_flow(a, b), cos * x - sin * y - x, sin * x + cos * y - y)
    assert np.median(wrong) < 0.1
    assert np.quantile(wrong, 0.9) < 0.3


@pytest.mark.slow
def test_a_small_object_that_moves_far_is_found() -> None:
    a, b = (seen(size=(96, 160)).copy() for _ in range(2))
    patch = photo(7)[:12, :12]
    a[40:52, 60:72], b[44:56, 75:87] = patch, patch
    found = estimate_flow(a, b)[43:49, 63:69].reshape(-1, 2)
    assert np.median(found, axis=0) == pytest.approx([15, 4], abs=0.3)


@pytest.mark.slow
def test_a_repeating_pattern_moves_with_its_surroundings() -> None:
    shift = (9.0, 0.0)
    a, b = (seen(shift=s, size=(96, 160)).copy() for s in ((0.0, 0.0), shift))
    stripes = np.where(np.arange(64) // 3 % 2, 40, 200).astype(np.uint8)[None, :, None]
    a[30:66, 40:104], b[30:66, 49:113] = stripes, stripes
    wrong = errors(estimate_flow(a, b), *shift)
    assert np.quantile(wrong, 0.95) < 0.5


def test_a_change_of_brightness_is_not_motion() -> None:
    a = seen()
    b = (seen(shift=(3, 1)) * 0.9 + 20).astype(np.uint8)
    assert np.median(errors(estimate_flow(a, b), 3, 1)) < 0.1


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (3, 2), (17, 90), (200, 31)])
def test_every_size_works(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in range(2))
    found = estimate_flow(a, b)
    assert found.shape == (*size, 2)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


@pytest.mark.slow
def test_the_flow_of_a_large_picture_is_in_its_own_pixels() -> None:
    a, b = (seen(shift=s, size=(500, 800)) for s in ((0.0, 0.0), (6.0, -3.0)))
    assert np.median(errors(estimate_flow(a, b), 6, -3)) < 0.2


def test_different_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="different sizes"):
        estimate_flow(seen(), seen()[1:])


def test_progress_rises_to_one_and_an_exception_ends_the_work() -> None:
    reported: list[float] = []
    estimate_motion(seen(), seen(shift=(2, 0)), on_done=reported.append)
    assert reported == sorted(reported)
    assert len(reported) > 8
    assert reported[-1] == pytest.approx(1)

    def interrupt(done: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        estimate_flow(seen(), seen(), on_done=interrupt)


def test_consistency_is_high_for_a_shift_and_low_for_another_picture() -> None:
    motion = estimate_motion(seen(), seen(shift=(5, 2)))
    assert motion.consistency > 0.9
    assert motion.distance() == pytest.approx(math.hypot(5, 2), abs=0.3)
    assert estimate_motion(seen(), photo(9)[:64, :80]).consistency < 0.3


def test_splatting_and_warping_are_inverse() -> None:
    planes = torch.arange(48.0).view(1, 6, 8)
    shift = torch.tensor([2.0, 1.0]).view(2, 1, 1).expand(2, 6, 8)
    moved, weights = splat(planes, shift, weights=torch.ones(6, 8))
    assert torch.equal(moved[:, 1:, 2:], planes[:, :-1, :-2])
    assert torch.equal(weights, torch.tensor([0, 1, 1, 1, 1, 1])[:, None] * (torch.arange(8) > 1))
    back = warp(moved, shift)[:, :-1, :-2]
    assert torch.allclose(back, planes[:, :-1, :-2], atol=1e-4)


def test_splatted_pixels_that_meet_are_averaged_by_their_weights() -> None:
    planes = torch.tensor([[[1.0, 5.0, 0.0]]])
    flow = torch.tensor([[[2.0, 1.0, 9.0]], [[0.0, 0.0, 0.0]]])
    moved, weights = splat(planes, flow, weights=torch.tensor([[3.0, 1.0, 1.0]]))
    assert moved[0, 0, 2] == pytest.approx((3 * 1 + 1 * 5) / 4)
    assert weights.tolist() == [[0, 0, 4]]


def test_the_median_is_of_five_along_rows_and_then_columns() -> None:
    planes = torch.from_numpy(np.random.default_rng(0).random((2, 9, 11), np.float32))
    padded = np.pad(planes.numpy(), ((0, 0), (2, 2), (2, 2)), mode="edge")
    rows = np.median(np.lib.stride_tricks.sliding_window_view(padded, 5, 2), -1)
    expected = np.median(np.lib.stride_tricks.sliding_window_view(rows, 5, 1), -1)
    assert np.array_equal(median(planes).numpy(), expected)


def test_the_dominant_flow_ignores_other_motion() -> None:
    x = torch.linspace(-1, 1, 60).expand(40, 60)
    y = torch.linspace(-1, 1, 40)[:, None].expand(40, 60)
    dominant = torch.stack([3 + 2 * x, 0.5 * x - y])
    mixed = dominant.clone()
    mixed[:, 10:30, 10:35] += 15
    assert torch.allclose(dominant_flow(mixed), dominant, atol=0.05)
