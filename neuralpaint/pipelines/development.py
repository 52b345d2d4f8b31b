"""Development: a painting becomes the rows of a still, strip by strip, at any size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuralpaint.image.encoders import Depth
from neuralpaint.pipelines.detail import LEAST_DETAIL
from neuralpaint.pipelines.hole import followed
from neuralpaint.rendering.rendering import render_strips
from neuralpaint.rendering.stage import Stage

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = ["Development"]

_BAR = 64  # rows of a bar at once


class Development:
    """How the stills of a stage are developed; memory does not grow with their height."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def strips(
        self,
        painting: Painting,
        *,
        depth: Depth,
        match: bool = False,
        look: Callable[[int], None] = lambda rows: None,
    ) -> Iterator[NDArray[Any]]:
        """Yield the painting from top to bottom, bars included, in strips (rows, width, 3).

        uint8 or uint16 by `depth`; memory does not grow with the height. To `match` is to see to
        it that what is larger than the picture agrees with it when it is made small again; such a
        painting is rendered first, as a whole, and perhaps twice. `look` is called with how many
        more rows are rendered.
        """
        plain = self.developed(painting, depth=depth, match=match, look=look)
        yield from self.barred(plain, depth=depth)

    def barred(self, strips: Iterable[NDArray[Any]], *, depth: Depth) -> Iterator[NDArray[Any]]:
        """Yield strips of the canvas with the bars around it, from top to bottom."""
        stage, canvas = self._stage, self._stage.canvas
        dtype, scale = (np.uint8, 1) if depth == 8 else (np.uint16, 257)
        tone = (scale * np.array(stage.bars)).astype(dtype)
        above, left = (stage.height - canvas.height) // 2, (stage.width - canvas.width) // 2
        yield from _bar(above, stage.width, tone)
        for strip in strips:
            if strip.shape[1] == stage.width:
                yield strip
                continue
            boxed = np.broadcast_to(tone, (len(strip), stage.width, 3)).copy()
            boxed[:, left : left + canvas.width] = strip
            yield boxed
        yield from _bar(stage.height - above - canvas.height, stage.width, tone)

    def developed(
        self,
        painting: Painting,
        *,
        depth: Depth,
        match: bool = False,
        look: Callable[[int], None] = lambda rows: None,
    ) -> Iterator[NDArray[Any]]:
        """Yield the painting as `render_strips` does, without its bars."""
        stage, canvas = self._stage, self._stage.canvas

        def render(depth: Depth) -> Iterator[NDArray[Any]]:
            for strip in render_strips(painting, canvas, depth=depth):
                look(len(strip))
                yield strip

        window = self._magnified
        if stage.picture is None or window is None or not match:
            yield from render(depth)
            return
        from neuralpaint.restoration.matching import match_still

        yield from match_still(
            lambda: render(16),
            followed(painting, stage.picture),
            height=canvas.height,
            width=canvas.width,
            window=window,
            settings=stage.taught,
            depth=depth,
        )

    @property
    def matches_twice(self) -> bool:
        """Whether a still that is to match is so large that it is rendered twice."""
        from neuralpaint.restoration.matching import fits_in_memory

        canvas = self._stage.canvas
        matches = self._stage.picture is not None and self._magnified is not None
        return matches and not fits_in_memory(height=canvas.height, width=canvas.width)

    @property
    def _magnified(self) -> tuple[float, float, float, float] | None:
        """The part of the picture that is shown, in its pixels, where it is shown larger."""
        canvas, home = self._stage.canvas, self._stage.home
        if not canvas.is_upright or self._stage.moves:
            return None
        top, left, bottom, right = canvas.window(home)
        inside = min(top, left) >= 0 and bottom <= home.height and right <= home.width
        detail = min(canvas.height / (bottom - top), canvas.width / (right - left))
        return (top, left, bottom, right) if inside and detail >= LEAST_DETAIL else None


def _bar(rows: int, width: int, tone: NDArray[Any]) -> Iterator[NDArray[Any]]:
    for top in range(0, rows, _BAR):
        yield np.broadcast_to(tone, (min(_BAR, rows - top), width, 3))
