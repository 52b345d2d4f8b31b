from __future__ import annotations

import numpy as np
import pytest
import torch
from contract import CANVAS, SPECS, axes, build

from neuralpaint.config.registry import Registry
from neuralpaint.config.settings import Settings, options
from neuralpaint.errors import UnknownNameError, UsageError
from neuralpaint.models import MLPModel, SkipConnModel, models
from neuralpaint.models.encodings import encodings
from neuralpaint.models.networks.network import CoordinateModel

IN_PARTS = [spec for spec in SPECS if build(spec).is_splittable]


def train(model: CoordinateModel, *, steps: int = 60) -> list[float]:
    """Return the losses of a short training on a smooth picture."""
    x, y = axes()
    colours = torch.stack([0.3 + 0.4 * x * y, 0.5 + 0.4 * x + 0 * y, 0.3 * y.sin() + 0 * x], -1)
    model.train()
    optimizer = torch.optim.Adam(
        [
            {"params": group.parameters, "lr": 0.005 * group.rate}
            for group in model.parameter_groups()
        ]
    )
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (model(x, y) - colours).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("spec", SPECS)
def test_every_model_learns_with_every_encoding_and_its_state_can_be_loaded(spec: str) -> None:
    x, y = axes()
    model = build(spec)
    losses = train(model)
    assert losses[-1] < 0.5 * losses[0]
    loaded = build(spec, seed=1)
    before = loaded.eval()(x, y)
    loaded.load_state_dict(model.state_dict())
    with torch.no_grad():
        colours = model.eval()(x, y)
        assert colours.shape == (18, 26, 3)
        assert colours.min() >= 0
        assert colours.max() <= 1
        assert not torch.allclose(before, colours, atol=1e-3)
        torch.testing.assert_close(loaded(x, y), colours, rtol=0, atol=0)


@pytest.mark.parametrize("spec", SPECS)
def test_a_grid_and_its_points_have_the_same_colours(spec: str) -> None:
    x, y = axes()
    model = build(spec).eval()
    train(model, steps=5)
    model.eval()
    grid = model(x, y)
    points = model(x.expand(18, 26).flatten(), y.expand(18, 26).flatten())
    torch.testing.assert_close(points.view(18, 26, 3), grid, rtol=0, atol=1e-5)
    with torch.no_grad():
        torch.testing.assert_close(model(x, y), grid, rtol=0, atol=1e-5)


@pytest.mark.parametrize("spec", SPECS)
def test_training_depends_on_the_seed_and_not_on_torchs_generator(spec: str) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = train(build(spec, seed=3), steps=3)
    torch.testing.assert_close(torch.rand(3), expected)
    assert train(build(spec, seed=3), steps=3) == first
    assert train(build(spec, seed=4), steps=3) != first


@pytest.mark.parametrize("spec", IN_PARTS)
def test_gradients_of_splittable_models_add_up_over_rows(spec: str) -> None:
    model = build(spec).train()
    x, y = axes()
    weights = [p for p in model.parameters() if p.requires_grad]
    whole = torch.autograd.grad(model(x, y).square().sum(), weights)
    parts = [torch.autograd.grad(model(x, y[s]).square().sum(), weights) for s in (
        slice(0, 7), slice(7, 18)
    )]  # fmt: skip
    for found, *added in zip(whole, *parts, strict=True):
        scale = found.abs().max().clamp(min=1e-3)
        torch.testing.assert_close(sum(added) / scale, found / scale, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("spec", "in_parts"),
    [
        ("mlp", True),
        ("mlp:norm=layer", True),
        ("mlp:norm=batch", False),
        ("mlp:dropout=0.2", False),
        ("mlp:encoding=positional", True),
        ("mlp:encoding=hash", False),
        ("siren", True),
        ("skipconn", False),
        ("skipconn:encoding=gaussian", True),
        ("skipconn:encoding=positional", False),
        ("fourier", False),
        ("pyramid", False),
    ],
)
def test_which_models_are_splittable(spec: str, in_parts: bool) -> None:
    assert build(spec).is_splittable is in_parts


@pytest.mark.parametrize("spec", [*SPECS, "pyramid:waves=3", "buttons"])
@torch.no_grad()
def test_a_model_is_clamped_if_colours_are_constant_far_beyond_the_picture(spec: str) -> None:
    settings, code = models.parse(spec), torch.ones(1, 1, 1)
    codes = np.ones((1, 1), np.float32) if settings.needs_codes else None
    model = settings.build(CANVAS, torch.Generator().manual_seed(0), codes).eval()
    x, y = torch.tensor([[-5.0, -4.4, 4.4, 5.0]]), torch.tensor([[-0.3], [0.3]])
    colours = model(x, y) if codes is None else model(x, y, code)
    constant = (colours[:, [0, 3]] - colours[:, 1:3]).abs().max() < 1e-6
    assert settings.is_clamped == constant


def test_settings_of_the_encoding_can_be_written_beside_those_of_the_model() -> None:
    expected = MLPModel(encoding="gaussian:features=64,sigma=3", hidden_size=32)
    for spec in (
        "mlp:encoding=gaussian,sigma=3,features=64,hidden_size=32",
        "mlp:features=64,hidden_size=32,encoding=gaussian,sigma=3",
        "mlp:encoding=gaussian:sigma=3,features=64,hidden_size=32",
        "mlp:sigma=3.0,features=64,hidden_size=32",
    ):
        assert models.parse(spec) == expected
    assert models.spec(expected) == "mlp:features=64,sigma=3.0,hidden_size=32"
    assert models.parse("skipconn:order=5,encoding=harmonic") == SkipConnModel(
        encoding="harmonic:order=5"
    )


@pytest.mark.parametrize("spec", [*SPECS, "mlp:encoding=gaussian:sigma=10", "mlp:encoding=hash"])
def test_every_model_can_be_converted_to_text_and_back(spec: str) -> None:
    model = models.parse(spec)
    assert models.parse(models.spec(model)) == model
    assert type(model).from_dict(model.to_dict()) == model


@pytest.mark.parametrize(
    ("spec", "error", "message"),
    [
        (
            "mlp:encoding=gaussian,sigmo=3",
            UnknownNameError,
            "no setting of model 'mlp' with encoding 'gaussian' named 'sigmo': "
            "did you mean 'sigma'? choose from activation, dropout, encoding, features, ",
        ),
        ("mlp:encoding=none,sigma=3", UnknownNameError, "with encoding 'none' named 'sigma'"),
        ("mlp:encoding=gausian,sigma=3", UnknownNameError, "did you mean 'gaussian'?"),
        ("mlp:sigma=-3", UsageError, "encoding gaussian: sigma must be above 0 periods, not -3"),
        ("mlp:sigma", UsageError, "write sigma=VALUE"),
        ("mlp:encoding", UsageError, "write encoding=VALUE"),
        ("mlp:hiden_size=3", UnknownNameError, "did you mean 'hidden_size'?"),
        ("fourier:encoding=none", UnknownNameError, "no setting of model 'fourier' named"),
        ("mlp:norm=bach", UnknownNameError, "did you mean 'batch'?"),
    ],
)
def test_the_error_of_a_wrong_setting_names_it(
    spec: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        models.parse(spec)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", list(models))
def test_models_and_encodings_have_no_setting_in_common(name: str) -> None:
    outer = options(models[name])
    if "encoding" in outer:
        for encoding in encodings:
            assert not set(outer) & set(options(encodings[encoding]))


def test_aliases_are_accepted_and_not_listed() -> None:
    fruits: Registry[Settings] = Registry("fruit")

    @fruits.register("apple", aliases=("pomme", "apfel"))
    class Apple(Settings):
        pass

    assert fruits.parse("pomme") == fruits.parse("apfel") == fruits.parse("apple")
    assert list(fruits) == ["apple"]
    assert fruits.spec(fruits.parse("pomme")) == "apple"
    assert len(fruits.parse_list("apple,pomme")) == 2
    with pytest.raises(UnknownNameError, match=r"choose from apple$"):
        fruits.parse("pomm")
    with pytest.raises(ValueError, match="'pomme' is registered twice"):
        fruits.register("pomme")(Apple)
