"""Holes of photographs, filled and compared with the truth."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.errors import UsageError
from neuralpaint.image.metrics import psnr
from neuralpaint.restoration import filling
from neuralpaint.restoration.filling import fill_hole
from neuralpaint.restoration.patch_mixture import Mixture
from neuralpaint.restoration.refinement import refine
from neuralpaint.restoration.smooth_fill import fill_smoothly
from neuralpaint.runtime.threads import ensure_threads, parallel_map, set_threads

ROCKET = Path(__file__).parents[2] / "examples" / "rocket.jpg"
Pixels = NDArray[np.uint8]
Hole = NDArray[np.bool_]


@pytest.fixture(scope="module")
def truth() -> Pixels:
    """A busy part of a photograph, (100, 120, 3)."""
    return np.array(Image.open(ROCKET).convert("RGB").crop((270, 300, 390, 400)))


@pytest.fixture(scope="module")
def half(truth: Pixels) -> Hole:
    """Every other pixel, at random."""
    return np.random.default_rng(0).random(truth.shape[:2]) < 0.5


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Split a small picture among several threads; restore their number afterwards."""
    monkeypatch.setattr("neuralpaint.restoration.refinement._CPU_BATCH", 100)
    before = ensure_threads()
    yield
    set_threads(before)


def smooth(pixels: Pixels, hole: Hole) -> Pixels:
    """Return the fill from which the refinement starts."""
    x = fill_smoothly(torch.from_numpy(pixels).permute(2, 0, 1).float(), torch.from_numpy(hole))
    return x.permute(1, 2, 0).round().byte().numpy()


def in_hole(pixels: Pixels, truth: Pixels, hole: Hole) -> float:
    return psnr(pixels[hole][None], truth[hole][None])


def text_like(shape: tuple[int, ...]) -> Hole:
    hole = np.zeros(shape[:2], bool)
    hole[::16] = hole[1::16] = hole[:, ::24] = hole[:, 1::24] = True
    return hole


@pytest.mark.parametrize(("kind", "gain"), [("pixels", 2.0), ("bars", 1.2), ("sparse", 1.0)])
def test_it_is_closer_to_the_truth_than_a_smooth_fill(
    kind: str, gain: float, truth: Pixels, half: Hole
) -> None:
    sparse = np.random.default_rng(1).random(truth.shape[:2]) < 0.9
    hole = {"pixels": half, "bars": text_like(truth.shape), "sparse": sparse}[kind]
    made = fill_hole(truth, hole)
    assert in_hole(made, truth, hole) > in_hole(smooth(truth, hole), truth, hole) + gain


@pytest.mark.slow
def test_known_pixels_stay_and_unknown_values_are_ignored(truth: Pixels, half: Hole) -> None:
    other = truth.copy()
    other[half] = np.random.default_rng(2).integers(0, 256, (half.sum(), 3))
    made = fill_hole(other, half)
    assert np.array_equal(made[~half], truth[~half])
    assert np.array_equal(made, fill_hole(truth, half.astype(np.float32)))


def test_a_deep_hole_is_filled_from_coarse_to_fine(truth: Pixels) -> None:
    hole = np.zeros(truth.shape[:2], bool)
    hole[30:70, 40:80] = True
    stripes = np.broadcast_to(np.where(np.arange(120) % 8 < 4, 60, 200)[:, None], truth.shape)
    made = fill_hole(stripes.astype(np.uint8), hole)
    assert np.abs(made.astype(int) - stripes)[hole].mean() < 30  # a mean of both is 70 off


@pytest.mark.slow
@pytest.mark.parametrize("side", ["top", "left", "all"])
def test_holes_at_the_borders(side: str, truth: Pixels) -> None:
    hole = np.ones(truth.shape[:2], bool)
    keep = {"top": np.s_[12:, :], "left": np.s_[:, 12:], "all": np.s_[8:-8, 8:-8]}[side]
    hole[keep] = False
    made = fill_hole(truth, hole)
    assert np.array_equal(made[keep], truth[keep])
    assert in_hole(made, truth, hole) > 18


@pytest.mark.parametrize("shape", [(1, 2), (2, 1), (1, 9), (2, 2), (5, 3), (7, 49), (48, 48)])
def test_one_known_pixel_determines_all_others(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (*shape, 3), dtype=np.uint8)
    hole = np.ones(shape, bool)
    hole[shape[0] // 2, shape[1] // 3] = False
    made = fill_hole(pixels, hole)
    assert (made == pixels[shape[0] // 2, shape[1] // 3]).all()


@pytest.mark.parametrize("shape", [(1, 30), (3, 5), (6, 6), (13, 20)])
def test_small_pictures(shape: tuple[int, int]) -> None:
    draw = np.random.default_rng(4)
    pixels = draw.integers(0, 256, (*shape, 3), dtype=np.uint8)
    hole = draw.random(shape) < 0.4
    made = fill_hole(pixels, hole)
    assert np.array_equal(made[~hole], pixels[~hole])


@pytest.mark.parametrize("colour", [[0, 0, 0], [255, 255, 255], [200, 30, 77]])
def test_a_uniform_picture_stays_uniform(colour: list[int], half: Hole) -> None:
    pixels = np.full((*half.shape, 3), colour, np.uint8)
    damaged = pixels.copy()
    damaged[half] = 99
    assert np.array_equal(fill_hole(damaged, half), pixels)


@pytest.mark.slow
def test_grey_stays_grey(truth: Pixels, half: Hole) -> None:
    made = fill_hole(truth[..., :1].repeat(3, axis=2), half)
    assert np.ptp(made.astype(int), axis=2).max() <= 1


@pytest.mark.slow
def test_a_soft_mask_is_blended(truth: Pixels, half: Hole) -> None:
    whole = fill_hole(truth, half)
    unknown = np.where(half, 0.75, 0.5).astype(np.float32)
    made = fill_hole(truth, unknown)
    assert np.array_equal(made[~half], truth[~half])
    between = 0.25 * truth + 0.75 * whole.astype(float)
    assert np.abs(made - between).max() <= 1


def test_without_a_hole_it_is_a_copy_of_the_picture(truth: Pixels) -> None:
    made = fill_hole(truth, np.zeros(truth.shape[:2], bool))
    assert np.array_equal(made, truth)
    assert made is not truth


@pytest.mark.slow
def test_a_small_hole_is_filled_from_its_surroundings_only(truth: Pixels) -> None:
    large = np.full((700, 900, 3), 128, np.uint8)
    large[300:400, 400:520] = truth
    hole = np.zeros(large.shape[:2], bool)
    hole[340:343, 430:480] = True
    around = np.s_[300 - 88 : 400 + 71, 400 - 98 : 520 + 88]
    assert np.array_equal(fill_hole(large, hole)[around], fill_hole(large[around], hole[around]))


@pytest.mark.slow
def test_a_huge_picture_is_filled_in_strips(
    truth: Pixels, half: Hole, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fill_hole(truth, half)
    heights = []

    def counted(x: torch.Tensor, unknown: torch.Tensor, **options: Any) -> torch.Tensor:
        heights.append(len(unknown))
        return refine(x, unknown, **options)

    monkeypatch.setattr(filling, "refine", counted)
    monkeypatch.setattr(filling, "_STRIP_PIXELS", 4000)
    monkeypatch.setattr(filling, "_MARGIN", 12)
    made = fill_hole(truth, half)
    assert heights == [45, 58, 45]
    assert np.array_equal(made[~half], truth[~half])
    assert in_hole(made, truth, half) > in_hole(whole, truth, half) - 0.7


@pytest.mark.parametrize("keep", [np.s_[:20], np.s_[80:]])
def test_strips_without_known_pixels_continue_the_strip_beside_them(
    keep: slice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "_STRIP_PIXELS", 1000)
    monkeypatch.setattr(filling, "_MARGIN", 12)
    hole = np.ones((100, 30), bool)
    hole[keep] = False
    assert (fill_hole(np.full((100, 30, 3), 77, np.uint8), hole) == 77).all()


def test_wrong_sizes_and_no_known_pixels_are_refused(truth: Pixels) -> None:
    with pytest.raises(UsageError, match=r"the size \(5, 6\) and the picture \(100, 120\)"):
        fill_hole(truth, np.zeros((5, 6), bool))
    with pytest.raises(UsageError, match="all pixels are unknown"):
        fill_hole(truth, np.ones(truth.shape[:2], bool))


@pytest.mark.slow
def test_any_number_of_threads_gives_the_same_pixels(
    threads: None, truth: Pixels, half: Hole
) -> None:
    before = truth.copy()
    results = []
    for count in (1, 3):
        set_threads(count)
        results.append(fill_hole(truth, half))
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(truth, before)


@pytest.mark.slow
@pytest.mark.parametrize("deep", [False, True])
def test_progress_is_reported_on_this_thread_and_rises_to_one(
    deep: bool, truth: Pixels, half: Hole, threads: None
) -> None:
    set_threads(2)
    hole = half.copy()
    hole[20:40, 20:40] |= deep
    reported, threads_used = [], set()

    def report(done: float) -> None:
        reported.append(done)
        threads_used.add(threading.get_ident())

    fill_hole(truth, hole, on_done=report)
    assert threads_used == {threading.get_ident()}
    assert reported == sorted(reported)
    assert reported[0] == 0
    assert reported[-1] == 1
    assert len(reported) > 50


def test_an_exception_in_the_callback_ends_the_work(
    truth: Pixels, half: Hole, threads: None
) -> None:
    set_threads(3)

    def interrupt(done: float) -> None:
        if done > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill_hole(truth, half, on_done=interrupt)
    assert parallel_map(lambda i: i, range(6)) == list(range(6))  # no thread is still busy


def test_the_mixture_of_a_large_picture_is_fitted_to_a_sample(
    truth: Pixels, half: Hole, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    fit = Mixture.fit

    def counted(patches: torch.Tensor, labels: torch.Tensor) -> Mixture:
        sizes.append(len(patches))
        return fit(patches, labels)

    monkeypatch.setattr("neuralpaint.restoration.refinement._FIT_PATCHES", 500)
    monkeypatch.setattr(Mixture, "fit", counted)
    made = fill_hole(truth, half)
    assert set(sizes) == {500}
    assert in_hole(made, truth, half) > in_hole(smooth(truth, half), truth, half) + 1
