"""The kernel by which a picture was made small, from its spectrum."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.image.metrics import psnr
from neuralpaint.image.pictures import Picture
from neuralpaint.image.resampling import Kernel
from neuralpaint.image.resampling_kernels import REACH
from neuralpaint.restoration.kernel_estimation import estimate_kernel
from neuralpaint.restoration.settings import TargetSettings
from neuralpaint.restoration.upsampling import upsample

Pixels = NDArray[np.uint8]


def scene(side: int, seed: int = 0) -> Pixels:
    """Return noise whose amplitude falls with the frequency, as in a photograph."""
    noise = np.fft.fft2(np.random.default_rng(seed).normal(size=(side, side)))
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    plane = np.fft.ifft2(noise / np.maximum(frequency, 4 / side) ** 1.2).real
    levels = np.rint(128 + 50 * plane / plane.std()).clip(0, 255)
    return np.repeat(levels[..., None].astype(np.uint8), 3, axis=2)


def shrunk(pixels: Pixels, kernel: Kernel, factor: int) -> Pixels:
    side = len(pixels) // factor
    how = Image.Resampling[kernel.upper()]
    return np.array(Image.fromarray(pixels).resize((side, side), how))


@pytest.mark.parametrize("kernel", REACH)
@pytest.mark.parametrize("factor", [2, 3])
def test_the_kernel_of_a_shrunk_picture_is_found(kernel: Kernel, factor: int) -> None:
    for seed in range(3):
        assert estimate_kernel(shrunk(scene(600, seed), kernel, factor)) == kernel


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (63, 200), (65, 67), (300, 300)])
def test_a_small_or_uniform_picture_is_assumed_to_be_averaged(shape: tuple[int, int]) -> None:
    for level in (0, 77, 255):
        assert estimate_kernel(np.full((*shape, 3), level, np.uint8)) == "box"


def test_auto_enlarges_with_the_kernel_that_is_found() -> None:
    truth = scene(400)
    picture = Picture(shrunk(truth, "lanczos", 2))

    def enlarged(kernel: str) -> Pixels:
        settings = TargetSettings.from_dict({"kernel": kernel})
        return upsample(picture, height=400, width=400, settings=settings)

    assert np.array_equal(enlarged("auto"), enlarged("lanczos"))
    assert psnr(enlarged("auto"), truth) > psnr(enlarged("box"), truth)
