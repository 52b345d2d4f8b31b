"""The numbers of a formula as one vector, in the order in which a shader reads them.

All formulas of a training have one `Layout`: it says where in the vector the weights of each layer,
the series and the planes are, and contains what no training changes. Everything is in groups of
four, a texel of a texture; where there are not as many units, channels or inputs, they are 0.
Weights are in the order (units / 4, inputs, 4), so that four texels are a matrix of 4 x 4.

What depends on x alone or on y alone is not computed for every pixel:

    z = X(x) + Y(y) + weights [products of waves, powers, planes] + weights [other layers]

where X and Y are the sums of the waves along one axis. Waves in other directions are products of
two waves, sin(a + b) = sin a cos b + cos a sin b. Ramps are linear: they add a x + b y + c.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuralpaint.export.features import Array, single
from neuralpaint.export.formula import Formula, Layer

__all__ = ["TO_RGB", "Layout", "Section"]

TO_RGB = np.array([[1.0, 1.0, 1.0], [1.0, 0.0, -1.0], [0.5, -1.0, 0.5]])
"""Red, green and blue of the channels of a series: light, red against blue, green against both."""

_UNUSED = 1e-6  # coefficients of colour up to it are rounding errors

_Doubles = NDArray[np.float64]


class Section(NamedTuple):
    """Consecutive numbers of the vector."""

    name: str
    start: int
    size: int

    @property
    def end(self) -> int:
        """The position after the last number."""
        return self.start + self.size


@dataclass(frozen=True)
class _Columns:
    """The features of a formula by how they are computed, as their indices."""

    of_x: NDArray[np.intp]  # waves along x
    of_y: NDArray[np.intp]
    oblique: NDArray[np.intp]  # waves in other directions
    ramps: slice
    powers: slice
    planes: list[slice]

    @classmethod
    def of(cls, formula: Formula) -> _Columns:
        along_x, along_y = formula.waves[:, 1] == 0, formula.waves[:, 0] == 0
        counts = [len(formula.waves), len(formula.ramps), len(formula.powers.rows)]
        counts += [plane.nodes.shape[2] for plane in formula.planes]
        ends = np.cumsum(counts).tolist()
        _, ramps, powers, *planes = (
            slice(end - n, end) for n, end in zip(counts, ends, strict=True)
        )
        return cls(
            np.flatnonzero(along_x),
            np.flatnonzero(along_y & ~along_x),
            np.flatnonzero(~along_x & ~along_y),
            ramps,
            powers,
            planes,
        )


class Layout:
    """Where the numbers of a formula are in the vector, for all moments of a training."""

    def __init__(self, formula: Formula, *, span: tuple[float, float]) -> None:
        """Take one formula of the training, and the height and width of the picture.

        The other formulas have the same shapes.
        """
        self.formula, self.span = formula, span
        self.columns = _Columns.of(formula)
        self.size = 0
        self.sections: dict[str, Section] = {}
        for number, layer in enumerate(formula.layers, start=1):
            units = _padded(len(layer.bias))
            if 0 in layer.inputs:
                self._add(f"across{number}", units * self.inputs_of_axis("x"))
                self._add(f"down{number}", units * self.inputs_of_axis("y"))
                self._add(f"local{number}", units * self.local_inputs)
        _, of_x, of_y = formula.series.shape
        self.light = of_x, of_y
        self.colour = self._colour_counts()
        for name, (k, n) in (("light", self.light), ("red", self.colour), ("green", self.colour)):
            self._add(name, _padded(k) * _padded(n))
        pictures = max((plane.pictures for plane in formula.planes), default=1)
        self._add_planes(0)
        self.hidden = self.size
        for number, layer in enumerate(formula.layers, start=1):
            units = _padded(len(layer.bias))
            inputs = sum(_padded(len(formula.layers[i - 1].bias)) for i in layer.inputs if i)
            self._add(f"hidden{number}", units * inputs)
            self._add(f"bias{number}", units)
            if layer.norm is not None:
                self._add(f"gain{number}", units)
                self._add(f"shift{number}", units)
        self.code = self.size
        for number, layer in enumerate(formula.layers, start=1):
            if layer.code is not None:
                self._add(f"code{number}", _padded(len(layer.bias)) * layer.code.shape[1])
        for picture in range(1, pictures):
            self._add_planes(picture)

    def _add(self, name: str, size: int) -> None:
        if size:
            self.sections[name] = Section(name, self.size, size)
            self.size += size

    def _add_planes(self, picture: int) -> None:
        for number, plane in enumerate(self.formula.planes, start=1):
            if picture < plane.pictures:
                rows, across, channels = plane.nodes.shape
                size = rows // plane.pictures * across * _padded(channels)
                self._add(f"plane{number}-{picture}", size)

    def _colour_counts(self) -> tuple[int, int]:
        """Return how many waves of x and of y the colour of the series has."""
        used = np.abs(_channels(self.formula.series)[1:]).max(0, initial=0) > _UNUSED
        if not used.any():  # nothing is learned yet
            return (self.light[0] + 1) // 2, (self.light[1] + 1) // 2
        k, n = (int(np.flatnonzero(used.any(axis))[-1]) + 1 for axis in (1, 0))
        return k, n

    def inputs_of_axis(self, axis: str) -> int:
        """Return the number of waves along an axis, padded, and 4 for the coordinate if needed."""
        waves = self.columns.of_x if axis == "x" else self.columns.of_y
        return _padded(len(waves)) + (4 if len(self.formula.ramps) else 0)

    @property
    def local_inputs(self) -> int:
        """The number of features that are computed for every pixel, padded."""
        planes = sum(_padded(plane.nodes.shape[2]) for plane in self.formula.planes)
        return _padded(len(self.columns.oblique)) + _padded(len(self.formula.powers.rows)) + planes

    def pack(self, formula: Formula) -> Array:
        """Return the vector (size,) of a formula."""
        vector = np.zeros(self.size, np.float32)

        def put(name: str, values: NDArray[Any]) -> None:
            if values.size:
                section = self.sections[name]
                vector[section.start : section.end] = values.reshape(-1)

        for number, layer in enumerate(formula.layers, start=1):
            self._pack_layer(put, number, layer)
        channels = _channels(formula.series)
        for name, channel, (k, n) in zip(
            ("light", "red", "green"), channels, (self.light, self.colour, self.colour),
            strict=True,
        ):  # fmt: skip
            put(name, _pad(_pad(channel[:k, :n].T, axis=1), axis=0))
        for number, plane in enumerate(formula.planes, start=1):
            for picture, nodes in enumerate(np.split(plane.nodes, plane.pictures)):
                put(f"plane{number}-{picture}", _pad(nodes, axis=2))
        return vector

    def _pack_layer(self, put: Any, number: int, layer: Layer) -> None:
        """Pack the weights of a layer."""
        columns, ramps = self.columns, self.formula.ramps.astype(np.float64)
        weight, bias = layer.weight.astype(np.float64), layer.bias.astype(np.float64)
        hidden, start = [], 0
        for i in layer.inputs:
            if i:
                units = len(self.formula.layers[i - 1].bias)
                hidden.append(_pad(weight[:, start : start + units], axis=1))
                start += units
                continue
            of_ramps = weight[:, start:][:, columns.ramps] @ ramps  # (units, 3)
            own = weight[:, start:]
            for name, waves, axis in (("across", columns.of_x, 0), ("down", columns.of_y, 1)):
                parts = [_pad(own[:, waves], axis=1)]
                if len(ramps):
                    parts.append(_pad(of_ramps[:, axis : axis + 1], axis=1))
                put(f"{name}{number}", _in_blocks(np.concatenate(parts, 1)))
            bias = bias + of_ramps[:, 2]
            local = [own[:, columns.oblique], own[:, columns.powers]]
            local += [own[:, plane] for plane in columns.planes]
            put(
                f"local{number}",
                _in_blocks(np.concatenate([_pad(part, axis=1) for part in local], 1)),
            )
            start += columns.planes[-1].stop if columns.planes else columns.powers.stop
        if hidden:
            put(f"hidden{number}", _in_blocks(np.concatenate(hidden, 1)))
        put(f"bias{number}", _pad(bias, axis=0))
        if layer.norm is not None:
            put(f"gain{number}", _pad(layer.norm.gain, axis=0))
            put(f"shift{number}", _pad(layer.norm.shift, axis=0))
        if layer.code is not None:
            put(f"code{number}", _in_blocks(layer.code))

    def unpack(self, vector: Array) -> Formula:
        """Return the formula of a vector; if it has ramps, they are x and y."""
        formula = self.formula

        def get(name: str, *shape: int) -> Array:
            section = self.sections.get(name)
            return np.zeros(shape, np.float32) if section is None else vector[
                section.start : section.end
            ].reshape(shape)  # fmt: skip

        layers = tuple(
            self._unpack_layer(get, number, layer)
            for number, layer in enumerate(formula.layers, start=1)
        )
        series = np.zeros(formula.series.shape)
        if formula.series.size:
            for name, channel, (k, n) in zip(
                ("light", "red", "green"), series, (self.light, self.colour, self.colour),
                strict=True,
            ):  # fmt: skip
                channel[:k, :n] = get(name, _padded(n), _padded(k))[:n, :k].T
        planes = []
        for number, plane in enumerate(formula.planes, start=1):
            rows, across, channels = plane.nodes.shape
            shape = rows // plane.pictures, across, _padded(channels)
            nodes = [
                get(f"plane{number}-{i}", *shape)[..., :channels] for i in range(plane.pictures)
            ]
            planes.append(replace(plane, nodes=np.concatenate(nodes)))
        ramps = np.eye(2, 3, dtype=np.float32) if len(formula.ramps) else formula.ramps
        return replace(
            formula,
            ramps=ramps,
            planes=tuple(planes),
            layers=layers,
            series=single(np.einsum("ckl,cr->rkl", series, TO_RGB)),
        )

    def _unpack_layer(self, get: Any, number: int, layer: Layer) -> Layer:
        """Return a layer whose weights are in the vector."""
        columns, units = self.columns, len(layer.bias)

        def blocks(name: str, inputs: int) -> Array:
            found = get(f"{name}{number}", _padded(units) // 4, inputs, 4)
            return single(found.transpose(0, 2, 1).reshape(_padded(units), inputs)[:units])

        parts, start = [], 0
        before = [len(self.formula.layers[i - 1].bias) for i in layer.inputs if i]
        hidden = blocks("hidden", sum(map(_padded, before)))
        for width in before:
            parts.append(hidden[:, start : start + width])
            start += _padded(width)
        if 0 in layer.inputs:
            waves = np.zeros((units, len(self.formula.waves)), np.float32)
            ramps = []
            for name, axis, own in (("across", "x", columns.of_x), ("down", "y", columns.of_y)):
                table = blocks(name, self.inputs_of_axis(axis))
                waves[:, own] = table[:, : len(own)]
                if len(self.formula.ramps):
                    ramps.append(table[:, -4:-3])
            local, start, rest = blocks("local", self.local_inputs), 0, []
            slices = [columns.powers, *columns.planes]
            for width in [len(columns.oblique), *(each.stop - each.start for each in slices)]:
                rest.append(local[:, start : start + width])
                start += _padded(width)
            waves[:, columns.oblique] = rest[0]
            parts += [waves, *ramps, *rest[1:]]
        norm = layer.norm
        if norm is not None:
            size = _padded(units)
            norm = type(norm)(*(get(f"{n}{number}", size)[:units] for n in ("gain", "shift")))
        code = None if layer.code is None else blocks("code", layer.code.shape[1])
        return replace(
            layer,
            weight=single(np.concatenate(parts, 1)),
            bias=single(get(f"bias{number}", _padded(units))[:units]),
            norm=norm,
            code=code,
        )

    def describe(self) -> dict[str, Any]:
        """Return what a shader needs to know beside the vector, as JSON values."""
        formula, columns = self.formula, self.columns
        waves = formula.waves.astype(np.float64)
        rows, centre = formula.powers
        layers = []
        for number, layer in enumerate(formula.layers, start=1):
            at = {
                name: self.sections[f"{name}{number}"].start
                for name in ("across", "down", "local", "hidden", "bias", "gain", "shift", "code")
                if f"{name}{number}" in self.sections
            }
            layers.append(
                {
                    "units": len(layer.bias),
                    "activation": layer.activation,
                    "inputs": list(layer.inputs),
                    "at": at,
                }
            )
        planes = [
            {
                "rows": plane.nodes.shape[0] // plane.pictures,
                "columns": plane.nodes.shape[1],
                "channels": plane.nodes.shape[2],
                "scale": plane.scale.tolist(),
                "offset": plane.offset.tolist(),
                "last": plane.last.tolist(),
                "at": [self.sections[f"plane{number}-{i}"].start for i in range(plane.pictures)],
            }
            for number, plane in enumerate(formula.planes, start=1)
        ]
        series = [
            {"across": k, "down": n, "at": self.sections[name].start}
            for name, (k, n) in (
                ("light", self.light), ("red", self.colour), ("green", self.colour)
            )
            if name in self.sections
        ]  # fmt: skip
        return {
            "span": list(self.span),
            "across": waves[columns.of_x][:, [0, 2]].tolist(),
            "down": waves[columns.of_y][:, [1, 2]].tolist(),
            "oblique": waves[columns.oblique].tolist(),
            "ramps": bool(len(formula.ramps)),
            "powers": rows.astype(np.float64).tolist(),
            "centre": centre.astype(np.float64).tolist(),
            "planes": planes,
            "layers": layers,
            "series": series,
            "size": self.size,
            "hidden": self.hidden,
            "code": self.code,
        }


def _channels(series: Array) -> _Doubles:
    """Return the series (3, k, l) of light and of two differences of colour."""
    found: _Doubles = np.einsum("rkl,rc->ckl", series.astype(np.float64), np.linalg.inv(TO_RGB))
    return found


def _padded(count: int) -> int:
    return -(-count // 4) * 4


def _pad(values: NDArray[Any], *, axis: int) -> NDArray[Any]:
    """Return an array with zeros at the end of an axis, whose length becomes a multiple of 4."""
    missing = [(0, 0)] * values.ndim
    missing[axis] = (0, _padded(values.shape[axis]) - values.shape[axis])
    return np.pad(values, missing)


def _in_blocks(weight: NDArray[Any]) -> Array:
    """Return a weight (units, inputs) as (units / 4, inputs, 4)."""
    padded = _pad(weight, axis=0)
    return single(padded.reshape(len(padded) // 4, 4, weight.shape[1]).transpose(0, 2, 1))
