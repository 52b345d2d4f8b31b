from __future__ import annotations

import numpy as np
import pytest
import torch
from contract import CANVAS, SPECS, axes
from torch import Tensor

from neuralpaint.image.canvas import Canvas, View
from neuralpaint.models import models
from neuralpaint.models.networks.network import CoordinateModel
from neuralpaint.models.networks.scattered_points import InterpolatedTerms, interpolate_terms

CODES = np.array([[0, 0, 1], [1, 0, 0], [0, 1, 1], [1, 1, 1]], np.float32)
EVERY = [spec for spec in SPECS if "dropout" not in spec]


def interpolated(
    model: CoordinateModel, x: Tensor, y: Tensor, code: Tensor | None = None
) -> InterpolatedTerms | None:
    return interpolate_terms(model.encoding, model.network.input_layers(), (x, y), code)


def build(spec: str, canvas: Canvas = CANVAS) -> CoordinateModel:
    built = models.parse(spec).build(canvas, torch.Generator().manual_seed(0), CODES)
    assert isinstance(built, CoordinateModel)
    with torch.no_grad():  # larger than the initial features, so that wrong ones matter
        for weight in built.encoding.parameters():
            weight.mul_(30)
    return built.eval()


def close(found: Tensor, wanted: Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-5)


@pytest.mark.parametrize("spec", EVERY)
@torch.no_grad()
def test_codes_per_picture_per_row_and_per_point_agree_on_grids_and_at_points(spec: str) -> None:
    model = build(spec)
    x, y = axes()
    points = tuple(axis.expand(18, 26).flatten() for axis in (x, y))
    codes = torch.rand(4, 3)
    uniform = model(x, y, codes[0].view(1, 1, 3))
    assert uniform.shape == (18, 26, 3)
    close(model(x, y, codes[0].expand(18, 26, 3)), uniform)
    close(model(*points, codes[:1]).view(18, 26, 3), uniform)
    close(model(*points, codes[:1].expand(18 * 26, 3)).view(18, 26, 3), uniform)

    others = torch.stack([model(x, y, code.view(1, 1, 3)) for code in codes])
    assert (others.std(0).amax() > 1e-3).item()
    rows = torch.arange(18) % 4
    close(model(x, y, codes[rows][:, None]), others[rows, torch.arange(18)])
    places = (torch.arange(18)[:, None] + torch.arange(26)) % 4
    wanted = others.gather(0, places[None, ..., None].expand(1, 18, 26, 3))[0]
    close(model(x, y, codes[places]), wanted)
    close(model(*points, codes[places.flatten()]).view(18, 26, 3), wanted)


@pytest.mark.parametrize(
    "spec", [spec for spec in EVERY if "encoding" not in spec or "pyramid" in spec]
)
def test_every_model_learns_several_pictures(spec: str) -> None:
    model = build(spec).train()
    x, y = axes()
    picture = torch.stack([0.5 + 0.4 * x + 0 * y, 0.5 + 0.4 * y + 0 * x, 0.5 - 0.4 * x * y], -1)
    pictures = torch.stack([picture, 1 - picture, picture.flip(1), picture.roll(1, 2)])
    rows = torch.arange(72) % 18
    codes = torch.from_numpy(CODES).repeat_interleave(18, 0)[:, None]
    optimizer = torch.optim.Adam(
        [
            {"params": group.parameters, "lr": 0.01 * group.rate}
            for group in model.parameter_groups()
        ]
    )
    losses = []
    for _ in range(100):
        optimizer.zero_grad()
        loss = (model(x, y[rows], codes) - pictures.flatten(0, 1)).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]
    model.eval()
    with torch.no_grad():
        seen = torch.stack([model(x, y, code.view(1, 1, 3)) for code in torch.from_numpy(CODES)])
        assert (seen - pictures).square().mean() < 0.6 * losses[0]


@pytest.mark.parametrize(
    "spec", ["fourier", "skipconn:encoding=positional", "mlp:encoding=harmonic"]
)
@torch.no_grad()
def test_interpolation_supports_one_code_for_all_points(spec: str) -> None:
    canvas = Canvas.of(height=32, width=48)
    model = build(spec, canvas)
    x, y = (
        torch.from_numpy(axis.reshape(-1)) for axis in canvas.scaled(2).seen(View(angle=30)).grid()
    )
    code = torch.rand(1, 3)
    assert interpolated(model, x, y, code) is not None
    assert interpolated(model, x, y, code.expand(len(x), 3)) is None
    interpolated_colours, computed = model(x, y, code), model(x, y, code.expand(len(x), 3))
    torch.testing.assert_close(interpolated_colours, computed, rtol=0, atol=0.1 / 255)


@pytest.mark.parametrize("spec", ["skipconn:features=8,encoding=gaussian", "fourier", "morph"])
@torch.no_grad()
def test_large_canvases_are_rendered_in_strips(spec: str) -> None:
    canvas = Canvas.of(height=90, width=140)
    model = build(spec, canvas)
    sizes: list[int] = []
    model.network.register_forward_hook(lambda *call: sizes.append(call[-1].shape[:-1].numel()))
    x, y = (torch.from_numpy(axis) for axis in canvas.grid())
    points = tuple(axis.expand(90, 140).flatten() for axis in (x, y))
    codes = torch.rand(90, 140, 3)
    field = model(x, y, codes)
    close(model(*points, codes.flatten(0, 1)).view_as(field), field)
    assert max(sizes) < 9000
    assert sum(sizes) == 2 * 90 * 140
    uniform = model(x, y, codes[:1, :1])
    close(model(*points, codes[0, :1]).view_as(uniform), uniform)
    close(uniform[0, 0], field[0, 0])


def test_only_models_of_several_pictures_use_a_code() -> None:
    for spec in ("fourier", "pyramid", "morph"):
        built = models.parse(spec).build(CANVAS, torch.Generator().manual_seed(0))
        assert isinstance(built, CoordinateModel)
        assert not built.encoding.uses_code
        assert build(spec).encoding.uses_code
