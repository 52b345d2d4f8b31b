"""What stands in every shader beside the weights: how to use it, what bends values, what shows."""

from __future__ import annotations

from typing import NamedTuple

from neuralpaint.export.formula import SLOPE
from neuralpaint.models import ActivationName

__all__ = ["FUNCTIONS", "HEADER", "MAIN", "Function"]


class Function(NamedTuple):
    """An activation in GLSL."""

    name: str
    source: str


HEADER = """\
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

MAIN = """\
void mainImage(out vec4 fragColor, in vec2 fragCoord) {
    // The whole picture in the middle of the window; its x runs right and its y down.
    float side = max(SPAN.x / iResolution.x, SPAN.y / iResolution.y);
    vec2 p = (fragCoord - 0.5 * iResolution.xy) * vec2(side, -side);
    bool inside = all(lessThan(abs(p), 0.5 * SPAN));
    fragColor = vec4(inside || BEYOND ? painting(p) : vec3(0.0), 1.0);
}
"""

FUNCTIONS: dict[ActivationName, Function] = {
    "gelu": Function(
        "gelu",
        """\
// The error function is that of Abramowitz & Stegun 1964, 7.1.26.
vec4 gelu(vec4 z) {
    vec4 t = 1.0 / (1.0 + 0.23164190 * abs(z));
    vec4 tail = t * exp(-0.5 * z * z) * (0.254829592 + t * (-0.284496736 +
        t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    return 0.5 * (z + abs(z) * (1.0 - tail));
}
""",
    ),
    "leaky_relu": Function(
        "leaky_relu", f"vec4 leaky_relu(vec4 z) {{\n    return max(z, {SLOPE} * z);\n}}\n"
    ),
    "relu": Function("relu", "vec4 relu(vec4 z) {\n    return max(z, 0.0);\n}\n"),
    "sigmoid": Function(
        "sigmoid", "vec4 sigmoid(vec4 z) {\n    return 1.0 / (1.0 + exp(-z));\n}\n"
    ),
    "silu": Function("silu", "vec4 silu(vec4 z) {\n    return z / (1.0 + exp(-z));\n}\n"),
    "sine": Function(
        "wave",
        """\
// The sine of turns; whole ones are taken off, because a GPU's sine is good near 0 only.
vec4 wave(vec4 turns) {
    return sin(6.28318531 * (turns - floor(turns + 0.5)));
}
""",
    ),
    "tanh": Function(
        # Some drivers divide infinity by infinity.
        "bounded_tanh",
        "vec4 bounded_tanh(vec4 z) {\n    return tanh(clamp(z, -10.0, 10.0));\n}\n",
    ),
}
