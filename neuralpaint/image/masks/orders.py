"""Orders: what of a picture is learned first, and what later, under one name each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UnknownNameError, UsageError
from neuralpaint.image.masks.entries import Mask, Unknown, masks
from neuralpaint.image.masks.unknown import drawn, parse_mask
from neuralpaint.image.pictures import PictureSettings
from neuralpaint.image.sources import Source

__all__ = [
    "CentreOut",
    "DarkToLight",
    "LeftToRight",
    "Order",
    "OrderNames",
    "TopToBottom",
    "order_names",
    "order_of",
    "orders",
]

_SOFT = 0.01  # of the longer side, over which darkness is looked at: areas, not single pixels

Places = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Order(Settings, ABC):
    """When each pixel's turn comes."""

    reverse: bool = setting(False, "the other way round")

    @abstractmethod
    def places(self, pixels: npt.NDArray[np.uint8]) -> Places:
        """Return what tells the order of pixels (h, w, 3), the first with the least, (h, w)."""


orders: Registry[Order] = Registry("order")


@orders.register("centre-out", also=("center-out",))
@dataclass(frozen=True)
class CentreOut(Order):
    """A disc that grows from the middle."""

    def places(self, pixels: npt.NDArray[np.uint8]) -> Places:
        """Return the distance from the middle: the disc's rim moves at one speed."""
        y, x = (np.arange(side, dtype=np.float32) + 0.5 - side / 2 for side in pixels.shape[:2])
        distances: Places = np.hypot(y[:, None], x)
        return distances


@orders.register("left-to-right")
@dataclass(frozen=True)
class LeftToRight(Order):
    """A curtain that is drawn aside."""

    def places(self, pixels: npt.NDArray[np.uint8]) -> Places:
        """Return the columns."""
        height, width = pixels.shape[:2]
        return np.broadcast_to(np.arange(width, dtype=np.float32), (height, width))


@orders.register("top-to-bottom")
@dataclass(frozen=True)
class TopToBottom(Order):
    """A curtain that comes down."""

    def places(self, pixels: npt.NDArray[np.uint8]) -> Places:
        """Return the rows."""
        height, width = pixels.shape[:2]
        return np.broadcast_to(np.arange(height, dtype=np.float32)[:, None], (height, width))


@orders.register("dark-to-light")
@dataclass(frozen=True)
class DarkToLight(Order):
    """Shadows first, lights last, each as long as there is much of it."""

    def places(self, pixels: npt.NDArray[np.uint8]) -> Places:
        """Return how many pixels are darker, each with a few around it."""
        luma = Image.fromarray(pixels).convert("L")
        radius = _SOFT * max(luma.size)
        levels = np.asarray(luma.filter(ImageFilter.GaussianBlur(radius)))
        darker = np.cumsum(np.bincount(levels.reshape(-1), minlength=256)).astype(np.float32)
        places: Places = darker[levels]
        return places


class OrderNames:
    """What a setting needs to know of orders: it is one by name, or a mask."""

    def __iter__(self) -> Iterator[str]:
        return iter(orders)

    def parse(self, text: str) -> Order | Mask | Path:
        """Check a name, or what may be a file.

        Raises:
            UsageError: it is neither; the message lists the choices.
        """
        name = text.strip().partition(":")[0]
        if name in orders:
            return orders.parse(text)
        if name in masks:
            return masks.parse(text)
        try:
            return parse_mask(text)
        except UnknownNameError:
            raise UnknownNameError("order, and no mask,", name, orders) from None

    def parse_list(self, text: str) -> list[Order | Mask | Path]:
        """Check the only one: a file's name may have commas."""
        return [self.parse(text)]


order_names = OrderNames()


def order_of(
    order: str,
    *,
    pixels: npt.NDArray[np.uint8],
    until: float,
    source: Source | None = None,
    max_pixels: int = PictureSettings.max_pixels,
) -> Unknown:
    """Return after which part of the training each of pixels (h, w, 3) is learned, (h, w).

    Args:
        order: its name, or a mask by its name or file: black is learned first, white last.
        pixels: of the picture.
        until: the part after which all of it is learned; the first begin at once.
        source: where the picture came from, for the mask `alpha`.
        max_pixels: of a mask's file, at most.

    Raises:
        UsageError: no such order, or it is the same everywhere.
        PictureError: its file cannot be read.
    """
    height, width = pixels.shape[:2]
    chosen = order_names.parse(order)
    if isinstance(chosen, Order):
        places = chosen.places(pixels)
    else:
        places = drawn(
            order, height=height, width=width, source=source, kind="order", max_pixels=max_pixels
        )
    first, last = float(places.min()), float(places.max())
    if first == last:
        raise UsageError(
            f"the order {order!r} is the same everywhere on {width}x{height} pixels: choose "
            "another, or give a mask that is black where to begin and white where to end"
        )
    parts = (places - np.float32(first)) / np.float32(last - first)
    if isinstance(chosen, Order) and chosen.reverse:
        parts = 1 - parts
    return parts * np.float32(until)
