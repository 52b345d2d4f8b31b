"""Rendering: a painting on a canvas becomes a frame of pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import DeviceError
from neuralpaint.image.alpha import image_of
from neuralpaint.image.canvas import Canvas, Grid
from neuralpaint.image.encoders import Depth
from neuralpaint.image.metrics import psnr, sampling_stride
from neuralpaint.image.pictures import Picture
from neuralpaint.rendering.subsampling import interpolated_colours, sampling_step
from neuralpaint.runtime.devices import is_out_of_memory, to_device

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from neuralpaint.models.painting import Painting

__all__ = [
    "PendingFrame",
    "letterbox",
    "painting_psnr",
    "render",
    "render_strips",
    "samples_of",
    "strips_of",
]

_TILE = 1 << 20  # points rendered at once, so that memory is bounded for every canvas
_MOST_SAMPLES = 4  # along each axis of a pixel of the picture
_MOST_PINNED = 1 << 26  # pixels of a frame for which pinned memory is allocated


def render(painting: Painting, canvas: Canvas) -> NDArray[np.uint8]:
    """Return the frame, uint8 (height, width, channels), that shows the painting on the canvas.

    Each pixel is the network's colour at the pixel's centre, or the mean colour of the pixel's
    samples, rounded to the nearest level. Memory beyond the frame itself does not grow with the
    canvas.

    Raises:
        DeviceError: the device is out of memory.
    """
    return PendingFrame(painting, canvas).frame()


def render_strips(
    painting: Painting, canvas: Canvas, *, depth: Depth = 8
) -> Iterator[NDArray[np.uint8] | NDArray[np.uint16]]:
    """Yield the frame from top to bottom in strips (rows, width, channels) of about a megapixel.

    With depth 8, they are uint8 as from `render`; with 16, they are uint16 with white 65535. Memory
    does not grow with the height of the canvas. A GPU renders a strip while the caller uses the
    strip before.

    Raises:
        DeviceError: the device is out of memory.
    """
    before: PendingFrame | None = None
    for part in strips_of(canvas):
        strip = PendingFrame(painting, canvas, rows=part, depth=depth)
        if before is not None:
            yield before.frame()
        before = strip
    if before is not None:
        yield before.frame()


def strips_of(canvas: Canvas) -> list[slice]:
    """Return the rows of each strip of a canvas, of about a megapixel."""
    rows = max(1, _TILE // canvas.width)
    tops = range(0, canvas.height, rows)
    return [slice(top, min(top + rows, canvas.height)) for top in tops]


class PendingFrame:
    """A frame, or some rows of it, that is being rendered; a GPU renders asynchronously.

    If it `may_interpolate` a canvas, a CPU evaluates a smooth painting at some pixels only.

    Raises:
        DeviceError: the device is out of memory.
    """

    def __init__(
        self,
        painting: Painting,
        points: Canvas | Grid,
        *,
        rows: slice | None = None,
        depth: Depth = 8,
        may_interpolate: bool = False,
    ) -> None:
        import torch

        height, width = _size(points)
        rows = rows or slice(0, height)
        self._painting, self._points, self._top = painting, points, rows.start
        self._copies = _copy_stream() if painting.device.type == "cuda" else None
        height = rows.stop - rows.start
        self._full, dtype = (255, torch.uint8) if depth == 8 else (65_535, torch.uint16)
        # A GPU copies asynchronously only to pinned memory.
        self._step = 1
        if may_interpolate and isinstance(points, Canvas):
            self._step = sampling_step(painting, points.finer())
        pinned = self._copies is not None and height * width <= _MOST_PINNED
        size = height, width, painting.channels
        self._levels = torch.empty(size, dtype=dtype, pin_memory=pinned)
        for tile in _tiles(points, rows):
            self._render(*tile)
        self._copied = None if self._copies is None else self._copies.record_event()

    def frame(self) -> NDArray[Any]:
        """Wait for the rows and return them, uint8 or uint16 (rows, width, channels)."""
        if self._copied is not None:
            self._copied.synchronize()
        return self._levels.numpy()

    def _render(self, rows: slice, columns: slice) -> None:
        """Render a tile, in parts if it does not fit into memory, as all tiles after it."""
        device = self._painting.device
        points = (columns.stop - columns.start) * _samples(self._points)  # of a row
        top = rows.start
        while top < rows.stop:
            most = max(1, _limits.get(device, _TILE) // points)
            bottom = min(top + most, rows.stop)
            if self._fits(slice(top, bottom), columns):
                top = bottom
            elif bottom - top == 1:
                raise DeviceError("out of memory while rendering: lower --size or --scale")
            else:
                _limits[device] = (bottom - top) * points // 2

    def _fits(self, rows: slice, columns: slice) -> bool:
        """Render a tile; return False if memory is short.

        When it returns, the exception is gone, and with it all tensors of the failed attempt.
        """
        try:
            tile = rows, columns
            colours = _colours(self._painting, self._points, *tile, step=self._step)
            levels = colours.mul_(self._full).round_().clamp_(0, self._full)
            if levels.shape[-1] == 4 and self._step > 1:  # an interpolation may exceed alpha
                levels[..., :3] = levels[..., :3].minimum(levels[..., 3:])
            target = self._levels[rows.start - self._top : rows.stop - self._top, columns]
            self._copy(levels.byte() if self._full == 255 else levels, target)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            return False
        return True

    def _copy(self, levels: Tensor, target: Tensor) -> None:
        """Copy levels from the device; a GPU uses a separate stream."""
        if self._copies is None:
            target.copy_(levels.cpu())  # not every device supports uint16
            return
        import torch

        levels = levels.to(target.dtype)
        self._copies.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._copies):
            target.copy_(levels, non_blocking=True)
        levels.record_stream(self._copies)  # its memory is not reused before the copy


def _size(points: Canvas | Grid) -> tuple[int, int]:
    return points.shape if isinstance(points, Grid) else (points.height, points.width)


_limits: dict[torch.device, int] = {}
"""The points that fit into the memory of a device, once it was too small for `_TILE`."""


def _samples(points: Canvas | Grid) -> int:
    """Return the number of points of a pixel."""
    return 1 if isinstance(points, Grid) else points.samples**2


def _tiles(points: Canvas | Grid, rows: slice) -> Iterator[tuple[slice, slice]]:
    """Yield the tiles of some rows; each has at most `_TILE` points, but at least one pixel."""
    width, samples = _size(points)[1], _samples(points)
    across = min(width, max(1, _TILE // samples))
    down = max(1, _TILE // (samples * across))
    for top in range(rows.start, rows.stop, down):
        for left in range(0, width, across):
            yield slice(top, min(top + down, rows.stop)), slice(left, min(left + across, width))


def _colours(
    painting: Painting, points: Canvas | Grid, rows: slice, columns: slice, *, step: int
) -> Tensor:
    """Return the colours of a tile on the painting's device, float32 (rows, columns, channels).

    Of a canvas, every `step`-th sample is evaluated.
    """
    import torch

    if isinstance(points, Grid):
        return painting.colours(points.rows(rows))
    samples, fine = points.samples, points.finer()
    rows, columns = (slice(samples * s.start, samples * s.stop) for s in (rows, columns))
    colours = interpolated_colours(painting, fine, rows, columns, step=step)
    if points.edge == "black":
        inside = torch.from_numpy(fine.inside(rows=rows, columns=columns))
        colours = colours * to_device(inside, painting.device)[..., None]
    if samples > 1:
        colours = colours.unflatten(1, (-1, samples)).mean(2)
        colours = colours.unflatten(0, (-1, samples)).mean(1)
    return colours


@cache
def _copy_stream() -> torch.cuda.Stream:
    import torch

    return torch.cuda.Stream()


def letterbox(
    frame: NDArray[np.uint8], *, height: int, width: int, colour: tuple[int, int, int]
) -> NDArray[np.uint8]:
    """Return the frame in the middle of `height` x `width` pixels of one colour.

    Around a frame with alpha they are transparent. A frame of this size is returned without a copy.
    """
    if frame.shape[:2] == (height, width):
        return frame
    boxed = np.zeros((height, width, frame.shape[2]), np.uint8)
    if frame.shape[2] == 3:
        boxed[:] = colour
    top, left = (height - frame.shape[0]) // 2, (width - frame.shape[1]) // 2
    boxed[top : top + frame.shape[0], left : left + frame.shape[1]] = frame
    return boxed


def samples_of(painting: Painting) -> int:
    """Return the number of samples along each axis whose mean is a pixel of the picture."""
    factor: float = painting.settings.target.factor
    return min(_MOST_SAMPLES, math.ceil(factor))


def painting_psnr(painting: Painting, picture: Picture, *, pixels: int = _TILE) -> float:
    """Return the PSNR in dB of the painting, rendered at the picture's own pixels as uint8.

    If the target was larger, the painting is rendered larger and averaged to the picture's pixels.
    If there are more than `pixels` points, rows and columns are skipped. On photographs this
    changes the result by up to 0.1 dB with the default of a million, by up to 0.3 dB with 16,000.
    For a picture with a hole, the painting is compared with the truth, or only at the known pixels
    if there is no truth.
    """
    picture = picture.reference
    samples = samples_of(painting)
    points = picture.height * picture.width * samples**2
    stride = sampling_stride(points, most=pixels)
    fine = picture.canvas.scaled(samples).grid()
    rows, columns = (
        (np.arange(0, side, stride)[:, None] * samples + np.arange(samples)).reshape(-1)
        for side in (picture.height, picture.width)
    )
    frame = PendingFrame(painting, Grid(fine.x[:, columns], fine.y[rows])).frame()
    if samples > 1:
        frame = np.asarray(image_of(frame).reduce(samples))
    known = None if picture.known is None else picture.known[::stride, ::stride]
    return psnr(frame, picture.pixels[::stride, ::stride], where=known)
