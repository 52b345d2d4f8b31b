"""A painting as a fragment shader for Shadertoy, in GLSL ES 3.00 with the weights as constants.

Values are grouped into vec4 variables. A layer is a sum of products with 4 x 4 blocks of its
weights, written out in full: a loop over an array of constants is shorter but many times slower.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from neuralpaint.errors import UsageError
from neuralpaint.export.features import Array, Powers
from neuralpaint.export.formula import EPS, SLOPE, Formula, Layer, derive
from neuralpaint.models import ActivationName, models
from neuralpaint.models.painting import Painting

__all__ = ["write_shader"]

_log = logging.getLogger(__name__)

# Numbers of weights: compilation is slow above `_HEAVY`, and too slow above `_MAX_WEIGHTS`.
# Mesa without a GPU takes 2 s for 2,300 weights, 4 s for 6,000, 7 s for 9,000 and 11 s for 13,000;
# Chromium takes 0.3, 1, 3 and 5 s.
_HEAVY, _MAX_WEIGHTS = 5_000, 10_000
_LIGHT = "--model siren:hidden_size=32 or --model fourier:order=8,hidden_size=24"

_TURN = 2 * np.pi


class _Function(NamedTuple):
    name: str
    source: str


class _Four(NamedTuple):
    """A vec4 variable, and the number of its components that are used."""

    name: str
    used: int


_HEADER = """\
// A picture that a neural network has learned: what follows is its colour as a function of x and y.
//
// {model}, {weights:,} weights, learned from {width} x {height} pixels. Made by neuralpaint.
//
// On shadertoy.com: paste all of it over a new shader and compile. In WebGL 2: put before it
//     #version 300 es
//     precision highp float;
//     uniform vec3 iResolution;  // width and height of the window in pixels
//     out vec4 pixel;
// and after it
//     void main() {{ mainImage(pixel, gl_FragCoord.xy); }}

const vec2 SPAN = vec2({across:#.9g}, {down:#.9g});  // of the picture, whose longer side is 2
const bool BEYOND = false;  // true: the network paints on beyond the picture's edges
"""

_MAIN = """\
void mainImage(out vec4 fragColor, in vec2 fragCoord) {
    // The whole picture in the middle of the window; its x runs right and its y down.
    float scale = max(SPAN.x / iResolution.x, SPAN.y / iResolution.y);
    vec2 p = (fragCoord - 0.5 * iResolution.xy) * vec2(scale, -scale);
    bool inside = all(lessThan(abs(p), 0.5 * SPAN));
    fragColor = vec4(inside || BEYOND ? painting(p) : vec3(0.0), 1.0);
}
"""

_FUNCTIONS: dict[ActivationName, _Function] = {
    "gelu": _Function(
        "gelu",
        """\
// The error function of z / sqrt(2): Abramowitz & Stegun 1964, 7.1.26; 0.2316419 is p / sqrt(2).
vec4 gelu(vec4 z) {
    vec4 t = 1.0 / (1.0 + 0.23164190 * abs(z));
    vec4 tail = t * exp(-0.5 * z * z) * (0.254829592 + t * (-0.284496736 +
        t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    return 0.5 * (z + abs(z) * (1.0 - tail));
}
""",
    ),
    "leaky_relu": _Function(
        "leaky_relu", f"vec4 leaky_relu(vec4 z) {{\n    return max(z, {SLOPE} * z);\n}}\n"
    ),
    "relu": _Function("relu", "vec4 relu(vec4 z) {\n    return max(z, 0.0);\n}\n"),
    "sigmoid": _Function(
        "sigmoid", "vec4 sigmoid(vec4 z) {\n    return 1.0 / (1.0 + exp(-z));\n}\n"
    ),
    "silu": _Function("silu", "vec4 silu(vec4 z) {\n    return z / (1.0 + exp(-z));\n}\n"),
    "sine": _Function(
        "wave",
        """\
// The sine of turns. Whole turns are subtracted: a GPU's sine is accurate only near 0.
vec4 wave(vec4 turns) {
    return sin(6.28318531 * (turns - floor(turns + 0.5)));
}
""",
    ),
    "tanh": _Function(
        # Without the clamp, some drivers divide infinity by infinity.
        "bounded_tanh",
        "vec4 bounded_tanh(vec4 z) {\n    return tanh(clamp(z, -10.0, 10.0));\n}\n",
    ),
}


def write_shader(painting: Painting) -> str:
    """Return the source of a fragment shader that draws the painting.

    Raises:
        UsageError: the model has learned planes or tables, has too many weights for a shader, or
            cannot be exported.
    """
    formula, canvas = derive(painting), painting.canvas
    _check(formula)
    header = _HEADER.format(
        model=models.spec(models.parse(painting.settings.model)),
        weights=formula.weights,
        width=canvas.width,
        height=canvas.height,
        across=canvas.span[1],
        down=canvas.span[0],
    )
    used = {layer.activation for layer in formula.layers}
    if len(formula.waves) or len(formula.powers.rows):
        used.add("sine")
    functions = [_FUNCTIONS[name].source for name in sorted(used)]
    return "\n".join([header, *functions, *_body(formula), "", _MAIN])


def _check(formula: Formula) -> None:
    if formula.planes:
        raise UsageError(
            "a shader cannot contain learned planes or hash tables: export as .onnx, or train "
            f"{_LIGHT}"
        )
    if formula.weights > _MAX_WEIGHTS:
        raise UsageError(
            f"{formula.weights:,} weights are too many for a shader (limit "
            f"{_MAX_WEIGHTS:,}): export as .onnx, or train {_LIGHT}"
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
    powers = _fours("s", len(formula.powers.rows))
    if powers:
        yield from _powers(formula.powers, powers)
    values = [[*waves, *ramps, *powers]]
    for number, layer in enumerate(formula.layers, start=1):
        inputs = [four for i in layer.inputs for four in values[i]]
        values.append(_fours(f"h{number}_", len(layer.bias)))
        is_last = number == len(formula.layers)
        products = _products_of_waves(formula.series, waves, values[-1][0]) if is_last else ()
        yield from _layer(layer, inputs, values[-1], root=f"root{number}", products=products)
    (colour,) = values[-1]
    yield f"    return {colour.name}.rgb;"
    yield "}"


def _powers(powers: Powers, fours: Sequence[_Four]) -> Iterator[str]:
    """Yield the lines of the rays and rings, with angles and logarithms in turns."""
    x, y, core = (_number(float(value)) for value in powers.centre)
    yield f"    vec2 q = p - vec2({x},{y});"
    yield f"    float whole = dot(q, q) + {core} * {core};"
    yield "    float share = sqrt(dot(q, q) / whole) + 1e-20;"  # pow(0, 0) is undefined
    yield "    float turn = atan(q.x, -q.y + 1e-20) / 6.28318531;"  # as is the angle at the centre
    yield "    float ring = log(whole) / 12.5663706;"
    for four, block in zip(fours, _blocks(powers.rows), strict=True):
        k, j, c = (_vector(column) for column in block.T)
        size = f"pow(vec4(share), {_vector(block[:, 0] + block[:, 1])})"
        yield f"    vec4 {four.name} = {size} * wave({k} * turn + {j} * ring + {c});"


def _products_of_waves(series: Array, waves: Sequence[_Four], colour: _Four) -> Iterator[str]:
    """Yield the lines that add the products of waves of x and of y to a colour."""
    _, of_x, of_y = series.shape
    if not series.size:
        return
    along_x = [
        four._replace(used=min(4, of_x - 4 * i)) for i, four in enumerate(waves[: -(-of_x // 4)])
    ]
    along_y = [f"{waves[at // 4].name}.{'xyzw'[at % 4]}" for at in range(of_x, of_x + of_y)]
    for channel, table in zip("rgb", series, strict=True):
        for start, block in zip(range(0, of_y, 4), _blocks(table.T), strict=True):
            names = [*along_y[start : start + 4], *["0.0"] * 3][:4]
            sums = " + ".join(_products(block, along_x))
            yield f"    {colour.name}.{channel} += dot(vec4({', '.join(names)}), {sums});"


def _layer(
    layer: Layer,
    inputs: Sequence[_Four],
    outputs: Sequence[_Four],
    *,
    root: str,
    products: Iterable[str] = (),
) -> Iterator[str]:
    call, norm = _FUNCTIONS[layer.activation].name, layer.norm
    scale = 1 / _TURN if layer.activation == "sine" else 1.0  # `wave` expects turns
    weight, bias = layer.weight, layer.bias
    if norm is None:
        weight, bias = scale * weight, scale * bias
    for four, start in zip(outputs, _blocks(bias[:, None]), strict=True):
        yield f"    vec4 {four.name} = {_vector(start[:, 0])};"
    yield from products
    # Grouped by input, so that a compiler needs few registers.
    terms = [_products(rows, inputs) for rows in _blocks(weight)]
    for products in zip(*terms, strict=True):
        for four, product in zip(outputs, products, strict=True):
            yield f"    {four.name} += {product};"
    if norm is None:
        yield from (f"    {four.name} = {call}({four.name});" for four in outputs)
        return
    squares = " + ".join(f"dot({four.name}, {four.name})" for four in outputs)
    yield f"    float {root} = inversesqrt(({squares}) / {len(bias)}.0 + {EPS});"
    rescaling = _blocks(scale * np.stack([norm.gain, norm.shift], 1))
    for four, block in zip(outputs, rescaling, strict=True):
        gain, shift = (_vector(column) for column in block.T)
        yield f"    {four.name} = {call}({root} * {gain} * {four.name} + {shift});"


def _fours(name: str, count: int) -> list[_Four]:
    return [_Four(f"{name}{at // 4}", min(4, count - at)) for at in range(0, count, 4)]


def _blocks(rows: Array) -> list[Array]:
    """Split rows (n, columns) into blocks (4, columns); the last block is padded with 0."""
    filled = np.zeros((-(-len(rows) // 4) * 4, rows.shape[1]), rows.dtype)
    filled[: len(rows)] = rows
    return list(filled.reshape(-1, 4, rows.shape[1]))


def _products(rows: Array, inputs: Sequence[_Four]) -> Iterator[str]:
    """Yield the product of the weights (4, inputs) with each input variable."""
    at = 0
    for four in inputs:
        block = rows[:, at : at + four.used]
        # GLSL matrices are in column-major order.
        entries = ",".join(_number(float(value)) for value in block.T.flat)
        kind = ("vec4", "mat2x4", "mat3x4", "mat4")[four.used - 1]
        swizzle = (".x", ".xy", ".xyz", "")[four.used - 1]
        yield f"{kind}({entries}) * {four.name}{swizzle}"
        at += four.used


def _vector(values: Array) -> str:
    return f"vec4({','.join(_number(float(value)) for value in values)})"


def _number(value: float) -> str:
    """Format a number with 6 digits, which is accurate enough for a sum of a hundred terms."""
    text = f"{value:.6g}".replace("e-0", "e-").replace("e+0", "e+")
    if "e" not in text and "." not in text:
        text += "."
    sign, digits = ("-", text[1:]) if text[0] == "-" else ("", text)
    return sign + (digits.removeprefix("0") if digits != "0." else digits)
