"""Planes whose details appear at one place and spread from there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from films import QUICK, frames_of, save_photo

import neuralpaint as npaint
from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas
from neuralpaint.image.pictures import Picture
from neuralpaint.models import models
from neuralpaint.models.encodings import encodings
from neuralpaint.models.encodings.bloom import Bloom
from neuralpaint.models.encodings.pyramid import (
    PerPicturePlanes,
    Pyramid,
    _neighbours,
    _scatter,
    plane_sizes,
)
from neuralpaint.pipelines.make_learner import learner

PLANES = ((1, 1), (2, 4), (8, 3))
SIZE = Canvas.of(height=24, width=36)
X, Y = 2.2 * torch.rand(1, 13) - 1.1, 1.6 * torch.rand(11, 1) - 0.8
BLOOMING = "pyramid:hidden_size=8,bloom=yes,fade=0.5"


def build(*, fading: int = 3, softness: float = 0.3, pictures: int = 1) -> Pyramid:
    sizes = plane_sizes(PLANES, height=SIZE.height, width=SIZE.width, pictures=pictures)
    return Pyramid(
        sizes,
        span=SIZE.span,
        generator=torch.Generator().manual_seed(0),
        fade=0.5,
        fading=fading,
        bloom=Bloom(y=-0.2, x=0.4, softness=softness, fading=fading),
        pictures=pictures,
    )


def sharpness(pyramid: Pyramid, x: float, y: float, *, plane: int) -> float:
    """Return how much of a plane of ones is seen at a point."""
    channel = sum(channels for _, channels in PLANES[:plane])
    with torch.no_grad():
        pyramid.planes[plane].fill_(1.0)
        return float(pyramid(torch.tensor([[x]]), torch.tensor([[y]]))[0][0, 0, channel])


@pytest.mark.parametrize("progress", [0.0, 0.2, 0.35, 0.5])
@pytest.mark.parametrize("fading", [2, 3])
def test_the_fast_path_agrees_with_the_definition(progress: float, fading: int) -> None:
    pyramid = build(fading=fading)
    pyramid.set_progress(progress)
    direction, planes = torch.randn(11, 13, pyramid.width), list(pyramid.planes)
    (fast,), plain = pyramid(X, Y), pyramid.forward_plain(X, Y)
    torch.testing.assert_close(fast, plain, rtol=0, atol=1e-6)
    for found, wanted in zip(
        torch.autograd.grad((fast * direction).sum(), planes),
        torch.autograd.grad((plain * direction).sum(), planes),
        strict=True,
    ):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("pictures", [1, 3])
def test_gradients_of_nodes_as_products_are_those_that_are_scattered(pictures: int) -> None:
    fast = build(pictures=pictures)
    fast.set_progress(0.3)
    rows = fast._rows(Y[:, 0], torch.randint(pictures, Y[:, 0].shape))
    columns = _neighbours(X[0], fast._across)
    for i, plane in enumerate(fast.planes):
        strengths = fast._node_strengths(i, rows[i].nodes)
        gradient = torch.randn(len(Y), X.shape[1], plane.shape[2])
        expected, found = (
            _scatter(gradient, rows[i], columns[i], strengths, plane.shape, as_products=products)
            for products in (False, True)
        )
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_details_appear_at_the_place_first_and_everywhere_in_the_end() -> None:
    pyramid = build()
    places = [(0.4, -0.2), (-0.1, 0.0), (-0.98, 0.64)]  # ever farther away
    seen = []
    for progress in (0.0, 0.17, 0.3, 0.5, 1.0):
        pyramid.set_progress(progress)
        seen.append([sharpness(pyramid, *place, plane=0) for place in places])
    assert seen[0] == [0, 0, 0]
    assert seen[1][0] > 0.9
    assert seen[1][1] == seen[1][2] == seen[2][2] == 0
    assert seen[2][1] > 0.5
    assert seen[3] == seen[4] == pytest.approx([1, 1, 1], abs=1e-6)


def test_at_each_place_coarse_planes_appear_before_fine_ones() -> None:
    pyramid = build()
    pyramid.set_progress(0.08)
    at_place = [sharpness(pyramid, 0.4, -0.2, plane=i) for i in range(3)]
    assert at_place[0] == 0 < at_place[1] < at_place[2]
    pyramid = build(fading=2)  # the coarsest is there from the start
    assert sharpness(pyramid, -0.9, 0.6, plane=2) == pytest.approx(1)
    assert sharpness(pyramid, -0.9, 0.6, plane=1) == 0


def test_with_softness_1_details_appear_everywhere_at_once() -> None:
    pyramid = build(softness=1.0)
    pyramid.set_progress(0.25)
    near, far = (sharpness(pyramid, *place, plane=1) for place in ((0.4, -0.2), (-0.9, 0.6)))
    assert near == pytest.approx(far)
    assert 0 < near < 1


def test_a_moving_average_that_never_reaches_1_has_full_strength() -> None:
    bloom, almost = Bloom(y=0, x=0, softness=0.05, fading=3), torch.tensor([1 - 2e-5])
    farthest = torch.tensor([1 - 0.05])
    assert bloom.is_over(float(almost))
    assert [float(bloom.strengths(farthest, almost, plane=i)) for i in range(3)] == [1, 1, 1]
    assert bloom.strengths(farthest, torch.tensor([0.99]), plane=0) < 1


def test_the_planes_of_all_pictures_bloom_alike() -> None:
    codes = np.eye(3, dtype=np.float32)
    encoding = PerPicturePlanes(build(pictures=3), codes).eval()
    encoding.set_progress(0.2)
    with torch.no_grad():
        for plane in encoding.pyramid.planes:
            plane.fill_(1.0)
        first, *others = (encoding(X, Y, torch.from_numpy(code).view(1, 1, 3))[0] for code in codes)
    assert first.std() > 0.1
    for other in others:
        torch.testing.assert_close(other, first, rtol=0, atol=1e-6)


def corner() -> Picture:
    """A picture that is flat except near (0.75, 0.25)."""
    pixels = np.full((60, 80, 3), 128, np.uint8)
    pixels[5:25, 50:70] = np.random.default_rng(0).integers(0, 255, (20, 20, 3))
    return Picture(pixels)


@pytest.mark.parametrize(
    "model", [BLOOMING, "skipconn:hidden_size=8,encoding=pyramid,bloom=yes", f"{BLOOMING},x=0.1"]
)
def test_the_place_is_in_the_settings_of_the_painting(model: str, tmp_path: Path) -> None:
    trained = learner(corner(), model=model, device="cpu", steps=100, batch=300)
    trained.advance(20)
    painting = trained.painting()
    chosen = models.parse(painting.settings.model)
    settings = planes_of(chosen)
    assert settings.x == pytest.approx(0.1 if "x=" in model else 0.74, abs=0.05)
    assert settings.y == pytest.approx(0.26, abs=0.05)
    loaded = npaint.load_painting(painting.save(tmp_path / "it.painting"))
    assert loaded.settings.model == painting.settings.model
    grid = painting.canvas.grid()
    assert (loaded(grid) == painting(grid)).all()


def planes_of(model: Any) -> Any:
    """Return the settings of the planes of a model."""
    return encodings.parse(model.encoding) if hasattr(model, "encoding") else model


def test_a_place_that_is_given_is_kept_and_other_models_stay_as_they_are() -> None:
    for spec in (f"{BLOOMING},x=0.2,y=0.9", "pyramid", "skipconn", "fourier:order=7,series=no"):
        model = models.parse(spec)
        assert model.placed(corner()) == model


def test_a_take_shows_the_same_bloom(tmp_path: Path) -> None:
    photo, take = save_photo(tmp_path / "photo.png"), tmp_path / "it.take"
    options = QUICK | {"model": BLOOMING, "pacing": "fixed", "hold": 0.0}
    npaint.timelapse(photo, tmp_path / "a.mkv", record=take, **options)
    same = {name: options[name] for name in ("pacing", "hold", "duration", "fps", "device")}
    npaint.render_saved(take, tmp_path / "b.mkv", **same)
    first, again = (frames_of(tmp_path / name).astype(int) for name in ("a.mkv", "b.mkv"))
    assert np.abs(first - again).max() <= 3  # weights of a take are rounded
    assert (first[0] != first[-1]).any()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("pyramid:bloom=yes,fade=0", "set fade above 0"),
        ("pyramid:x=0.5", "are for a bloom: add bloom=yes"),
        ("pyramid:softness=0.5", "are for a bloom: add bloom=yes"),
        ("pyramid:bloom=yes,y=1.5", "y"),
    ],
)
def test_settings_without_effect_are_refused(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        models.parse(spec)


def test_long_waves_begin_with_clouds_of_colour() -> None:
    """The planes over them fade in later, the coarsest one too."""
    y, x = np.mgrid[0:32, 0:48] / 48
    picture = Picture.from_array(np.stack([x, y, 0.5 + 0.5 * np.sin(40 * x)], -1))
    painting = learner(picture, model="pyramid:waves=16", device="cpu").painting()
    colours = painting(picture.canvas.grid())
    assert colours.std() > 0.05
    steps = np.abs(np.diff(colours, axis=1)).max()
    assert steps < 0.1
    strengths = painting.weights["encoding.encodings.1.strengths"]
    assert not strengths.any()
