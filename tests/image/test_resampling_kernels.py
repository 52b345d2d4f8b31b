from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from neuralpaint.image.resampling import Kernel
from neuralpaint.image.resampling_kernels import Axis, BandedMatrix

RESAMPLING = {
    "box": Image.Resampling.BOX,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


def noise(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1))


def by_pillow(
    x: torch.Tensor,
    height: int,
    width: int,
    kernel: Kernel,
    box: tuple[float, float, float, float] | None = None,
) -> torch.Tensor:
    image = Image.fromarray(x.numpy()).resize((width, height), RESAMPLING[kernel], box=box)
    return torch.from_numpy(np.array(image))


@pytest.mark.parametrize(
    ("kernel", "low", "high"),
    [
        *[(kernel, (5, 9), (10, 36)) for kernel in RESAMPLING],
        *[(kernel, (1, 4), (3, 4)) for kernel in RESAMPLING],
        ("bicubic", (7, 8), (10, 11)),
        ("lanczos", (7, 8), (10, 11)),
    ],
)
def test_shrinking_equals_pillow(
    kernel: Kernel, low: tuple[int, int], high: tuple[int, int]
) -> None:
    rows, columns = (Axis.whole(*sides).down(kernel) for sides in zip(low, high, strict=True))
    x = noise(*high)
    made = columns.along_columns(rows.along_rows(x))
    torch.testing.assert_close(made, by_pillow(x, *low, kernel), atol=2e-6, rtol=0)


@pytest.mark.parametrize(("low", "high"), [(7, 10), (8, 11), (100, 101), (5, 5)])
def test_a_box_weights_pixels_by_their_area_inside_it(low: int, high: int) -> None:
    x = noise(high, 1)
    means = x.repeat_interleave(low, dim=0).view(low, high).mean(1, keepdim=True)
    made = Axis.whole(low, high).down("box").along_rows(x)
    torch.testing.assert_close(made, means, atol=2e-6, rtol=0)


@pytest.mark.parametrize(
    ("low", "high"), [((5, 9), (10, 36)), ((7, 8), (10, 11)), ((1, 4), (3, 4))]
)
def test_interpolation_equals_pillows_lanczos(low: tuple[int, int], high: tuple[int, int]) -> None:
    rows, columns = (Axis.whole(*sides).up() for sides in zip(low, high, strict=True))
    y = noise(*low)
    made = columns.along_columns(rows.along_rows(y))
    torch.testing.assert_close(made, by_pillow(y, *high, "lanczos"), atol=2e-6, rtol=0)


def test_interpolating_a_window_equals_pillow() -> None:
    y = noise(20, 1)
    rows = Axis(slice(0, 20), slice(0, 31), scale=31 / 9.7, origin=4.2).up()
    expected = by_pillow(y, 31, 1, "lanczos", box=(0, 4.2, 1, 13.9))
    torch.testing.assert_close(rows.along_rows(y), expected, atol=2e-6, rtol=0)


@pytest.mark.parametrize("kernel", RESAMPLING)
@pytest.mark.parametrize("high", [40, 27])
def test_a_tile_equals_the_whole_inside(kernel: Kernel, high: int) -> None:
    scale = high / 20
    fine = slice(round(6 * scale), round(18 * scale))
    tile = Axis(slice(6, 18), fine, scale)
    whole, x, y = Axis.whole(20, high), noise(high, 1), noise(20, 1)
    down = tile.down(kernel).along_rows(x[fine])
    assert torch.equal(down[3:-3], whole.down(kernel).along_rows(x)[9:15])
    up = tile.up().along_rows(y[6:18])
    torch.testing.assert_close(up[6:-6], whole.up().along_rows(y)[fine][6:-6])


def test_two_matrices_multiply_into_one() -> None:
    axis, y = Axis.whole(9, 23), noise(9, 2)
    up, down = axis.up(), axis.down("bicubic")
    once = down.after(up).along_rows(y)
    torch.testing.assert_close(once, down.along_rows(up.along_rows(y)))


def test_a_part_of_a_matrix_returns_the_inputs_it_needs() -> None:
    up, y = Axis.whole(12, 30).up(), noise(12, 1)
    part, needed = up.part(slice(10, 14))
    assert needed.stop - needed.start < 12
    assert torch.equal(part.along_rows(y[needed]), up.along_rows(y)[10:14])


def test_positions_beyond_the_inputs_repeat_the_nearest() -> None:
    rows = Axis(slice(5, 8), slice(0, 20), scale=2, origin=0).up()
    made = rows.along_rows(torch.tensor([[1.0], [2.0], [3.0]]))
    assert torch.isfinite(made).all()
    assert made.min() > 0
    assert made.max() < 4


def test_weights_sum_to_one() -> None:
    for kernel in RESAMPLING:
        band = BandedMatrix.of(np.array([0.0, 0.3, 5.0]), stretch=2.5, inputs=5, kernel=kernel)  # type: ignore[arg-type]
        torch.testing.assert_close(band.weights.sum(0), torch.ones(3))
