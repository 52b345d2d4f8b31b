"""An animation: GIF, APNG, WebP or AVIF, as Pillow composes its frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.image.srgb import srgb_pixels
from neuralpaint.video.timeline import Timeline

__all__ = ["animation_timeline", "compose", "moves"]

# Others hold several pictures too: the pages of a TIFF, the layers of a PSD, the sizes of an ICO.
_ANIMATIONS = ("GIF", "PNG", "WEBP", "AVIF")
_HASTE, _DELAY = 10, 100  # milliseconds: browsers show what is no longer than the one for the other


def moves(image: Image.Image) -> bool:
    """Tell whether an opened image is an animation of at least two frames."""
    return image.format in _ANIMATIONS and _count(image) > 1


def animation_timeline(image: Image.Image) -> Timeline:
    """Return when the frames of an opened animation are shown. All of them are decoded."""
    durations = []
    for i in range(_count(image)):
        _turn_to(image, i)
        shown = float(image.info.get("duration") or 0)
        durations.append((shown if shown > _HASTE else _DELAY) / 1000)
    ends = np.cumsum(durations)
    forever = image.info.get("loop", 1) == 0
    return Timeline(ends - durations, float(ends[-1]), loops=forever)


def compose(
    image: Image.Image, indices: Sequence[int], *, background: tuple[int, int, int]
) -> Iterator[NDArray[np.uint8]]:
    """Yield some frames of an opened animation, rising, as uint8 (h, w, 3), sRGB."""
    for i in indices:
        _turn_to(image, i)
        yield srgb_pixels(image, background=background)


def _count(image: Image.Image) -> int:
    return int(getattr(image, "n_frames", 1)) - _first(image)


def _first(image: Image.Image) -> int:
    """Return 1 where an APNG begins with a still for viewers that know no animations, else 0."""
    return int(getattr(image, "default_image", False))


def _turn_to(image: Image.Image, index: int) -> None:
    image.seek(index + _first(image))
    image.load()
