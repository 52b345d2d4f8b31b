"""The arrangement: where the network's picture and the panels are in a frame.

All pictures of a frame have one size. Without a size for the frame, it grows by its panels, in a
row or a column; with one, the pictures shrink until they fit into it, in a row, column or grid.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from neuralpaint.errors import UsageError

__all__ = ["Arrangement", "Layout", "Panel", "fitting", "growing"]

Layout = Literal["auto", "beside", "stacked"]

_WIDESCREEN = 16 / 9


class Panel(NamedTuple):
    """The caption and the position of an overlay that is a separate picture."""

    caption: str
    layout: Layout


class Arrangement(NamedTuple):
    """A frame of `height` x `width` pixels with pictures of `picture` = (height, width)."""

    height: int
    width: int
    picture: tuple[int, int]
    corners: tuple[tuple[int, int], ...]
    """Top and left of each picture: first the network's, then the panels in the listed order."""


def growing(panels: Sequence[Panel], *, height: int, width: int) -> Arrangement:
    """Return the arrangement of pictures of `height` x `width` pixels in a frame that has room.

    Raises:
        UsageError: one panel goes beside the picture and another one below it.
    """
    gap, count = _gap(height, width), 1 + len(panels)
    frames = {
        "beside": (height, count * width + len(panels) * gap),
        "stacked": (count * height + len(panels) * gap, width),
    }

    def distance(layout: str) -> float:
        return abs(math.log(frames[layout][1] / frames[layout][0] / _WIDESCREEN))

    layout = _chosen(panels) or min(frames, key=distance)
    columns = count if layout == "beside" else 1
    return _arranged(frames[layout], (height, width), count=count, columns=columns, gap=gap)


def fitting(
    panels: Sequence[Panel],
    shape: Callable[[int, int], tuple[int, int]],
    *,
    height: int,
    width: int,
    aspect: float,
) -> Arrangement:
    """Return the arrangement in a frame of `height` x `width` pixels.

    Args:
        panels: the panels beside or below the network's picture.
        shape: returns the (height, width) of a picture in a field of `height, width` pixels.
        height: of the frame.
        width: of the frame.
        aspect: width / height of the whole picture. Unless a panel has a layout, the pictures are
            arranged so that they are as large as possible.

    Raises:
        UsageError: there is no room, or one panel goes beside the picture and another one below it.
    """
    count, layout = 1 + len(panels), _chosen(panels)

    def field(columns: int) -> tuple[int, int, int]:
        """Return the height and width of a field, and the gap between two."""
        rows = math.ceil(count / columns)
        gap = _gap(height // rows, width // columns)
        return (height - (rows - 1) * gap) // rows, (width - (columns - 1) * gap) // columns, gap

    def area(columns: int) -> float:
        """Return the largest area of that shape in a field, in hundredths of the frame's."""
        tall, wide, _ = field(columns)
        shown = max(0.0, min(tall, wide / aspect)) ** 2 * aspect
        return round(shown / (height * width), 2)

    choices = {None: range(count, 0, -1), "beside": [count], "stacked": [1]}[layout]
    columns = max(choices, key=area)  # of about equal areas, the most columns
    *size, gap = field(columns)
    if min(size) < 1:
        raise UsageError(
            f"--size {width}x{height} has no room for {count} pictures: make it larger, or leave "
            "out an --overlay"
        )
    return _arranged((height, width), shape(*size), count=count, columns=columns, gap=gap)


def _chosen(panels: Sequence[Panel]) -> str | None:
    """Return the layout that the panels require, if any."""
    layouts = {panel.layout for panel in panels if panel.layout != "auto"}
    if len(layouts) > 1:
        raise UsageError(
            "one overlay is beside the picture and another one is stacked: choose one layout"
        )
    return next(iter(layouts), None)


def _gap(height: int, width: int) -> int:
    """Return the pixels between two pictures.

    Even, so that pictures of even size plus gaps have an even size, as yuv420p requires.
    """
    return 2 * round(min(height, width) / 250)


def _arranged(
    frame: tuple[int, int], picture: tuple[int, int], *, count: int, columns: int, gap: int
) -> Arrangement:
    """Return the arrangement with the pictures in the middle of the frame."""
    rows = math.ceil(count / columns)
    tops, lefts = (
        _positions(*sides, count=number, gap=gap)
        for *sides, number in zip(frame, picture, (rows, columns), strict=True)
    )
    missing = rows * columns - count  # in the last row, which is in the middle too
    shift = missing * (lefts[-1] - lefts[0]) // (2 * max(1, columns - 1))
    corners = [(top, left) for top in tops for left in lefts]
    last = [(top, left + shift) for top, left in corners[(rows - 1) * columns : count]]
    return Arrangement(*frame, picture, (*corners[: (rows - 1) * columns], *last))


def _positions(frame: int, picture: int, *, count: int, gap: int) -> list[int]:
    """Return where `count` pictures begin along one axis of a frame."""
    spare = frame - count * picture - (count - 1) * gap
    if count > 1 and spare < 2 * count:  # too little for bars: widen the gaps
        return [round(i * (frame - picture) / (count - 1)) for i in range(count)]
    return [spare // 2 + i * (picture + gap) for i in range(count)]
