from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.errors import UnknownNameError, UsageError
from neuralpaint.image.orders import learning_order, order_names, orders


@pytest.fixture
def pixels() -> NDArray[np.uint8]:
    """Return 24 x 36 pixels: dark at the top, light at the bottom left."""
    y, x = np.mgrid[0:24, 0:36]
    return np.stack(3 * [4 * y + 3 * (35 - x)], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("name", list(orders))
@pytest.mark.parametrize("until", [0.5, 0.8])
def test_an_order_starts_at_zero_and_ends_at_until(
    name: str, until: float, pixels: NDArray[np.uint8]
) -> None:
    order = learning_order(name, pixels=pixels, until=until)
    assert order.dtype == np.float32
    assert order.shape == (24, 36)
    assert order.min() == 0
    assert order.max() == pytest.approx(until)
    # Not all at the start or all at the end.
    assert 0.2 * until < np.median(order) < 0.9 * until


@pytest.mark.parametrize("name", list(orders))
def test_an_order_can_be_reversed(name: str, pixels: NDArray[np.uint8]) -> None:
    order = learning_order(name, pixels=pixels, until=0.8)
    back = learning_order(f"{name}:reverse=yes", pixels=pixels, until=0.8)
    np.testing.assert_allclose(back, 0.8 - order, atol=1e-6)


def test_each_order_starts_at_the_named_place(pixels: NDArray[np.uint8]) -> None:
    def first(name: str) -> tuple[float, float]:
        y, x = np.nonzero(learning_order(name, pixels=pixels, until=0.8) < 0.1)
        return float(y.mean()), float(x.mean())

    assert first("centre-out") == pytest.approx((11.5, 17.5), abs=0.5)
    assert first("left-to-right")[1] < 4
    assert first("top-to-bottom")[0] < 3
    y, x = first("dark-to-light")
    assert y < 8
    assert x > 26


def test_dark_to_light_has_equally_many_pixels_in_each_part(pixels: NDArray[np.uint8]) -> None:
    order = learning_order("dark-to-light", pixels=pixels, until=1)
    assert np.quantile(order, [0.25, 0.5, 0.75]) == pytest.approx([0.25, 0.5, 0.75], abs=0.08)


def test_dark_to_light_ignores_single_dark_pixels() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (60, 200, 1), dtype=np.uint8)
    order = learning_order("dark-to-light", pixels=noise.repeat(3, 2), until=1)
    assert np.abs(np.diff(order, axis=1)).mean() < 0.2


def test_a_mask_is_an_order(tmp_path: Path, pixels: NDArray[np.uint8]) -> None:
    levels = np.linspace(0, 255, 36, dtype=np.uint8)[None].repeat(24, 0)
    Image.fromarray(levels).save(tmp_path / "when.png")
    order = learning_order(str(tmp_path / "when.png"), pixels=pixels, until=0.6)
    assert order[0, 0] == 0
    assert order[0, -1] == pytest.approx(0.6)
    drawn = learning_order("centre:fraction=0.2", pixels=pixels, until=0.6)
    assert set(np.unique(drawn)) == {np.float32(0), np.float32(0.6)}
    assert drawn[12, 18] > 0


def test_an_unknown_order_lists_all_orders() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'centre-out'") as caught:
        order_names.parse("centre-ot")
    assert all(name in str(caught.value) for name in orders)
    with pytest.raises(UnknownNameError, match="'reverse'"):
        order_names.parse("centre-out:reverze=yes")


def test_an_order_that_is_the_same_everywhere_is_refused(tmp_path: Path) -> None:
    flat = np.full((8, 8, 3), 128, np.uint8)
    with pytest.raises(UsageError, match="the order 'dark-to-light' is the same everywhere"):
        learning_order("dark-to-light", pixels=flat, until=0.8)
    with pytest.raises(UsageError, match=r"no order file 'when\.png'"):
        learning_order("when.png", pixels=flat, until=0.8)
