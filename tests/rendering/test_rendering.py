"""Frames, strips and PSNR of paintings."""

from __future__ import annotations

import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
from contract import WITHOUT_CODES
from fake_gpu import waiting_is_an_error
from fake_painting import Flat
from torch import Tensor, nn

from neuralpaint.errors import DeviceError
from neuralpaint.image.canvas import Canvas, Edge, Grid, View
from neuralpaint.image.encoders import Depth
from neuralpaint.image.framing import CanvasSettings
from neuralpaint.image.pictures import Picture
from neuralpaint.models.painting import Painting, TorchPainting
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.rendering.render import (
    PendingFrame,
    letterbox,
    painting_psnr,
    render,
    render_strips,
)
from neuralpaint.training.settings import TrainingSettings


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


class Checks(Flat):
    """A checkerboard with `cells` cells across the picture."""

    def __init__(self, cells: int) -> None:
        super().__init__(0.0)
        self.cells = cells

    def colours(self, grid: Grid) -> Tensor:
        x, y = (np.floor((axis.astype(float) + 1) / 2 * self.cells) for axis in grid)
        tones = torch.from_numpy(((x + y) % 2).astype(np.float32))
        return tones[..., None].repeat(1, 1, 3)


def painting(**options: int) -> Painting:
    plane = Plane(**options)
    canvas = Canvas.of(height=1, width=1)
    return TorchPainting(
        plane, {"weight": torch.ones(1)}, canvas=canvas, settings=TrainingSettings()
    )


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
    monkeypatch.setattr("neuralpaint.rendering.render._TILE", 150)
    np.testing.assert_array_equal(render(painting(), canvas), whole)


@pytest.fixture
def no_limits(monkeypatch: pytest.MonkeyPatch) -> dict[torch.device, int]:
    """Return the limits of tiles that are remembered, none at first."""
    limits: dict[torch.device, int] = {}
    monkeypatch.setattr("neuralpaint.rendering.render._limits", limits)
    return limits


def test_a_tile_that_does_not_fit_in_memory_is_rendered_in_parts(
    no_limits: dict[torch.device, int],
) -> None:
    canvas = Canvas.of(height=33, width=50)
    whole = render(painting(), canvas)
    np.testing.assert_array_equal(render(painting(fails_above=120), canvas), whole)
    with pytest.raises(DeviceError, match="lower --size or --scale"):
        render(painting(fails_above=40), canvas)


def test_what_fits_is_remembered_and_nothing_of_a_failed_attempt_is_kept(
    no_limits: dict[torch.device, int],
) -> None:
    attempts: list[tuple[int, int]] = []  # points, and tensors of earlier attempts in memory
    alive: list[weakref.ref[Tensor]] = []

    class Short(Flat):
        def colours(self, grid: Grid) -> Tensor:
            colours = super().colours(grid)
            attempts.append((grid.x.size * grid.y.size, sum(ref() is not None for ref in alive)))
            alive.append(weakref.ref(colours))
            if colours.shape[0] * colours.shape[1] > 120:
                raise RuntimeError("CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")
            return colours

    canvas = Canvas.of(height=32, width=50)
    render(Short(0.5), canvas)
    failed = [points for points, _ in attempts if points > 120]
    assert failed == [1600, 800, 400, 200]
    assert [kept for points, kept in attempts if points > 120] == [0, 0, 0, 0]
    attempts.clear()
    render(Short(0.5), canvas)
    assert max(points for points, _ in attempts) == 100


def test_pending_frames_may_be_fetched_in_any_order() -> None:
    canvases = [Canvas.of(height=9, width=16), Canvas.of(height=12, width=7)]
    pending = [PendingFrame(painting(), canvas) for canvas in canvases]
    for each, canvas in reversed(list(zip(pending, canvases, strict=True))):
        frame = each.frame()
        assert frame.dtype == np.uint8
        np.testing.assert_array_equal(frame, render(painting(), canvas))


@pytest.mark.parametrize("angle", [0.0, 25.0])
@pytest.mark.parametrize("depth", [8, 16])
def test_strips_are_the_frame(depth: Depth, angle: float, monkeypatch: pytest.MonkeyPatch) -> None:
    canvas = replace(Canvas.of(height=70, width=50).seen(View(zoom=0.8, angle=angle)), samples=2)
    whole = render(painting(), canvas)
    monkeypatch.setattr("neuralpaint.rendering.render._TILE", 160)
    pieces = list(render_strips(painting(), canvas, depth=depth))
    assert all(piece.shape[1:] == (50, 3) and piece.size <= 3 * 160 for piece in pieces)
    frame = np.concatenate([piece.astype(int) for piece in pieces])
    assert {piece.dtype for piece in pieces} == {np.dtype(f"uint{depth}")}
    if depth == 16:
        assert np.abs(frame / 257 - whole).max() < 0.502
    else:
        np.testing.assert_array_equal(frame, whole)


def test_a_16_bit_strip_has_the_nearest_of_65536_levels() -> None:
    (strip,) = render_strips(painting(), Canvas.of(height=2, width=1000), depth=16)
    exact = 65_535 * (np.arange(1000) + 0.5) / 1000
    assert np.abs(strip[0, :, 0] - exact).max() <= 0.51
    assert (strip[..., 2] == 32_768).all()


@pytest.mark.parametrize("name", ["fourier", "pyramid", "mlp"])
def test_a_crop_shows_what_the_whole_shows_there(name: str) -> None:
    subject = picture()
    model = learner(subject, model=name, threads=1).painting()
    crop = CanvasSettings(crop="17x9+11+20", scale=3).views(subject.canvas)[0]
    whole = render(model, subject.canvas.scaled(3))
    part = render(model, crop)
    assert np.abs(part.astype(int) - whole[60:87, 33:84]).max() <= 1
    assert (part == whole[60:87, 33:84]).mean() > 0.999


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_painting_turned_by_quarters_is_the_frame_turned(quarters: int) -> None:
    canvas = Canvas.of(height=30, width=30)
    turned = render(painting(), canvas.seen(View(angle=90 * quarters)))
    np.testing.assert_array_equal(turned, np.rot90(render(painting(), canvas), -quarters))


@pytest.mark.parametrize("angle", [0.0, 40.0])
def test_beyond_the_edges_is_black_to_the_pixel(angle: float) -> None:
    canvas = replace(Canvas.of(height=40, width=40).seen(View(zoom=0.5, angle=angle)), edge="black")
    frame, inside = render(painting(), canvas), canvas.inside()
    assert inside.sum() == pytest.approx(400, abs=8)
    assert (frame[~inside] == 0).all()
    assert (frame[inside, 2] == 128).all()
    shared = render(painting(), replace(canvas.seen(View(x=0.513)), samples=4))
    assert set(np.unique(shared[..., 2])) <= {*np.rint(np.arange(17) / 16 * 127.5), 128, 56, 72}
    assert 0 < ((shared[..., 2] > 0) & (shared[..., 2] < 128)).sum() < 120


@pytest.mark.parametrize("edge", ["mirror", "clamp"])
def test_mirrored_and_clamped_edges_continue_the_picture(edge: Edge) -> None:
    canvas = replace(Canvas.of(height=20, width=20).seen(View(zoom=0.2)), edge=edge)
    frame = render(painting(), replace(canvas, height=100, width=100)).astype(int)
    own = render(painting(), Canvas.of(height=20, width=20))
    np.testing.assert_array_equal(frame[40:60, 40:60], own)
    beside = own[:, ::-1] if edge == "mirror" else np.array([255, 0, 128])
    np.testing.assert_allclose(frame[40:60, 60:80, 0], beside[..., 0] + np.zeros((20, 20)))
    if edge == "mirror":
        np.testing.assert_array_equal(frame[:20, 80:], own)


@pytest.mark.parametrize("samples", [2, 3, 5])
def test_samples_average_a_plane_to_itself_and_a_fine_pattern_to_grey(samples: int) -> None:
    canvas = Canvas.of(height=24, width=40)
    plain = render(painting(), canvas).astype(int)
    fine = render(painting(), replace(canvas, samples=samples))
    assert np.abs(fine - plain).max() <= 1  # a half may be rounded either way
    checks = Checks(canvas.width * samples)
    assert set(np.unique(render(checks, canvas))) == {0, 255}
    mean = 128 if samples % 2 == 0 else 128 * (1 + 1 / samples**2)
    grey = render(checks, replace(canvas, samples=samples)).astype(int)
    assert np.abs(grey - 127.5).max() <= mean - 126


def test_samples_of_a_wide_canvas_are_taken_a_few_at_a_time(
    monkeypatch: pytest.MonkeyPatch, no_limits: dict[torch.device, int]
) -> None:
    canvas = replace(Canvas.of(height=3, width=90), samples=4)
    whole = render(painting(), canvas)
    monkeypatch.setattr("neuralpaint.rendering.render._TILE", 200)
    subject = painting(fails_above=200)
    np.testing.assert_array_equal(render(subject, canvas), whole)


@pytest.mark.gpu
@pytest.mark.parametrize("name", WITHOUT_CODES)
def test_a_frame_of_a_gpu_is_that_of_the_cpu(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    canvas = Canvas.of(height=90, width=160)
    cpu, cuda = (
        learner(picture(), model=name, device=device).painting() for device in ("cpu", "cuda")
    )
    exact = render(cpu, canvas).astype(int)
    monkeypatch.setattr("neuralpaint.rendering.render._TILE", 1000)
    pending = [PendingFrame(cuda, canvas) for _ in range(9)]
    for frame in pending:
        assert np.abs(frame.frame() - exact).max() <= 1


@pytest.mark.gpu
def test_the_host_does_not_wait_for_a_gpu() -> None:
    canvas = Canvas.of(height=90, width=160)
    cuda = learner(picture(), device="cuda").painting()
    PendingFrame(cuda, canvas).frame()  # one-time initialization
    with waiting_is_an_error():
        pending = [PendingFrame(cuda, canvas) for _ in range(3)]
    frames = [frame.frame() for frame in pending]
    np.testing.assert_array_equal(frames[0], frames[2])


def test_a_letterbox_only_adds_bars() -> None:
    frame = picture().pixels
    boxed = letterbox(frame, height=50, width=44, colour=(1, 2, 3))
    np.testing.assert_array_equal(boxed[10:40, 2:42], frame)
    assert (boxed[:10] == (1, 2, 3)).all()
    assert letterbox(frame, height=30, width=40, colour=(1, 2, 3)) is frame


def test_fidelity_of_a_large_picture_is_measured_at_some_of_its_pixels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    canvas = Canvas.of(height=90, width=120)
    rng = np.random.default_rng(0)
    noisy = render(painting(), canvas).astype(int) + rng.integers(-9, 10, (90, 120, 3))
    subject = Picture(noisy.clip(0, 255).astype(np.uint8))
    whole = painting_psnr(painting(), subject)
    monkeypatch.setattr("neuralpaint.rendering.render._TILE", 1200)
    assert painting_psnr(painting(), subject) == pytest.approx(whole, abs=0.3)


def test_a_painting_of_a_larger_target_is_judged_by_mean_colours() -> None:
    fine = np.zeros((60, 80, 3), np.uint8)
    fine[::2], fine[1::2] = 100, 140

    class Stripes(Flat):
        """Stripes of two tones, each half a pixel high."""

        settings = TrainingSettings(target_scale=2)

        def colours(self, grid: Grid) -> torch.Tensor:
            rows = np.floor((grid.y + 0.75) * 40).astype(int)
            tones = torch.from_numpy(np.where(rows % 2, 140, 100) / 255).float()
            return tones[..., None].repeat(1, grid.x.shape[1], 3)

    subject = Picture(np.full((30, 40, 3), 120, np.uint8))
    assert painting_psnr(Stripes(0), subject) > 45


def test_fidelity_is_measured_at_known_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    true = render(painting(), Canvas.of(height=90, width=120))
    pixels, unknown = true.copy(), np.zeros((90, 120), np.float32)
    pixels[:, :60], unknown[:, :60] = 0, 1
    pixels[:, 100:] ^= 1
    known = painting_psnr(painting(), Picture(pixels, unknown=unknown))
    assert known == pytest.approx(10 * np.log10(255**2 * 3), abs=0.01)  # a third is off by one
    monkeypatch.setattr("neuralpaint.rendering.render._TILE", 1200)
    assert painting_psnr(painting(), Picture(pixels, unknown=unknown)) == pytest.approx(
        known, abs=0.5
    )
    judged = Picture(pixels, unknown=unknown, truth=true)
    assert painting_psnr(painting(), judged) == np.inf
