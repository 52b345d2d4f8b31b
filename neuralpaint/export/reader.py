"""Evaluate a file of `neuralpaint export PAINTING -o f.npz` with NumPy only.

    with np.load("f.npz") as formula:
        r, g, b = colours(formula, x=0.5, y=-0.25)

x runs right and y runs down; the longer side of the picture spans [-1, 1], and pixels are square:
the centre of pixel (i, j) of h x w lies at x = (2 j + 1 - w) / max(h, w), y = (2 i + 1 - h) /
max(h, w). The colours are sRGB in [0, 1]. The arrays are:

    waves                (m, 3)  rows (a, b, c): the feature sin(2 pi (a x + b y + c))
    ramps                (k, 3)  rows (a, b, c): the feature a x + b y + c
    powers               (p, 3)  rows (k, j, c): the feature
                                 (d / s)^(k + j) sin(k t + j log s + 2 pi c) for the distance d
                                 from the centre, s = sqrt(d^2 + core^2), and the angle t, which is
                                 0 above the centre and grows clockwise
    centre               (3,)    x, y and core
    planeN.nodes         (rows, columns, channels) features of nodes, interpolated bilinearly
    planeN.place         (3, 2)  rows scale, offset, last, each (y, x): a coordinate lies at
                                 node clamp(scale * coordinate + offset, 0, last)
    layerN.sees          (s,)    its inputs; 0: the features, i: the values of layer i, from 1
    layerN.weight, .bias         values = f(weight @ [inputs] + bias)
    series               (3, k, l) added to the last layer's z: for each colour, the sum of the
                                 products of the first k waves and the next l
    layerN.gain, .shift          if present: f(gain z / sqrt(mean(z^2) + 1e-5) + shift)
    activations          (l,)    the name of each layer's f

The file also contains `settings` (JSON), `height` and `width` of the picture, and the original
weights of the model under `weights/`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "gelu": lambda z: z * (1 + np.vectorize(math.erf, otypes=[z.dtype])(z / math.sqrt(2))) / 2,
    "leaky_relu": lambda z: np.maximum(z, 0.01 * z),
    "relu": lambda z: np.maximum(z, 0),
    "sigmoid": lambda z: (np.tanh(z / 2) + 1) / 2,
    "silu": lambda z: z * (np.tanh(z / 2) + 1) / 2,
    "sine": np.sin,
    "tanh": np.tanh,
}


def colours(formula: Mapping[str, Array], *, x: Any, y: Any) -> Array:
    """Return the colours (..., 3) in [0, 1] at x and y, which are broadcast to (...)."""
    x, y = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
    points = np.stack([x, y, np.ones_like(x)], -1)
    features = [np.sin(2 * np.pi * (points @ formula["waves"].T)), points @ formula["ramps"].T]
    features.append(_powers(formula["powers"], formula["centre"], x=x, y=y))
    number = 1
    while f"plane{number}.nodes" in formula:
        nodes, place = formula[f"plane{number}.nodes"], formula[f"plane{number}.place"]
        features.append(_interpolate(nodes, place, x=x, y=y))
        number += 1
    values = [np.concatenate(features, -1)]
    for number, name in enumerate(formula["activations"], start=1):
        layer = f"layer{number}"
        inputs = np.concatenate([values[i] for i in formula[f"{layer}.sees"]], -1)
        z = inputs @ formula[f"{layer}.weight"].T + formula[f"{layer}.bias"]
        if number == len(formula["activations"]):
            z = z + _products(formula["series"], features[0])
        if f"{layer}.gain" in formula:
            z = z / np.sqrt(np.mean(z * z, -1, keepdims=True) + 1e-5)
            z = z * formula[f"{layer}.gain"] + formula[f"{layer}.shift"]
        values.append(ACTIVATIONS[str(name)](z))
    return values[-1]


def _products(series: Array, waves: Array) -> Array:
    """Return the sums (..., 3) of products of a wave of x and a wave of y."""
    _, of_x, of_y = series.shape
    along_x = np.einsum("...k,ckl->...cl", waves[..., :of_x], series)
    sums: Array = np.einsum("...cl,...l->...c", along_x, waves[..., of_x : of_x + of_y])
    return sums


def _powers(rows: Array, centre: Array, *, x: Array, y: Array) -> Array:
    """Return the features (..., p) of rays and rings at x and y."""
    (k, j, c), (middle_x, middle_y, core) = rows.T, centre
    x, y = (x - middle_x)[..., None], (y - middle_y)[..., None]
    size = np.sqrt(x * x + y * y + core * core) + (core == 0)
    phase = k * np.arctan2(x, -y) + j * np.log(size) + 2 * np.pi * c
    features: Array = (np.hypot(x, y) / size) ** (k + j) * np.sin(phase)
    return features


def _interpolate(nodes: Array, place: Array, *, x: Array, y: Array) -> Array:
    """Return the features (..., channels) of a plane at x and y."""
    scale, offset, last = place
    row, column = (
        np.clip(scale[axis] * at + offset[axis], 0, last[axis]) for axis, at in enumerate((y, x))
    )
    top, left = (
        np.minimum(at.astype(int), nodes.shape[axis] - 2) for axis, at in enumerate((row, column))
    )
    down, across = (row - top)[..., None], (column - left)[..., None]
    above = (1 - across) * nodes[top, left] + across * nodes[top, left + 1]
    below = (1 - across) * nodes[top + 1, left] + across * nodes[top + 1, left + 1]
    features: Array = (1 - down) * above + down * below
    return features
