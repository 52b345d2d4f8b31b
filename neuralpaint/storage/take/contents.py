"""The contents of records: pictures with their masks, sketches, and rounded weights.

A snapshot stores only the weights that differ from the first snapshot, so that constant weights,
such as the frequencies of an encoding, are stored once. The first snapshot is exact; the weights of
the others are rounded to 16 bits if the difference is invisible.
"""

from __future__ import annotations

import contextlib
import io
import math
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.errors import PictureError, SavedError, UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.image.pictures import Frame, Picture, load_picture
from neuralpaint.models.painting import Painting

__all__ = [
    "RoundingTest",
    "Weights",
    "changed_weights",
    "pack_picture",
    "pack_sketch",
    "pack_weights",
    "round_to_half",
    "unpack_alpha",
    "unpack_mask",
    "unpack_sketch",
    "unpack_weights",
    "widen",
]

Weights = dict[str, NDArray[Any]]

_SKETCH = "sketch"  # its name in the file
_PREFIX = "weight/"
_MOST_PER_BYTE = 1040  # largest compression ratio of zlib
_PROBED = 2000  # pixels, spread over the picture
_LARGEST = float(np.finfo(np.float16).max)
_TOLERANCE = 0.5 / 255
_TRUSTED = 7  # a clear result of the test is reused for this number of paintings
_PIECE = 1 << 16  # bytes compared at once


def pack_picture(picture: Picture) -> dict[str, NDArray[np.uint8]]:
    """Return the pixels of a picture as a PNG, with its mask and its truth if it has them.

    Alpha is another PNG, beside the premultiplied colours, so that nothing is rounded.
    """
    packed = {"png": _png(np.ascontiguousarray(picture.pixels[..., :3]))}
    if picture.channels == 4:
        packed["alpha"] = _png(np.ascontiguousarray(picture.pixels[..., 3]))
    if picture.unknown is None:
        return packed
    # A value of at most 0.5 means known, so 0.5 must not be rounded up.
    levels = np.ceil(255 * picture.unknown - np.float32(0.5)).astype(np.uint8)
    packed["unknown"] = _png(levels)
    if picture.truth is not None:
        same = np.array_equal(picture.truth, picture.pixels)
        # Empty: the truth equals the pixels.
        packed["truth"] = np.empty(0, np.uint8) if same else _png(picture.truth)
    return packed


def unpack_alpha(picture: Picture, tensors: Mapping[str, NDArray[Any]], *, name: str) -> Picture:
    """Add the alpha of a record, if it has it, to its picture.

    Raises:
        SavedError: it is damaged; `name` is the name of the file.
    """
    if "alpha" not in tensors:
        return picture
    alpha = _pixels(tensors["alpha"], picture, name=name)[..., :1]
    return Picture(np.concatenate([picture.pixels, alpha], axis=2), name=picture.name)


def unpack_mask(picture: Picture, tensors: Mapping[str, NDArray[Any]], *, name: str) -> Picture:
    """Add the mask and the truth of a record, if it has them, to its picture.

    Raises:
        SavedError: they are damaged; `name` is the name of the file.
    """
    if "unknown" not in tensors:
        return picture
    unknown = _pixels(tensors["unknown"], picture, name=name)[..., 0].astype(np.float32)
    unknown /= 255
    truth = picture.pixels
    if "truth" in tensors and len(tensors["truth"]):
        truth = _pixels(tensors["truth"], picture, name=name)
    return replace(picture, unknown=unknown, truth=truth if "truth" in tensors else None)


def _pixels(png: NDArray[Any], picture: Picture, *, name: str) -> NDArray[np.uint8]:
    limit = picture.height * picture.width
    try:
        pixels = load_picture(io.BytesIO(png.tobytes()), max_pixels=limit).pixels
    except PictureError as error:
        raise SavedError(f"{name} is damaged (the mask cannot be read): copy it again") from error
    if pixels.shape[:2] != picture.pixels.shape[:2]:
        raise SavedError(f"{name} is damaged (the mask has the wrong size): copy it again")
    return pixels


def _png(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return pixels (h, w) or (h, w, 3) as the bytes of a PNG."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return np.frombuffer(file.getvalue(), np.uint8)


def pack_sketch(frame: Frame, *, canvas: Canvas) -> dict[str, NDArray[Any]]:
    """Return a compressed sketch.

    Raises:
        UsageError: the frame does not have the size of the canvas.
    """
    shape = (canvas.height, canvas.width, canvas.channels)
    if frame.dtype != np.uint8 or frame.shape != shape:
        raise UsageError(f"a sketch is uint8 {shape}, not {frame.dtype} {frame.shape}")
    return {_SKETCH: np.frombuffer(zlib.compress(frame.tobytes(), 1), np.uint8)}


def unpack_sketch(
    tensors: Mapping[str, NDArray[Any]], *, canvas: Canvas, name: str
) -> Frame | None:
    """Return the sketch of a record; None if it has none.

    Raises:
        SavedError: the frame is damaged; `name` is the name of the file.
    """
    if _SKETCH not in tensors:
        return None
    shape = (canvas.height, canvas.width, canvas.channels)
    size = math.prod(shape)
    compressed, raw = tensors[_SKETCH].tobytes(), b""
    if size <= _MOST_PER_BYTE * len(compressed):
        with contextlib.suppress(zlib.error):
            # At most `size` bytes, because a crafted file could decompress to much more.
            raw = zlib.decompressobj().decompress(compressed, size)
    if len(raw) != size:
        raise SavedError(f"{name} is damaged (a sketch cannot be read): copy it again")
    return np.frombuffer(bytearray(raw), np.uint8).reshape(shape)


def pack_weights(weights: Mapping[str, NDArray[Any]]) -> Weights:
    """Return weights with their names in a record."""
    return {_PREFIX + name: value for name, value in weights.items()}


def unpack_weights(tensors: Mapping[str, NDArray[Any]]) -> Weights:
    """Return the weights among the arrays of a record."""
    known = (name for name in tensors if name.startswith(_PREFIX))
    return {name.removeprefix(_PREFIX): tensors[name] for name in known}


def changed_weights(
    weights: Mapping[str, NDArray[Any]], first: Mapping[str, NDArray[Any]]
) -> Weights:
    """Return the weights of which at least one bit differs from the first weights."""
    return {name: value for name, value in weights.items() if not _same(value, first[name])}


def _same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    a, b = (array.reshape(-1).view(np.uint8) for array in (a, b))
    # In pieces, because trained weights usually differ in the first one.
    pieces = (slice(start, start + _PIECE) for start in range(0, len(a), _PIECE))
    return len(a) == len(b) and all(np.array_equal(a[piece], b[piece]) for piece in pieces)


def round_to_half(weights: Mapping[str, NDArray[Any]]) -> Weights | None:
    """Return weights with float32 rounded to float16; None if a number is too large for it."""
    if any(map(_is_too_large, weights.values())):
        return None
    return {
        name: _cast(value, torch.float16) if value.dtype == np.float32 else value
        for name, value in weights.items()
    }


def _is_too_large(value: NDArray[Any]) -> bool:
    if value.dtype != np.float32 or not value.size:
        return False
    lowest, highest = torch.from_numpy(value).aminmax()
    return not max(-float(lowest), float(highest)) <= _LARGEST  # not `>`, so that NaN is too large


def widen(weights: Mapping[str, NDArray[Any]], first: Mapping[str, NDArray[Any]]) -> Weights:
    """Convert float16 weights back to float32 if the first weights are float32."""
    return {
        name: _cast(value, torch.float32)
        if value.dtype == np.float16 and name in first and first[name].dtype == np.float32
        else value
        for name, value in weights.items()
    }


def _cast(value: NDArray[Any], dtype: torch.dtype) -> NDArray[Any]:
    # torch is ten times as fast as NumPy.
    return torch.from_numpy(value).to(dtype).numpy()


class RoundingTest:
    """Decides whether rounding the weights of a painting changes it visibly.

    The change is invisible if no colour differs by more than half a level, at points all over the
    picture. The difference changes slowly during a training, so a clear result is reused for the
    next few paintings.
    """

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        """Start, or continue from a `state`."""
        state = state or {}
        self._passed = bool(state.get("verdict"))
        self._holds = int(state.get("holds", 0))

    @property
    def state(self) -> dict[str, Any]:
        """The state on which the next result depends, as JSON values."""
        return {"verdict": self._passed, "holds": self._holds}

    def passes(self, painting: Painting, rounded: Painting) -> bool:
        """Return whether the next painting of the training can be stored rounded."""
        if self._holds > 0:
            self._holds -= 1
            return self._passed
        difference = _difference(painting, rounded)
        self._passed = difference <= _TOLERANCE  # False for NaN
        clear = not 0.7 * _TOLERANCE < difference < 1.5 * _TOLERANCE
        self._holds = _TRUSTED if clear else 0
        return self._passed


def _difference(painting: Painting, rounded: Painting) -> float:
    """Return the largest difference between the colours of two paintings, in [0, 1]."""
    canvas = painting.canvas
    stride = max(1, math.isqrt(canvas.height * canvas.width // _PROBED))
    probe = canvas.grid().thinned(stride)
    return float(np.abs(painting(probe) - rounded(probe)).max())
