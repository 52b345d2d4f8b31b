"""Rendering: a painting seen through a canvas becomes a frame."""

from __future__ import annotations

import math
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
    from neuralpaint.painting import Painting

__all__ = ["fidelity", "letterbox", "render", "view"]

_TILE = 1 << 20  # pixels rendered at once: bounds memory, however large the canvas


def render(painting: Painting, canvas: Canvas) -> NDArray[np.uint8]:
    """Return the frame, uint8 (height, width, 3), that shows the painting on the canvas.

    Every pixel is the network's own answer at the pixel's centre, rounded to the nearest level.
    Memory beyond the frame itself does not grow with the canvas.
    """
    frame = np.empty((canvas.height, canvas.width, 3), np.uint8)
    grid = canvas.grid()
    rows = max(1, _TILE // canvas.width)
    for top in range(0, canvas.height, rows):
        _render_tile(painting, Grid(grid.x, grid.y[top : top + rows]), frame[top : top + rows])
    return frame


def _render_tile(painting: Painting, grid: Grid, tile: NDArray[np.uint8]) -> None:
    """Fill `tile`, in halves where memory does not suffice for the whole."""
    try:
        levels = painting.colours(grid).mul_(255).round_().clamp_(0, 255)
        tile[:] = levels.byte().cpu().numpy()
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        if len(tile) == 1:
            raise DeviceError("out of memory while rendering: lower --size or --scale") from error
        half = len(tile) // 2
        _render_tile(painting, Grid(grid.x, grid.y[:half]), tile[:half])
        _render_tile(painting, Grid(grid.x, grid.y[half:]), tile[half:])


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
    stride = max(1, math.ceil(math.sqrt(picture.height * picture.width / _TILE)))
    grid = picture.canvas.grid()
    reference = picture.pixels[::stride, ::stride]
    frame = np.empty(reference.shape, np.uint8)
    _render_tile(painting, Grid(grid.x[:, ::stride], grid.y[::stride]), frame)
    return psnr(frame, reference)
