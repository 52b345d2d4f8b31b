"""Comparisons of upscalings: complete ones, of a small picture and small networks."""

from __future__ import annotations

import csv
import io
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from neuralpaint.errors import DeviceError, DivergedError, UsageError
from neuralpaint.image.metrics import luma_psnr, psnr, ssim
from neuralpaint.image.pictures import Picture
from neuralpaint.pipelines.compare.folder import csv_of
from neuralpaint.pipelines.compare.result import UpscaleResult
from neuralpaint.pipelines.compare.settings import UpscaleSettings
from neuralpaint.pipelines.compare.upscaling import compare_upscaling, degraded
from neuralpaint.pipelines.note import read_note
from neuralpaint.pipelines.paint import PaintSettings, paint
from neuralpaint.runtime.progress import Progress
from neuralpaint.training.torch_learner import TorchLearner
from neuralpaint.video.reader import read_tag

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
MODEL = "fourier:hidden_size=8,order=4"
OTHER = "skipconn:hidden_size=8,hidden_layers=1"
QUICK: dict[str, Any] = {
    "upscale": 2, "model": f"{MODEL},{OTHER}", "steps": 6, "batch": 200, "device": "cpu",
    "threads": 1,
}  # fmt: skip
NETWORKS = ["fourier", "fourier enhanced", "skipconn", "skipconn enhanced"]
SLUGS = [name.replace(" ", "-") for name in NETWORKS]
RESAMPLERS = ["nearest", "bicubic", "lanczos"]


def soft_pixels(height: int = 41, width: int = 61) -> NDArray[np.uint8]:
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    wave = (np.sin(20 * x + 9 * y) + 1) / 2
    return (255 * np.stack([x, y, wave], axis=-1)).astype(np.uint8)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(soft_pixels()).save(path)
    return path


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> UpscaleResult:
    """A complete comparison with two networks."""
    folder = tmp_path_factory.mktemp("upscale")
    Image.fromarray(soft_pixels()).save(folder / "photo.png")
    return compare_upscaling(folder / "photo.png", folder / "out", **QUICK)


def read(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def files_in(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


def test_all_files_are_written_and_listed(result: UpscaleResult) -> None:
    stills = [f"stills/{slug}.png" for slug in ["original", "small", *RESAMPLERS, *SLUGS]]
    made = files_in(result.folder)
    assert made == sorted([*stills, "crops.png", "results.csv", "results.json"])
    assert sorted(result.files) == made
    assert {path.name for path in result.folder.iterdir()} == {
        "crops.png", "results.csv", "results.json", "stills",
    }  # fmt: skip
    assert not result.interrupted
    assert result.missing == ()


def test_the_picture_is_cropped_so_that_the_factor_divides_it(result: UpscaleResult) -> None:
    assert (result.height, result.width) == (40, 60)
    assert (result.small_height, result.small_width) == (20, 30)
    original = read(result.folder / "stills/original.png")
    assert np.array_equal(original, soft_pixels()[:40, :60])
    small = Image.fromarray(original).resize((30, 20), Image.Resampling.BOX)
    assert np.array_equal(read(result.folder / "stills/small.png"), np.asarray(small))


def test_the_figures_are_measured_on_the_stills(result: UpscaleResult) -> None:
    original = read(result.folder / "stills/original.png")[2:-2, 2:-2]
    rows = json.loads((result.folder / "results.json").read_text("utf-8"))["methods"]
    assert len(rows) == 7
    found = {}
    for row in rows:
        frame = read(result.folder / row["still"])
        assert frame.shape == (40, 60, 3)
        inner = frame[2:-2, 2:-2]
        assert row["psnr_y"] == pytest.approx(luma_psnr(inner, original))
        assert row["psnr_rgb"] == pytest.approx(psnr(inner, original))
        assert row["ssim"] == pytest.approx(ssim(inner, original))
        found[row["name"]] = row
    for row in rows:
        for name in ("psnr_y", "psnr_rgb", "ssim"):
            gain = row[name] - found["Lanczos"][name]
            assert row[f"gain_{name}"] == pytest.approx(gain, abs=1e-12)
    order = [row["psnr_y"] for row in rows]
    assert order == sorted(order, reverse=True)
    assert [row["rank"] for row in rows] == [1, 2, 3, 4, 5, 6, 7]


def test_resamplers_are_those_of_pillow(result: UpscaleResult) -> None:
    with Image.open(result.folder / "stills/small.png") as small:
        for slug in RESAMPLERS:
            expected = small.resize((60, 40), Image.Resampling[slug.upper()])
            assert np.array_equal(read(result.folder / f"stills/{slug}.png"), np.asarray(expected))


def test_every_network_is_there_plain_and_enhanced(result: UpscaleResult) -> None:
    by_name = {each.method.name: each for each in result.outcomes}
    assert set(by_name) == {"nearest", "bicubic", "Lanczos", *NETWORKS}
    for name in NETWORKS:
        training = by_name[name].method.training
        assert training is not None
        assert (training.target.target_scale, training.target.enhance) == (
            2,
            name.endswith("enhanced"),
        )
        assert by_name[name].steps == 6
        assert by_name[name].weights > 50
        assert by_name[name].seconds > 0
    assert by_name["Lanczos"].weights == by_name["Lanczos"].steps == 0
    frames = [read(result.folder / f"stills/{slug}.png") for slug in SLUGS]
    assert not np.array_equal(frames[0], frames[1])


def test_paint_makes_the_same_still_from_the_small_picture(
    result: UpscaleResult, tmp_path: Path
) -> None:
    still = result.folder / "stills/fourier-enhanced.png"
    note = read_note(read_tag(still), {"paint": PaintSettings})
    assert isinstance(note.settings, PaintSettings)
    small = result.folder / "stills/small.png"
    paint(small, tmp_path / "again.png", settings=note.settings)
    assert np.array_equal(read(tmp_path / "again.png"), read(still))


def test_csv_and_json_agree(result: UpscaleResult) -> None:
    content = json.loads((result.folder / "results.json").read_text("utf-8"))
    with (result.folder / "results.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == [row["name"] for row in content["methods"]]
    assert float(rows[0]["psnr_y"]) == pytest.approx(content["methods"][0]["psnr_y"])
    assert float(rows[0]["cpu_seconds"]) == pytest.approx(content["methods"][0]["cpu_seconds"])
    assert content["border"] == 2
    assert content["settings"]["upscale"] == 2
    assert content["settings"]["kernel"] == "box"
    assert content["winner"] == rows[0]["name"] == result.winner.method.name


def test_the_small_picture_can_get_noise_and_jpeg_artefacts(photo: Path, tmp_path: Path) -> None:
    worse = {"upscale": 1.5, "model": MODEL, "shrink": "lanczos", "noise": 5.0, "jpeg": 60}
    result = compare_upscaling(photo, tmp_path / "out", **QUICK | worse)
    # 1.5 is no whole number, and nothing is cropped.
    assert (result.height, result.width) == (41, 61)
    assert (result.small_height, result.small_width) == (27, 41)
    assert result.border == 2
    training = next(each.method.training for each in result.outcomes if each.method.training)
    assert training.target.kernel == "box"  # the networks still assume this one
    image = Image.fromarray(soft_pixels()).resize((41, 27), Image.Resampling.LANCZOS)
    noise = np.random.default_rng(0).normal(0, 5, (27, 41, 3))
    noisy = np.rint(np.clip(np.asarray(image) + noise, 0, 255)).astype(np.uint8)
    encoded = io.BytesIO()
    Image.fromarray(noisy).save(encoded, "JPEG", quality=60)
    assert np.array_equal(read(tmp_path / "out/stills/small.png"), read_jpeg(encoded))


def read_jpeg(encoded: io.BytesIO) -> NDArray[np.uint8]:
    with Image.open(encoded) as image:
        return np.asarray(image.convert("RGB"))


@pytest.mark.slow
def test_networks_beat_lanczos_and_enhanced_ones_beat_plain_ones(tmp_path: Path) -> None:
    with Image.open(EXAMPLES / "rocket.jpg") as image:
        image.crop((250, 150, 346, 230)).save(tmp_path / "part.png")
    own = {"model": "pyramid:hidden_size=16", "steps": 100, "batch": 1000, "kernel": "bicubic"}
    result = compare_upscaling(tmp_path / "part.png", tmp_path / "out", **QUICK | own)
    ranking = [each.method.name for each in result.outcomes]
    assert ranking == ["pyramid enhanced", "pyramid", "Lanczos", "bicubic", "nearest"]
    assert result.gain(result.winner).psnr_y > 0.8


def test_a_method_that_fails_does_not_stop_the_others(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    advance = TorchLearner.advance

    def fragile(self: TorchLearner, steps: int) -> None:
        if self.settings.target.enhance:
            raise DivergedError("the loss became nan")
        if "skipconn" in self.settings.model:
            raise DeviceError("out of memory: lower --batch")
        advance(self, steps)

    monkeypatch.setattr(TorchLearner, "advance", fragile)
    result = compare_upscaling(photo, tmp_path / "out", **QUICK)
    ends = {each.method.name: each.status for each in result.outcomes}
    assert ends == {
        "nearest": "finished", "bicubic": "finished", "Lanczos": "finished", "fourier": "finished",
        "fourier enhanced": "diverged", "skipconn": "failed", "skipconn enhanced": "diverged",
    }  # fmt: skip
    assert [each.status == "finished" for each in result.outcomes] == 4 * [True] + 3 * [False]
    assert "fourier enhanced: diverged at step 0 (the loss became nan)" in caplog.text
    content = json.loads((tmp_path / "out/results.json").read_text("utf-8"))
    assert content["methods"][-1]["psnr_y"] is None
    assert content["methods"][-1]["still"] is None
    assert not (tmp_path / "out/stills/skipconn.png").exists()
    assert (tmp_path / "out/crops.png").exists()


def test_an_interrupted_comparison_reports_the_finished_methods(
    photo: Path, tmp_path: Path
) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.details["method"] == "skipconn" and progress.phase == "train":
            raise KeyboardInterrupt

    result = compare_upscaling(photo, tmp_path / "out", **QUICK, report=interrupt)
    assert result.interrupted
    assert result.missing == ("skipconn", "skipconn enhanced")
    assert len(result.outcomes) == 5
    assert "stills/fourier-enhanced.png" in files_in(tmp_path / "out")
    assert json.loads((tmp_path / "out/results.json").read_text("utf-8"))["interrupted"] is True


def test_an_interruption_before_lanczos_leaves_only_stills(photo: Path, tmp_path: Path) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.details["method"] == "bicubic":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare_upscaling(photo, tmp_path / "out", **QUICK, report=interrupt)
    assert not (tmp_path / "out/results.json").exists()


def test_progress_rises_from_0_to_1(photo: Path, tmp_path: Path) -> None:
    reported: list[Progress] = []
    compare_upscaling(photo, tmp_path / "out", **QUICK, report=reported.append)
    done = [progress.done for progress in reported]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, 1)
    assert {progress.phase for progress in reported} == {
        "resample", "prepare", "train", "render", "summarise",
    }  # fmt: skip
    turns = dict.fromkeys(
        (progress.details["number"], progress.details["method"]) for progress in reported[:-1]
    )
    assert list(turns) == list(enumerate(["nearest", "bicubic", "Lanczos", *NETWORKS], 1))
    last = next(each for each in reversed(reported) if each.phase == "train")
    assert (last.step, last.steps) == (6, 6)


def test_only_own_files_are_replaced(photo: Path, tmp_path: Path) -> None:
    out, one = tmp_path / "out", QUICK | {"model": MODEL}
    compare_upscaling(photo, out, **one)
    (out / "mine.txt").write_text("mine")
    (out / "stills/mine.png").write_text("mine")
    with pytest.raises(UsageError, match="add -y to replace it"):
        compare_upscaling(photo, out, **one)
    compare_upscaling(photo, out, **one | {"model": OTHER}, overwrite=True)
    left = files_in(out)
    assert "stills/fourier.png" not in left
    assert {"stills/skipconn.png", "mine.txt", "stills/mine.png"} <= set(left)


@pytest.mark.parametrize("name", ["crops.png", "stills/lanczos.png", "stills/other.png"])
def test_the_input_is_never_overwritten(photo: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    (out / "stills").mkdir(parents=True)
    source = photo.rename(out / name)
    before = source.read_bytes()
    with pytest.raises(UsageError, match="would replace the input"):
        compare_upscaling(source, out, **QUICK, overwrite=True)
    assert source.read_bytes() == before
    assert files_in(out) == [name]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"enhance": True}, "leave out --enhance: --upscale sets it itself"),
        ({"target_scale": 3}, "leave out --target-scale: --upscale sets it itself"),
        ({"train_on": "every-other"}, "leave out --train-on: --upscale sets it itself"),
        ({"upscale": 1}, "upscale must be above 1"),
        ({"upscale": 17}, "upscale must be at most 16"),
        ({"model": ""}, "model must name at least one"),
        ({"jpeg": 0}, "jpeg must be at least 1, not 0"),
        ({"shrink": "boks"}, "no value of shrink named 'boks'"),
        ({"steps": 5, "seconds": 5.0}, "exclude each other"),
    ],
)
def test_impossible_settings_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        UpscaleSettings(**given)


@pytest.mark.parametrize(
    ("size", "upscale"), [((41, 14), 2), ((60, 63), 8), ((12, 40), 1.1), ((15, 15), 1.9)]
)
def test_too_small_a_picture_is_refused(
    tmp_path: Path, size: tuple[int, int], upscale: float
) -> None:
    Image.fromarray(soft_pixels(*size)).save(tmp_path / "tiny.png")
    with pytest.raises(UsageError, match=r"is too small to be made .* times smaller"):
        compare_upscaling(tmp_path / "tiny.png", tmp_path / "out", **QUICK | {"upscale": upscale})
    assert not (tmp_path / "out").exists()


def test_equal_pictures_have_no_finite_figures(photo: Path, tmp_path: Path) -> None:
    Image.new("RGB", (40, 30), (9, 99, 200)).save(photo)
    result = compare_upscaling(photo, tmp_path / "out", **QUICK | {"model": MODEL})
    assert result.baseline.psnr_y == math.inf
    content = json.loads((tmp_path / "out/results.json").read_text("utf-8"))
    found = {row["name"]: row for row in content["methods"]}
    assert found["bicubic"]["psnr_y"] == "inf"
    assert found["bicubic"]["gain_psnr_y"] is None


def test_missing_figures_are_empty_cells(result: UpscaleResult) -> None:
    first = result.outcomes[0]
    nothing = replace(first, status="failed", message="why", still=None)
    table = csv_of(replace(result, outcomes=(*result.outcomes, nothing)).rows())
    *_, last = csv.DictReader(io.StringIO(table))
    assert (last["rank"], last["still"], last["message"]) == ("", "", "why")


@pytest.mark.parametrize("upscale", [1.5, 1.01])
def test_box_shrinking_is_the_mean_of_an_area(upscale: float) -> None:
    ramp = np.linspace(0, 255, 90).astype(np.uint8)
    original = Picture(np.tile(ramp[:, None, None], (1, 60, 3)))
    small = degraded(original, UpscaleSettings(upscale=upscale)).pixels
    height = len(small)
    means = ramp.repeat(height).reshape(height, len(ramp)).mean(1)
    assert np.abs(small - means[:, None, None]).max() <= 0.51
