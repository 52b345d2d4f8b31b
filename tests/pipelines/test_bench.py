"""The bench, on tiny pictures and with trainings of fractions of a second."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import neuralpaint as npaint
from neuralpaint.errors import EncodingError, PictureError, UnknownNameError, UsageError
from neuralpaint.models import models
from neuralpaint.pipelines.bench import cost
from neuralpaint.pipelines.bench.bench import SAMPLE
from neuralpaint.pipelines.bench.cost import step_cost, torch_threads
from neuralpaint.pipelines.bench.quality import sample_psnr, still_psnr
from neuralpaint.pipelines.bench.reference import PlainFourier, pixel_loader
from neuralpaint.pipelines.bench.result import (
    REFERENCE,
    Measurements,
    best_so_far,
    draw_bench,
    seconds_to,
)
from neuralpaint.runtime.progress import Progress
from neuralpaint.training.settings import TrainingSettings
from neuralpaint.training.torch_learner import TorchLearner

# In the registry's spelling, which is the name of the results.
MODEL = models.spec(models.parse("fourier:order=4,hidden_size=8,hidden_layers=1"))
QUICK: dict[str, Any] = {"model": MODEL, "seconds": 0.2, "device": "cpu", "threads": 1}


def soft_pixels(height: int = 24, width: int = 36) -> NDArray[np.uint8]:
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    return (255 * np.stack([x, y, 1 - x], axis=-1)).astype(np.uint8)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(soft_pixels()).save(path)
    return path


@pytest.fixture(scope="module", autouse=True)
def quick_comparisons() -> Iterator[None]:
    """Compare the engines on small batches, and encode few frames."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cost, "_ENGINE_BATCH", 256)
        patch.setattr(cost, "_ENGINE_REPEATS", 1)
        patch.setattr(cost, "_FILM_REPEATS", 1)
        patch.setattr(cost, "_REPEATS", 3)
        yield


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> npaint.BenchResult:
    """A whole round, of two models."""
    path = tmp_path_factory.mktemp("bench") / "photo.png"
    Image.fromarray(soft_pixels()).save(path)
    return npaint.bench(path, **QUICK | {"model": f"{MODEL},pyramid"})


def test_everything_is_measured(result: npaint.BenchResult) -> None:
    assert [each.model for each in result.models] == [MODEL, "pyramid"]
    assert (result.pictures, result.height, result.width) == (("photo.png",), 24, 36)
    assert not result.interrupted
    assert result.encode_ms is not None
    assert result.encode_ms >= 0
    for model in result.models:
        assert model.speed is not None
        assert model.speed.mpx_per_second == pytest.approx(
            model.speed.batch / model.speed.ms_per_step / 1e3
        )
        assert 0 < model.speed.share < 2
        assert model.render_ms is not None
        assert model.render_ms > 0
        assert list(model.psnr) == [0.2]
        assert model.psnr[0.2] > 10
    assert result.machine.threads == 1
    assert result.machine.device == "cpu"
    assert result.machine.cpu


def test_a_curve_only_rises_and_times_are_read_from_it(result: npaint.BenchResult) -> None:
    for model in result.models:
        seconds, psnr = zip(*model.curve, strict=True)
        assert list(seconds) == sorted(seconds)
        assert list(psnr) == sorted(psnr)
        times = [time for time in model.reached.values() if time is not None]
        assert times == sorted(times)
        for level, time in model.reached.items():
            assert (time is None) == (max(psnr) < level)


def test_the_ratio_is_to_the_plain_loops_end(result: npaint.BenchResult) -> None:
    assert result.reference is not None
    assert result.reference.seconds == 0.2
    end = result.reference.psnr[0.2]
    for model in result.models:
        match = seconds_to(model.curve, end)
        assert model.match_seconds == match
        assert model.ratio == (None if match is None else pytest.approx(0.2 / match))


def test_the_ratio_compares_the_times_until_one_psnr() -> None:
    measured = Measurements()
    measured.begin_picture()
    for seconds, psnr in ((1.0, 20.0), (2.0, 25.0)):
        measured.add_point("fourier", seconds=seconds, psnr=psnr)
    measured.add_point(REFERENCE, seconds=10.0, psnr=24.0)
    measured.add_still(REFERENCE, clock=10.0, psnr=24.0)
    (model,) = measured.models(["fourier"])
    assert (model.match_seconds, model.ratio) == (2.0, 5.0)
    (other,) = measured.models(["pyramid"])
    assert (other.match_seconds, other.ratio) == (None, None)


def test_without_a_reference_there_is_no_ratio(photo: Path) -> None:
    result = npaint.bench(photo, no_reference=True, **QUICK)
    assert result.reference is None
    assert result.models[0].ratio is None


def test_each_reported_time_has_its_own_training() -> None:
    settings = npaint.BenchSettings(seconds=20)
    assert settings.clocks == (1, 5, 10, 20)
    assert settings.durations == (0.6, 1, 5, 10, 20)
    assert npaint.BenchSettings(seconds=10).clocks == (1, 5, 10)
    assert npaint.BenchSettings(seconds=0.5).clocks == (0.5,)


def test_the_defaults_are_three_models_and_the_installed_photograph() -> None:
    assert npaint.BenchSettings().models == ("fourier", "skipconn", "pyramid")
    assert SAMPLE.stat().st_size <= 100_000
    assert (SAMPLE.with_suffix(".txt")).read_text().startswith(f"{SAMPLE.name}, 640x427")
    with Image.open(SAMPLE) as image:
        assert image.size == (640, 427)


def test_several_pictures_give_means(photo: Path, tmp_path: Path) -> None:
    Image.fromarray(soft_pixels(16, 16)[::-1].copy()).save(tmp_path / "other.png")
    seen: set[str] = set()

    def collect(progress: Progress) -> None:
        seen.add(progress.details["picture"])

    result = npaint.bench(photo, tmp_path / "other.png", report=collect, **QUICK)
    assert result.pictures == ("photo.png", "other.png")
    assert seen == set(result.pictures)
    assert (result.height, result.width) == (24, 36)


def test_progress_rises_to_the_end_and_names_everything(photo: Path) -> None:
    events: list[Progress] = []
    npaint.bench(photo, report=events.append, **QUICK)
    done = [progress.done for progress in events]
    assert done == sorted(done)
    assert done[0] == 0
    assert done[-1] == pytest.approx(1, abs=0.02)
    assert {progress.details["subject"] for progress in events} == {
        MODEL,
        "numpy engine",
        REFERENCE,
    }
    assert {progress.phase for progress in events} == {"speed", "train", "film"}


@pytest.mark.parametrize("phase", ["speed", "train", "film"])
def test_an_interruption_returns_the_measurements_so_far(photo: Path, phase: str) -> None:
    events: list[Progress] = []

    def interrupt(progress: Progress) -> None:
        events.append(progress)
        if progress.phase == phase and (phase != "train" or progress.psnr is not None):
            raise KeyboardInterrupt

    result = npaint.bench(photo, output=None, report=interrupt, **QUICK)
    assert result.interrupted
    (model,) = result.models
    assert (model.speed is None) == (phase == "speed")
    assert bool(model.curve) == (phase != "speed")
    assert (0.2 in model.psnr) == (phase == "film")
    assert result.reference is None
    assert events[-1].phase == phase
    draw_bench(result)


def test_means_are_over_the_complete_pictures(photo: Path, tmp_path: Path) -> None:
    Image.fromarray(soft_pixels(16, 16)).save(tmp_path / "other.png")

    def interrupt(progress: Progress) -> None:
        if progress.details["picture"] == "other.png" and progress.psnr is not None:
            raise KeyboardInterrupt

    done = npaint.bench(photo, tmp_path / "other.png", report=interrupt, **QUICK)
    assert done.interrupted
    assert done.reference is not None
    assert 0.2 in done.models[0].psnr


def test_the_curves_are_drawn(photo: Path, tmp_path: Path) -> None:
    result = npaint.bench(photo, output=tmp_path / "curves.png", **QUICK)
    assert result.output == tmp_path / "curves.png"
    with Image.open(tmp_path / "curves.png") as image:
        pixels = np.asarray(image.convert("RGB"))
    assert pixels.shape == (1000, 1600, 3)
    line = np.all(np.abs(pixels.astype(int) - (0x3B, 0x7D, 0xDD)) < 8, axis=-1)
    assert line.sum() > 2000  # the curve of the first model, across the chart


def test_a_chart_shows_many_models_long_names_and_perfect_pictures(
    result: npaint.BenchResult,
) -> None:
    model = dataclasses.replace(
        result.models[0],
        model="fourier:" + ",".join(f"setting{number}=value" for number in range(12)),
        curve=((0.001, 12.0), (0.1, 30.0), (0.2, math.inf)),
    )
    many = dataclasses.replace(result, models=(model,) * 7, seconds=600.0)
    assert draw_bench(many).shape == (1000, 1600, 3)


@pytest.mark.parametrize("output", ["photo.png", "no/curves.png", "curves.doc"])
def test_an_impossible_output_is_an_error_before_anything_is_measured(
    photo: Path, output: str
) -> None:
    before = photo.read_bytes()
    with pytest.raises(UsageError):
        npaint.bench(photo, output=photo.parent / output, overwrite=True, **QUICK)
    assert photo.read_bytes() == before


def test_a_chart_without_matplotlib_is_an_error_before_anything_is_measured(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuralpaint.pipelines.bench.bench.has_matplotlib", lambda: False)
    with pytest.raises(UsageError, match=r"pip install 'neuralpaint\[plots\]'"):
        npaint.bench(photo, output=photo.parent / "curves.png", **QUICK)


def test_impossible_settings_are_an_error_before_anything_is_measured(
    photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(PictureError):
        npaint.bench(photo, tmp_path / "text.png", **QUICK)
    with pytest.raises(UsageError, match="no file"):
        npaint.bench(tmp_path / "no.png", **QUICK)
    with pytest.raises(UnknownNameError):
        npaint.bench(photo, **QUICK | {"model": "fuorier"})
    with pytest.raises(UsageError, match="seconds"):
        npaint.bench(photo, **QUICK | {"seconds": 0})


def test_a_missing_encoder_is_an_error_before_anything_is_measured(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(photo))
    with pytest.raises(EncodingError):
        npaint.bench(photo, **QUICK)


def test_best_so_far_is_the_best_of_several_trainings_and_the_mean_of_pictures() -> None:
    short, long = [(1.0, 20.0), (2.0, 22.0)], [(1.5, 18.0), (3.0, 30.0)]
    assert best_so_far([short + long]) == ((1.0, 20.0), (2.0, 22.0), (3.0, 30.0))
    assert best_so_far([[(1.0, 20.0), (4.0, 24.0)], [(2.0, 30.0)]]) == ((2.0, 25.0), (4.0, 27.0))
    dip = [(1.0, 20.0), (2.0, 10.0)]
    assert best_so_far([dip, [(1.0, 20.0), (3.0, 24.0)]]) == ((1.0, 20.0), (3.0, 22.0))
    assert best_so_far([]) == best_so_far([[]]) == ()
    curve = best_so_far([short + long])
    assert [seconds_to(curve, psnr) for psnr in (19, 20, 25, 31)] == [1.0, 1.0, 3.0, None]


def test_step_cost_counts_the_products_of_a_step() -> None:
    picture = npaint.Picture(soft_pixels())
    spec = "fourier:order=4,hidden_size=8,hidden_layers=1"
    model = TorchLearner(picture, TrainingSettings(model=spec, device="cpu")).model
    counted = step_cost(model, pixels=216, height=24, width=36)  # 12 rows of 18
    hidden = 216 * 8 * 8 + 216 * 3 * (8 + 8)  # the second layer, and the output that sees two
    # Cosines of 18 columns and of 12 rows, in every layer; the first has 8 pairs of sines.
    inputs = (2 * 8 + 8 + 3) * (18 * 8 + 12 * 5)
    assert counted.flops == pytest.approx(6 * hidden + 4 * inputs)
    assert (counted.width, counted.whole) == (8, True)

    with_series = TorchLearner(
        picture, TrainingSettings(model=f"{spec},series=yes", device="cpu")
    ).model
    more = step_cost(with_series, pixels=216, height=24, width=36).flops - counted.flops
    # Of light 1 + 8 waves of x and 1 + 5 of y; of two colours, 1 + 4 and 1 + 2.
    assert more == pytest.approx(4 * 12 * (9 * (6 + 18) + 2 * 5 * (3 + 18)))

    model = TorchLearner(picture, TrainingSettings(model="pyramid", device="cpu")).model
    counted = step_cost(model, pixels=216, height=24, width=36)
    assert counted.flops == 6 * 216 * (13 * 32 + 32 * 32 + 32 * 3)
    assert not counted.whole

    model = TorchLearner(picture, TrainingSettings(model="morph", device="cpu")).model
    counted = step_cost(model, pixels=216, height=24, width=36)
    seen = 2 * 16 + 13  # sines, cosines and features of the planes
    assert counted.flops == 6 * 216 * (32 * seen + 32 * (32 + seen) + 3 * (64 + seen))

    spec = "mlp:features=4,hidden_size=8,hidden_layers=2"
    model = TorchLearner(picture, TrainingSettings(model=spec, device="cpu")).model
    counted = step_cost(model, pixels=216, height=24, width=36)
    assert counted.flops == 4 * 216 * 8 * 8 + 6 * 216 * (8 * 8 + 8 * 3)  # fixed features, 4 + 4
    assert counted.whole


def test_the_plain_loop_uses_every_pixel_once_per_epoch() -> None:
    picture = npaint.Picture(soft_pixels(60, 140))
    batches = list(pixel_loader(picture, seed=0))
    assert [len(colours) for _, colours in batches] == [8000, 400]
    coordinates, colours = (torch.cat(each) for each in zip(*batches, strict=True))
    assert len(coordinates.unique(dim=0)) == 60 * 140
    grid = picture.canvas.grid()
    first = int(((coordinates - torch.tensor([grid.x[0, 5], grid.y[7, 0]])) ** 2).sum(1).argmin())
    assert (colours[first] * 255).round().tolist() == picture.pixels[7, 5].tolist()


def test_the_plain_network_has_the_documented_size() -> None:
    model = PlainFourier()
    assert model(torch.zeros(5, 2)).shape == (5, 3)
    assert sum(weight.numel() for weight in model.parameters()) == pytest.approx(236_000, rel=0.1)


def test_a_sample_estimates_the_psnr_of_the_still() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 300, 3), dtype=np.uint8)
    picture = npaint.Picture(noise)
    calls: list[int] = []

    def colours(grid: Any) -> Any:
        calls.append(grid.x.shape[1] * grid.y.shape[0])
        return np.full((grid.y.shape[0], grid.x.shape[1], 3), 0.5, np.float32)

    assert still_psnr(colours, picture) == pytest.approx(sample_psnr(colours, picture), abs=0.1)
    assert calls[0] == 400 * 300 > 4 * calls[1]


def test_the_threads_of_torch_are_restored() -> None:
    before = torch.get_num_threads()
    with torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_the_bench_leaves_nothing_behind(photo: Path, tmp_path: Path) -> None:
    def files() -> Iterator[str]:
        return (path.name for path in photo.parent.iterdir())

    before = sorted(files())
    npaint.bench(photo, **QUICK)
    assert sorted(files()) == before
