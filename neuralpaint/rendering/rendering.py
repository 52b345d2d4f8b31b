"""Rendering: a painting seen through a canvas becomes a frame."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.errors import DeviceError
from neuralpaint.image.canvas import Canvas, Grid
from neuralpaint.image.metrics import psnr
from neuralpaint.image.pictures import Picture
from neuralpaint.runtime.devices import is_out_of_memory, to_device

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from neuralpaint.models.painting import Painting

__all__ = [
    "Depth",
    "Exposure",
    "expose",
    "fidelity",
    "fineness",
    "letterbox",
    "render",
    "strips",
]

Depth = Literal[8, 16]

_TILE = 1 << 20  # points rendered at once: bounds memory, however large the canvas
_FINEST = 4  # points each way in a pixel that tell its mean
_PINNED = 1 << 26  # pixels of a frame for which memory is kept from being swapped out


def render(painting: Painting, canvas: Canvas) -> NDArray[np.uint8]:
    """Return the frame, uint8 (height, width, 3), that shows the painting on the canvas.

    Every pixel is the network's own answer at the pixel's centre, or the mean of its answers at the
    pixel's samples, rounded to the nearest level. Memory beyond the frame itself does not grow with
    the canvas.

    Raises:
        DeviceError: the device is out of memory.
    """
    return expose(painting, canvas).frame()


def expose(painting: Painting, canvas: Canvas) -> Exposure:
    """Have the frame made that `render` returns; a GPU is not waited for until it is asked for."""
    return Exposure(painting, canvas)


def strips(
    painting: Painting, canvas: Canvas, *, depth: Depth = 8
) -> Iterator[NDArray[np.uint8] | NDArray[np.uint16]]:
    """Yield the frame from top to bottom in strips (rows, width, 3) of about a megapixel.

    They are uint8 as `render` has them, or uint16 at a depth of 16, where 65535 is full. Memory
    does not grow with the canvas's height. A GPU makes a strip while the one before is used.

    Raises:
        DeviceError: the device is out of memory.
    """
    rows = max(1, _TILE // canvas.width)
    before: _Development | None = None
    for top in range(0, canvas.height, rows):
        part = slice(top, min(top + rows, canvas.height))
        strip = _Development(painting, canvas, rows=part, depth=depth)
        if before is not None:
            yield before.levels()
        before = strip
    if before is not None:
        yield before.levels()


class _Development:
    """Rows in the making. A GPU renders them in its turn and sends them off while it works on."""

    def __init__(
        self, painting: Painting, seen: Canvas | Grid, *, rows: slice, depth: Depth
    ) -> None:
        import torch

        self._painting, self._seen, self._top = painting, seen, rows.start
        self._copies = _copy_stream() if painting.device.type == "cuda" else None
        height, width = rows.stop - rows.start, _size(seen)[1]
        self._full, dtype = (255, torch.uint8) if depth == 8 else (65_535, torch.uint16)
        # Only to pinned memory does a GPU send anything without the host's help.
        pinned = self._copies is not None and height * width <= _PINNED
        self._levels = torch.empty((height, width, 3), dtype=dtype, pin_memory=pinned)
        for tile in _tiles(seen, rows):
            self._render(*tile)
        self._arrived = None if self._copies is None else self._copies.record_event()

    def levels(self) -> NDArray[Any]:
        """Return the rows (rows, width, 3) once they are there."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return self._levels.numpy()

    def _render(self, rows: slice, columns: slice) -> None:
        """Fill a tile, in halves where memory does not suffice for the whole."""
        try:
            colours = _colours(self._painting, self._seen, rows=rows, columns=columns)
            levels = colours.mul_(self._full).round_().clamp_(0, self._full)
            tile = self._levels[rows.start - self._top : rows.stop - self._top, columns]
            self._fetch(levels.byte() if self._full == 255 else levels, tile)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            if rows.stop - rows.start == 1:
                raise DeviceError(
                    "out of memory while rendering: lower --size or --scale"
                ) from error
            middle = (rows.start + rows.stop) // 2
            self._render(slice(rows.start, middle), columns)
            self._render(slice(middle, rows.stop), columns)

    def _fetch(self, levels: Tensor, tile: Tensor) -> None:
        """Copy levels from the device, beside what else it does if it can."""
        if self._copies is None:
            tile.copy_(levels.cpu())  # not every device knows 16 bits without a sign
            return
        import torch

        levels = levels.to(tile.dtype)
        self._copies.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._copies):
            tile.copy_(levels, non_blocking=True)
        levels.record_stream(self._copies)  # its memory is not used anew before it is copied


class Exposure(_Development):
    """A frame in the making, of a canvas or of any grid."""

    def __init__(self, painting: Painting, seen: Canvas | Grid) -> None:
        super().__init__(painting, seen, rows=slice(0, _size(seen)[0]), depth=8)

    def frame(self) -> NDArray[np.uint8]:
        """Return the frame, uint8 (height, width, 3), once it is there."""
        return self.levels()


def _size(seen: Canvas | Grid) -> tuple[int, int]:
    return seen.shape if isinstance(seen, Grid) else (seen.height, seen.width)


def _tiles(seen: Canvas | Grid, rows: slice) -> Iterator[tuple[slice, slice]]:
    """Yield the tiles of some rows, of at most `_TILE` points where a pixel has no more."""
    width = _size(seen)[1]
    points = 1 if isinstance(seen, Grid) else seen.samples**2  # of a pixel
    across = min(width, max(1, _TILE // points))
    down = max(1, _TILE // (points * across))
    for top in range(rows.start, rows.stop, down):
        for left in range(0, width, across):
            yield slice(top, min(top + down, rows.stop)), slice(left, min(left + across, width))


def _colours(painting: Painting, seen: Canvas | Grid, *, rows: slice, columns: slice) -> Tensor:
    """Return the colours of a tile on the painting's device, float32 (rows, columns, 3)."""
    import torch

    if isinstance(seen, Grid):
        return painting.colours(seen.rows(rows))
    samples, fine = seen.samples, seen.finer()
    rows, columns = (slice(samples * s.start, samples * s.stop) for s in (rows, columns))
    colours = painting.colours(fine.grid(rows=rows, columns=columns))
    if seen.edge == "black":
        inside = torch.from_numpy(fine.inside(rows=rows, columns=columns))
        colours = colours * to_device(inside, painting.device)[..., None]
    if samples > 1:
        colours = colours.unflatten(1, (-1, samples)).mean(2)
        colours = colours.unflatten(0, (-1, samples)).mean(1)
    return colours


@cache
def _copy_stream() -> torch.cuda.Stream:
    """Return the stream on which frames leave the GPU."""
    import torch

    return torch.cuda.Stream()


def letterbox(
    frame: NDArray[np.uint8], *, height: int, width: int, colour: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """Return the frame in the middle of `height` x `width` pixels of one colour.

    The frame itself is returned where it already has that size.
    """
    if frame.shape[:2] == (height, width):
        return frame
    boxed = np.empty((height, width, 3), np.uint8)
    boxed[:] = colour
    top, left = (height - frame.shape[0]) // 2, (width - frame.shape[1]) // 2
    boxed[top : top + frame.shape[0], left : left + frame.shape[1]] = frame
    return boxed


def fineness(painting: Painting) -> int:
    """Return how many points each way tell the mean of a pixel of the picture that was learned."""
    factor: float = painting.settings.target.factor
    return min(_FINEST, math.ceil(factor))


def fidelity(painting: Painting, picture: Picture, *, pixels: int = _TILE) -> float:
    """Return the PSNR in dB of the painting, rendered at the picture's own pixels as uint8.

    One that has learned a larger target is rendered finer, and the means of its points are held
    against the picture's pixels. Of a picture with more than `pixels` every few rows and columns
    are rendered; a megapixel tells the same to a hundredth of a dB. Of a picture with a hole the
    truth counts, where it is known, and else what is not unknown.
    """
    picture = picture.judged
    samples = fineness(painting)
    points = picture.height * picture.width * samples**2
    # Odd, so that it does not fall in step with planes of features, whose nodes lie 2 or 8 apart.
    stride = math.ceil(math.sqrt(points / pixels)) | 1
    fine = picture.canvas.scaled(samples).grid()
    rows, columns = (
        (np.arange(0, side, stride)[:, None] * samples + np.arange(samples)).reshape(-1)
        for side in (picture.height, picture.width)
    )
    frame = Exposure(painting, Grid(fine.x[:, columns], fine.y[rows])).frame()
    if samples > 1:
        frame = np.asarray(Image.fromarray(frame).reduce(samples))
    known = None if picture.known is None else picture.known[::stride, ::stride]
    return psnr(frame, picture.pixels[::stride, ::stride], where=known)
