"""The arrangement: where the network's picture and the panels are in a frame.

All pictures of a frame have one size, and are in one row or one column. Without a size for the
frame, it grows by its panels; with one, the pictures shrink until they fit into it.
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
    beside = height, count * width + len(panels) * gap
    stacked = count * height + len(panels) * gap, width

    def distance(size: tuple[int, int]) -> float:
        return abs(math.log(size[1] / size[0] / _WIDESCREEN))

    layout = _chosen(panels) or ("beside" if distance(beside) <= distance(stacked) else "stacked")
    frame = beside if layout == "beside" else stacked
    return _arranged(layout, frame, (height, width), count=count, gap=gap)


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
        aspect: width / height of the whole picture. Unless a panel has a layout, the fields have
            the shape that is nearer to it.

    Raises:
        UsageError: there is no room, or one panel goes beside the picture and another one below it.
    """
    count = 1 + len(panels)
    gaps = {"beside": _gap(height, width // count), "stacked": _gap(height // count, width)}
    beside = height, (width - len(panels) * gaps["beside"]) // count
    stacked = (height - len(panels) * gaps["stacked"]) // count, width

    def distance(field: tuple[int, int]) -> float:
        return abs(math.log(field[1] / field[0] / aspect)) if min(field) > 0 else math.inf

    layout = _chosen(panels) or ("beside" if distance(beside) <= distance(stacked) else "stacked")
    field = beside if layout == "beside" else stacked
    if min(field) < 1:
        raise UsageError(
            f"--size {width}x{height} has no room for {count} pictures: make it larger, or leave "
            "out an --overlay"
        )
    return _arranged(layout, (height, width), shape(*field), count=count, gap=gaps[layout])


def _chosen(panels: Sequence[Panel]) -> Layout | None:
    """Return the layout that the panels require, if any."""
    layouts = {panel.layout for panel in panels} - {"auto"}
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
    layout: Layout, frame: tuple[int, int], picture: tuple[int, int], *, count: int, gap: int
) -> Arrangement:
    """Return the arrangement with the pictures in the middle of the frame."""
    axis = 1 if layout == "beside" else 0
    along = _positions(frame[axis], picture[axis], count=count, gap=gap)
    across = (frame[1 - axis] - picture[1 - axis]) // 2
    corners = ((across, start) if axis else (start, across) for start in along)
    return Arrangement(*frame, picture, tuple(corners))


def _positions(frame: int, picture: int, *, count: int, gap: int) -> list[int]:
    """Return where `count` pictures begin along one axis of a frame."""
    spare = frame - count * picture - (count - 1) * gap
    if count > 1 and spare < 2 * count:  # too little for bars: widen the gaps
        return [round(i * (frame - picture) / (count - 1)) for i in range(count)]
    return [spare // 2 + i * (picture + gap) for i in range(count)]
