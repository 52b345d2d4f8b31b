"""Alpha: premultiplied inside, straight in files, and read from every kind of picture."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.errors import UsageError
from neuralpaint.image.alpha import opaque, over, straight
from neuralpaint.image.canvas import Canvas
from neuralpaint.image.pictures import Picture, load_picture
from neuralpaint.image.resampling import resample
from neuralpaint.image.still_files import save_still

BACKGROUNDS = (0, 0, 0), (255, 255, 255), (10, 200, 90)


def every_pixel() -> NDArray[np.uint8]:
    """Return a premultiplied pixel for each alpha and each colour up to it."""
    alpha, colour = np.ogrid[:256, :256]
    pixels: NDArray[np.uint8] = np.stack(
        np.broadcast_arrays(*[np.minimum(alpha, colour)] * 3, alpha), -1
    ).astype(np.uint8)
    return pixels


def shown(straight: NDArray[Any], colour: tuple[int, int, int]) -> NDArray[np.float64]:
    """Return straight pixels over a colour, in levels of 255, by definition."""
    levels = straight / (np.iinfo(straight.dtype).max / 255)
    alpha = levels[..., 3:] / 255
    result: NDArray[np.float64] = levels[..., :3] * alpha + (1 - alpha) * np.array(colour)
    return result


@pytest.mark.parametrize("colour", BACKGROUNDS)
@pytest.mark.parametrize("depth", [8, 16])
def test_straight_pixels_look_like_premultiplied_ones(
    depth: int, colour: tuple[int, int, int]
) -> None:
    pixels = every_pixel()
    found = shown(straight(pixels, depth=depth), colour)  # type: ignore[arg-type]
    assert np.abs(found - over(pixels, colour)).max() <= 1


def test_pixels_of_16_bits_are_converted_too() -> None:
    deep = every_pixel().astype(np.uint16) * 257
    assert np.abs(straight(deep).astype(int) - straight(every_pixel(), depth=16)).max() <= 1
    assert np.array_equal(over(deep, (0, 0, 0)), deep[..., :3])


def test_pixels_without_alpha_are_unchanged() -> None:
    pixels = every_pixel()[..., :3]
    assert straight(pixels) is pixels
    assert over(pixels, (1, 2, 3)) is pixels
    assert opaque((1, 2, 3), channels=4).tolist() == [1, 2, 3, 255]


def saved(pixels: NDArray[np.uint8], kind: str = "PNG", **options: object) -> io.BytesIO:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    file.seek(0)
    return file


def test_a_picture_keeps_its_alpha_only_if_that_is_wanted() -> None:
    pixels = straight(every_pixel())
    assert load_picture(saved(pixels)).channels == 3
    picture = load_picture(saved(pixels), alpha=True)
    assert (picture.channels, picture.canvas.channels) == (4, 4)
    assert np.abs(picture.pixels.astype(int) - every_pixel()).max() <= 1


@pytest.mark.parametrize("kind", ["TIFF", "WebP"])
def test_alpha_is_read_from_other_kinds(kind: str) -> None:
    pixels = straight(every_pixel())
    options = {"lossless": True, "exact": True} if kind == "WebP" else {}
    picture = load_picture(saved(pixels, kind, **options), alpha=True)
    assert np.array_equal(picture.pixels[..., 3], pixels[..., 3])


def test_an_opaque_picture_has_no_alpha() -> None:
    pixels = every_pixel()
    pixels[..., 3] = 255
    picture = load_picture(saved(pixels), alpha=True)
    assert np.array_equal(picture.pixels, pixels[..., :3])


def test_a_turned_picture_with_alpha_is_turned() -> None:
    pixels = straight(every_pixel())[:40]
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn clockwise
    picture = load_picture(saved(pixels, exif=exif), alpha=True)
    assert picture.pixels.shape == (256, 40, 4)
    assert np.array_equal(picture.pixels[..., 3], np.rot90(pixels[..., 3], -1))


def test_resized_edges_have_no_halo() -> None:
    pixels = np.zeros((40, 60, 4), np.uint8)
    pixels[10:30, 15:45] = (100, 50, 0, 128)
    picture = Picture(pixels)
    sized = (
        picture.covering(height=20, width=30).pixels,
        resample(picture, Canvas.of(height=31, width=47, channels=4)),
    )
    for small in sized:
        alpha = small[..., 3].astype(float)
        assert np.abs(small[..., 0] - alpha * 200 / 255).max() <= 2
        assert np.abs(small[..., 1] - alpha * 100 / 255).max() <= 2


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".webp"])
def test_a_still_stores_straight_alpha(tmp_path: Path, suffix: str) -> None:
    path = f"{tmp_path}/still{suffix}"
    save_still(every_pixel(), path)
    with Image.open(path) as image:
        found = np.asarray(image.convert("RGBA"))
    visible = found[..., 3] > 0  # WebP stores no colour elsewhere
    assert image.mode == "RGBA"
    assert np.array_equal(found[visible], straight(every_pixel())[visible])
    assert np.array_equal(found[..., 3], every_pixel()[..., 3])


def test_a_still_without_alpha_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="jpeg stores no alpha"):
        save_still(every_pixel(), f"{tmp_path}/still.jpg")


def test_a_notebook_shows_the_alpha() -> None:
    with Image.open(io.BytesIO(Picture(every_pixel())._repr_png_())) as image:
        found = np.asarray(image)
    assert np.abs(found.astype(int) - straight(every_pixel())).max() <= 1
