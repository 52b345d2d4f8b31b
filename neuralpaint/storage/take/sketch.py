"""The sketch in a record: a frame of the picture's size, squeezed a little."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import SavedError, UsageError
from neuralpaint.image.canvas import Canvas

__all__ = ["packed_sketch", "unpacked_sketch"]

_NAME = "sketch"
_QUICKLY = 1
_DENSEST = 1040  # bytes that a squeezed byte can become


def packed_sketch(frame: NDArray[np.uint8], *, canvas: Canvas) -> dict[str, NDArray[Any]]:
    """Return a frame, uint8 (height, width, 3), as it stands in a record.

    Raises:
        UsageError: it has not the size of the canvas.
    """
    shape = (canvas.height, canvas.width, 3)
    if frame.dtype != np.uint8 or frame.shape != shape:
        raise UsageError(f"a sketch is uint8 {shape}, not {frame.dtype} {frame.shape}")
    squeezed = zlib.compress(frame.tobytes(), _QUICKLY)
    return {_NAME: np.frombuffer(squeezed, np.uint8)}


def unpacked_sketch(
    tensors: Mapping[str, NDArray[Any]], *, canvas: Canvas, name: str
) -> NDArray[np.uint8] | None:
    """Return the frame that stands in a record, None where there is none.

    Raises:
        SavedError: it is damaged; `name` is what the message calls the file.
    """
    if _NAME not in tensors:
        return None
    shape = (canvas.height, canvas.width, 3)
    size = shape[0] * shape[1] * shape[2]
    squeezed, raw = tensors[_NAME].tobytes(), b""
    if size <= _DENSEST * len(squeezed):  # a larger one cannot be in there
        with contextlib.suppress(zlib.error):
            # No more than it can be, whatever the file makes of it.
            raw = zlib.decompressobj().decompress(squeezed, size)
    if len(raw) != size:
        raise SavedError(f"{name} is damaged (a sketch cannot be read): copy it anew")
    return np.frombuffer(bytearray(raw), np.uint8).reshape(shape)
