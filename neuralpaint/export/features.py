"""The first part of a formula: every encoding as waves, ramps, powers and learned planes.

`features_of` is a generic function over the settings classes. To export a new encoding, or a new
model that builds its own encoding, register a function for its class here.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from neuralpaint.config.settings import Settings
from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.models import FourierModel, Model, MorphModel, PyramidModel, models
from neuralpaint.models.encodings import (
    EncodingSettings,
    FrequencyEncoding,
    HarmonicEncoding,
    HashEncoding,
    NoEncoding,
    PolarEncoding,
    PyramidEncoding,
    PyramidSettings,
    encodings,
)
from neuralpaint.models.encodings.bloom import Bloom
from neuralpaint.models.encodings.fourier import cosine_counts
from neuralpaint.models.encodings.hash_grid import PRIME
from neuralpaint.models.model import EncodedModel

__all__ = ["Array", "Features", "Plane", "Powers", "Trained", "features_of", "single"]

Array = NDArray[np.float32]
_Floats = NDArray[np.floating[Any]]

_AXES = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])  # x and y as rows (a, b, c)
_MAX_NODES = 1 << 26  # of the finest level of a hash grid: half a gigabyte with 2 channels


@dataclass(frozen=True)
class Plane:
    """A grid of nodes with bilinear interpolation, clamped at its edges.

    Along each axis, a point lies at node `clamp(scale * coordinate + offset, 0, last)`; `scale`,
    `offset` and `last` are pairs (y, x). Where several pictures have nodes of their own, their rows
    are stacked.
    """

    nodes: Array  # (rows, columns, channels), at least two rows and columns for each picture
    scale: Array  # (2,)
    offset: Array  # (2,)
    last: Array  # (2,)
    pictures: int = 1


class Powers(NamedTuple):
    """Rays and rings around a centre; see `neuralpaint.models.encodings.polar`.

    With the distance d, the angle t from upwards to the right, in radians, and
    s = sqrt(d^2 + core^2), the feature of a row (k, j, c) is

        (d / s)^(k + j) sin(k t + j log s + 2 pi c)
    """

    rows: _Floats = np.empty((0, 3))
    centre: _Floats = np.zeros(3)  # (x, y, core)


class Features(NamedTuple):
    """The features of a formula."""

    waves: _Floats = np.empty((0, 3))  # rows (a, b, c): sin(2 pi (a x + b y + c))
    ramps: _Floats = np.empty((0, 3))  # rows (a, b, c): a x + b y + c
    powers: Powers = Powers()
    planes: tuple[Plane, ...] = ()
    columns: Sequence[int] | None = None  # index of each feature in the model; None: same order
    amplitudes: _Floats | None = None  # of the model's features, in its order; None: all are 1


class Trained(NamedTuple):
    """The results of a training that determine its features."""

    weights: Mapping[str, _Floats]
    canvas: Canvas  # of the target
    seed: int
    pictures: int = 1


def single(values: _Floats) -> Array:
    """Return a C-contiguous copy in single precision."""
    return np.ascontiguousarray(values, np.float32)


@functools.singledispatch
def features_of(settings: Settings, trained: Trained) -> Features:
    """Return the features of a model or an encoding.

    Raises:
        UsageError: the features cannot be written as a formula, or are too large for a file.
    """
    raise NotImplementedError(type(settings))


@features_of.register
def _any_model(model: Model, trained: Trained) -> Features:
    raise UsageError(f"model {models.name_of(model)!r} cannot be exported: choose another --model")


@features_of.register
def _any_encoding(encoding: EncodingSettings, trained: Trained) -> Features:
    name = encodings.name_of(encoding)
    raise UsageError(f"encoding {name!r} cannot be exported: train with another encoding=...")


@features_of.register
def _encoded_model(model: EncodedModel, trained: Trained) -> Features:
    return features_of(encodings.parse(model.encoding), trained)


@features_of.register
def _fourier(model: FourierModel, trained: Trained) -> Features:
    order, canvas = model.order_for(trained.canvas), trained.canvas
    features = _cosines(order, canvas) if model.mirror else _harmonics_of(order)
    return features._replace(amplitudes=trained.weights.get("encoding.amplitudes"))


@features_of.register
def _pyramid_model(model: PyramidModel, trained: Trained) -> Features:
    return _waves_and_planes(model, trained)


@features_of.register
def _morph(model: MorphModel, trained: Trained) -> Features:
    waves = _waves(trained.weights["encoding.encodings.0.frequencies"], separable=False)
    return waves._replace(planes=_planes(trained, prefix="encoding.encodings.1"))


@features_of.register
def _coordinates(encoding: NoEncoding, trained: Trained) -> Features:
    return Features(ramps=_AXES)


@features_of.register
def _harmonics(encoding: HarmonicEncoding, trained: Trained) -> Features:
    return _harmonics_of(encoding.order_for(trained.canvas))


def _harmonics_of(order: int) -> Features:
    """Return sin(k pi x), cos(k pi x), sin(k pi y), cos(k pi y), then pi x and pi y.

    The model has them in another order: pi x comes between the waves of x and the waves of y.
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


def _cosines(order: int, canvas: Canvas) -> Features:
    """Return the features of `Cosine` as sines: for x, then for y."""
    waves = []
    counts = cosine_counts(order, span=canvas.span)
    for axis, (count, side) in enumerate(zip(counts, reversed(canvas.span), strict=True)):
        k = np.arange(1, count + 1)
        rows = np.zeros((len(k), 3))
        rows[:, axis], rows[:, 2] = k / (2 * side), (k + 1) % 4 / 4
        waves.append(rows)
    return Features(np.concatenate(waves))


@features_of.register
def _frequencies(encoding: FrequencyEncoding, trained: Trained) -> Features:
    table = trained.weights.get("encoding.frequencies")
    if table is None:  # the NumPy engine does not save it: it is drawn from the seed
        table = encoding.frequencies(np.random.default_rng(trained.seed))
    return _waves(table, separable=encoding.separable)


@features_of.register
def _polar(encoding: PolarEncoding, trained: Trained) -> Features:
    orders = np.array(encoding.orders_for(trained.canvas))
    rows = np.zeros((4, len(orders), 3))
    rows[:2, :, 0] = rows[2:, :, 1] = orders
    rows[::2, :, 2] = 0.25  # a real part is a cosine
    centre = np.array(encoding.place_for(trained.canvas))
    amplitudes = trained.weights.get("encoding.amplitudes")
    return Features(powers=Powers(rows.reshape(-1, 3), centre), amplitudes=amplitudes)


@features_of.register
def _pyramid(encoding: PyramidEncoding, trained: Trained) -> Features:
    return _waves_and_planes(encoding, trained)


@features_of.register
def _hash(encoding: HashEncoding, trained: Trained) -> Features:
    """Return a plane for each level; every node gets a copy of its table entry."""
    canvas, table = trained.canvas, trained.weights["encoding.table"]
    planes, start, span = [], 0, np.array(canvas.span)
    for cells, row, entries in encoding.levels_for(canvas):
        down, across = (math.ceil(cells * side / 2) + 1 for side in canvas.span)
        if down * across > _MAX_NODES:
            raise UsageError(
                f"the finest cells of the hash grid have {down} x {across} corners, too many to "
                f"export: train with encoding=hash:finest={canvas.width // 2}"
            )
        i, j = np.arange(down, dtype=np.int64)[:, None], np.arange(across, dtype=np.int64)
        index = j + i * row if row else (j ^ i * PRIME) & (entries - 1)
        scale = cells / 2
        offset, last = single(scale * span / 2), single(scale * span)
        planes.append(Plane(single(table[start + index]), single(np.full(2, scale)), offset, last))
        start += entries
    return Features(planes=tuple(planes))


def _waves(table: _Floats, *, separable: bool) -> Features:
    """Return cos(2 pi B v) and sin(2 pi B v) with v = (coordinate + 1) / 2, for each table B."""
    frequencies = table.astype(np.float64)
    tables = [frequencies]
    if separable:
        tables = [frequencies[frequencies[:, axis] != 0] for axis in (0, 1)]
    rows = []
    for table in tables:
        for phase in (0.25, 0.0):
            offset = table.sum(1) / 2 + phase
            # Whole turns change nothing, but would cost precision.
            rows.append(np.column_stack([table / 2, offset - np.round(offset)]))
    return Features(np.concatenate(rows))


def _waves_and_planes(settings: PyramidSettings, trained: Trained) -> Features:
    bloom = settings.bloom_over(trained.canvas)
    if settings.wave_count == 0:
        return Features(planes=_planes(trained, prefix="encoding", bloom=bloom))
    waves = _waves(trained.weights["encoding.encodings.0.frequencies"], separable=False)
    return waves._replace(planes=_planes(trained, prefix="encoding.encodings.1", bloom=bloom))


def _planes(trained: Trained, *, prefix: str, bloom: Bloom | None = None) -> tuple[Plane, ...]:
    """Return the planes of a pyramid; their nodes are the centres of equal cells."""
    weights, canvas = trained.weights, trained.canvas
    count = sum(name.startswith(f"{prefix}.planes.") for name in weights)
    planes, start = [], 0
    for i in range(count):
        nodes = weights[f"{prefix}.planes.{i}"]
        height, width, channels = len(nodes) // trained.pictures, *nodes.shape[1:]
        cells = np.array([height, width], np.float64)
        if f"{prefix}.strengths" in weights:
            nodes = nodes * weights[f"{prefix}.strengths"][start : start + channels]
        if bloom is not None and i < bloom.fading:
            time = torch.from_numpy(weights[f"{prefix}.bloom_time"])
            delays = bloom.delays(height, width, span=canvas.span)
            strengths = bloom.strengths(delays, time, plane=i).numpy()[..., None]
            nodes = nodes * np.tile(strengths, (trained.pictures, 1, 1))
        scale, offset = single(cells / canvas.span), single(cells / 2 - 0.5)
        planes.append(Plane(single(nodes), scale, offset, single(cells - 1), trained.pictures))
        start += channels
    return tuple(planes)
