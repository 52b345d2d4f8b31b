from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas, View
from neuralpaint.image.metrics import psnr
from neuralpaint.image.pictures import Picture
from neuralpaint.models import models
from neuralpaint.models.codes import Album
from neuralpaint.models.networks.buttons import Buttons
from neuralpaint.models.painting import Painting
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.rendering.render import render
from neuralpaint.storage.painting_file import load_painting

CANVAS = Canvas.of(height=5, width=8)
CODES = np.array([[0, 0, 1], [1, 0, 1], [1, 1, 0], [0, 1, 1]], np.float32)
LAYERS = pytest.mark.parametrize("layers", [0, 1, 2])
ENGINES = pytest.mark.parametrize("engine", ["torch", "numpy"])


def build(layers: int = 2, *, gain: float = 4.0, output_gain: float = 4.0) -> Buttons:
    spec = f"buttons:hidden_size=7,hidden_layers={layers},gain={gain},output_gain={output_gain}"
    model = models.parse(spec).build(CANVAS, torch.Generator().manual_seed(3), CODES)
    assert isinstance(model, Buttons)
    return model


def axes(canvas: Canvas = CANVAS) -> tuple[Tensor, Tensor]:
    """Return x (1, w) and y (h, 1)."""
    x, y = canvas.grid()
    return torch.from_numpy(x), torch.from_numpy(y)


def defined(model: Buttons, codes: Tensor) -> Tensor:
    """Return the pictures (n, h, w, 3) for codes (n, k) by the definition."""
    for weight in model.parameters():
        codes = 1 / (1 + torch.exp(-codes @ weight.t()))
    return codes.view(-1, CANVAS.height, CANVAS.width, 3)


def stacked(count: int = len(CODES)) -> tuple[Tensor, Tensor, Tensor]:
    """Return x, y and the codes of the rows of several stacked pictures."""
    x, y = axes()
    codes = torch.from_numpy(CODES[:count]).repeat_interleave(CANVAS.height, 0)[:, None]
    return x, y.repeat(count, 1), codes


@LAYERS
@torch.no_grad()
def test_pixels_are_sigmoids_of_sums_without_biases(layers: int) -> None:
    model = build(layers)
    for code in torch.tensor([[1.0, 0, 1], [0.3, -2, 0.5]]):
        expected = defined(model, code[None])[0]
        torch.testing.assert_close(model.eval()(*axes(), code.view(1, 1, 3)), expected)
        assert float(expected.std()) > 0.1


@torch.no_grad()
def test_colours_are_bilinear_between_pixels_and_constant_outside() -> None:
    model = build().eval()
    code = torch.tensor([[1.0, 0.2, 1]])
    larger = CANVAS.scaled(3)
    expected = torch.nn.functional.interpolate(
        defined(model, code).permute(0, 3, 1, 2), scale_factor=3, mode="bilinear"
    )[0].permute(1, 2, 0)
    found = model(*axes(larger), code[None])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    far = model(torch.tensor([[-9.0, 9.0]]), torch.tensor([[-9.0], [9.0]]), code[None])
    torch.testing.assert_close(far, defined(model, code)[0][[0, -1]][:, [0, -1]])


@torch.no_grad()
def test_points_with_a_code_each_agree_with_the_grid() -> None:
    model = build().eval()
    x, y = axes(CANVAS.scaled(2))
    shape = len(y), x.shape[1]
    field = torch.stack([x.expand(shape), y.expand(shape), x * y], -1)
    found = model(x, y, field)
    for row, column in product(range(0, shape[0], 3), range(0, shape[1], 3)):
        one = model(x[:, [column]], y[[row]], field[row, column].view(1, 1, 3))
        torch.testing.assert_close(found[row, column], one[0, 0], atol=1e-5, rtol=0)
    flat = x.expand(shape).flatten(), y.expand(shape).flatten()
    each = model(*flat, field.reshape(-1, 3))
    torch.testing.assert_close(each.view(*shape, 3), found, atol=1e-6, rtol=0)
    code = field[2, 2]
    grid, points = model(x, y, code.view(1, 1, 3)), model(*flat, code.view(1, 3))
    torch.testing.assert_close(points.view(*shape, 3), grid, atol=1e-6, rtol=0)


@torch.no_grad()
def test_many_points_with_a_code_each() -> None:
    model = build().eval()
    x, y = axes(CANVAS.scaled(12))
    by_row = torch.rand(len(y), 1, 3, generator=torch.Generator().manual_seed(0))
    found = model(x, y, by_row)
    torch.testing.assert_close(found[50], model(x, y[50:51], by_row[50:51])[0])


@pytest.mark.parametrize("every", [(1, 1), (3, 2)])
def test_gradients_of_rows_of_several_pictures_agree_with_the_definition(
    every: tuple[int, int],
) -> None:
    model = build().train()
    x, y, codes = stacked()
    some = (slice(1, None, every[0]), slice(None, None, every[1]))
    expected = defined(model, torch.from_numpy(CODES)).flatten(0, 1)[some]
    found = model(x[:, some[1]], y[some[0]], codes[some[0]])
    torch.testing.assert_close(found, expected)
    direction = torch.randn(found.shape, generator=torch.Generator().manual_seed(1))
    for a, b in zip(
        torch.autograd.grad((found * direction).sum(), list(model.parameters())),
        torch.autograd.grad((expected * direction).sum(), list(model.parameters())),
        strict=True,
    ):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_training_between_pixels_agrees_with_rendering() -> None:
    model = build().train()
    x, y = axes(CANVAS.scaled(2))
    codes = torch.from_numpy(CODES[1]).expand(len(y), 1, 3)
    torch.testing.assert_close(model(x, y, codes), model.eval()(x, y, codes[:1]))


@torch.no_grad()
def test_initial_pictures_are_grey_and_different() -> None:
    spec = "buttons:hidden_size=110"
    model = models.parse(spec).build(CANVAS, torch.Generator().manual_seed(0), CODES)
    first, second = (
        model.eval()(*axes(), torch.from_numpy(code[None, None])) for code in CODES[:2]
    )
    assert float((first - 0.5).abs().max()) < 0.15
    hidden = [torch.sigmoid(torch.from_numpy(CODES) @ w.t()) for w in list(model.parameters())[:1]]
    assert float(hidden[0].std(0).mean()) > 0.1
    assert not torch.allclose(first, second, atol=1e-3)


def album(height: int = 10, width: int = 14, count: int = 4) -> Album:
    y, x = np.mgrid[0:height, 0:width] / 10
    pictures = [
        Picture.from_array(np.stack([x % 1, np.sin((i + 1) * y) ** 2, np.full_like(x, i / 4)], -1))
        for i in range(count)
    ]
    return Album(pictures, CODES[:count])


def trained(steps: int, subject: Album | None = None, **options: Any) -> Painting:
    usual: dict[str, Any] = {"device": "cpu", "steps": steps, "model": "buttons:hidden_size=30"}
    training = learner(subject or album(), **usual | options)
    assert training.epoch_steps == 1
    training.advance(steps)
    return training.painting()


def worst(painting: Painting, subject: Album) -> float:
    """Return the lowest PSNR of all pictures."""
    return min(
        psnr(render(painting.at(code), subject.canvas), picture.pixels)
        for code, picture in zip(subject.codes, subject.pictures, strict=True)
    )


@pytest.mark.slow
@ENGINES
@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "sgd", "schedule": "adaptive-halving"},
        {"optimizer": "sgd", "schedule": "adaptive-halving:window=1,grow=1.02"},
        {},
    ],
    ids=["sgd", "bold", "adam"],
)
def test_an_album_is_learned_at_the_default_rate(engine: str, options: dict[str, Any]) -> None:
    assert worst(trained(250, engine=engine, **options), album()) > 30


@ENGINES
def test_a_step_trains_the_whole_album_by_default(engine: str) -> None:
    large = album(40, 60)
    for batch, steps in ((None, 1), (2400, 4)):
        training = learner(large, model="buttons:hidden_size=2", engine=engine, batch=batch)
        assert training.epoch_steps == steps


@ENGINES
def test_without_hidden_layers_independent_codes_are_learned(engine: str) -> None:
    spec = "buttons:hidden_layers=0"
    options = {"optimizer": "sgd", "schedule": "constant"}
    apart = album(count=3)  # no code is a sum of the others
    assert worst(trained(300, apart, model=spec, engine=engine, **options), apart) > 25


@ENGINES
def test_pixels_learn_equally_fast_in_small_and_large_pictures(engine: str) -> None:
    options = {"model": "buttons:hidden_layers=0", "optimizer": "sgd", "engine": engine}
    large = album(20)
    cut = [Picture(picture.pixels[:10]) for picture in large.pictures]
    tops = [
        trained(5, subject, **options).at(CODES[1])(subject.canvas.grid())[:10]
        for subject in (large, Album(cut, large.codes))
    ]
    np.testing.assert_allclose(tops[0], tops[1], atol=1e-5)
    assert np.abs(tops[0] - 0.5).max() > 0.1


@ENGINES
def test_a_saved_painting_renders_the_same(engine: str, tmp_path: Path) -> None:
    painting = trained(20, engine=engine)
    again = load_painting(painting.save(tmp_path / "a.painting"))
    grid = Canvas.of(height=21, width=13).grid()
    for code in ([0, 1, 1], [0.5, -0.3, 2]):
        np.testing.assert_array_equal(again.at(code)(grid), painting.at(code)(grid))
    assert again.codes is not None
    np.testing.assert_array_equal(again.codes, CODES)


@ENGINES
def test_training_resumes_from_a_state(engine: str) -> None:
    options: dict[str, Any] = {
        "model": "buttons:hidden_size=9", "device": "cpu", "engine": engine, "steps": 40,
        "optimizer": "sgd", "schedule": "adaptive-halving:window=1,grow=1.1",
    }  # fmt: skip
    whole, half = (learner(album(), **options) for _ in range(2))
    whole.advance(40)
    half.advance(17)
    rest = learner(album(), **options)
    rest.restore(half.state())
    rest.advance(23)
    for name, weight in whole.painting().weights.items():
        np.testing.assert_array_equal(rest.painting().weights[name], weight)


@ENGINES
def test_a_larger_target_has_weights_for_all_its_pixels(engine: str) -> None:
    painting = trained(2, engine=engine, target_scale=2)
    assert painting.weights[list(painting.weights)[-1]].shape[0] == 3 * 20 * 28


@ENGINES
@pytest.mark.parametrize(
    ("codes", "spec", "message"),
    [
        (None, "buttons", "learns several pictures by their codes, not one"),
        (
            np.eye(4, 3, dtype=np.float32),
            "buttons:hidden_layers=0",
            "a code of zeros is always grey",
        ),
    ],
)
def test_errors_about_codes_are_one_line(
    engine: str, codes: NDArray[np.float32] | None, spec: str, message: str
) -> None:
    pictures = album().pictures
    subject = pictures[0] if codes is None else Album(pictures, codes)
    with pytest.raises(UsageError, match=message) as caught:
        learner(subject, model=spec, engine=engine, device="cpu")
    assert "\n" not in str(caught.value)


def test_both_engines_render_a_rotated_picture_alike() -> None:
    paintings = [trained(30, engine=engine) for engine in ("torch", "numpy")]
    grid = album().canvas.scaled(4).seen(View(angle=20)).grid()
    assert not grid.is_product
    for code in (CODES[2], [0.4, 0.2, 0.9], _across):
        torch_s, numpy_s = (painting.at(code)(grid) for painting in paintings)
        np.testing.assert_allclose(torch_s, numpy_s, atol=1e-3)
        assert torch_s.std() > 0.05


def _across(x: Tensor, y: Tensor) -> Tensor:
    """Return a code per point."""
    return torch.stack(torch.broadcast_tensors(x, 1 - x, y * x), -1)
