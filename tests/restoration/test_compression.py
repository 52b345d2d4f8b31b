from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.restoration.super_resolution.compression import rounding_of
from neuralpaint.restoration.super_resolution.rounding import COSINES, Rounding

ROCKET = Path(__file__).parents[2] / "examples" / "rocket.jpg"


def photograph() -> Image.Image:
    """A photograph that is no JPEG file any more: it is shrunk."""
    return Image.open(ROCKET).convert("RGB").resize((320, 208), Image.Resampling.LANCZOS)


def compressed(image: Image.Image, quality: int) -> tuple[NDArray[np.uint8], list[int]]:
    file = BytesIO()
    image.save(file, "JPEG", quality=quality)
    with Image.open(file) as opened:
        return np.array(opened.convert("RGB")), opened.quantization[0]  # type: ignore[attr-defined]


@pytest.mark.parametrize("quality", [50, 75, 90])
def test_it_finds_the_steps_of_a_file(quality: int) -> None:
    pixels, table = compressed(photograph(), quality)
    rounding = rounding_of(pixels)
    assert rounding is not None
    steps = (rounding.steps * 255).flatten().tolist()
    right = np.isclose(steps, table, rtol=0.35)  # also where it had to guess
    assert right.sum() >= 62


def test_a_picture_that_was_shrunk_is_none() -> None:
    assert rounding_of(np.array(photograph())) is None


def test_a_file_that_was_cropped_looks_like_none() -> None:
    pixels, _ = compressed(photograph(), 90)
    assert rounding_of(pixels[3:, 2:].copy()) is None


def test_drawings_are_none() -> None:
    draw = np.random.default_rng(0)
    for side in (1, 4, 8):
        squares = draw.integers(1, 12, (256 // side, 256 // side, 1)) * 20
        drawing = squares.repeat(side, 0).repeat(side, 1).repeat(3, 2).astype(np.uint8)
        assert rounding_of(drawing) is None


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (8, 8), (9, 40)])
def test_a_small_picture_is_none(shape: tuple[int, int]) -> None:
    assert rounding_of(np.full((*shape, 3), 99, np.uint8)) is None


def test_what_rounding_explains_is_left_out() -> None:
    rounding = Rounding(torch.full((8, 8), 0.4))
    wave = torch.from_numpy(np.outer(COSINES[2], COSINES[3])).float()
    residual = torch.zeros(3, 16, 24)
    residual[0, 8:, 8:16] = 0.25 * wave  # 0.1 of it is explained
    residual[0, :8, :8] = 0.09 * wave
    beyond = rounding.beyond(residual, corner=(0, 0))
    torch.testing.assert_close(beyond[0, 8:, 8:16], 0.15 * wave)
    assert beyond[0, :8, :8].abs().max() < 1e-6


def test_blocks_are_those_of_the_whole_picture() -> None:
    rounding = Rounding(torch.rand(8, 8, generator=torch.Generator().manual_seed(0)) / 4)
    residual = torch.randn(3, 40, 48, generator=torch.Generator().manual_seed(1))
    whole = rounding.beyond(residual, corner=(0, 0))
    part = rounding.beyond(residual[:, 3:30, 5:45], corner=(3, 5))
    torch.testing.assert_close(part[:, 5:21, 3:35], whole[:, 8:24, 8:40])
