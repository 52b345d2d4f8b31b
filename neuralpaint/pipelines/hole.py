"""The hole: what a painting says where its picture is unknown, and where it is not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.image.metrics import psnr
from neuralpaint.image.pictures import Picture
from neuralpaint.rendering.rendering import fidelity, render, samples_of

if TYPE_CHECKING:
    from neuralpaint.models.painting import Painting

__all__ = ["followed", "hole_fidelity", "kept", "kept_fidelity"]


def hole_fidelity(painting: Painting, picture: Picture | None) -> float:
    """Return the PSNR in dB inside the hole, at the picture's own pixels.

    NaN where there is no hole, or nobody knows what is there.
    """
    if picture is None or picture.unknown is None or picture.truth is None:
        return math.nan
    return fidelity(painting, Picture(picture.truth, unknown=1 - picture.unknown))


def followed(painting: Painting, picture: Picture) -> Picture:
    """Return what a larger still is to agree with: in the hole, the painting itself.

    There the file says nothing that is meant.
    """
    if picture.known is None:
        return picture
    samples = samples_of(painting)
    frame = render(painting, picture.canvas.scaled(samples))
    small = np.asarray(Image.fromarray(frame).reduce(samples))
    return Picture(np.where(picture.known[..., None], picture.pixels, small), picture.name)


def kept(still: NDArray[Any], picture: Picture) -> NDArray[Any]:
    """Return a still (h, w, 3) of 8 or 16 bits with what is known of the picture as it was."""
    from neuralpaint.restoration.smooth_fill import restore_known

    if picture.unknown is None:
        return still
    return restore_known(still, picture.pixels, unknown=picture.unknown)


def kept_fidelity(still: NDArray[Any], picture: Picture) -> tuple[float, float]:
    """Return the PSNR in dB of what `kept` has returned: of all that is known, and in the hole."""
    if still.dtype == np.uint16:
        still = np.rint(still / 257).astype(np.uint8)
    judged, hole = picture.reference, None if picture.known is None else ~picture.known
    inside = math.nan if picture.truth is None else psnr(still, picture.truth, where=hole)
    return psnr(still, judged.pixels, where=judged.known), inside
