"""Stills, corrected to match their picture."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.image.pictures import Picture
from neuralpaint.image.resampling import Kernel
from neuralpaint.image.resampling_kernels import Axis
from neuralpaint.restoration import still_correction
from neuralpaint.restoration.back_projection import BackProjection
from neuralpaint.restoration.jpeg import rgb_to_ycc, ycc_to_rgb
from neuralpaint.restoration.observation import observe
from neuralpaint.restoration.settings import TargetSettings
from neuralpaint.restoration.still_correction import match_still

ROCKET = Path(__file__).parents[2] / "examples" / "rocket.jpg"
KERNELS: list[Kernel] = ["box", "bicubic", "lanczos"]


@pytest.fixture(scope="module")
def picture() -> Picture:
    image = Image.open(ROCKET).convert("RGB").resize((96, 64), Image.Resampling.BOX)
    return Picture(np.array(image))


def still(picture: Picture, height: int, width: int) -> NDArray[np.uint16]:
    """Return a blurred still, uint16, as a network would render it."""
    image = Image.fromarray(picture.pixels).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image).astype(np.uint16) * 257


class Render:
    """Strips of a still, and how often it was rendered."""

    def __init__(self, still: NDArray[np.uint16], rows: int = 11) -> None:
        self.still, self.rows, self.times = still, rows, 0

    def __call__(self) -> Iterator[NDArray[np.uint16]]:
        self.times += 1
        for top in range(0, len(self.still), self.rows):
            yield self.still[top : top + self.rows]


def whole(
    render: Render,
    picture: Picture,
    *,
    window: tuple[float, float, float, float] | None = None,
    kernel: Kernel = "box",
    depth: Literal[8, 16] = 16,
    denoise: float | None = 0.0,
    enhance: bool = False,
) -> NDArray[Any]:
    height, width = render.still.shape[:2]
    strips = match_still(
        render,
        picture,
        height=height,
        width=width,
        window=window or (0, 0, picture.height, picture.width),
        settings=TargetSettings(kernel=kernel, denoise=denoise, enhance=enhance),
        depth=depth,
    )
    return np.concatenate(list(strips))


def projected(
    still: NDArray[np.uint16], picture: Picture, kernel: Kernel, *, enhance: bool = False
) -> NDArray[np.float32]:
    """Return the still, back-projected as a whole onto the shrunk target."""
    known = observe(picture, settings=TargetSettings(kernel=kernel, denoise=0))
    rows, columns = (
        Axis.whole(low, high)
        for low, high in zip(picture.pixels.shape[:2], still.shape[:2], strict=True)
    )
    x = rgb_to_ycc(torch.from_numpy(still.astype(np.float32)).permute(2, 0, 1) / 65535)
    y = known.planes(rows.low, columns.low)
    follow = BackProjection(rows, columns, known=known)
    exact = follow
    if known.quantization is not None and not enhance:
        y = follow.down(follow.project(follow.up(y), y, times=known.projections))
        exact = BackProjection(rows, columns, known=known.exact)
    x = exact.project(x, y, times=known.projections)
    return ycc_to_rgb(x).clamp(0, 1).permute(1, 2, 0).numpy()


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("size", [(128, 192), (100, 131)])
def test_the_result_is_back_projection_of_the_whole_still(
    kernel: Kernel, size: tuple[int, int], picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(still_correction, "_BLOCK", 96 * 10)  # several blocks of the picture
    blurred = still(picture, *size)
    expected = projected(blurred, picture, kernel)
    found = whole(Render(blurred), picture, kernel=kernel)
    assert found.dtype == np.uint16
    np.testing.assert_allclose(found / 65535, expected, atol=2e-5)
    coarse = whole(Render(blurred), picture, kernel=kernel, depth=8)
    assert coarse.dtype == np.uint8
    np.testing.assert_allclose(coarse / 255, expected, atol=0.51 / 255)


@pytest.mark.parametrize("enhance", [False, True])
def test_the_still_of_a_compressed_picture_matches_the_target(
    enhance: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(still_correction, "_BLOCK", 160 * 10)
    file = BytesIO()
    image = Image.open(ROCKET).convert("RGB").resize((160, 104), Image.Resampling.BOX)
    image.save(file, "JPEG", quality=75)
    compressed = Picture(np.array(Image.open(file)))
    assert observe(compressed, settings=TargetSettings(denoise=0)).quantization is not None
    blurred = still(compressed, 208, 320)
    found = whole(Render(blurred), compressed, enhance=enhance)
    expected = projected(blurred, compressed, "box", enhance=enhance)
    np.testing.assert_allclose(found / 65535, expected, atol=2e-5)


def test_the_shrunk_still_becomes_the_picture(picture: Picture) -> None:
    blurred = still(picture, 192, 288)
    off = []
    for pixels in (blurred, whole(Render(blurred), picture)):
        image = Image.fromarray((pixels >> 8).astype(np.uint8))
        small = np.asarray(image.resize((96, 64), Image.Resampling.BOX))
        off.append(np.abs(small.astype(float) - picture.pixels).mean())
    assert off[1] < 0.25 * off[0]


def test_a_window_is_matched_like_the_whole(picture: Picture) -> None:
    blurred = still(picture, 256, 384)
    everything = whole(Render(blurred), picture)
    window = (16.0, 20.0, 48.0, 70.0)
    part = whole(Render(blurred[64:192, 80:280].copy()), picture, window=window)
    difference = np.abs(part / 65535 - everything[64:192, 80:280] / 65535)
    assert difference[40:-40, 40:-40].max() < 0.004  # a level
    assert difference.mean() < 0.001


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_window_may_cut_through_pixels(kernel: Kernel, picture: Picture) -> None:
    window = (10.4, 20.7, 30.1, 51.3)
    image = Image.fromarray(picture.pixels)
    box = (window[1], window[0], window[3], window[2])
    blurred = np.asarray(image.resize((122, 79), Image.Resampling.BILINEAR, box=box))
    found = whole(Render(blurred.astype(np.uint16) * 257), picture, window=window, kernel=kernel)
    assert found.shape == (79, 122, 3)
    assert not np.array_equal(found, blurred.astype(np.uint16) * 257)
    # The correction stays bounded at the cut edges.
    assert np.abs(found / 257 - blurred).max() < 80


def test_a_window_within_a_pixel_is_not_changed(picture: Picture) -> None:
    blurred = still(picture, 40, 40)
    found = whole(Render(blurred), picture, window=(3.2, 3.2, 3.9, 3.9))
    assert np.array_equal(found, blurred)


def test_a_large_still_is_rendered_twice(picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    once, twice = (Render(still(picture, 128, 192)) for _ in range(2))
    kept = whole(once, picture)
    monkeypatch.setattr(still_correction, "_MOST_BYTES", 100)
    again = whole(twice, picture)
    assert (once.times, twice.times) == (1, 2)
    assert np.array_equal(kept, again)


def test_strips_keep_their_rows(picture: Picture) -> None:
    strips = match_still(
        Render(still(picture, 128, 192), rows=50),
        picture,
        height=128,
        width=192,
        window=(0, 0, 64, 96),
        settings=TargetSettings(),
        depth=8,
    )
    assert [strip.shape for strip in strips] == [(50, 192, 3), (50, 192, 3), (28, 192, 3)]


@pytest.mark.parametrize(
    ("size", "window"),
    [
        ((64, 192), (0, 0, 64, 96)),
        ((128, 40), (0, 0, 64, 96)),
        ((128, 192), (-1, 0, 64, 96)),
        ((128, 192), (0, 0, 64, 97)),
        ((128, 192), (5, 0, 5, 96)),
    ],
)
def test_a_still_that_is_too_small_or_shows_too_much_is_refused(
    size: tuple[int, int], window: tuple[float, float, float, float], picture: Picture
) -> None:
    with pytest.raises(ValueError, match=r"pixels"):
        whole(Render(still(picture, *size)), picture, window=window)


def test_a_window_may_be_too_large_by_a_rounding_error(picture: Picture) -> None:
    blurred = still(picture, 128, 192)
    found = whole(Render(blurred), picture, window=(-1e-12, 0, 64 + 1e-12, 96))
    assert np.array_equal(found, whole(Render(blurred), picture))
