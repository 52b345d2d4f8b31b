from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.errors import PictureError, UsageError
from neuralpaint.image.masks import read_mask, transparency

Levels = NDArray[np.uint8]


@pytest.fixture
def half() -> Levels:
    """Return a mask that is unknown on the left, uint8 (24, 40)."""
    levels = np.zeros((24, 40), np.uint8)
    levels[:, :20] = 255
    return levels


def saved(pixels: NDArray[Any], kind: str = "PNG", **options: Any) -> BytesIO:
    file = BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    file.seek(0)
    return file


def coloured(alpha: Levels) -> Levels:
    """Return RGBA pixels of all colours with that alpha."""
    colours = np.random.default_rng(0).integers(0, 256, (*alpha.shape, 3), dtype=np.uint8)
    return np.dstack([colours, alpha])


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP", "GIF", "JPEG"])
def test_white_is_unknown_in_every_file_format(kind: str, half: Levels) -> None:
    unknown = read_mask(saved(half, kind), (24, 40))
    assert unknown.dtype == np.float32
    # Compression changes levels at the edge only.
    assert (unknown[:, :16] == 1).all()
    assert (unknown[:, 24:] == 0).all()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "I;16", "F"])
def test_every_pixel_mode_is_read(mode: str, half: Levels) -> None:
    file = BytesIO()
    if mode == "I;16":
        image = Image.fromarray(half.astype(np.uint16) * 257)
    elif mode == "F":
        image = Image.fromarray(half.astype(np.float32) / 255)
    else:
        image = Image.fromarray(half).convert(mode)
    image.save(file, "TIFF")
    file.seek(0)
    assert np.array_equal(read_mask(file, (24, 40)), half / 255)


def test_grey_is_a_value_between_0_and_1(half: Levels) -> None:
    unknown = read_mask(saved(half // 2), (24, 40))
    assert unknown[0, 0] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("factor", [0.5, 2, 3])
def test_a_mask_file_can_have_any_size_of_the_same_shape(factor: float, half: Levels) -> None:
    height, width = round(24 * factor), round(40 * factor)
    unknown = read_mask(saved(half), (height, width))
    assert unknown.shape == (height, width)
    assert np.array_equal(unknown[:, : width // 2] > 0.5, np.ones((height, width // 2)))
    assert not (unknown[:, width // 2 :] > 0.5).any()
    assert set(np.unique(unknown[:, :: width - 1])) == {0, 1}


def test_a_larger_mask_is_averaged() -> None:
    fine = np.zeros((400, 400), np.uint8)
    fine[::2] = 255
    unknown = read_mask(saved(fine), (20, 20))
    assert np.abs(unknown - 0.5).max() < 0.05


def test_a_rounded_size_counts_as_the_same_shape() -> None:
    read_mask(saved(np.zeros((33, 50), np.uint8)), (667, 1000))
    read_mask(saved(np.zeros((2, 3), np.uint8)), (667, 1000))


def test_another_shape_is_refused(half: Levels) -> None:
    with pytest.raises(UsageError, match="is 40x24 and the picture 24x40: give a mask of the same"):
        read_mask(saved(half), (40, 24))


def test_transparent_is_unknown_for_all_colours(half: Levels) -> None:
    unknown = read_mask(saved(coloured(255 - half)), (24, 40))
    assert np.array_equal(unknown, half / 255)


def test_a_transparent_palette_entry_is_unknown(half: Levels) -> None:
    image = Image.fromarray(half // 255).convert("P")
    image.putpalette([0, 0, 0, 200, 200, 200])
    file = BytesIO()
    image.save(file, "PNG", transparency=1)
    file.seek(0)
    assert np.array_equal(read_mask(file, (24, 40)), half / 255)


def test_a_mask_file_is_turned_upright(half: Levels) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    unknown = read_mask(saved(half, exif=exif), (40, 24))
    assert np.array_equal(unknown, np.rot90(half / 255, -1))


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n damaged"])
def test_an_unreadable_file_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "mask.png"
    file.write_bytes(content)
    with pytest.raises(PictureError, match=r"mask\.png"):
        read_mask(file, (4, 4))


def test_a_file_above_the_pixel_limit_is_refused(half: Levels) -> None:
    with pytest.raises(PictureError, match="over the limit of 100"):
        read_mask(saved(half), (24, 40), max_pixels=100)


def test_transparency_is_read_from_the_picture(half: Levels) -> None:
    unknown = transparency(saved(coloured(255 - half)), (24, 40))
    assert unknown.dtype == np.float32
    assert np.array_equal(unknown, half / 255)


def test_partly_transparent_is_unknown() -> None:
    alpha = np.array([[0, 30, 128, 200, 254, 255]], np.uint8)
    unknown = transparency(saved(coloured(alpha)), (1, 6))
    assert unknown.tolist() == [[1, 1, 1, 1, 0, 0]]


def test_transparency_is_cropped_like_the_picture(half: Levels) -> None:
    unknown = transparency(saved(coloured(255 - half)), (24, 24))
    assert np.array_equal(unknown, half[:, 8:32] / 255)


def test_an_opaque_picture_is_refused(half: Levels) -> None:
    for file in (saved(half), saved(coloured(np.full_like(half, 255)))):
        with pytest.raises(UsageError, match="has no transparent parts"):
            transparency(file, (24, 40))
