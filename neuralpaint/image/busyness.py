"""The busiest place of a picture: where its edges are strongest and most numerous."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.image.alpha import image_of
from neuralpaint.image.framing import CanvasSettings, parse_crop
from neuralpaint.image.pictures import Picture

__all__ = ["busiest_place", "keeping_the_busiest", "kept_place"]

_PIXELS = 96  # along the longer side: noise and fine textures count little
_UPPER = 0.4  # of the height: where the heads of people are
_REACH = 0.06  # of the longer side: the standard deviation of the neighbourhood


def busiest_place(picture: Picture) -> tuple[float, float]:
    """Return (x, y) of the busiest place, as fractions of the width and height.

    It is the maximum of the length of the colour gradient, averaged over a neighbourhood of about
    an eighth of the longer side and weighted by cos(pi (x - 1/2)) cos(pi (y - 1/2)): photographs
    show what they are about near the middle. Unknown pixels do not count.
    """
    longest = max(picture.height, picture.width)
    shape = [max(2, round(side * _PIXELS / longest)) for side in (picture.height, picture.width)]
    pixels = _shrunk(picture.pixels, shape).astype(np.float64)
    gradients = np.gradient(pixels, axis=(0, 1))
    edges = np.hypot(*gradients).sum(-1)
    if picture.known is not None:
        edges *= _shrunk(np.where(picture.known, np.uint8(1), np.uint8(0)), shape)
    down, across = (_neighbourhoods(side) for side in shape)
    edges = down @ edges @ across.T
    row, column = np.unravel_index(int(edges.argmax()), edges.shape)
    return (int(column) + 0.5) / shape[1], (int(row) + 0.5) / shape[0]


def kept_place(picture: Picture) -> tuple[float, float]:
    """Return (x, y) of the place to keep where a picture is cropped, as fractions of its sides.

    Across, it is the busiest place. Down, it is halfway between that and the upper half: of a wide
    strip of a portrait, the face is what matters, and a patterned scarf is busier.
    """
    x, y = busiest_place(picture)
    return x, (y + _UPPER) / 2


def keeping_the_busiest(view: CanvasSettings, pictures: Sequence[Picture]) -> CanvasSettings:
    """Return a view of pictures of one size; where it crops them to a shape, it keeps a place.

    That is the one that --aspect names, or the mean of the places to keep in what --crop leaves.

    Raises:
        UsageError: the crop reaches beyond the pictures.
    """
    if not view.cuts or not pictures:
        return view
    places = [kept_place(_cropped(picture, view.crop)) for picture in pictures]
    x, y = (round(float(at), 3) for at in np.mean(places, axis=0))
    return view.keeping(x=x, y=y)


def _cropped(picture: Picture, crop: str | None) -> Picture:
    if crop is None:
        return picture
    top, left, height, width = parse_crop(crop, height=picture.height, width=picture.width)
    part = np.s_[top : top + height, left : left + width]
    unknown = None if picture.unknown is None else picture.unknown[part]
    return Picture(picture.pixels[part], unknown=unknown)


def _shrunk(pixels: NDArray[np.uint8], shape: list[int]) -> NDArray[np.uint8]:
    """Return the means of equal cells, uint8 (*shape, ...)."""
    image = image_of(pixels).resize((shape[1], shape[0]), Image.Resampling.BOX)
    return np.asarray(image)


def _neighbourhoods(side: int) -> NDArray[np.float64]:
    """Return the weights (side, side) of all nodes of an axis in the mean for each node."""
    nodes = np.arange(side)
    distances = (nodes[:, None] - nodes) / (_REACH * _PIXELS)
    weights = np.exp(-0.5 * distances**2)
    middle = np.sin(np.pi * (nodes[:, None] + 0.5) / side)
    weighted: NDArray[np.float64] = middle * weights / weights.sum(1, keepdims=True)
    return weighted
