"""Resampling of a picture through a canvas: the reference for a rendered frame."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.image.alpha import image_of
from neuralpaint.image.canvas import Canvas, Edge
from neuralpaint.image.pictures import Picture

__all__ = ["Kernel", "resample"]

Kernel = Literal["box", "bicubic", "lanczos"]
"""A filter that makes a picture smaller; `neuralpaint.image.resampling_kernels` applies it."""

_ROWS = 64  # processed at a time where pixels beyond the edges become black


def resample(picture: Picture, canvas: Canvas) -> NDArray[np.uint8]:
    """Return a picture resampled to the pixels of a canvas, uint8 (height, width, channels).

    At its own size the pixels are returned unchanged; at another size they are resampled with
    Lanczos's filter, on a rotated canvas bicubically. Beyond the picture's edges the canvas's
    `edge` applies; with `extend` the outermost pixels are repeated.
    """
    if replace(canvas, edge="extend", samples=1, channels=picture.channels) == picture.canvas:
        return picture.pixels
    frame = (_upright if canvas.is_upright else _rotated)(picture, canvas)
    return _with_black_outside(frame, canvas) if canvas.edge == "black" else frame


def _upright(picture: Picture, canvas: Canvas) -> NDArray[np.uint8]:
    # Per axis: the visible part of the picture, and the pixels of the canvas that it fills.
    (top, bottom), rows = _overlap(canvas, picture, axis=0)
    (left, right), columns = _overlap(canvas, picture, axis=1)
    beyond = (
        (rows[0], canvas.height - rows[1]),
        (columns[0], canvas.width - columns[1]),
        (0, 0),
    )
    is_visible = top < bottom and left < right
    if not is_visible or (canvas.edge == "mirror" and any(map(any, beyond))):
        return _reflected(picture, canvas)
    size = columns[1] - columns[0], rows[1] - rows[0]
    image = image_of(picture.pixels).resize(
        size, Image.Resampling.LANCZOS, box=(left, top, right, bottom)
    )
    return np.pad(np.asarray(image), beyond, mode="edge")


def _overlap(
    canvas: Canvas, picture: Picture, *, axis: int
) -> tuple[tuple[float, float], tuple[int, int]]:
    """Return the visible range along an axis, in pixels of the picture and of the canvas."""
    pixels = (canvas.height, canvas.width)[axis]
    side, span = picture.pixels.shape[axis], picture.canvas.span[axis]
    pixel = canvas.span[axis] / pixels * side / span  # size in pixels of the picture
    start = side / 2 + canvas.centre[axis] * side / span - pixel * pixels / 2
    first = min(pixels - 1, max(0, round(-start / pixel)))
    last = max(first + 1, min(pixels, round((side - start) / pixel)))
    box = (max(0.0, start + first * pixel), min(float(side), start + last * pixel))
    return box, (first, last)


class _Patch(NamedTuple):
    """Pixels of a picture and beyond its edges, and the position of the canvas in them."""

    pixels: NDArray[np.uint8]  # (rows, columns, channels)
    corner: NDArray[np.float64]  # (x, y) of the canvas's upper left, in pixels of the patch
    across: NDArray[np.float64]  # (x, y) from there to the upper right
    down: NDArray[np.float64]  # (x, y) from there to the lower left

    @classmethod
    def of(cls, picture: Picture, canvas: Canvas, *, coarsest: float, margin: int) -> _Patch:
        """Return the part of a picture that a canvas shows, with a margin.

        To save memory it is shrunk, but its pixels stay at most 1 / `coarsest` times as wide as
        those of the canvas.
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
            image = image_of(source).resize((size[0], size[1]), Image.Resampling.BOX)
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
    """Return the indices into a row of `pixels` for positions that may lie beyond its ends."""
    if edge != "mirror":
        return np.clip(places, 0, pixels - 1)
    period = places % (2 * pixels)
    return np.minimum(period, 2 * pixels - 1 - period)


def _reflected(picture: Picture, canvas: Canvas) -> NDArray[np.uint8]:
    patch = _Patch.of(picture, canvas, coarsest=2, margin=12)  # the support of Lanczos
    left, top = patch.corner
    box = left, top, left + patch.across[0], top + patch.down[1]
    image = image_of(patch.pixels)
    size = canvas.width, canvas.height
    return np.array(image.resize(size, Image.Resampling.LANCZOS, box=box))


def _rotated(picture: Picture, canvas: Canvas) -> NDArray[np.uint8]:
    patch = _Patch.of(picture, canvas, coarsest=1, margin=3)
    pixel = np.hypot(*patch.across) / canvas.width, np.hypot(*patch.down) / canvas.height
    # Bicubic interpolation does not average: take several samples where the canvas is coarser.
    samples = math.ceil(max(pixel) - 0.1)
    height, width = canvas.height * samples, canvas.width * samples
    (a, d), (b, e), (c, f) = patch.across / width, patch.down / height, patch.corner
    image = image_of(patch.pixels).transform(
        (width, height),
        Image.Transform.AFFINE,
        (a, b, c, d, e, f),
        resample=Image.Resampling.BICUBIC,
    )
    return np.array(image.reduce(samples) if samples > 1 else image)


def _with_black_outside(frame: NDArray[np.uint8], canvas: Canvas) -> NDArray[np.uint8]:
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
