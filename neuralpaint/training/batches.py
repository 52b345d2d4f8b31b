"""Batches of a target on the device: lattices of pixels that are spread over the whole picture."""

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
from neuralpaint.training.target import Target

__all__ = ["Batch", "Lattice", "Lattices", "TargetTensors", "strides"]


class Batch(NamedTuple):
    """Some pixels of a target, as a product grid."""

    x: Tensor  # (1, w) float32
    y: Tensor  # (h, 1) float32
    colours: Tensor  # (h, w, channels) float32 in [0, 1]
    code: Tensor | None = None  # (h, 1, k) float32, for an album
    weights: Tensor | None = None  # (h, w) float32; None if all are equal

    def rows(self, rows: slice) -> Batch:
        """Return some of the rows."""
        code, weights = (None if each is None else each[rows] for each in (self.code, self.weights))
        return Batch(self.x, self.y[rows], self.colours[rows], code, weights)


class Lattice(NamedTuple):
    """Some rows and some columns; the pixels of a batch are at their intersections."""

    rows: Tensor  # (h,) int64, ascending
    columns: Tensor  # (w,) int64, ascending


@dataclass(frozen=True)
class TargetTensors:
    """A target on the device.

    Colours are stored as bytes and converted for each batch: 100 megapixels need 300 MB, as floats
    it would be 1.2 GB.
    """

    colours: Tensor  # (height, width, channels) uint8
    x: Tensor  # (1, width) float32
    y: Tensor  # (height, 1) float32
    codes: Tensor | None = None  # (height, 1, k) float32
    weights: Tensor | None = None  # (height, width) float32
    order: Tensor | None = None  # (height, width) float32

    @classmethod
    def of(
        cls, target: Target, colours: NDArray[np.uint8], *, device: torch.device
    ) -> TargetTensors:
        """Copy a target with its computed colours to a device; the CPU shares their memory."""
        pixels, x, y = (torch.from_numpy(a).to(device) for a in (colours, *target.grid))
        row_codes = None if target.codes is None else target.codes[:, None]
        codes, weights, order = (
            None if array is None else torch.from_numpy(array).to(device)
            for array in (row_codes, target.weights(), target.order())
        )
        return cls(pixels, x, y, codes, weights, order)

    def batch(self, lattice: Lattice, progress: Tensor | float = 1.0) -> Batch:
        """Return the pixels of a lattice; their weights depend on `progress`, in [0, 1]."""
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
        is_learned = (part(self.order) <= progress).to(torch.float32)
        return is_learned if weights is None else is_learned * weights


def strides(shape: tuple[int, int], batch: int) -> tuple[int, int]:
    """Return (row, column) strides for which lattices have about `batch` of the (h, w) pixels."""

    def clamp(stride: float, side: int) -> int:
        return min(side, max(1, round(stride)))

    height, width = shape
    lattices = height * width / batch
    rows = clamp(math.sqrt(lattices), height)
    columns = clamp(lattices / rows, width)
    return clamp(lattices / columns, height), columns


class Lattices(Iterator[Lattice]):
    """Endless random lattices, in epochs that cover each pixel once.

    A batch is spread evenly over the picture and is a product grid, so a model computes its
    features once per row and once per column. One of every few neighbouring rows is chosen at
    random, and the same for columns: with a regular lattice the network learns a pattern with the
    lattice's period, which is visible in the first frames. Nothing else may use the generator.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        *,
        strides: tuple[int, int],
        generator: torch.Generator,
        device: torch.device,
    ) -> None:
        """Take (height, width) of the target and the (row, column) strides."""
        self._shape, self._strides = shape, strides
        self._generator, self._device = generator, device
        self._epoch_state = generator.get_state()  # before this epoch was drawn
        self._order: list[int] = []
        self._taken = 0  # lattices of this epoch

    def __next__(self) -> Lattice:
        if self._taken == len(self._order):
            self._draw_epoch()
        row, column = divmod(self._order[self._taken], self._strides[1])
        self._taken += 1
        return Lattice(self._rows[row], self._columns[column])

    def _draw_epoch(self) -> None:
        self._epoch_state = self._generator.get_state()
        self._rows, self._columns = (
            self._draw_indices(side, stride)
            for side, stride in zip(self._shape, self._strides, strict=True)
        )
        self._order = torch.randperm(math.prod(self._strides), generator=self._generator).tolist()
        self._taken = 0

    def _draw_indices(self, side: int, stride: int) -> list[Tensor]:
        """Divide 0..side-1 at random into `stride` lists, each with one of `stride` neighbours."""
        groups = -(-side // stride)
        shuffled = torch.rand(groups, stride, generator=self._generator).argsort(dim=1)
        columns = (shuffled + stride * torch.arange(groups)[:, None]).t()  # (stride, groups)
        lists = [column[column < side] for column in columns]
        joined = to_device(torch.cat(lists), self._device)  # one copy, not one for each list
        return list(joined.split([len(each) for each in lists]))

    def state(self) -> State:
        """Return the generator's state before this epoch and the number of lattices taken since."""
        return {"generator": self._epoch_state.numpy().copy(), "taken": np.array(self._taken)}

    def restore(self, state: State) -> None:
        """Draw the saved epoch again and continue after the lattices taken from it.

        Raises:
            SavedError: the values are impossible; nothing has changed.
        """
        taken, count = state["taken"].item(), math.prod(self._strides)
        if not 0 <= taken <= count:
            raise state_mismatch(f"{taken} steps of an epoch of {count}")
        try:
            self._generator.set_state(torch.tensor(state["generator"]))
        except RuntimeError as error:
            raise state_mismatch("the random number generator has another state") from error
        self._draw_epoch()
        self._taken = taken
