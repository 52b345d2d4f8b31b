"""A target says what the model should say where; lattices are the batches it is learned from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuralpaint.runtime.devices import to_device
from neuralpaint.runtime.state import State, state_mismatch
from neuralpaint.training.lesson import Lesson

__all__ = ["Batch", "Lattice", "Lattices", "Target", "strides"]


class Batch(NamedTuple):
    """Colours of some pixels and where they lie, as a product grid."""

    x: Tensor  # (1, w) float32
    y: Tensor  # (h, 1) float32
    colours: Tensor  # (h, w, 3) float32 in [0, 1]
    code: Tensor | None = None  # (h, 1, k) float32, where rows are of several pictures
    weights: Tensor | None = None  # (h, w) float32, where pixels do not count alike

    def rows(self, rows: slice) -> Batch:
        """Return some of the rows."""
        code, weights = (None if each is None else each[rows] for each in (self.code, self.weights))
        return Batch(self.x, self.y[rows], self.colours[rows], code, weights)


class Lattice(NamedTuple):
    """Some rows and some columns; their crossings are the pixels of a batch."""

    rows: Tensor  # (h,) int64, rising
    columns: Tensor  # (w,) int64, rising


@dataclass(frozen=True)
class Target:
    """The colours to learn on the device, uint8 (height, width, 3), and their coordinates.

    Bytes, not floats: a batch becomes float when it is taken, so a picture of a hundred megapixels
    costs 300 MB and not 1.2 GB.
    """

    colours: Tensor  # (height, width, 3) uint8
    x: Tensor  # (1, width) float32
    y: Tensor  # (height, 1) float32
    codes: Tensor | None = None  # (height, 1, k) float32, of each row's picture
    weights: Tensor | None = None  # (height, width) float32: how much each pixel counts
    order: Tensor | None = None  # likewise: after which part of the training it is learned

    @classmethod
    def of(cls, lesson: Lesson, pixels: NDArray[np.uint8], device: torch.device) -> Target:
        """Return the pixels of a lesson as a target; on the CPU they are shared."""
        colours, x, y = (torch.from_numpy(a).to(device) for a in (pixels, *lesson.grid))
        of_rows = None if lesson.codes is None else lesson.codes[:, None]
        codes, weights, order = (
            None if array is None else torch.from_numpy(array).to(device)
            for array in (of_rows, lesson.weights(), lesson.order())
        )
        return cls(colours, x, y, codes, weights, order)

    def batch(self, lattice: Lattice, progress: Tensor | float = 1.0) -> Batch:
        """Return the pixels of a lattice, and what they count after a part of the training."""
        rows, columns = lattice
        levels = self.colours.index_select(0, rows).index_select(1, columns)
        return Batch(
            self.x[:, columns],
            self.y[rows],
            levels.to(torch.float32).mul_(1 / 255),
            None if self.codes is None else self.codes[rows],
            self._weights(lattice, progress),
        )

    def _weights(self, lattice: Lattice, progress: Tensor | float) -> Tensor | None:
        def part(plane: Tensor) -> Tensor:
            return plane.index_select(0, lattice.rows).index_select(1, lattice.columns)

        weights = None if self.weights is None else part(self.weights)
        if self.order is None:
            return weights
        begun = (part(self.order) <= progress).to(torch.float32)
        return begun if weights is None else begun * weights


def strides(shape: tuple[int, int], batch: int) -> tuple[int, int]:
    """Return the (row, column) strides whose lattices hold about `batch` of (h, w) pixels."""
    height, width = shape
    lattices = height * width / batch
    rows = _within(math.sqrt(lattices), height)
    columns = _within(lattices / rows, width)
    return _within(lattices / columns, height), columns


class Lattices(Iterator[Lattice]):
    """Lattices for ever, in epochs that cover each pixel once.

    A batch of this kind is spread evenly over the picture and is a product grid, which lets a model
    compute its input features per row and per column only. Of every few neighbouring rows one is
    taken at random, likewise of columns: on a strictly regular lattice a network learns a pattern
    of the lattice's period, which shows in its first frames. Nothing else is to draw from the
    generator.
    """

    def __init__(
        self,
        sides: tuple[int, int],
        strides: tuple[int, int],
        *,
        generator: torch.Generator,
        device: torch.device,
    ) -> None:
        """Take height and width, and of how many rows and columns a lattice has one."""
        self._sides, self._strides = sides, strides
        self._generator, self._device = generator, device
        self._began = generator.get_state()  # before this epoch was drawn
        self._order: list[int] = []
        self._taken = 0  # of this epoch

    def __next__(self) -> Lattice:
        if self._taken == len(self._order):
            self._draw_epoch()
        row, column = divmod(self._order[self._taken], self._strides[1])
        self._taken += 1
        return Lattice(self._rows[row], self._columns[column])

    def _draw_epoch(self) -> None:
        self._began = self._generator.get_state()
        self._rows, self._columns = (
            _combs(side, stride, self._generator, self._device)
            for side, stride in zip(self._sides, self._strides, strict=True)
        )
        count = self._strides[0] * self._strides[1]
        self._order = torch.randperm(count, generator=self._generator).tolist()
        self._taken = 0

    def state(self) -> State:
        """Return where the generator was as this epoch began, and how much of it is over."""
        return {"generator": self._began.numpy().copy(), "taken": np.array(self._taken)}

    def restore(self, state: State) -> None:
        """Draw that epoch again and continue after the lattices taken from it.

        Raises:
            SavedError: the values are not possible; nothing has changed.
        """
        taken = state["taken"].item()
        if not 0 <= taken <= math.prod(self._strides):
            raise state_mismatch(f"{taken} steps of an epoch of {math.prod(self._strides)}")
        try:
            self._generator.set_state(torch.tensor(state["generator"]))
        except RuntimeError as error:
            raise state_mismatch("the state of the random number generator is invalid") from error
        self._draw_epoch()
        self._taken = taken


def _within(stride: float, side: int) -> int:
    return min(side, max(1, round(stride)))


def _combs(
    side: int, stride: int, generator: torch.Generator, device: torch.device
) -> list[Tensor]:
    """Deal 0..side-1 out to `stride` combs, each of which has one of every `stride` neighbours."""
    groups = -(-side // stride)
    shuffled = torch.rand(groups, stride, generator=generator).argsort(dim=1)
    dealt = (shuffled + stride * torch.arange(groups)[:, None]).t()  # (stride, groups)
    combs = [comb[comb < side] for comb in dealt]
    # One copy, not one for each comb.
    together = to_device(torch.cat(combs), device)
    return list(together.split([len(comb) for comb in combs]))
