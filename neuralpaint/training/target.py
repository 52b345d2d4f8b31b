"""The target: colours, coordinates, a weight per pixel and a code per row; and batches of it.

A target is one raster. The pictures of an album lie one below the other in it, and each row has the
code of its picture, so batches of an album are drawn like those of a picture.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuralpaint.image.canvas import Grid
from neuralpaint.image.pictures import Picture, Plane, pixels_to_learn
from neuralpaint.models.codes import Subject
from neuralpaint.runtime.devices import to_device
from neuralpaint.runtime.progress import DoneCallback, PhaseCallback, ignore, part_of
from neuralpaint.runtime.state import State, state_mismatch
from neuralpaint.training.settings import TrainingSettings

__all__ = ["Batch", "Lattice", "Lattices", "Target", "TargetTensors", "strides"]


class Target:
    """What is learned of a picture or an album: all pixels, some of them, or a restored version.

    A restored target, with holes filled, enlarged or denoised, is computed by `colours`.
    """

    def __init__(self, subject: Subject, settings: TrainingSettings) -> None:
        self._pictures, self._settings = pictures, settings = subject.pictures, settings
        restores = settings.target.makes_target
        self.is_restored = restores or any(p.to_fill is not None for p in pictures)
        """Whether `colours` takes time."""
        self._picture_grid = (
            subject.canvas.scaled(settings.target.factor).grid()
            if restores
            else pixels_to_learn(pictures[0], settings.optimization.train_on)[1]
        )
        grid, codes = self._picture_grid, subject.codes
        self.grid = Grid(grid.x, np.tile(grid.y, (len(pictures), 1)))
        """The coordinates of the pixels; `grid.shape` is their number of rows and columns."""
        self.codes = None if codes is None else codes.repeat(grid.shape[0], axis=0)
        """The code of each row's picture, (rows, k); None for a single picture."""

    def colours(
        self,
        *,
        device: torch.device | None = None,
        on_done: DoneCallback = ignore,
        on_phase: PhaseCallback = ignore,
    ) -> NDArray[np.uint8]:
        """Return the colours, uint8 (h, w, 3); those of a single picture may be shared with it.

        Restored colours are computed in every call, on `device` or the CPU, which can take minutes.
        `on_done` is called with the fraction that is done, in [0, 1], `on_phase` with "fill" or
        "enhance" when filling holes or enlarging begins.
        """
        parts = _split_callback(on_done, len(self._pictures))
        colours = [
            self._colours_of(picture, device, part, on_phase)
            for picture, part in zip(self._pictures, parts, strict=True)
        ]
        return colours[0] if len(colours) == 1 else np.concatenate(colours)

    def _colours_of(
        self,
        picture: Picture,
        device: torch.device | None,
        on_done: DoneCallback,
        on_phase: PhaseCallback,
    ) -> NDArray[np.uint8]:
        hole, settings = picture.to_fill, self._settings.target
        filling = enlarging = on_done
        if hole is not None and settings.makes_target:
            filling, enlarging = _split_callback(on_done, 2)
        if hole is not None:
            from neuralpaint.restoration.filling import fill_hole

            on_phase("fill")
            filled = fill_hole(picture.pixels, hole, device=device, on_done=filling)
            picture = replace(picture, pixels=filled)
        elif settings.makes_target and picture.unknown is not None:
            # Its weight is 0, but a resampler would mix its colours into the known pixels.
            filled = _fill_smoothly(picture.pixels, picture.unknown > 0.5)
            picture = replace(picture, pixels=filled)
        if not settings.makes_target:
            return pixels_to_learn(picture, self._settings.optimization.train_on)[0]
        from neuralpaint.restoration.upsampling import upsample

        on_phase("enhance")
        height, width = self._picture_grid.shape
        return upsample(
            picture, height=height, width=width, settings=settings, device=device,
            on_done=enlarging,
        )  # fmt: skip

    def weights(self) -> Plane | None:
        """Return the weight of each pixel, float32 (h, w); None if all are equal.

        Unknown pixels that are not filled have the weight 0.
        """
        return self._resampled([_weights_of(picture) for picture in self._pictures], default=1.0)

    def order(self) -> Plane | None:
        """Return the fraction of the training after which each pixel is learned, float32 (h, w).

        None if all are learned from the start.
        """
        return self._resampled([picture.order for picture in self._pictures], default=0.0)

    def _resampled(self, planes: Sequence[Plane | None], *, default: float) -> Plane | None:
        """Return planes of the pictures' sizes as one plane of the target's."""
        if all(plane is None for plane in planes):
            return None
        size, picture = self._picture_grid.shape, self._pictures[0]
        rows = _nearest(picture.height, size[0])[:, None]
        columns = _nearest(picture.width, size[1])
        blank = np.full(size, default, np.float32)
        return np.concatenate([blank if p is None else p[rows, columns] for p in planes])


def _weights_of(picture: Picture) -> Plane | None:
    if picture.unknown is None or picture.fills:
        return picture.weights
    known = np.float32(1) - picture.unknown
    return known if picture.weights is None else known * picture.weights


def _fill_smoothly(pixels: NDArray[np.uint8], hole: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return pixels (h, w, 3) with a hole, bool (h, w), filled from the pixels around it."""
    from neuralpaint.restoration.smooth_fill import fill_smoothly

    levels = torch.from_numpy(pixels).permute(2, 0, 1).float()
    smooth = fill_smoothly(levels, torch.from_numpy(hole)).round_().clamp_(0, 255).byte()
    return smooth.permute(1, 2, 0).contiguous().numpy()


def _nearest(pixels: int, count: int) -> NDArray[np.int64]:
    """Return the index of the nearest of `pixels` along a side for each of `count` samples.

    Fewer samples are taken at a stride from the first pixel, as `pixels_to_learn` does.
    """
    if count < pixels:
        return np.arange(0, pixels, -(-pixels // count))
    return (2 * np.arange(count, dtype=np.int64) + 1) * pixels // (2 * count)


def _split_callback(on_done: DoneCallback, count: int) -> list[DoneCallback]:
    """Return the callbacks of `count` equal parts of a computation."""
    return [part_of(on_done, first=i / count, last=(i + 1) / count) for i in range(count)]


class Batch(NamedTuple):
    """Some pixels of a target, as a product grid."""

    x: Tensor  # (1, w) float32
    y: Tensor  # (h, 1) float32
    colours: Tensor  # (h, w, 3) float32 in [0, 1]
    code: Tensor | None = None  # (h, 1, k) float32, for an album
    weights: Tensor | None = None  # (h, w) float32, unless all are equal

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

    colours: Tensor  # (height, width, 3) uint8
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
        """Return the pixels of a lattice, with their weights after a fraction of the training."""
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
    """Return (row, column) strides whose lattices have about `batch` of (h, w) pixels."""

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
    random, likewise for columns: with a regular lattice the network learns a pattern of the
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
            self._draw_indices(side, stride)
            for side, stride in zip(self._shape, self._strides, strict=True)
        )
        self._order = torch.randperm(math.prod(self._strides), generator=self._generator).tolist()
        self._taken = 0

    def _draw_indices(self, side: int, stride: int) -> list[Tensor]:
        """Divide 0..side-1 at random into `stride` lists with one of every `stride` neighbours."""
        groups = -(-side // stride)
        shuffled = torch.rand(groups, stride, generator=self._generator).argsort(dim=1)
        columns = (shuffled + stride * torch.arange(groups)[:, None]).t()  # (stride, groups)
        lists = [column[column < side] for column in columns]
        joined = to_device(torch.cat(lists), self._device)  # one copy, not one for each list
        return list(joined.split([len(each) for each in lists]))

    def state(self) -> State:
        """Return the generator's state before this epoch and the number of lattices taken since."""
        return {"generator": self._began.numpy().copy(), "taken": np.array(self._taken)}

    def restore(self, state: State) -> None:
        """Draw that epoch again and continue after the lattices taken from it.

        Raises:
            SavedError: the values are not possible; nothing has changed.
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
