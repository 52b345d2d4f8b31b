"""Photographs, shrunk and made larger again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.image.metrics import psnr
from neuralpaint.image.pictures import Picture
from neuralpaint.image.resampling import Kernel
from neuralpaint.restoration import upsampling
from neuralpaint.restoration.settings import TargetSettings
from neuralpaint.restoration.upsampling import upsample
from neuralpaint.runtime.threads import ensure_threads, parallel_map, set_threads

ROCKET = Path(__file__).parents[2] / "examples" / "rocket.jpg"
Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def truth() -> Pixels:
    """Return the middle of a photograph."""
    return np.array(Image.open(ROCKET).convert("RGB").crop((240, 60, 480, 300)))


@pytest.fixture
def threads() -> Iterator[None]:
    before = ensure_threads()
    yield
    set_threads(before)


def small(truth: Pixels, factor: int = 2, how: Any = Image.Resampling.BOX) -> Pixels:
    side = len(truth) // factor
    return np.array(Image.fromarray(truth).resize((side, side), how))


def lanczos(pixels: Pixels, side: int) -> Pixels:
    return np.array(Image.fromarray(pixels).resize((side, side), Image.Resampling.LANCZOS))


def larger(pixels: Pixels, height: int, width: int, **settings: Any) -> Pixels:
    result = upsample(
        Picture(pixels), height=height, width=width, settings=TargetSettings(**settings)
    )
    assert result.shape == (height, width, 3)
    assert result.dtype == np.uint8
    return result


def gain(truth: Pixels, pixels: Pixels, **settings: Any) -> float:
    """Return the gain in dB over Lanczos interpolation."""
    side = len(truth)
    made = larger(pixels, side, side, **settings)
    return psnr(made, truth) - psnr(lanczos(pixels, side), truth)


@pytest.mark.parametrize(
    ("kernel", "plain", "enhanced"), [("box", 0.02, 0.25), ("bicubic", 0.35, 0.8)]
)
def test_it_is_closer_to_the_truth_than_a_resampler(
    kernel: Kernel, plain: float, enhanced: float, truth: Pixels
) -> None:
    pixels = small(truth, how=Image.Resampling[kernel.upper()])
    assert gain(truth, pixels, kernel=kernel) > plain
    assert gain(truth, pixels, kernel=kernel, enhance=True) > enhanced


def test_what_the_shrunk_copy_lacks_is_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    larger_part = np.array(Image.open(ROCKET).convert("RGB").crop((320, 100, 640, 420)))
    pixels = small(larger_part, how=Image.Resampling.BICUBIC)
    learned = gain(larger_part, pixels, kernel="bicubic", enhance=True)
    monkeypatch.setattr(upsampling, "_LEAST_LEARNED", 161)
    assert learned > gain(larger_part, pixels, kernel="bicubic", enhance=True) + 0.05


def test_errors_are_learned_from_a_part_of_the_picture(
    truth: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upsampling, "_LEAST_LEARNED", 64)
    monkeypatch.setattr(upsampling, "_LEARNED", 100 * 90)
    pixels = small(truth, how=Image.Resampling.BICUBIC)
    assert gain(truth, pixels, kernel="bicubic", enhance=True) > 0.8


@pytest.mark.parametrize(
    "size", [(160, 160), (161, 290), (40_000, 165), (165, 40_000), (900, 1300)]
)
def test_the_part_from_which_errors_are_learned_is_in_the_middle(size: tuple[int, int]) -> None:
    parts = upsampling._centre(size)
    for part, side in zip(parts, size, strict=True):
        assert 0 <= part.start <= part.stop <= side
        assert part.stop - part.start >= 160
        assert abs(part.start - (side - part.stop)) <= 1
    height, width = (part.stop - part.start for part in parts)
    assert height * width <= 1 << 19
    assert height * width > min(0.9 * (1 << 19), 0.99 * size[0] * size[1])


@pytest.mark.slow
@pytest.mark.parametrize("enhance", [False, True])
def test_noise_and_compression_are_not_amplified(enhance: bool, truth: Pixels) -> None:
    clean = small(truth)
    draw = np.random.default_rng(0).normal(0, 3, clean.shape)
    noisy = np.rint(clean + draw).clip(0, 255).astype(np.uint8)
    assert gain(truth, noisy, enhance=enhance) > 0
    assert gain(truth, noisy, enhance=enhance) > gain(truth, noisy, enhance=enhance, denoise=0)
    file = BytesIO()
    Image.fromarray(clean).save(file, "JPEG", quality=75)
    # Compressed twice, there is little to gain; but nothing is lost.
    assert gain(truth, np.array(Image.open(file)), enhance=enhance) > -0.01


def test_the_shrunk_result_is_the_picture(truth: Pixels) -> None:
    pixels = small(truth)
    made = larger(pixels, 240, 240, enhance=True)
    assert np.abs(small(made).astype(float) - pixels).mean() < 0.5


@pytest.mark.parametrize("enhance", [False, True])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (2, 2), (5, 3)])
def test_the_smallest_pictures(shape: tuple[int, int], enhance: bool) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    for height, width in ((2, 2), (3, 1), (1, 4), (16, 16)):
        larger(pixels, shape[0] * height, shape[1] * width, enhance=enhance)


@pytest.mark.parametrize("factor", [1.37, 3, 8])
def test_a_uniform_picture_stays_uniform(factor: float) -> None:
    for colour in ([0, 0, 0], [255, 255, 255], [200, 30, 77]):
        pixels = np.full((12, 15, 3), colour, np.uint8)
        made = larger(pixels, round(12 * factor), round(15 * factor), enhance=True)
        assert (made == colour).all()


def test_grey_stays_grey(truth: Pixels) -> None:
    grey = small(truth, 4)[..., :1].repeat(3, axis=2)
    made = larger(grey, 100, 128, enhance=True)
    assert np.ptp(made.astype(int), axis=2).max() <= 1


def test_at_its_own_size_it_is_the_picture_unless_denoised(truth: Pixels) -> None:
    noisy = np.random.default_rng(2).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    for denoise in (None, 0.0):
        assert np.array_equal(larger(noisy, 40, 50, enhance=True, denoise=denoise), noisy)
    draw = np.random.default_rng(3).normal(0, 8, truth.shape)
    grainy = np.rint(truth + draw).clip(0, 255).astype(np.uint8)
    made = larger(grainy, 240, 240, denoise=8.0)
    assert psnr(made, truth) > psnr(grainy, truth) + 2


def test_a_smaller_size_is_refused(truth: Pixels) -> None:
    with pytest.raises(ValueError, match="100 x 250 is smaller than 240 x 240"):
        larger(truth, 100, 250)


def test_large_factors_are_reached_in_equal_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    run = upsampling._Stage.run

    def counted(stage: upsampling._Stage) -> Pixels:
        sizes.append(stage.size)
        return run(stage)

    monkeypatch.setattr(upsampling._Stage, "run", counted)
    pixels = np.random.default_rng(4).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    for factor in (4, 8, 16):
        larger(pixels, 6 * factor, 9 * factor)
    assert sizes == [
        *((12, 18), (24, 36)),
        *((12, 18), (24, 36), (48, 72)),
        *((12, 18), (24, 36), (48, 72), (96, 144)),
    ]


@pytest.mark.parametrize("enhance", [False, True])
def test_tiles_have_no_visible_seams(
    enhance: bool, truth: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = small(truth, 4)
    whole = larger(pixels, 120, 240, enhance=enhance)
    monkeypatch.setattr(upsampling, "_TILE", 100)
    tiled = larger(pixels, 120, 240, enhance=enhance)
    difference = np.abs(tiled.astype(int) - whole)
    assert difference.max() <= (3 if enhance else 1)
    assert difference.mean() < 0.02


def test_any_number_of_threads_gives_the_same_pixels(threads: None, truth: Pixels) -> None:
    results = []
    for count in (1, 3):
        set_threads(count)
        results.append(larger(small(truth, 4), 80, 300, enhance=True))
    assert np.array_equal(results[0], results[1])


@pytest.mark.parametrize("enhance", [False, True])
@pytest.mark.parametrize("factor", [2, 6])
def test_progress_is_reported_on_this_thread_and_rises_to_one(
    factor: int, enhance: bool, truth: Pixels, threads: None
) -> None:
    set_threads(2)
    reported, threads_used = [], set()

    def report(done: float) -> None:
        reported.append(done)
        threads_used.add(threading.get_ident())

    side = 40 * factor
    upsample(
        Picture(truth[:40, :40].copy()),
        height=side,
        width=side,
        settings=TargetSettings(enhance=enhance),
        on_done=report,
    )
    assert threads_used == {threading.get_ident()}
    assert reported == sorted(reported)
    assert reported[0] >= 0
    assert reported[-1] == pytest.approx(1)
    assert len(reported) > (10 if enhance else 1)


def test_an_exception_in_the_callback_ends_the_work(truth: Pixels, threads: None) -> None:
    set_threads(3)

    def interrupt(done: float) -> None:
        if done > 0.3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upsample(
            Picture(truth),
            height=280,
            width=560,
            settings=TargetSettings(enhance=True),
            on_done=interrupt,
        )
    assert parallel_map(lambda i: i, range(6)) == list(range(6))  # no thread is still busy
