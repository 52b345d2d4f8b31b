"""A painting as a fragment shader: the weights are constants in GLSL ES 3.00, ready for Shadertoy.

Values go four at a time: the sums of a layer are products of 4 x 4 blocks of its weights, written
out one after another. A loop over an array of constants is shorter and many times slower.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from neuralpaint.errors import UsageError
from neuralpaint.export.derivation import derive
from neuralpaint.export.formula import EPS, Array, Formula, Layer
from neuralpaint.export.shader import FUNCTIONS, HEADER, MAIN
from neuralpaint.models import models
from neuralpaint.models.painting import Painting

__all__ = ["write_shader"]

_log = logging.getLogger(__name__)

# Weights that compile quickly, and the most that somebody will wait for. Without a GPU Mesa takes
# 2 s of a core for 2.3 thousand, 4 s for 6, 7 s for 9 and 11 s for 13; Chromium 0.3, 1, 3 and 5 s.
_HEAVY, _MOST = 5_000, 10_000
_LIGHT = "--model siren:hidden_size=32 or --model fourier:order=8,hidden_size=32"

_TURN = 2 * np.pi


class _Four(NamedTuple):
    """A vec4 variable, and how many of its entries are values."""

    name: str
    used: int


def write_shader(painting: Painting) -> str:
    """Return the source of a fragment shader that shows the painting.

    Raises:
        UsageError: the painting's model has learned planes or tables, has too many weights for a
            shader, or cannot be exported at all.
    """
    formula, canvas = derive(painting), painting.canvas
    _check(formula)
    header = HEADER.format(
        model=models.spec(models.parse(painting.settings.model)),
        weights=formula.weights,
        width=canvas.width,
        height=canvas.height,
        across=canvas.span[1],
        down=canvas.span[0],
    )
    used = {layer.activation for layer in formula.layers}
    if len(formula.waves):
        used.add("sine")
    functions = [FUNCTIONS[name].source for name in sorted(used)]
    return "\n".join([header, *functions, *_body(formula), "", MAIN])


def _check(formula: Formula) -> None:
    if formula.planes:
        raise UsageError(
            "a shader has no room for learned planes or hash tables: export as .onnx, or train "
            f"{_LIGHT}"
        )
    if formula.weights > _MOST:
        raise UsageError(
            f"{formula.weights:,} weights are too many for a shader, which has at most {_MOST:,}: "
            f"export as .onnx, or train {_LIGHT}"
        )
    if formula.weights > _HEAVY:
        _log.warning(
            "a shader of %s weights takes seconds to compile: %s is lighter",
            f"{formula.weights:,}",
            _LIGHT,
        )


def _body(formula: Formula) -> Iterator[str]:
    """Yield the lines of the function from a point to its colour."""
    yield "vec3 painting(vec2 p) {"
    waves, ramps = _fours("w", len(formula.waves)), _fours("r", len(formula.ramps))
    for fours, rows, call in ((waves, formula.waves, "wave"), (ramps, formula.ramps, "")):
        for four, block in zip(fours, _blocks(rows), strict=True):
            a, b, c = (_vector(column) for column in block.T)
            yield f"    vec4 {four.name} = {call}({a} * p.x + {b} * p.y + {c});"
    values = [[*waves, *ramps]]
    for number, layer in enumerate(formula.layers, start=1):
        inputs = [four for i in layer.sees for four in values[i]]
        values.append(_fours(f"h{number}_", len(layer.bias)))
        yield from _layer(layer, inputs, values[-1], root=f"root{number}")
    (colour,) = values[-1]
    yield f"    return {colour.name}.rgb;"
    yield "}"


def _layer(
    layer: Layer, inputs: Sequence[_Four], outputs: Sequence[_Four], *, root: str
) -> Iterator[str]:
    """Yield the lines that make the values of a layer."""
    call, norm = FUNCTIONS[layer.activation].name, layer.norm
    units = 1 / _TURN if layer.activation == "sine" else 1.0  # our sine is of turns
    weight, bias = layer.weight, layer.bias
    if norm is None:
        weight, bias = units * weight, units * bias
    for four, start in zip(outputs, _blocks(bias[:, None]), strict=True):
        yield f"    vec4 {four.name} = {_vector(start[:, 0])};"
    # By inputs: each is done with at once, and compilers have few values to keep at hand.
    terms = [_products(rows, inputs) for rows in _blocks(weight)]
    for products in zip(*terms, strict=True):
        for four, product in zip(outputs, products, strict=True):
            yield f"    {four.name} += {product};"
    if norm is None:
        yield from (f"    {four.name} = {call}({four.name});" for four in outputs)
        return
    squares = " + ".join(f"dot({four.name}, {four.name})" for four in outputs)
    yield f"    float {root} = inversesqrt(({squares}) / {len(bias)}.0 + {EPS});"
    rescaling = _blocks(units * np.stack([norm.gain, norm.shift], 1))
    for four, block in zip(outputs, rescaling, strict=True):
        gain, shift = (_vector(column) for column in block.T)
        yield f"    {four.name} = {call}({root} * {gain} * {four.name} + {shift});"


def _fours(name: str, count: int) -> list[_Four]:
    """Return the variables that `count` values need."""
    return [_Four(f"{name}{at // 4}", min(4, count - at)) for at in range(0, count, 4)]


def _blocks(rows: Array) -> list[Array]:
    """Return rows (n, columns) four at a time, (4, columns) each, the last one filled with 0."""
    filled = np.zeros((-(-len(rows) // 4) * 4, rows.shape[1]), rows.dtype)
    filled[: len(rows)] = rows
    return list(filled.reshape(-1, 4, rows.shape[1]))


def _products(rows: Array, inputs: Sequence[_Four]) -> Iterator[str]:
    """Yield a term for each of the variables that four sums (4, inputs) add up."""
    at = 0
    for four in inputs:
        block = rows[:, at : at + four.used]  # of columns, as GLSL has it
        entries = ",".join(_number(float(value)) for value in block.T.flat)
        kind = ("vec4", "mat2x4", "mat3x4", "mat4")[four.used - 1]
        swizzle = (".x", ".xy", ".xyz", "")[four.used - 1]
        yield f"{kind}({entries}) * {four.name}{swizzle}"
        at += four.used


def _vector(values: Array) -> str:
    return f"vec4({','.join(_number(float(value)) for value in values)})"


def _number(value: float) -> str:
    """Return a number with the digits that matter beside a hundred others in a sum."""
    text = f"{value:.6g}".replace("e-0", "e-").replace("e+0", "e+")
    if "e" not in text and "." not in text:
        text += "."
    sign, digits = ("-", text[1:]) if text[0] == "-" else ("", text)
    return sign + (digits.removeprefix("0") if digits != "0." else digits)
