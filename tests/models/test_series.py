from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from neuralpaint.errors import UsageError
from neuralpaint.image.canvas import Canvas, View
from neuralpaint.image.pictures import Picture
from neuralpaint.models import FourierModel, models
from neuralpaint.models.codes import Album
from neuralpaint.models.encodings.fourier import Cosine
from neuralpaint.models.networks.network import CoordinateModel
from neuralpaint.models.networks.scattered_points import interpolate_series
from neuralpaint.models.networks.series import Series
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.runtime.threads import ensure_threads, set_threads

SPAN = (1.4, 2.0)
X, Y = torch.linspace(-1, 1, 13)[None], torch.linspace(-0.7, 0.7, 11)[:, None]


def cosines(**options: float) -> Cosine:
    encoding = Cosine(9, span=SPAN, **options)
    encoding.set_progress(0.2)
    return encoding


def random(encoding: Cosine, *, channels: int = 3) -> Series:
    series, generator = Series(encoding, channels=channels), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for table in series.parameters():
            table.normal_(generator=generator)
    return series


def picture(height: int = 40, width: int = 60, *, seed: int = 0) -> Picture:
    rng = np.random.default_rng(seed)
    return Picture(rng.integers(0, 256, (height, width, 3), np.uint8))


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("options", [{}, {"anneal": 0.3, "decay": 1.0}])
def test_the_sums_over_a_grid_and_their_gradients_agree_with_the_definition(
    threads: int, options: dict[str, float], channels: int
) -> None:
    encoding = cosines(**options)
    series = random(encoding, channels=channels)
    of_x, of_y = encoding.parts(X, Y)
    direction = torch.randn(11, 13, channels)

    def run(sums: Tensor) -> tuple[Tensor, ...]:
        return sums.detach(), *torch.autograd.grad(
            (sums * direction).sum(), list(series.parameters())
        )

    before = ensure_threads()
    set_threads(threads)
    try:
        found = run(series.over_grid(of_x[0], of_y[:, 0]))
        with torch.no_grad():
            rendered = series.over_grid(of_x[0], of_y[:, 0])
    finally:
        set_threads(before)
    expected = run(series.at_points(of_x, of_y))
    for fast, plain in zip(found, expected, strict=True):
        scale = plain.abs().max()
        torch.testing.assert_close(fast / scale, plain / scale, rtol=0, atol=1e-5)
    torch.testing.assert_close(rendered, expected[0], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("channels", [3, 4])
def test_every_coefficient_is_trained(channels: int) -> None:
    series = Series(cosines(), channels=channels)
    trained = [id(each) for group in series.parameter_groups() for each in group.parameters]
    assert sorted(trained) == sorted(map(id, series.parameters()))


def test_a_large_grid_is_rendered_in_strips_without_seams() -> None:
    encoding = cosines()
    series = random(encoding)
    of_x, of_y = encoding.parts(torch.linspace(-1, 1, 9000)[None], Y)
    with torch.no_grad():
        found = series.over_grid(of_x[0], of_y[:, 0])
        expected = series.at_points(of_x, of_y)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-4)


def test_the_coefficients_are_those_of_red_green_and_blue() -> None:
    encoding = cosines(decay=1.0)
    series = random(encoding)
    of_x, of_y = encoding.parts(X, Y)
    phi, psi = (torch.cat([torch.ones_like(each[..., :1]), each], -1) for each in (of_x, of_y))
    found = torch.einsum("wk,rkl,hl->hwr", phi[0], series.coefficients(), psi[:, 0])
    torch.testing.assert_close(found, series.at_points(of_x, of_y), rtol=1e-5, atol=1e-4)


def test_a_coefficient_adds_a_product_of_two_cosines_whose_amplitude_falls() -> None:
    encoding = cosines(anneal=0.3, decay=1.0)
    encoding.set_progress(1.0)
    series = Series(encoding)
    with torch.no_grad():
        series.light[4, 0, 3] = 1.0
    waves = torch.cos(4 * torch.pi * (X + 1) / 2) * torch.cos(3 * torch.pi * (Y + 0.7) / 1.4)
    side = (2.0 * 1.4) ** 0.5  # of a square as large as the picture
    amplitude = 1 / np.hypot(4 * side / 2.0, 3 * side / 1.4)
    found = series.at_points(*encoding.parts(X, Y))
    torch.testing.assert_close(found, (amplitude * waves)[..., None].expand(-1, -1, 3))


def test_an_untrained_series_adds_nothing() -> None:
    encoding = cosines()
    assert not Series(encoding).at_points(*encoding.parts(X, Y)).any()


def rotated(canvas: Canvas) -> tuple[Tensor, Tensor]:
    grid = canvas.seen(View(angle=30)).grid()
    x, y = (torch.from_numpy(axis.reshape(-1)) for axis in grid)
    return x, y


@pytest.mark.parametrize("interpolates", [True, False])
@torch.no_grad()
def test_scattered_points_agree_with_the_definition(interpolates: bool) -> None:
    # Many points are interpolated; for few, and few waves, the definition is as fast.
    size = (300, 450) if interpolates else (24, 36)
    canvas = Canvas.of(height=40, width=60)
    model = models.parse("fourier:series=yes").build(canvas, torch.Generator().manual_seed(0))
    assert isinstance(model, CoordinateModel)
    model.set_progress(1.0)
    series, encoding = model.network.series, model.encoding
    assert series is not None
    for table in series.parameters():  # about as loud as a photograph
        table.normal_(std=0.1, generator=torch.Generator().manual_seed(1))
    x, y = rotated(canvas.resized(height=size[0], width=size[1]))
    assert (interpolate_series(encoding, series, (x, y)) is not None) == interpolates
    signal = model.network(encoding.parts(x, y))
    expected = (torch.tanh(signal) + 1) / 2
    assert expected.std() > 0.05
    torch.testing.assert_close(model(x, y), expected, rtol=0, atol=0.3 / 255)


def test_a_single_picture_is_learned_with_a_series() -> None:
    trained = learner(picture(), model="fourier:order=6", steps=2)
    model = models.parse(trained.settings.model)
    assert isinstance(model, FourierModel)
    assert model.series
    assert model.units == 32
    trained.advance(2)
    assert any(name.startswith("network.series") for name in trained.painting().weights)


@pytest.mark.parametrize("spec", ["fourier:series=no", "fourier:mirror=no"])
def test_a_network_without_a_series_is_wider(spec: str) -> None:
    trained = learner(picture(), model=f"{spec},order=6", steps=2)
    model = models.parse(trained.settings.model)
    assert isinstance(model, FourierModel)
    assert not model.series
    assert model.units == 128


def test_a_file_without_the_setting_contains_a_network_without_a_series() -> None:
    built = models.parse("fourier").build(Canvas.of(height=4, width=6), torch.Generator())
    assert isinstance(built, CoordinateModel)
    assert built.network.series is None
    assert built.network.linears()[1].out_features == 128


def test_an_album_is_learned_without_a_series() -> None:
    album = Album([picture(seed=1), picture(seed=2)], [[0.0], [1.0]])
    trained = learner(album, model="fourier:order=6", steps=2)
    assert models.parse(trained.settings.model) == models.parse("fourier:order=6,series=no")
    with pytest.raises(UsageError, match="series=yes is for a single picture"):
        learner(album, model="fourier:order=6,series=yes", steps=2)


def test_a_series_needs_cosines() -> None:
    with pytest.raises(UsageError, match="leave one of them out"):
        models.parse("fourier:series=yes,mirror=no")


def test_a_series_learns_detail_in_few_steps() -> None:
    """Noise with the spectrum of a photograph, after as many steps with and without a series."""
    rng = np.random.default_rng(0)
    frequencies = np.hypot(np.fft.fftfreq(48)[:, None], np.fft.fftfreq(64))
    spectrum = np.fft.fft2(rng.standard_normal((48, 64))) / np.maximum(frequencies, 1 / 64)
    levels = np.fft.ifft2(spectrum).real
    levels = np.clip(128 + 50 * levels / levels.std(), 0, 255)
    photograph = Picture(np.repeat(levels[..., None], 3, -1).astype(np.uint8))
    losses = []
    for spec in ("fourier", "fourier:series=no"):
        trained = learner(photograph, model=spec, steps=100, batch=1000)
        trained.advance(90)
        trained.advance(10)
        losses.append(trained.loss)
    assert losses[0] < losses[1] / 3
