"""Every encoding as waves, ramps and planes: what the formula of a painting begins with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuralpaint.errors import UsageError
from neuralpaint.export.formula import Plane, single
from neuralpaint.image.canvas import Canvas
from neuralpaint.models.encodings.entries import (
    EncodingSettings,
    FrequencyEncoding,
    HarmonicEncoding,
    HashEncoding,
    NoEncoding,
    PyramidEncoding,
    encodings,
)

__all__ = ["Features", "features_of", "waves_and_planes"]

Array = NDArray[np.floating[Any]]

_AXES = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])  # x and y as rows (a, b, c)
_PRIME = 2_654_435_761  # pi_2 of Mueller et al. 2022, eq. 4; pi_1 is 1
_MOST_NODES = 1 << 26  # of a hash grid's finest level: with 2 channels half a gigabyte


class Features(NamedTuple):
    """The features of a formula, and which of the model's own each of them is."""

    waves: Array = np.empty((0, 3))
    ramps: Array = np.empty((0, 3))
    planes: tuple[Plane, ...] = ()
    columns: Sequence[int] | None = None  # (features,); None where the order is the same


def features_of(
    encoding: EncodingSettings, *, weights: Mapping[str, Array], canvas: Canvas, seed: int
) -> Features:
    """Return the features of an encoding in a training with this seed of a picture's canvas.

    Raises:
        UsageError: the encoding has something that no formula has, or is too large for a file.
    """
    if isinstance(encoding, NoEncoding):
        return Features(ramps=_AXES)
    if isinstance(encoding, HarmonicEncoding):
        return _harmonics(encoding.order_for(canvas))
    if isinstance(encoding, FrequencyEncoding):
        table = weights.get("encoding.frequencies")
        if table is None:  # the network from scratch draws it again
            table = encoding.frequencies(np.random.default_rng(seed))
        return _waves(table.astype(np.float64), separable=encoding.separable)
    if isinstance(encoding, HashEncoding):
        return Features(planes=_tables(encoding, weights["encoding.table"], canvas))
    if isinstance(encoding, PyramidEncoding):
        return Features(planes=_planes(weights, canvas))
    name = encodings.name_of(encoding)
    raise UsageError(f"encoding {name!r} cannot be exported: train with another encoding=...")


def waves_and_planes(weights: Mapping[str, Array], canvas: Canvas) -> Features:
    """Return the features of two encodings together: waves, and the planes of a pyramid."""
    table = weights["encoding.encodings.0.frequencies"].astype(np.float64)
    planes = _planes(weights, canvas, of="encoding.encodings.1")
    return _waves(table, separable=False)._replace(planes=planes)


def _harmonics(order: int) -> Features:
    """Return sin(k pi x) and cos(k pi x), those of y, and pi x and pi y.

    The model has pi x between the waves of x and those of y.
    """
    waves = []
    for axis in (0, 1):
        for phase in (0.0, 0.25):
            rows = np.zeros((order, 3))
            rows[:, axis], rows[:, 2] = np.arange(1, order + 1) / 2, phase
            waves.append(rows)
    x, y = 2 * order, 4 * order + 1  # the columns of pi x and pi y
    columns = [*range(x), *range(x + 1, y), x, y]
    return Features(np.concatenate(waves), np.pi * _AXES, columns=columns)


def _waves(frequencies: Array, *, separable: bool) -> Features:
    """Return cos(2 pi B v) and sin(2 pi B v) of v = (coordinate + 1) / 2, for each table B."""
    tables = [frequencies]
    if separable:
        tables = [frequencies[frequencies[:, axis] != 0] for axis in (0, 1)]
    rows = []
    for table in tables:
        for phase in (0.25, 0.0):
            offset = table.sum(1) / 2 + phase
            # Whole turns say nothing, and would cost digits.
            rows.append(np.column_stack([table / 2, offset - np.round(offset)]))
    return Features(np.concatenate(rows))


def _planes(
    weights: Mapping[str, Array], canvas: Canvas, *, of: str = "encoding"
) -> tuple[Plane, ...]:
    """Return the planes of a pyramid, whose nodes lie at the centres of equal cells."""
    count = sum(name.startswith(f"{of}.planes.") for name in weights)
    planes, at = [], 0
    for i in range(count):
        nodes = weights[f"{of}.planes.{i}"]
        cells, channels = np.array(nodes.shape[:2], np.float64), nodes.shape[2]
        if f"{of}.strengths" in weights:
            nodes = nodes * weights[f"{of}.strengths"][at : at + channels]
        place = cells / canvas.span, cells / 2 - 0.5, cells - 1
        planes.append(Plane(single(nodes), *map(single, place)))
        at += channels
    return tuple(planes)


def _tables(encoding: HashEncoding, table: Array, canvas: Canvas) -> tuple[Plane, ...]:
    """Return the levels of a hash grid, each corner with the entry that it shares with others."""
    from neuralpaint.models.encodings.hash_grid import grid_levels

    levels = grid_levels(
        levels=encoding.levels,
        coarsest=encoding.coarsest,
        finest=encoding.finest or max(canvas.height, canvas.width) // 2,
        table_size=2**encoding.table_size,
        span=canvas.span,
    )
    planes, start, span = [], 0, np.array(canvas.span)
    for cells, row, entries in levels:
        down, across = (math.ceil(cells * side / 2) + 1 for side in canvas.span)
        if down * across > _MOST_NODES:
            raise UsageError(
                f"the finest cells of the hash grid have {down} x {across} corners, too many to "
                f"export: train with encoding=hash:finest={canvas.width // 2}"
            )
        i, j = np.arange(down, dtype=np.int64)[:, None], np.arange(across, dtype=np.int64)
        index = j + i * row if row else (j ^ i * _PRIME) & (entries - 1)
        scale = cells / 2
        place = np.full(2, scale), scale * span / 2, scale * span
        planes.append(Plane(single(table[start + index]), *map(single, place)))
        start += entries
    return tuple(planes)
