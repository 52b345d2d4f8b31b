"""Detail: how closely a picture is looked at, and so how finely it is to be learned."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from neuralpaint.image.canvas import Canvas
from neuralpaint.image.framing import CanvasSettings

if TYPE_CHECKING:
    from neuralpaint.rendering.camera import Camera

__all__ = ["LEAST_DETAIL", "LONGEST_CLIP", "detail_of", "target_scale"]

LONGEST_CLIP = 1920
"""Pixels of a clip's side where no size is asked for: what every player takes."""

LEAST_DETAIL = 1.5
"""Pixels of a frame to one of the picture that make it larger: with fewer there is little between
the picture's pixels to be seen, and a wrong guess of how they were made would do harm."""

_FINEST = 4.0  # beyond it what a picture says of itself is smooth
_LARGEST = 100_000_000  # pixels of a target that nobody has asked for
_MOMENTS = 64  # at which a camera is looked at


def detail_of(
    picture: Canvas, view: CanvasSettings, *, longest: int | None = None, camera: Camera | None
) -> float:
    """Return how many pixels of a frame there are to one pixel of the picture, at most.

    `longest` is as for `CanvasSettings.views`.

    Raises:
        UsageError: as `CanvasSettings.views` says.
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
    """Return how finely to learn a picture that is looked at in that detail: at least so finely."""
    if detail < LEAST_DETAIL:
        return least
    affordable = math.sqrt(_LARGEST / (picture.height * picture.width))
    return max(least, round(min(detail, _FINEST, affordable), 6))
