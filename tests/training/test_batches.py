from __future__ import annotations

import math
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch

from neuralpaint.image.canvas import Canvas
from neuralpaint.image.pictures import Picture
from neuralpaint.training.batches import Lattice, Lattices, TargetTensors, strides
from neuralpaint.training.settings import TrainingSettings
from neuralpaint.training.target import Target

PIXELS = np.random.default_rng(0).integers(0, 256, (13, 29, 3), dtype=np.uint8)


def target(pixels: np.ndarray = PIXELS) -> TargetTensors:
    whole = Target(Picture(pixels), TrainingSettings())
    return TargetTensors.of(whole, whole.colours(), device=torch.device("cpu"))


def lattices(batch: int, *, seed: int, shape: tuple[int, int] = PIXELS.shape[:2]) -> Lattices:
    generator = torch.Generator().manual_seed(seed)
    apart = strides(shape, batch)
    return Lattices(shape, strides=apart, generator=generator, device=torch.device("cpu"))


def test_a_batch_has_the_colours_and_coordinates_of_its_pixels() -> None:
    rows, columns = torch.tensor([3, 7, 11]), torch.tensor([2, 9, 12, 28])
    batch = target().batch(Lattice(rows, columns))
    grid = Canvas.of(height=13, width=29).grid()
    np.testing.assert_allclose(batch.colours, np.float32(PIXELS[rows][:, columns]) / 255, rtol=1e-6)
    np.testing.assert_array_equal(batch.x.numpy(), grid.x[:, columns])
    np.testing.assert_array_equal(batch.y.numpy(), grid.y[rows])


def test_one_epoch_of_lattices_covers_every_pixel_once() -> None:
    epoch = math.prod(strides(PIXELS.shape[:2], 30))
    counts = np.zeros(PIXELS.shape[:2], int)
    for lattice in islice(lattices(30, seed=1), epoch):
        counts[lattice.rows[:, None], lattice.columns] += 1
    assert (counts == 1).all()


def test_a_lattice_is_spread_evenly_but_not_periodic() -> None:
    lattice = next(lattices(1200, seed=1, shape=(400, 300)))
    for comb, side in zip(lattice, (400, 300), strict=True):
        assert len(comb) == side // 10
        np.testing.assert_array_equal(comb // 10, np.arange(side // 10))
        assert len(set((comb % 10).tolist())) > 3


def test_lattices_repeat_with_their_seed() -> None:
    def draw(seed: int) -> list[list[int]]:
        drawn = islice(lattices(30, seed=seed), 40)
        return [[*lattice.rows.tolist(), *lattice.columns.tolist()] for lattice in drawn]

    assert draw(3) == draw(3) != draw(4)


def test_lattices_can_be_restored_at_any_step() -> None:
    whole, epoch = lattices(60, seed=3), math.prod(strides(PIXELS.shape[:2], 60))
    for _ in range(2 * epoch + 1):
        again = lattices(60, seed=4)
        again.restore(whole.state())
        expected, found = next(whole), next(again)
        assert torch.equal(found.rows, expected.rows)
        assert torch.equal(found.columns, expected.columns)


@pytest.mark.parametrize(
    ("height", "width", "batch"),
    [(427, 640, 8000), (512, 768, 1536), (1, 5000, 100), (3, 2, 10**6)],
)
def test_strides_give_about_the_wanted_batch(height: int, width: int, batch: int) -> None:
    rows, columns = strides((height, width), batch)
    assert 1 <= rows <= height
    assert 1 <= columns <= width
    size = height * width / (rows * columns)
    assert size == pytest.approx(min(batch, height * width), rel=0.1)


def test_pixels_are_shared_and_stay_bytes() -> None:
    pixels = PIXELS.copy()
    colours = target(pixels).colours
    assert colours.dtype == torch.uint8
    assert colours.data_ptr() == pixels.ctypes.data


def planes(**options: np.ndarray) -> TargetTensors:
    given: dict[str, Any] = {"fills": False, **options}
    whole = Target(Picture(PIXELS, **given), TrainingSettings())
    return TargetTensors.of(whole, whole.colours(), device=torch.device("cpu"))


LATTICE = Lattice(torch.tensor([3, 7, 11]), torch.tensor([2, 9, 12, 28]))


def test_without_weights_a_batch_has_none() -> None:
    assert target().batch(LATTICE).weights is None


def test_a_batch_has_the_weights_of_its_pixels() -> None:
    weights = np.random.default_rng(1).random(PIXELS.shape[:2], np.float32)
    unknown = np.zeros_like(weights)
    unknown[7] = 1
    batch = planes(weights=weights, unknown=unknown).batch(LATTICE)
    expected = (weights * (1 - unknown))[np.ix_(*(axis.numpy() for axis in LATTICE))]
    np.testing.assert_array_equal(batch.weights, expected)
    assert batch.rows(slice(1, 2)).weights.tolist() == [[0, 0, 0, 0]]  # type: ignore[union-attr]


def test_pixels_have_the_weight_0_before_their_order() -> None:
    order = np.broadcast_to(np.linspace(0, 1, 13, dtype=np.float32)[:, None], (13, 29)).copy()
    subject = planes(order=order)
    for progress, begun in ((0.0, [0, 0, 0]), (0.6, [1, 1, 0]), (1.0, [1, 1, 1])):
        weights = subject.batch(LATTICE, progress).weights
        assert weights is not None
        assert weights[:, 0].tolist() == begun
