"""Orders: which parts of a picture are learned first and which later, by name or by a mask."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings, setting
from neuralpaint.errors import UnknownNameError, UsageError
from neuralpaint.image.masks import Mask, NameOrFile, mask_plane, masks, parse_mask
from neuralpaint.image.picture_files import Source
from neuralpaint.image.pictures import PictureSettings, Plane

__all__ = ["Order", "learning_order", "order_names", "orders"]

_BLUR = 0.01  # of the longer side: dark areas are compared, not single pixels


@dataclass(frozen=True)
class Order(Settings, ABC):
    """The order in which the pixels are first learned."""

    reverse: bool = setting(False, "reverse the order")

    @abstractmethod
    def ranks(self, pixels: npt.NDArray[np.uint8]) -> Plane:
        """Return a rank for each of pixels (h, w, 3), learned in ascending order, (h, w)."""


orders: Registry[Order] = Registry("order")


@orders.register("centre-out", aliases=("center-out",))
@dataclass(frozen=True)
class CentreOut(Order):
    """A disc that grows from the centre."""

    def ranks(self, pixels: npt.NDArray[np.uint8]) -> Plane:
        y, x = (np.arange(side, dtype=np.float32) + 0.5 - side / 2 for side in pixels.shape[:2])
        distances: Plane = np.hypot(y[:, None], x)
        return distances


@orders.register("left-to-right")
@dataclass(frozen=True)
class LeftToRight(Order):
    """Columns from left to right."""

    def ranks(self, pixels: npt.NDArray[np.uint8]) -> Plane:
        height, width = pixels.shape[:2]
        return np.broadcast_to(np.arange(width, dtype=np.float32), (height, width))


@orders.register("top-to-bottom")
@dataclass(frozen=True)
class TopToBottom(Order):
    """Rows from top to bottom."""

    def ranks(self, pixels: npt.NDArray[np.uint8]) -> Plane:
        height, width = pixels.shape[:2]
        return np.broadcast_to(np.arange(height, dtype=np.float32)[:, None], (height, width))


@orders.register("dark-to-light")
@dataclass(frozen=True)
class DarkToLight(Order):
    """Dark areas first, light areas last, at a constant number of pixels per time."""

    def ranks(self, pixels: npt.NDArray[np.uint8]) -> Plane:
        luma = Image.fromarray(pixels).convert("L")
        radius = _BLUR * max(luma.size)
        levels = np.asarray(luma.filter(ImageFilter.GaussianBlur(radius)))
        # The rank is the number of pixels that are as dark or darker.
        darker = np.cumsum(np.bincount(levels.reshape(-1), minlength=256)).astype(np.float32)
        ranks: Plane = darker[levels]
        return ranks


def _parse(text: str) -> Order | Mask | Path:
    name = text.strip().partition(":")[0]
    if name in orders:
        return orders.parse(text)
    if name in masks:
        return masks.parse(text)
    try:
        return parse_mask(text)
    except UnknownNameError:
        raise UnknownNameError("order, and no mask,", name, orders) from None


order_names: NameOrFile[Order | Mask] = NameOrFile(orders, _parse)


def learning_order(
    order: str,
    *,
    pixels: npt.NDArray[np.uint8],
    until: float,
    source: Source | None = None,
    max_pixels: int = PictureSettings.max_pixels,
) -> Plane:
    """Return the fraction of the training after which each pixel is learned, (h, w).

    `order` is a registered name, or the name or file of a mask, which is learned from 0 to 1.
    `pixels` is the picture, (h, w, 3). The fractions are from 0 to `until`. `source` and
    `max_pixels` are as in `mask_plane`.

    Raises:
        UsageError: no such order, or it is the same everywhere.
        PictureError: its file cannot be read.
    """
    height, width = pixels.shape[:2]
    parsed = order_names.parse(order)
    if isinstance(parsed, Order):
        ranks = parsed.ranks(pixels)
    else:
        shape = pixels.shape[0], pixels.shape[1]
        ranks = mask_plane(order, shape, source=source, kind="order", max_pixels=max_pixels)
    first, last = float(ranks.min()), float(ranks.max())
    if first == last:
        raise UsageError(
            f"the order {order!r} is the same everywhere on {width}x{height} pixels: choose "
            "another, or give a mask that is black where to begin and white where to end"
        )
    fractions = (ranks - np.float32(first)) / np.float32(last - first)
    if isinstance(parsed, Order) and parsed.reverse:
        fractions = 1 - fractions
    return fractions * np.float32(until)
