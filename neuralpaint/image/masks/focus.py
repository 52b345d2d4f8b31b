"""Focus: what of a picture counts more than the rest."""

from __future__ import annotations

from neuralpaint.errors import UsageError
from neuralpaint.image.masks.entries import Unknown
from neuralpaint.image.masks.unknown import drawn
from neuralpaint.image.pictures import PictureSettings
from neuralpaint.image.sources import Source

__all__ = ["weights_of"]


def weights_of(
    mask: str,
    *,
    height: int,
    width: int,
    weight: float,
    source: Source | None = None,
    max_pixels: int = PictureSettings.max_pixels,
) -> Unknown:
    """Return how much each pixel counts, (height, width): 1 where a mask is black, more else.

    `mask` is a name or a file, and `weight` is what white counts.

    Raises:
        UsageError: no such mask, or it is the same everywhere.
        PictureError: its file cannot be read.
    """
    more = drawn(
        mask, height=height, width=width, source=source, kind="focus", max_pixels=max_pixels
    )
    if more.min() == more.max():
        raise UsageError(
            f"the focus {mask!r} is the same everywhere on {width}x{height} pixels, so nothing "
            "counts more than the rest: make white what is to count more"
        )
    return 1 + (weight - 1) * more
