"""Rendering: a painting seen through a canvas becomes a frame."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.canvas import Canvas, Grid
from neuralpaint.devices import is_out_of_memory
from neuralpaint.errors import DeviceError
from neuralpaint.metrics import psnr
from neuralpaint.pictures import Picture

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from neuralpaint.painting import Painting

__all__ = ["Exposure", "expose", "fidelity", "letterbox", "render", "view"]

_TILE = 1 << 20  # pixels rendered at once: bounds memory, however large the canvas
_PINNED = 1 << 26  # pixels of a frame for which memory is kept from being swapped out


def render(painting: Painting, canvas: Canvas) -> NDArray[np.uint8]:
    """Return the frame, uint8 (height, width, 3), that shows the painting on the canvas.

    Every pixel is the network's own answer at the pixel's centre, rounded to the nearest level.
    Memory beyond the frame itself does not grow with the canvas.

    Raises:
        DeviceError: the device is out of memory.
    """
    return expose(painting, canvas).frame()


def expose(painting: Painting, canvas: Canvas) -> Exposure:
    """Have the frame made that `render` returns; a GPU is not waited for until it is asked for."""
    return Exposure(painting, canvas.grid())


class Exposure:
    """A frame in the making. A GPU renders it in its turn and sends it off while it works on."""

    def __init__(self, painting: Painting, grid: Grid) -> None:
        import torch

        height, width = grid.y.shape[0], grid.x.shape[1]
        self._copies = _copy_stream() if painting.device.type == "cuda" else None
        # Only to pinned memory does a GPU send anything without the host's help.
        pinned = self._copies is not None and height * width <= _PINNED
        self._frame = torch.empty((height, width, 3), dtype=torch.uint8, pin_memory=pinned)
        rows = max(1, _TILE // width)
        for top in range(0, height, rows):
            self._render(painting, Grid(grid.x, grid.y[top : top + rows]), top)
        self._arrived = None if self._copies is None else self._copies.record_event()

    def frame(self) -> NDArray[np.uint8]:
        """Return the frame, uint8 (height, width, 3), once it is there."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return self._frame.numpy()

    def _render(self, painting: Painting, grid: Grid, top: int) -> None:
        """Fill the rows from `top`, in halves where memory does not suffice for the whole."""
        rows = len(grid.y)
        try:
            levels = painting.colours(grid).mul_(255).round_().clamp_(0, 255).byte()
            self._fetch(levels, self._frame[top : top + rows])
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            if rows == 1:
                raise DeviceError(
                    "out of memory while rendering: lower --size or --scale"
                ) from error
            half = rows // 2
            self._render(painting, Grid(grid.x, grid.y[:half]), top)
            self._render(painting, Grid(grid.x, grid.y[half:]), top + half)

    def _fetch(self, levels: Tensor, tile: Tensor) -> None:
        """Copy levels from the device, beside what else it does if it can."""
        if self._copies is None:
            tile.copy_(levels)
            return
        import torch

        self._copies.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._copies):
            tile.copy_(levels, non_blocking=True)
        levels.record_stream(self._copies)  # its memory is not used anew before it is copied


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


def view(picture: Picture, canvas: Canvas) -> NDArray[np.uint8]:
    """Return the picture itself through a canvas, uint8 (height, width, 3).

    Where a painting is rendered larger or smaller than the picture, this is what it is held
    against: the pixels themselves at their own size, Lanczos-resampled elsewhere, and the edge
    pixels repeated where the canvas looks beyond the edges.
    """
    if canvas == picture.canvas:
        return picture.pixels
    # Per axis: which part of the picture is seen, and which pixels of the canvas it fills.
    (top, bottom), rows = _overlap(canvas, picture, axis=0)
    (left, right), columns = _overlap(canvas, picture, axis=1)
    size = columns[1] - columns[0], rows[1] - rows[0]
    image = Image.fromarray(picture.pixels).resize(
        size, Image.Resampling.LANCZOS, box=(left, top, right, bottom)
    )
    beyond = (
        (rows[0], canvas.height - rows[1]),
        (columns[0], canvas.width - columns[1]),
        (0, 0),
    )
    return np.pad(np.asarray(image), beyond, mode="edge")


def _overlap(
    canvas: Canvas, picture: Picture, *, axis: int
) -> tuple[tuple[float, float], tuple[int, int]]:
    """Return what a canvas sees of a picture along an axis: (from, to) in its and own pixels."""
    seen = (canvas.height, canvas.width)[axis]
    side, span = picture.pixels.shape[axis], picture.canvas.span[axis]
    pixel = canvas.span[axis] / seen * side / span  # a pixel of the canvas, in those of the picture
    start = side / 2 + canvas.centre[axis] * side / span - pixel * seen / 2
    first = min(seen - 1, max(0, round(-start / pixel)))
    last = max(first + 1, min(seen, round((side - start) / pixel)))
    box = (max(0.0, start + first * pixel), min(float(side), start + last * pixel))
    return box, (first, last)


def fidelity(painting: Painting, picture: Picture) -> float:
    """Return the PSNR in dB of the painting, rendered at the picture's own pixels as uint8.

    Of a picture larger than a megapixel every few rows and columns are rendered, which tells the
    same to a hundredth of a dB.
    """
    # Odd, so that it does not fall in step with planes of features, whose nodes lie 2 or 8 apart.
    stride = math.ceil(math.sqrt(picture.height * picture.width / _TILE)) | 1
    grid = picture.canvas.grid()
    exposure = Exposure(painting, Grid(grid.x[:, ::stride], grid.y[::stride]))
    return psnr(exposure.frame(), picture.pixels[::stride, ::stride])
