"""Still rendering: a painting becomes the rows of a still, strip by strip, at any size.

Memory does not grow with the height, except if a still larger than its picture is corrected so
that, downsampled, it equals the picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.image.canvas import Canvas
from neuralpaint.image.encoders import Depth
from neuralpaint.image.metrics import psnr
from neuralpaint.image.pictures import Picture
from neuralpaint.rendering.render import painting_psnr, render, render_strips, samples_of
from neuralpaint.rendering.viewport import LEAST_DETAIL, Viewport
from neuralpaint.runtime.progress import ignore

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = ["StillRenderer", "Strips", "hole_psnr_of", "with_known_pixels", "with_known_pixels_psnr"]

_CLEAR = 0, 0, 0, 0  # a transparent bar
_BAR_ROWS = 64  # of a bar in one strip


class Strips(Protocol):
    """A function like `render_strips`."""

    def __call__(
        self, painting: Painting, canvas: Canvas, *, depth: Depth
    ) -> Iterator[NDArray[Any]]:
        """Yield the strips from top to bottom."""
        ...


class StillRenderer:
    """Renders the stills of a viewport."""

    def __init__(self, viewport: Viewport, *, strips: Strips = render_strips) -> None:
        """Set the viewport, and the function that renders strips."""
        self._viewport, self._render_strips = viewport, strips

    def strips(
        self,
        painting: Painting,
        *,
        depth: Depth,
        match: bool = False,
        on_rows: Callable[[int], None] = ignore,
    ) -> Iterator[NDArray[Any]]:
        """Yield the still from top to bottom, in strips (rows, width, channels).

        Args:
            painting: what is rendered.
            depth: bits per channel, for uint8 or uint16.
            match: whether a still larger than the picture is corrected so that, downsampled, it
                equals the picture; it is rendered completely first, and twice if it is very large.
            on_rows: called with the number of rows that were rendered.
        """
        rows = self.without_bars(painting, depth=depth, match=match, on_rows=on_rows)
        yield from self.with_bars(map(self._viewport.shown, rows), depth=depth)

    def with_bars(self, strips: Iterable[NDArray[Any]], *, depth: Depth) -> Iterator[NDArray[Any]]:
        """Add the bars around the canvas to its strips, from top to bottom."""
        viewport, canvas = self._viewport, self._viewport.canvas
        dtype, scale = (np.uint8, 1) if depth == 8 else (np.uint16, 257)
        bars = viewport.bars if viewport.channels == 3 else _CLEAR
        colour = (scale * np.array(bars)).astype(dtype)
        above = (viewport.height - canvas.height) // 2
        left = (viewport.width - canvas.width) // 2
        yield from _bar(above, viewport.width, colour)
        for strip in strips:
            if strip.shape[1] == viewport.width:
                yield strip
                continue
            boxed = np.broadcast_to(colour, (len(strip), viewport.width, len(colour))).copy()
            boxed[:, left : left + canvas.width] = strip
            yield boxed
        yield from _bar(viewport.height - above - canvas.height, viewport.width, colour)

    def without_bars(
        self,
        painting: Painting,
        *,
        depth: Depth,
        match: bool = False,
        on_rows: Callable[[int], None] = ignore,
    ) -> Iterator[NDArray[Any]]:
        """Yield the strips without bars; see `strips`."""
        viewport, canvas = self._viewport, self._viewport.canvas

        def rendered(depth: Depth) -> Iterator[NDArray[Any]]:
            for strip in self._render_strips(painting, canvas, depth=depth):
                on_rows(len(strip))
                yield strip

        window = self._magnified
        if viewport.picture is None or window is None or not match:
            yield from rendered(depth)
            return
        from neuralpaint.restoration.still_correction import match_still

        yield from match_still(
            lambda: rendered(16),
            _with_hole_of(painting, viewport.picture),
            height=canvas.height,
            width=canvas.width,
            window=window,
            settings=viewport.target,
            depth=depth,
        )

    @property
    def matches_twice(self) -> bool:
        """Whether a corrected still is so large that it is rendered twice."""
        from neuralpaint.restoration.still_correction import fits_in_memory

        canvas = self._viewport.canvas
        matches = self._viewport.picture is not None and self._magnified is not None
        return matches and not fits_in_memory(height=canvas.height, width=canvas.width)

    @property
    def _magnified(self) -> tuple[float, float, float, float] | None:
        """The visible part of the picture, in its pixels, if it is shown magnified."""
        canvas, native = self._viewport.canvas, self._viewport.native
        if not canvas.is_upright or self._viewport.moves or native.channels == 4:
            return None
        top, left, bottom, right = canvas.window(native)
        inside = min(top, left) >= 0 and bottom <= native.height and right <= native.width
        detail = min(canvas.height / (bottom - top), canvas.width / (right - left))
        return (top, left, bottom, right) if inside and detail >= LEAST_DETAIL else None


def hole_psnr_of(painting: Painting, picture: Picture | None) -> float:
    """Return the PSNR in dB inside the hole, at the picture's own pixels.

    Returns NaN if there is no hole, or its true colours are not known.
    """
    if picture is None or picture.unknown is None or picture.truth is None:
        return math.nan
    return painting_psnr(painting, Picture(picture.truth, unknown=1 - picture.unknown))


def with_known_pixels(still: NDArray[Any], picture: Picture) -> NDArray[Any]:
    """Return a still (h, w, 3) of 8 or 16 bits with the known pixels of the picture unchanged."""
    from neuralpaint.restoration.smooth_fill import restore_known

    if picture.unknown is None:
        return still
    return restore_known(still, picture.pixels, unknown=picture.unknown)


def with_known_pixels_psnr(still: NDArray[Any], picture: Picture) -> tuple[float, float]:
    """Return the PSNR in dB of a still from `with_known_pixels`: overall, and in the hole."""
    if still.dtype == np.uint16:
        still = np.rint(still / 257).astype(np.uint8)
    reference, hole = picture.reference, None if picture.known is None else ~picture.known
    inside = math.nan if picture.truth is None else psnr(still, picture.truth, where=hole)
    return psnr(still, reference.pixels, where=reference.known), inside


def _with_hole_of(painting: Painting, picture: Picture) -> Picture:
    """Return the picture with the painting in its hole, where the file has no valid colours."""
    if picture.known is None:
        return picture
    samples = samples_of(painting)
    frame = render(painting, picture.canvas.scaled(samples))
    small = np.asarray(Image.fromarray(frame).reduce(samples))
    return Picture(np.where(picture.known[..., None], picture.pixels, small), picture.name)


def _bar(rows: int, width: int, colour: NDArray[Any]) -> Iterator[NDArray[Any]]:
    for top in range(0, rows, _BAR_ROWS):
        yield np.broadcast_to(colour, (min(_BAR_ROWS, rows - top), width, len(colour)))
