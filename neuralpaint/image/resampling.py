"""Resampling: the picture itself, made of pixels, seen through a canvas."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.image.canvas import Canvas, Edge
from neuralpaint.image.pictures import Picture
from neuralpaint.restoration.settings import Kernel

__all__ = ["Likeness", "shrunk", "view"]

_ROWS = 64  # blackened at once
_LOOSE = 1e-6  # pixels that a place may be off


class Likeness(NamedTuple):
    """A frame at a picture's pixels, and these."""

    frame: NDArray[np.uint8]  # (h, w, 3)
    pixels: NDArray[np.uint8]  # (h, w, 3)
    known: NDArray[np.bool_] | None  # (h, w); None where all are


def view(picture: Picture, canvas: Canvas) -> NDArray[np.uint8]:
    """Return the picture itself through a canvas, uint8 (height, width, 3).

    Where a painting is rendered larger or smaller than the picture, this is what it is held
    against: the pixels themselves at their own size, Lanczos-resampled elsewhere, and bicubically
    where the canvas is turned. Beyond the picture's edges the canvas's rule is kept; where the
    network would paint on, the edge pixels are repeated.
    """
    if replace(canvas, edge="extend", samples=1) == picture.canvas:
        return picture.pixels
    frame = (_upright if canvas.is_upright else _turned)(picture, canvas)
    return _blackened(frame, canvas) if canvas.edge == "black" else frame


def _upright(picture: Picture, canvas: Canvas) -> NDArray[np.uint8]:
    """Return the picture through a canvas with the same rows and columns."""
    # Per axis: which part of the picture is seen, and which pixels of the canvas it fills.
    (top, bottom), rows = _overlap(canvas, picture, axis=0)
    (left, right), columns = _overlap(canvas, picture, axis=1)
    beyond = (
        (rows[0], canvas.height - rows[1]),
        (columns[0], canvas.width - columns[1]),
        (0, 0),
    )
    is_seen = top < bottom and left < right
    if not is_seen or (canvas.edge == "mirror" and any(map(any, beyond))):
        return _reflected(picture, canvas)
    size = columns[1] - columns[0], rows[1] - rows[0]
    image = Image.fromarray(picture.pixels).resize(
        size, Image.Resampling.LANCZOS, box=(left, top, right, bottom)
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


def shrunk(
    frame: NDArray[np.uint8], picture: Picture, canvas: Canvas, *, kernel: Kernel
) -> Likeness | None:
    """Return a frame of the canvas made as small as the picture, and the picture's own pixels.

    They are of the pixels that the frame shows whole. None where the canvas is turned, shows what
    is beyond the picture, or is not finer than the picture.
    """
    if not canvas.is_upright:
        return None
    top, left, bottom, right = canvas.window(picture.canvas)
    rows, columns = _whole(top, bottom, picture.height), _whole(left, right, picture.width)
    if rows is None or columns is None:
        return None
    down, across = canvas.height / (bottom - top), canvas.width / (right - left)
    if min(down, across) < 1 or max(down, across) == 1:
        return None
    import torch

    from neuralpaint.restoration.super_resolution.kernels import Axis

    bands = (
        Axis(rows, slice(0, canvas.height), down, top).down(kernel),
        Axis(columns, slice(0, canvas.width), across, left).down(kernel),
    )
    colours = torch.from_numpy(frame).permute(2, 0, 1).float()
    small = bands[1].along_columns(bands[0].along_rows(colours))
    levels = small.round_().clamp_(0, 255).byte().permute(1, 2, 0)
    known = None if picture.known is None else picture.known[rows, columns]
    return Likeness(levels.numpy(), picture.pixels[rows, columns], known)


def _whole(first: float, last: float, side: int) -> slice | None:
    """Return the pixels of a side that lie whole between two places; None if one is beyond it."""
    if first < -_LOOSE or last > side + _LOOSE:
        return None
    start, stop = math.ceil(first - _LOOSE), math.floor(last + _LOOSE)
    return slice(start, stop) if start < stop else None


class _Patch(NamedTuple):
    """Pixels of a picture and of what is beyond, and where in them the canvas lies."""

    pixels: NDArray[np.uint8]  # (rows, columns, 3)
    corner: NDArray[np.float64]  # (x, y) of the canvas's upper left, in pixels of the patch
    across: NDArray[np.float64]  # (x, y) from there to the upper right
    down: NDArray[np.float64]  # (x, y) from there to the lower left

    @classmethod
    def of(cls, picture: Picture, canvas: Canvas, *, coarsest: float, margin: int) -> _Patch:
        """Return all that a canvas sees and a margin, shrunk to spare memory if need be.

        Its pixels are at most 1 / `coarsest` of the canvas's each way, unless the picture has no
        finer ones.
        """
        side = np.array([picture.width, picture.height])
        to_pixels = side / picture.canvas.span[::-1]
        corner, across, down = (
            np.array(canvas.point(x=x, y=y)[::-1]) * to_pixels for x, y in ((0, 0), (1, 0), (0, 1))
        )
        across, down = across - corner, down - corner
        pixel = min(float(np.hypot(*across)) / canvas.width, float(np.hypot(*down)) / canvas.height)
        shrink = max(1, math.floor(pixel / coarsest))
        source = picture.pixels
        if shrink > 1:
            size = [max(1, round(s / shrink)) for s in side.tolist()]
            image = Image.fromarray(source).resize((size[0], size[1]), Image.Resampling.BOX)
            source, factor = np.asarray(image), np.array(size) / side
            corner, across, down = corner * factor, across * factor, down * factor
            side = np.array(size)
        corner += side / 2
        corners = corner + np.outer([0, 1, 0, 1], across) + np.outer([0, 0, 1, 1], down)
        first = np.floor(corners.min(0)).astype(int) - margin
        last = np.ceil(corners.max(0)).astype(int) + margin
        columns, rows = (
            _folded(np.arange(first[i], last[i]), pixels=int(side[i]), edge=canvas.edge)
            for i in (0, 1)
        )
        return cls(source[rows[:, None], columns], corner - first, across, down)


def _folded(places: NDArray[np.int_], *, pixels: int, edge: Edge) -> NDArray[np.int_]:
    """Return which pixels of a row of so many stand at some places, also beyond its ends."""
    if edge != "mirror":
        return np.clip(places, 0, pixels - 1)
    period = places % (2 * pixels)
    return np.minimum(period, 2 * pixels - 1 - period)


def _reflected(picture: Picture, canvas: Canvas) -> NDArray[np.uint8]:
    """Return an upright view of a picture and of what is beyond."""
    patch = _Patch.of(picture, canvas, coarsest=2, margin=12)  # reach of Lanczos
    left, top = patch.corner
    box = left, top, left + patch.across[0], top + patch.down[1]
    image = Image.fromarray(patch.pixels)
    size = canvas.width, canvas.height
    return np.array(image.resize(size, Image.Resampling.LANCZOS, box=box))


def _turned(picture: Picture, canvas: Canvas) -> NDArray[np.uint8]:
    """Return a picture, and what is beyond, through a canvas that is turned."""
    patch = _Patch.of(picture, canvas, coarsest=1, margin=3)
    pixel = np.hypot(*patch.across) / canvas.width, np.hypot(*patch.down) / canvas.height
    # Bicubic interpolation takes each point alone: where several pixels fall into one, so do we.
    samples = math.ceil(max(pixel) - 0.1)
    height, width = canvas.height * samples, canvas.width * samples
    (a, d), (b, e), (c, f) = patch.across / width, patch.down / height, patch.corner
    image = Image.fromarray(patch.pixels).transform(
        (width, height),
        Image.Transform.AFFINE,
        (a, b, c, d, e, f),
        resample=Image.Resampling.BICUBIC,
    )
    return np.array(image.reduce(samples) if samples > 1 else image)


def _blackened(frame: NDArray[np.uint8], canvas: Canvas) -> NDArray[np.uint8]:
    """Return a frame of the canvas that is black beyond the picture."""
    fine, samples = canvas.finer(), canvas.samples
    black = frame.copy()
    for top in range(0, canvas.height, _ROWS):
        rows = slice(top, min(top + _ROWS, canvas.height))
        inside = fine.inside(rows=slice(samples * rows.start, samples * rows.stop))
        if inside.all():
            continue
        share = inside.reshape(-1, samples, canvas.width, samples).mean((1, 3))
        black[rows] = np.rint(frame[rows] * share[..., None])
    return black
