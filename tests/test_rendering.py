from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from neuralpaint.canvas import Canvas, Fit
from neuralpaint.errors import DeviceError
from neuralpaint.learning import learner
from neuralpaint.models import models
from neuralpaint.painting import Painting, TorchPainting
from neuralpaint.pictures import Picture
from neuralpaint.rendering import expose, fidelity, letterbox, render, view


class Plane(nn.Module):
    """Red grows to the right, green downwards, blue is a half."""

    def __init__(self, *, fails_above: int = 1 << 60) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.fails_above = fails_above

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        if x.numel() * y.numel() > self.fails_above:
            raise RuntimeError("CUDA out of memory. Tried to allocate 9 GiB")
        red, green = torch.broadcast_tensors((x + 1) / 2, (y + 1) / 2)
        return torch.stack([red, green, torch.full_like(red, 0.5)], -1) * self.weight


def painting(**options: int) -> Painting:
    return TorchPainting(Plane(**options), {"weight": torch.ones(1)})


def picture(height: int = 30, width: int = 40) -> Picture:
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 6, y * 6, x * 0 + 9], axis=-1)
    return Picture(pixels.astype(np.uint8))


def test_a_frame_is_the_colour_at_each_pixel_centre_rounded() -> None:
    frame = render(painting(), Canvas.of(height=4, width=8))
    np.testing.assert_array_equal(frame[0, :, 0], np.rint(255 * (np.arange(8) + 0.5) / 8))
    assert (frame[..., 2] == 128).all()
    assert (frame[..., 0] == frame[:1, :, 0]).all()
    assert (frame[..., 1] == frame[:, :1, 1]).all()


def test_a_canvas_larger_than_a_tile_has_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    canvas = Canvas.of(height=70, width=50)
    whole = render(painting(), canvas)
    monkeypatch.setattr("neuralpaint.rendering._TILE", 150)
    np.testing.assert_array_equal(render(painting(), canvas), whole)


def test_a_tile_that_does_not_fit_in_memory_is_rendered_in_parts() -> None:
    canvas = Canvas.of(height=33, width=50)
    whole = render(painting(), canvas)
    np.testing.assert_array_equal(render(painting(fails_above=120), canvas), whole)
    with pytest.raises(DeviceError, match="lower --size or --scale"):
        render(painting(fails_above=40), canvas)


def test_exposures_may_be_looked_at_in_any_order() -> None:
    canvases = [Canvas.of(height=9, width=16), Canvas.of(height=12, width=7)]
    exposures = [expose(painting(), canvas) for canvas in canvases]
    for exposure, canvas in reversed(list(zip(exposures, canvases, strict=True))):
        frame = exposure.frame()
        assert frame.dtype == np.uint8
        np.testing.assert_array_equal(frame, render(painting(), canvas))


@pytest.mark.gpu
@pytest.mark.parametrize("name", list(models))
def test_a_frame_of_a_gpu_is_that_of_the_cpu(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    canvas = Canvas.of(height=90, width=160)
    cpu, cuda = (
        learner(picture(), model=name, device=device).painting() for device in ("cpu", "cuda")
    )
    exact = render(cpu, canvas).astype(int)
    monkeypatch.setattr("neuralpaint.rendering._TILE", 1000)
    exposures = [expose(cuda, canvas) for _ in range(9)]
    for exposure in exposures:
        assert np.abs(exposure.frame() - exact).max() <= 1


@pytest.mark.gpu
def test_the_host_does_not_wait_for_a_frame_that_a_gpu_makes() -> None:
    canvas = Canvas.of(height=90, width=160)
    cuda = learner(picture(), device="cuda").painting()
    expose(cuda, canvas).frame()  # what is done once
    torch.cuda.set_sync_debug_mode("error")
    try:
        exposures = [expose(cuda, canvas) for _ in range(3)]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    frames = [exposure.frame() for exposure in exposures]
    np.testing.assert_array_equal(frames[0], frames[2])


def test_a_picture_at_its_own_size_is_itself() -> None:
    subject = picture()
    assert view(subject, subject.canvas) is subject.pixels


@pytest.mark.parametrize("scale", [0.5, 2.0, 3.3])
def test_a_resized_picture_shows_the_same_plane(scale: float) -> None:
    subject = picture()
    seen = view(subject, subject.canvas.scaled(scale))
    expected = (np.arange(seen.shape[1]) + 0.5) / seen.shape[1] * 240 - 3
    np.testing.assert_allclose(seen[5, 3:-3, 0], expected[3:-3], atol=2)


@pytest.mark.parametrize("fit", ["cover", "extend"])
def test_a_crop_and_an_extension_line_up_with_the_network(fit: Fit) -> None:
    subject = picture()
    canvas = subject.canvas.fitted(height=60, width=60, fit=fit)
    seen = view(subject, canvas).astype(int)
    assert seen.shape == (60, 60, 3)
    grid = canvas.grid()
    # Red of the picture is 6 levels a pixel; its column c lies at x = (c + 0.5 - 20) / 20.
    column = np.clip(grid.x[0] * 20 + 20 - 0.5, 0, 39)
    row = np.clip(grid.y[:, 0] * 20 + 15 - 0.5, 0, 29)
    np.testing.assert_allclose(seen[30, :, 0], 6 * column, atol=4)
    np.testing.assert_allclose(seen[:, 30, 1], 6 * row, atol=4)


def test_looking_beyond_the_edges_costs_no_copy_of_the_picture() -> None:
    import tracemalloc

    subject = picture(height=3000, width=2000)
    canvas = subject.canvas.fitted(height=90, width=160, fit="extend")
    tracemalloc.start()
    try:
        view(subject, canvas)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 0.3 * subject.pixels.nbytes


def test_bars_surround_the_frame_and_nothing_else_changes() -> None:
    frame = picture().pixels
    boxed = letterbox(frame, height=50, width=44, colour=(1, 2, 3))
    np.testing.assert_array_equal(boxed[10:40, 2:42], frame)
    assert (boxed[:10] == (1, 2, 3)).all()
    assert letterbox(frame, height=30, width=40, colour=(1, 2, 3)) is frame


def test_fidelity_of_a_large_picture_is_that_of_a_part_of_its_pixels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    canvas = Canvas.of(height=90, width=120)
    rng = np.random.default_rng(0)
    noisy = render(painting(), canvas).astype(int) + rng.integers(-9, 10, (90, 120, 3))
    subject = Picture(noisy.clip(0, 255).astype(np.uint8))
    whole = fidelity(painting(), subject)
    monkeypatch.setattr("neuralpaint.rendering._TILE", 1200)
    assert fidelity(painting(), subject) == pytest.approx(whole, abs=0.3)
