"""The quantization of JPEG files, detected and applied."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.restoration.jpeg import COSINES, Quantization, detect_quantization

ROCKET = Path(__file__).parents[2] / "examples" / "rocket.jpg"


def photograph() -> Image.Image:
    """Return a photograph without traces of JPEG: it was shrunk."""
    return Image.open(ROCKET).convert("RGB").resize((320, 208), Image.Resampling.LANCZOS)


def compressed(image: Image.Image, quality: int) -> tuple[NDArray[np.uint8], list[int]]:
    file = BytesIO()
    image.save(file, "JPEG", quality=quality)
    with Image.open(file) as opened:
        return np.array(opened.convert("RGB")), opened.quantization[0]  # type: ignore[attr-defined]


@pytest.mark.parametrize("quality", [50, 75, 90])
def test_the_steps_of_a_file_are_found(quality: int) -> None:
    pixels, table = compressed(photograph(), quality)
    found = detect_quantization(pixels)
    assert found is not None
    steps = (found.steps * 255).flatten().tolist()
    right = np.isclose(steps, table, rtol=0.35)  # including frequencies that were estimated
    assert right.sum() >= 62


def test_a_shrunk_picture_has_none() -> None:
    assert detect_quantization(np.array(photograph())) is None


def test_a_cropped_file_has_none() -> None:
    pixels, _ = compressed(photograph(), 90)
    assert detect_quantization(pixels[3:, 2:].copy()) is None


def test_drawings_have_none() -> None:
    rng = np.random.default_rng(0)
    for side in (1, 4, 8):
        squares = rng.integers(1, 12, (256 // side, 256 // side, 1)) * 20
        drawing = squares.repeat(side, 0).repeat(side, 1).repeat(3, 2).astype(np.uint8)
        assert detect_quantization(drawing) is None


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (8, 8), (9, 40)])
def test_a_small_picture_has_none(shape: tuple[int, int]) -> None:
    assert detect_quantization(np.full((*shape, 3), 99, np.uint8)) is None


def test_the_residual_is_reduced_by_rounding_errors() -> None:
    quantization = Quantization(torch.full((8, 8), 0.4))
    wave = torch.from_numpy(np.outer(COSINES[2], COSINES[3])).float()
    residual = torch.zeros(3, 16, 24)
    residual[0, 8:, 8:16] = 0.25 * wave  # rounding explains 0.1
    residual[0, :8, :8] = 0.09 * wave
    rest = quantization.unexplained(residual, corner=(0, 0))
    torch.testing.assert_close(rest[0, 8:, 8:16], 0.15 * wave)
    assert rest[0, :8, :8].abs().max() < 1e-6


def test_blocks_are_aligned_with_the_whole_picture() -> None:
    quantization = Quantization(torch.rand(8, 8, generator=torch.Generator().manual_seed(0)) / 4)
    residual = torch.randn(3, 40, 48, generator=torch.Generator().manual_seed(1))
    whole = quantization.unexplained(residual, corner=(0, 0))
    part = quantization.unexplained(residual[:, 3:30, 5:45], corner=(3, 5))
    torch.testing.assert_close(part[:, 5:21, 3:35], whole[:, 8:24, 8:40])
