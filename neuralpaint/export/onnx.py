"""A painting as an ONNX model from `coordinates` (points, 2) to `colours` (points, 3)."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from neuralpaint._version import __version__
from neuralpaint.errors import UsageError
from neuralpaint.export.features import Plane, Powers, single
from neuralpaint.export.formula import EPS, SLOPE, Formula, Layer, derive
from neuralpaint.models import ActivationName
from neuralpaint.models.painting import Painting

__all__ = ["write_onnx"]

# Supported by ONNX 1.12 and onnxruntime 1.12, of 2022.
_OPSET, _IR = 17, 8
_TURN = 2 * np.pi
_TINY = 1e-30  # instead of a coordinate of 0, by which it is divided
_MAX_BYTES = 2**31 - 2**20  # the limit of protocol buffers is 2 GiB

_ABOUT = """\
A picture of {width} x {height} pixels as a function of the place: {model}.

coordinates: float32 (points, 2), x and y of each. x runs right and y runs down; the longer side of
the picture spans [-1, 1], and pixels are square. The centre of pixel (i, j) of an image of h x w is
at x = (2 j + 1 - w) / max(h, w), y = (2 i + 1 - h) / max(h, w), at whatever size it is rendered.

colours: float32 (points, 3), sRGB in [0, 1]."""


def write_onnx(painting: Painting) -> bytes:
    """Return the ONNX model of a painting. Its doc string describes the coordinates.

    Raises:
        UsageError: the model cannot be exported, or is too large for the format.
    """
    formula, canvas, settings = derive(painting), painting.canvas, painting.settings
    if 4 * formula.weights > _MAX_BYTES:
        raise UsageError(
            f"{formula.weights:,} weights are too many for ONNX (limit 2 GiB): "
            "export as .npz, or train a smaller model"
        )
    about = _ABOUT.format(width=canvas.width, height=canvas.height, model=settings.model)
    model = helper.make_model(
        _Graph().build(formula, about=about),
        producer_name="neuralpaint",
        producer_version=__version__,
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR,
        doc_string=about,
    )
    facts = {"height": canvas.height, "width": canvas.width, "settings": settings.to_dict()}
    helper.set_model_props(model, {name: json.dumps(value) for name, value in facts.items()})
    raw: bytes = model.SerializeToString()
    return raw


_OPERATORS: dict[ActivationName, str] = {
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "sine": "Sin",
    "tanh": "Tanh",
}


class _Graph:
    """Builds a graph. Methods that add a node return the name of its output."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def build(self, formula: Formula, *, about: str) -> onnx.GraphProto:
        values = [self._features(formula)]
        for layer in formula.layers:
            is_last = layer is formula.layers[-1]
            products = self._products(formula.series, values[0]) if is_last else None
            values.append(self._layer(layer, [values[i] for i in layer.inputs], products))
        self._nodes[-1].output[0] = "colours"
        inputs, outputs = (
            helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["points", channels])
            for name, channels in (("coordinates", 2), ("colours", 3))
        )
        return helper.make_graph(
            self._nodes, "painting", [inputs], [outputs], self._constants, doc_string=about
        )

    def _features(self, formula: Formula) -> str:
        """Add the features (points, features)."""
        parts = []
        if len(formula.waves):
            turns = self._rows(formula.waves)
            # Whole turns are subtracted first: the sine is more accurate for a small argument.
            part = self._add("Sub", turns, self._add("Round", turns))
            parts.append(self._add("Sin", self._add("Mul", part, self._constant(_TURN))))
        if len(formula.ramps):
            parts.append(self._rows(formula.ramps))
        if len(formula.powers.rows):
            parts.append(self._powers(formula.powers))
        parts += [self._plane(plane) for plane in formula.planes]
        return self._joined(parts)

    def _rows(self, rows: NDArray[np.float32]) -> str:
        """Add a x + b y + c for each row."""
        factors, offsets = self._constant(rows[:, :2]), self._constant(rows[:, 2])
        return self._add("Gemm", "coordinates", factors, offsets, transB=1)

    def _powers(self, powers: Powers) -> str:
        """Add the features of rays and rings."""
        k, j, c = powers.rows.T
        x, y, core = powers.centre
        place = self._add("Sub", "coordinates", self._constant([x, y]))
        square = self._add("ReduceSumSquare", place, axes=[1], keepdims=1)
        whole = self._add("Add", square, self._constant(core**2))
        # There is no arctangent of two numbers: below the centre, half a turn is added.
        right, down = (
            self._add("Gather", place, self._kept(np.array([axis], np.int64)), axis=1)
            for axis in (0, 1)
        )
        level = self._add("Equal", down, self._constant(0.0))
        up = self._add("Where", level, self._constant(_TINY), self._add("Neg", down))
        turn = self._add("Atan", self._add("Div", right, up))
        below = self._add("Less", up, self._constant(0.0))
        half = self._add("Where", below, self._constant(np.pi), self._constant(0.0))
        angles = self._add("Mul", self._add("Add", turn, half), self._constant(k))
        logarithms = self._add("Mul", self._add("Log", whole), self._constant(j / 2))
        phase = self._add("Add", self._add("Add", angles, logarithms), self._constant(_TURN * c))
        share = self._add("Sqrt", self._add("Div", square, whole))
        size = self._add("Pow", share, self._constant(k + j))
        return self._add("Mul", size, self._add("Sin", phase))

    def _plane(self, plane: Plane) -> str:
        """Add the features of a plane, sampled as an image with many channels."""
        scale, offset, last = (
            self._constant(each[::-1]) for each in (plane.scale, plane.offset, plane.last)
        )
        place = self._add("Add", self._add("Mul", "coordinates", scale), offset)
        place = self._add("Min", self._add("Max", place, self._constant(0.0)), last)
        # From [0, rows - 1] to [-1, 1], the range of GridSample with align_corners.
        rows, columns, channels = plane.nodes.shape
        corner = self._constant(np.array([columns - 1, rows - 1]) / 2)
        grid = self._add("Sub", self._add("Div", place, corner), self._constant(1.0))
        image = self._constant(plane.nodes.transpose(2, 0, 1)[None])
        sampled = self._add(
            "GridSample",
            image,
            self._add("Reshape", grid, self._shape(1, 1, -1, 2)),
            mode="bilinear",
            padding_mode="border",
            align_corners=1,
        )  # (1, channels, 1, points)
        flat = self._add("Reshape", sampled, self._shape(channels, -1))
        return self._add("Transpose", flat, perm=[1, 0])

    def _products(self, series: NDArray[np.float32], waves: str) -> str | None:
        """Add the sums (points, 3) of the products of two waves, if there are any."""
        _, of_x, of_y = series.shape
        if not series.size:
            return None
        first, middle, last = (self._shape(end) for end in (0, of_x, of_x + of_y))
        along_x = self._add("Slice", waves, first, middle, self._shape(1))
        along_y = self._add("Slice", waves, middle, last, self._shape(1))
        table = self._constant(series.transpose(1, 0, 2).reshape(of_x, -1))
        sums = self._add("Reshape", self._add("MatMul", along_x, table), self._shape(-1, 3, of_y))
        factors = self._add("Reshape", along_y, self._shape(-1, of_y, 1))
        return self._add("Reshape", self._add("MatMul", sums, factors), self._shape(-1, 3))

    def _layer(self, layer: Layer, inputs: list[str], products: str | None) -> str:
        """Add the values of a layer (points, units), with `products` added to its sums."""
        weight, bias = self._constant(layer.weight), self._constant(layer.bias)
        z = self._add("Gemm", self._joined(inputs), weight, bias, transB=1)
        if products is not None:
            z = self._add("Add", z, products)
        if layer.norm is not None:
            square = self._add("ReduceMean", self._add("Mul", z, z), axes=[1], keepdims=1)
            root = self._add("Sqrt", self._add("Add", square, self._constant(EPS)))
            z = self._add("Mul", self._add("Div", z, root), self._constant(layer.norm.gain))
            z = self._add("Add", z, self._constant(layer.norm.shift))
        return self._activated(layer.activation, z)

    def _activated(self, activation: ActivationName, z: str) -> str:
        if activation == "leaky_relu":
            return self._add("LeakyRelu", z, alpha=SLOPE)
        if activation == "silu":
            return self._add("Mul", z, self._add("Sigmoid", z))
        if activation == "gelu":  # opset 20 has an operator for it
            erf = self._add("Erf", self._add("Mul", z, self._constant(np.sqrt(0.5))))
            half = self._add("Mul", z, self._constant(0.5))
            return self._add("Mul", half, self._add("Add", erf, self._constant(1.0)))
        return self._add(_OPERATORS[activation], z)

    def _joined(self, values: list[str]) -> str:
        return values[0] if len(values) == 1 else self._add("Concat", *values, axis=1)

    def _constant(self, value: Any) -> str:
        """Add an array or a number in single precision."""
        return self._kept(single(np.asarray(value)))

    def _shape(self, *sides: int) -> str:
        return self._kept(np.array(sides, np.int64))

    def _kept(self, array: NDArray[Any]) -> str:
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(array, name))
        return name

    def _add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node and return the name of its output."""
        name = f"v{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name
