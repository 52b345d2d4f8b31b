"""The shader, drawn by an OpenGL driver."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neuralpaint.errors import UsageError
from neuralpaint.export.glsl import write_shader
from neuralpaint.models.painting import Painting
from neuralpaint.rendering.render import render

Paint = Callable[..., Painting]
Draw = Callable[[str, int, int], NDArray[np.uint8]]

VERTEX = """\
#version 300 es
in vec2 corner;
void main() { gl_Position = vec4(corner, 0.0, 1.0); }
"""
# The lines that the header of the shader asks to add.
BEFORE = """\
#version 300 es
precision highp float;
uniform vec3 iResolution;
out vec4 pixel;
"""
AFTER = "void main() { mainImage(pixel, gl_FragCoord.xy); }\n"


@pytest.fixture(scope="module")
def draw() -> Iterator[Draw]:
    """Draw a shader into a window of height x width pixels, uint8 (h, w, 3), the top row first."""
    moderngl = pytest.importorskip("moderngl")
    try:
        context: Any = moderngl.create_standalone_context(backend="egl")
    except Exception as error:
        pytest.skip(f"needs an OpenGL context: {error}")

    def drawn(source: str, height: int, width: int) -> NDArray[np.uint8]:
        program = context.program(vertex_shader=VERTEX, fragment_shader=BEFORE + source + AFTER)
        program["iResolution"] = width, height, 1
        triangle = context.buffer(np.array([-1, -1, 3, -1, -1, 3], np.float32))
        screen = context.simple_framebuffer((width, height))
        screen.use()
        context.vertex_array(program, triangle, "corner").render()
        raw = screen.read(components=3, alignment=1)
        return np.frombuffer(raw, np.uint8).reshape(height, width, 3)[::-1]

    yield drawn
    context.release()


@pytest.mark.parametrize(
    "model",
    [
        "fourier:order=3,hidden_size=6,hidden_layers=3",
        "skipconn:hidden_size=5,hidden_layers=2,encoding=none",
        "skipconn:hidden_size=4,encoding=positional:features=6",
        "siren:hidden_size=9",
        "mlp:hidden_size=9,hidden_layers=2,encoding=gaussian:features=5,norm=layer,activation=gelu",
        "mlp:hidden_size=6,hidden_layers=1,encoding=basic,norm=layer,activation=sine",
        "mlp:hidden_size=6,hidden_layers=1,encoding=basic,norm=batch,activation=tanh",
        "mlp:hidden_size=6,hidden_layers=1,encoding=none,activation=silu",
        "mlp:hidden_size=6,hidden_layers=1,encoding=harmonic:order=2,activation=leaky_relu",
        "mlp:hidden_size=6,hidden_layers=1,encoding=none,activation=sigmoid",
        "mlp:hidden_size=6,hidden_layers=1,encoding=polar:order=9,mirrors=4,unfold=0.5,x=0.4",
    ],
)
def test_the_shader_draws_the_painting(painted: Paint, draw: Draw, model: str) -> None:
    painting = painted(model)
    frame = render(painting, painting.canvas)
    shown = draw(write_shader(painting), 16, 24)
    assert np.ptp(frame) > 5
    assert np.abs(shown.astype(int) - frame).max() <= 1


def test_the_shader_centres_the_picture_in_any_window(painted: Paint, draw: Draw) -> None:
    painting = painted("siren:hidden_size=8")
    source = write_shader(painting)
    for height, width, rows, columns in ((20, 42, (0, 20), (6, 36)), (42, 30, (11, 31), (0, 30))):
        window = draw(source, height, width)
        inside = window[slice(*rows), slice(*columns)]
        frame = render(painting, painting.canvas.resized(height=20, width=30))
        assert np.abs(inside.astype(int) - frame).max() <= 1
        assert window.astype(int).sum() == inside.astype(int).sum()  # black around it


def test_the_shader_can_draw_beyond_the_edges_of_the_picture(painted: Paint, draw: Draw) -> None:
    painting = painted("siren:hidden_size=8")
    source = write_shader(painting).replace("BEYOND = false", "BEYOND = true")
    frame = render(painting, painting.canvas.fitted(height=20, width=42, fit="extend"))
    assert np.abs(draw(source, 20, 42).astype(int) - frame).max() <= 1


@pytest.mark.parametrize("model", ["pyramid", "siren:encoding=hash", "siren:hidden_size=96"])
def test_a_model_that_is_too_large_for_a_shader_is_refused(painted: Paint, model: str) -> None:
    with pytest.raises(UsageError, match="siren:hidden_size=32") as caught:
        write_shader(painted(model))
    assert "\n" not in str(caught.value)


def test_a_slow_shader_is_warned_of_and_the_recommended_models_are_not(
    painted: Paint, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for model in ("siren:hidden_size=32", "fourier:order=8,hidden_size=24"):
            write_shader(painted(model))
        assert not caplog.records
        write_shader(painted("siren:hidden_size=50"))
    assert "compile" in caplog.text


def test_the_shader_is_ascii_text_with_a_header(painted: Paint) -> None:
    source = write_shader(painted("fourier:order=3,hidden_size=6"))
    assert source.isascii()
    assert "fourier:hidden_size=6,order=3" in source.partition("const")[0]
    assert "iTime" not in source
