"""A formula over the pixels of a canvas, computed as the player's shaders compute it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import gelu, leaky_relu, silu

from neuralpaint.export.features import Array, Plane, Powers
from neuralpaint.export.formula import EPS, SLOPE, Formula

if TYPE_CHECKING:
    from neuralpaint.image.canvas import Grid

__all__ = ["GridEvaluation"]

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": gelu,
    "leaky_relu": lambda z: leaky_relu(z, SLOPE),
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "silu": silu,
    "sine": torch.sin,
    "tanh": torch.tanh,
}
_POINTS = 1 << 15  # computed at once: their values fit the caches of a CPU


class GridEvaluation:
    """Evaluates formulas of one training at the same points.

    The waves, which no training changes, are computed once.
    """

    def __init__(self, formula: Formula, grid: Grid) -> None:
        """Take a formula of the training, and a grid of columns (1, w) and rows (h, 1)."""
        self._x, self._y = grid.x[0].astype(float), grid.y[:, 0].astype(float)
        waves = formula.waves.astype(float)
        along_x, along_y = waves[:, 1] == 0, (waves[:, 0] == 0) & (waves[:, 1] != 0)
        self._of_x = np.flatnonzero(along_x)
        self._of_y = np.flatnonzero(along_y)
        self._others = np.flatnonzero(~along_x & ~along_y)
        self._across = _sines(np.outer(self._x, waves[along_x, 0]) + waves[along_x, 2])
        self._down = _sines(np.outer(self._y, waves[along_y, 1]) + waves[along_y, 2])
        a, b, c = waves[self._others].T
        along_a, along_b = np.outer(self._x, a) + c, np.outer(self._y, b)
        # sin(a + b) = sin a cos b + cos a sin b
        self._of_a = _sines(along_a), _sines(along_a + 0.25)
        self._of_b = _sines(along_b), _sines(along_b + 0.25)
        self._powers = formula.powers

    def colours(self, formula: Formula) -> Array:
        """Return the colours (h, w, 3) in [0, 1] of the formula of a single picture."""
        height, width = len(self._y), len(self._x)
        step = max(1, _POINTS // width)
        strips = [slice(top, min(top + step, height)) for top in range(0, height, step)]
        with torch.no_grad():
            terms = self._terms(formula)
            sums = self._series(formula)
            parts = [self._strip(formula, rows, terms, sums) for rows in strips]
            return torch.cat(parts).view(height, width, 3).numpy()

    def _terms(self, formula: Formula) -> dict[int, tuple[Tensor, Tensor]]:
        """Return, of the layers that receive the features, their sums of waves along the axes."""
        terms, ramps = {}, torch.from_numpy(formula.ramps)
        first = len(formula.waves)
        x, y = (torch.from_numpy(axis).float()[:, None] for axis in (self._x, self._y))
        for number, layer in enumerate(formula.layers, start=1):
            if 0 not in layer.inputs:
                continue
            own = torch.from_numpy(layer.weight[:, _features_at(formula, number) :])
            linear = own[:, first : first + len(ramps)] @ ramps  # (units, 3)
            terms[number] = (
                self._across @ own[:, self._of_x].t() + x * linear[:, 0] + linear[:, 2],
                self._down @ own[:, self._of_y].t() + y * linear[:, 1],
            )
        return terms

    def _series(self, formula: Formula) -> Tensor | None:
        """Return, for each row of pixels, the coefficients (h, 3, k) of the waves along x."""
        if not formula.series.size:
            return None
        series = torch.from_numpy(formula.series)
        return torch.einsum("hl,ckl->hck", self._down[:, : series.shape[2]], series)

    def _strip(
        self,
        formula: Formula,
        rows: slice,
        terms: dict[int, tuple[Tensor, Tensor]],
        sums: Tensor | None,
    ) -> Tensor:
        """Return the colours (points, 3) of some rows."""
        local = self._local(formula, rows)
        values = [local]
        for number, layer in enumerate(formula.layers, start=1):
            weight = torch.from_numpy(layer.weight)
            z = torch.from_numpy(layer.bias).expand(len(local), -1)
            start = 0
            for i in layer.inputs:
                if i:
                    width = values[i].shape[1]
                    z = torch.addmm(z, values[i], weight[:, start : start + width].t())
                    start += width
            if number in terms:
                of_x, of_y = terms[number]
                z = (z.view(-1, len(self._x), z.shape[1]) + of_x + of_y[rows, None]).flatten(0, 1)
                own = weight[:, start:]
                after = range(len(formula.waves) + len(formula.ramps), own.shape[1])
                z = torch.addmm(z, local, own[:, [*self._others, *after]].t())
            if number == len(formula.layers) and sums is not None:
                along_x = self._across[:, : sums.shape[2]]
                z = z + torch.einsum("hck,wk->hwc", sums[rows], along_x).reshape(z.shape)
            if layer.norm is not None:
                z = z * torch.rsqrt(z.square().mean(1, keepdim=True) + EPS)
                z = z * torch.from_numpy(layer.norm.gain) + torch.from_numpy(layer.norm.shift)
            values.append(_ACTIVATIONS[layer.activation](z))
        return values[-1]

    def _local(self, formula: Formula, rows: slice) -> Tensor:
        """Return the features (points, f) that depend on x and y together."""
        (sin_a, cos_a), (sin_b, cos_b) = self._of_a, (each[rows, None] for each in self._of_b)
        parts = [(sin_a * cos_b).addcmul_(cos_a, sin_b)]
        parts.append(_powers(self._powers, *np.meshgrid(self._x, self._y[rows])))
        parts += [_interpolated(plane, self._x, self._y[rows]) for plane in formula.planes]
        return torch.cat(parts, -1).flatten(0, 1)


def _features_at(formula: Formula, number: int) -> int:
    """Return the column of a layer's weight at which the features begin; they are the last."""
    inputs = formula.layers[number - 1].inputs
    return sum(len(formula.layers[i - 1].bias) for i in inputs if i)


def _sines(turns: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Tensor:
    return torch.from_numpy(np.sin(2 * np.pi * (turns - np.round(turns))).astype(np.float32))


def _powers(powers: Powers, x: Array, y: Array) -> Tensor:
    k, j, c = powers.rows.T.astype(float)
    middle_x, middle_y, core = powers.centre.astype(float)
    x, y = (x - middle_x)[..., None], (y - middle_y)[..., None]
    size = np.sqrt(x * x + y * y + core * core) + (core == 0)
    phase = k * np.arctan2(x, -y) + j * np.log(size) + 2 * np.pi * c
    features = (np.hypot(x, y) / size) ** (k + j) * np.sin(phase)
    return torch.from_numpy(features.astype(np.float32))


def _interpolated(plane: Plane, x: Array, y: Array) -> Tensor:
    """Return the features (h, w, channels) of a plane at columns (w,) and rows (h,)."""
    nodes = torch.from_numpy(plane.nodes)
    for axis, at in enumerate((y, x)):
        place = np.clip(plane.scale[axis] * at + plane.offset[axis], 0, plane.last[axis])
        first = np.minimum(place.astype(int), nodes.shape[axis] - 2)
        share = torch.from_numpy((place - first).astype(np.float32)).view(-1, *[1] * (2 - axis))
        index = torch.from_numpy(first)
        nodes = nodes.index_select(axis, index).lerp(nodes.index_select(axis, index + 1), share)
    return nodes
