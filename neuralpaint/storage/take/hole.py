"""The hole of a picture in a record: what is unknown of it, and what is really there, as PNG."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.errors import PictureError, SavedError
from neuralpaint.image.pictures import Picture, load_picture

__all__ = ["encoded", "packed_hole", "with_hole"]


def packed_hole(picture: Picture) -> dict[str, NDArray[np.uint8]]:
    """Return the hole of a picture for a record; of one without a hole nothing."""
    if picture.unknown is None:
        return {}
    # A half is known, and so it has to stay.
    levels = np.ceil(255 * picture.unknown - np.float32(0.5)).astype(np.uint8)
    packed = {"unknown": encoded(levels)}
    if picture.truth is not None:
        same = np.array_equal(picture.truth, picture.pixels)
        packed["truth"] = np.empty(0, np.uint8) if same else encoded(picture.truth)
    return packed


def with_hole(picture: Picture, tensors: Mapping[str, NDArray[Any]], *, name: str) -> Picture:
    """Return a picture with the hole that its record tells of, if there is one.

    Raises:
        SavedError: what it tells of it is damaged; `name` is the file's.
    """
    if "unknown" not in tensors:
        return picture
    unknown = _unpacked(tensors["unknown"], picture, name=name)[..., 0].astype(np.float32)
    unknown /= 255
    truth = picture.pixels
    if "truth" in tensors and len(tensors["truth"]):
        truth = _unpacked(tensors["truth"], picture, name=name)
    return replace(picture, unknown=unknown, truth=truth if "truth" in tensors else None)


def _unpacked(png: NDArray[Any], picture: Picture, *, name: str) -> NDArray[np.uint8]:
    limit = picture.height * picture.width
    try:
        pixels = load_picture(io.BytesIO(png.tobytes()), max_pixels=limit).pixels
    except PictureError as error:
        raise SavedError(f"{name} is damaged (the mask cannot be read): copy it anew") from error
    if pixels.shape != picture.pixels.shape:
        raise SavedError(f"{name} is damaged (the mask has another size): copy it anew")
    return pixels


def encoded(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return pixels (h, w) or (h, w, 3) as the bytes of a PNG."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return np.frombuffer(file.getvalue(), np.uint8)
