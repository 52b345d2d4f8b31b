"""Detail: the scale at which frames show a picture, and the resolution at which it is learned."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from neuralpaint.image.canvas import Canvas
from neuralpaint.image.framing import CanvasSettings

if TYPE_CHECKING:
    from neuralpaint.rendering.camera import Camera

__all__ = ["LEAST_DETAIL", "LONGEST_CLIP", "detail_of", "target_scale"]

LONGEST_CLIP = 1920
"""Default limit for the longer side of a clip, in pixels, which every player supports."""

LEAST_DETAIL = 1.5
"""A frame with at least this many pixels per picture pixel counts as larger than the picture. With
fewer, little is visible between the picture's pixels, and a wrong kernel would do harm."""

_FINEST = 4.0  # a larger target would only be smoother
_LARGEST = 100_000_000  # pixels of a target, unless --target-scale sets it
_MOMENTS = 64  # at which the zoom of a camera is evaluated


def detail_of(
    picture: Canvas, view: CanvasSettings, *, longest: int | None = None, camera: Camera | None
) -> float:
    """Return the largest number of frame pixels per picture pixel, along either side.

    For `longest`, see `CanvasSettings.views`.

    Raises:
        UsageError: see `CanvasSettings.views`.
    """
    canvas, _ = view.views(picture, longest=longest)
    pixels = max(
        canvas.height / canvas.span[0] * picture.span[0] / picture.height,
        canvas.width / canvas.span[1] * picture.span[1] / picture.width,
    )
    if camera is None:
        return pixels
    return pixels * max(camera.view(i / _MOMENTS).zoom for i in range(_MOMENTS + 1))


def target_scale(picture: Canvas, detail: float, *, least: float) -> float:
    """Return the scale of the target, at least `least`, for a picture shown with this detail."""
    if detail < LEAST_DETAIL:
        return least
    affordable = math.sqrt(_LARGEST / (picture.height * picture.width))
    return max(least, round(min(detail, _FINEST, affordable), 6))
