"""Subsampling: smooth frames are computed at every second or fourth pixel, and interpolated.

While a network learns, its output is smooth for most of the shots of a clip: `fourier` opens its
harmonics from low to high, and a camera that comes close sees few details per pixel. Evaluating
every second row and column of such a frame takes a quarter of the time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from neuralpaint.image.canvas import Canvas

if TYPE_CHECKING:
    from torch import Tensor

    from neuralpaint.models.painting import Painting

__all__ = ["interpolated_colours", "sampling_step"]

# Lagrange's polynomial through eight samples, at their middle: the weights of the nearest two, of
# the next two, and so on.
_WEIGHTS = 1225 / 2048, -245 / 2048, 49 / 2048, -5 / 2048
_REACH = len(_WEIGHTS)
_MARGIN = 2 * _REACH  # samples beyond each edge from which the frame is interpolated up to its edge
_STEPS = 2, 4  # a step of 8 would save little more: with 4, a frame takes a tenth of the time
_LINES = 8  # rows, and as many columns, that are computed at every pixel to test a frame
_TOLERANCE = 1 / 255  # largest difference on these lines
_LEAST_SIDE = 96  # pixels: in smaller frames, lines and margins take most of the time


def sampling_step(painting: Painting, canvas: Canvas) -> int:
    """Return the distance in pixels, 1, 2 or 4, at which sampling represents the painting.

    Some rows and columns are computed at every pixel. On these, the interpolated colours differ by
    one level of 255 at most. On a GPU it is 1: the test would take longer than the frame.
    """
    sides = canvas.height, canvas.width
    if painting.device.type != "cpu" or min(sides) < _LEAST_SIDE:
        return 1
    # Points of a turned canvas are computed one by one, so those of an upright one are taken.
    margin = _MARGIN * _STEPS[-1]
    rows, columns = (slice(0, side) for side in sides)
    around = _around(replace(canvas, angle=0.0), rows, columns, margin=margin)
    across, down = (slice(margin + n // _LINES // 2, margin + n, n // _LINES) for n in sides)
    step = _longest_step(painting.colours(around.grid(rows=across)), axis=1, longest=_STEPS[-1])
    if step == 1:
        return 1
    return _longest_step(painting.colours(around.grid(columns=down)), axis=0, longest=step)


def _longest_step(lines: Tensor, *, axis: int, longest: int) -> int:
    """Return the longest step at which samples along an axis of the lines represent them.

    The lines have the margin of the longest of all steps.
    """
    margin = _MARGIN * _STEPS[-1]
    size = lines.shape[axis] - 2 * margin
    best = 1
    for step in _STEPS:
        first = margin - _MARGIN * step
        samples = lines[first::step] if axis == 0 else lines[:, first::step]
        between = _interpolated(samples, axis, step=step, size=size)
        error = (between - lines.narrow(axis, margin, size)).abs_()
        if step > longest or float(error.max()) > _TOLERANCE:
            return best
        best = step
    return best


def interpolated_colours(
    painting: Painting, canvas: Canvas, rows: slice, columns: slice, *, step: int
) -> Tensor:
    """Return the colours of a tile of a canvas, float32 (rows, columns, 3).

    Every `step`-th pixel is evaluated; `step` is 1, 2 or 4.
    """
    if step == 1:
        return painting.colours(canvas.grid(rows=rows, columns=columns))
    around = _around(canvas, rows, columns, margin=_MARGIN * step)
    colours = painting.colours(around.grid().thinned(step))
    for axis, part in enumerate((rows, columns)):
        colours = _interpolated(colours, axis, step=step, size=part.stop - part.start)
    return colours


def _around(canvas: Canvas, rows: slice, columns: slice, *, margin: int) -> Canvas:
    """Return the canvas of a tile and of so many pixels beyond each of its edges."""
    return canvas.cropped(
        top=rows.start - margin,
        left=columns.start - margin,
        height=rows.stop - rows.start + 2 * margin,
        width=columns.stop - columns.start + 2 * margin,
    )


def _interpolated(samples: Tensor, axis: int, *, step: int, size: int) -> Tensor:
    """Return `size` pixels along an axis from samples `step` pixels apart.

    The first pixel is the sample after the margin.
    """
    first = _MARGIN
    while step > 1:
        samples, first, step = _doubled(samples, axis), 2 * (first - _REACH + 1), step // 2
    return samples.narrow(axis, first, size)


def _doubled(samples: Tensor, axis: int) -> Tensor:
    """Return samples with their interpolated middles between them, from the `_REACH`-th sample."""
    import torch

    count = samples.shape[axis] - 2 * _REACH + 1
    middles: Tensor | None = None
    for k, weight in enumerate(_WEIGHTS):
        before = samples.narrow(axis, _REACH - 1 - k, count)
        pair = before + samples.narrow(axis, _REACH + k, count)
        middles = pair.mul_(weight) if middles is None else middles.add_(pair, alpha=weight)
    assert middles is not None
    own = samples.narrow(axis, _REACH - 1, count)
    return torch.stack([own, middles], axis + 1).flatten(axis, axis + 1)
