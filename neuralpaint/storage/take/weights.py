"""Weights in a record: what differs from the first snapshot's, halved where nobody can see it.

What no training changes, such as the frequencies of an encoding, is in the first snapshot alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neuralpaint.models.painting import Painting

__all__ = ["Judge", "Weights", "changed", "halved", "packed", "unpacked", "widened"]

Weights = dict[str, NDArray[Any]]

_NAMES = "weight/"  # begin with it in a record
_PROBED = 2000  # pixels, spread over the picture
_LARGEST = float(np.finfo(np.float16).max)
_TOLERANCE = 0.5 / 255
_FOR_GRANTED = 3  # paintings
_PIECE = 1 << 16  # bytes


def packed(weights: Mapping[str, NDArray[Any]]) -> Weights:
    """Return weights under the names that they have in a record."""
    return {_NAMES + name: value for name, value in weights.items()}


def unpacked(tensors: Mapping[str, NDArray[Any]]) -> Weights:
    """Return the weights of a record's tensors."""
    known = (name for name in tensors if name.startswith(_NAMES))
    return {name.removeprefix(_NAMES): tensors[name] for name in known}


def changed(weights: Mapping[str, NDArray[Any]], first: Mapping[str, NDArray[Any]]) -> Weights:
    """Return the weights that are not the first ones, bit for bit."""
    return {name: value for name, value in weights.items() if not _same(value, first[name])}


def _same(a: NDArray[Any], b: NDArray[Any]) -> bool:
    a, b = (array.reshape(-1).view(np.uint8) for array in (a, b))
    # Weights that have been trained differ within the first of these pieces.
    pieces = (slice(start, start + _PIECE) for start in range(0, len(a), _PIECE))
    return len(a) == len(b) and all(np.array_equal(a[piece], b[piece]) for piece in pieces)


def halved(weights: Mapping[str, NDArray[Any]]) -> Weights | None:
    """Return weights with those of float32 rounded to float16; None where one is too large."""
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
    return not max(-float(lowest), float(highest)) <= _LARGEST  # true of what is no number


def widened(weights: Mapping[str, NDArray[Any]], first: Mapping[str, NDArray[Any]]) -> Weights:
    """Return weights of which those that were halved are float32 again, as the first ones are."""
    return {
        name: _cast(value, torch.float32)
        if value.dtype == np.float16 and name in first and first[name].dtype == np.float32
        else value
        for name, value in weights.items()
    }


def _cast(value: NDArray[Any], dtype: torch.dtype) -> NDArray[Any]:
    # By torch, for NumPy takes ten times as long.
    return torch.from_numpy(value).to(dtype).numpy()


class Judge:
    """Says whether a painting with rounded weights can be told from its own.

    It cannot where no colour differs by more than half a level, at points all over the picture. How
    much they differ changes slowly, so a verdict that was clear holds for some paintings more.
    """

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        """Begin, or go on from a `state`."""
        told = state or {}
        self._verdict = bool(told.get("verdict"))
        self._holds = int(told.get("holds", 0))

    @property
    def state(self) -> dict[str, Any]:
        """What the next verdict depends on, as JSON can hold it."""
        return {"verdict": self._verdict, "holds": self._holds}

    def look_alike(self, painting: Painting, rounded: Painting) -> bool:
        """Return the verdict on the next painting of a training."""
        if self._holds > 0:
            self._holds -= 1
            return self._verdict
        difference = _difference(painting, rounded)
        self._verdict = difference <= _TOLERANCE  # never of what is no number
        clear = not 0.7 * _TOLERANCE < difference < 1.5 * _TOLERANCE
        self._holds = _FOR_GRANTED if clear else 0
        return self._verdict


def _difference(painting: Painting, rounded: Painting) -> float:
    """Return by how much the colours of two paintings differ at most; of 1 in all."""
    canvas = painting.canvas
    stride = max(1, math.isqrt(canvas.height * canvas.width // _PROBED))
    probe = canvas.grid().thinned(stride)
    return float(np.abs(painting(probe) - rounded(probe)).max())
