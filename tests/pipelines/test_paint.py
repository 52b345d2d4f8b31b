from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import neuralpaint as npaint
from neuralpaint.errors import UsageError
from neuralpaint.pipelines.paint import prepare_paint
from neuralpaint.rendering.viewport import Viewport
from neuralpaint.runtime.progress import Progress
from neuralpaint.video.reader import read_tag

QUICK: dict[str, Any] = {
    "model": "fourier:order=6,hidden_size=16,hidden_layers=1", "steps": 100, "batch": 300,
    "device": "cpu",
}  # fmt: skip


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A soft picture of 36x24 pixels."""
    y, x = np.mgrid[0:24, 0:36] / 36
    path = tmp_path / "photo.png"
    Image.fromarray(np.uint8(255 * np.stack([x, y, 1 - x], axis=-1))).save(path)
    return path


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_a_still_of_the_picture_is_painted(photo: Path, tmp_path: Path) -> None:
    result = npaint.paint(photo, tmp_path / "still.png", **QUICK)
    painted, original = (np.asarray(Image.open(p)) for p in (tmp_path / "still.png", photo))
    assert painted.shape == original.shape
    assert result.psnr == pytest.approx(npaint.psnr(painted, original))
    assert result.psnr > 20
    assert (result.width, result.height, result.frames, result.fps) == (36, 24, 1, None)


@pytest.mark.parametrize(
    ("options", "size"),
    [({"scale": 2.5}, (90, 60)), ({"size": "64x64"}, (64, 64)), ({"size": "1x1"}, (1, 1))],
)
def test_a_still_has_the_size_asked_for(
    photo: Path, tmp_path: Path, options: dict[str, Any], size: tuple[int, int]
) -> None:
    npaint.paint(photo, tmp_path / "still.png", **(QUICK | options))
    assert size_of(tmp_path / "still.png") == size


def test_a_still_carries_its_settings(photo: Path, tmp_path: Path) -> None:
    npaint.paint(photo, tmp_path / "still.png", seed=5, **QUICK)
    note = json.loads(read_tag(tmp_path / "still.png") or "")
    assert (note["recipe"], note["seed"], note["settings"]["steps"]) == ("paint", 5, 100)


def test_an_interruption_writes_what_was_learned_so_far(photo: Path, tmp_path: Path) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.phase == "train":
            raise KeyboardInterrupt

    options = QUICK | {"steps": 10_000_000}
    result = npaint.paint(photo, tmp_path / "still.png", report=interrupt, **options)
    assert result.interrupted
    assert 0 < result.steps < 10_000_000
    assert size_of(tmp_path / "still.png") == (36, 24)


def test_an_output_that_exists_or_cannot_be_is_refused_at_once(photo: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="exists"):
        npaint.paint(photo, photo, **QUICK)
    with pytest.raises(UsageError):
        npaint.paint(photo, tmp_path / "still.doc", **QUICK)
    with pytest.raises(UsageError, match="does not exist"):
        npaint.paint(photo, tmp_path / "no" / "still.png", **QUICK)


def test_the_input_is_never_overwritten(photo: Path) -> None:
    before = photo.read_bytes()
    with pytest.raises(UsageError, match="the input and the output are one file"):
        npaint.paint(photo, photo, overwrite=True, **QUICK)
    assert photo.read_bytes() == before


def shrunk_error(still: Path, photo: Path) -> float:
    """Return the root mean square error, in levels, of a still that is made small again."""
    with Image.open(still) as large, Image.open(photo) as small:
        again = np.asarray(large.resize(small.size, Image.Resampling.BOX), int)
        return float(np.sqrt(np.mean((again - np.asarray(small, int)) ** 2)))


@pytest.mark.parametrize("depth", ["8", "16"])
def test_a_larger_still_made_small_again_is_the_picture(
    photo: Path, tmp_path: Path, depth: str
) -> None:
    still = tmp_path / "still.png"
    npaint.paint(photo, still, **QUICK, scale=3, depth=depth)
    assert shrunk_error(still, photo) < 0.7
    npaint.paint(photo, still, **QUICK, scale=3, depth=depth, match_source=False, overwrite=True)
    assert shrunk_error(still, photo) > 2


@pytest.mark.parametrize(
    "options",
    [
        {"scale": 1},
        {"scale": 0.5},
        {"size": "60x60", "fit": "extend"},
        {"size": "36x80", "fit": "stretch"},
    ],
)
def test_a_still_that_is_not_larger_all_over_is_what_the_network_says(
    photo: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    npaint.paint(photo, tmp_path / "a.png", **QUICK, **options)
    npaint.paint(photo, tmp_path / "b.png", **QUICK, **options, match_source=False)
    a, b = (np.asarray(Image.open(tmp_path / name)) for name in ("a.png", "b.png"))
    np.testing.assert_array_equal(a, b)


def test_a_cropped_still_agrees_with_that_part_of_the_picture(photo: Path, tmp_path: Path) -> None:
    part = tmp_path / "part.png"
    with Image.open(photo) as image:
        image.crop((6, 4, 30, 20)).save(part)
    npaint.paint(photo, tmp_path / "still.png", **QUICK, scale=4, crop="24x16+6+4")
    assert shrunk_error(tmp_path / "still.png", part) < 0.7


def test_bars_are_not_matched(photo: Path, tmp_path: Path) -> None:
    npaint.paint(photo, tmp_path / "still.png", **QUICK, size="120x120", background="#102030")
    still = np.asarray(Image.open(tmp_path / "still.png"))
    assert (still[:20] == (0x10, 0x20, 0x30)).all()
    Image.fromarray(still[20:100]).save(tmp_path / "inner.png")
    assert shrunk_error(tmp_path / "inner.png", photo) < 1.5


@pytest.mark.parametrize("enhance", [False, True])
def test_a_larger_still_is_learned_at_its_own_size(
    photo: Path, tmp_path: Path, enhance: bool
) -> None:
    seen: list[Progress] = []
    saved = tmp_path / "still.painting"
    npaint.paint(
        photo,
        tmp_path / "still.png",
        **QUICK,
        scale=1.5,
        enhance=enhance,
        save=saved,
        report=seen.append,
    )
    expected = 2 if enhance else 1.5
    assert npaint.load_painting(saved).settings.target.target_scale == expected
    made = [progress.done for progress in seen if progress.phase == "enhance"]
    assert made == sorted(made)
    assert made[-1] == 1


def test_a_budget_that_the_target_has_used_up_is_told(photo: Path, tmp_path: Path) -> None:
    options = {key: value for key, value in QUICK.items() if key != "steps"}
    with pytest.raises(UsageError, match="leaves no time to train"):
        npaint.paint(
            photo, tmp_path / "s.png", **options, target_scale=16, enhance=True, budget=0.5
        )
    assert not (tmp_path / "s.png").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [({}, True), ({"scale": 2}, False), ({"save": "end.painting"}, False)],
)
def test_what_is_enhanced_and_not_shown_larger_is_told(
    photo: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    options: dict[str, Any],
    said: bool,
) -> None:
    caplog.set_level("INFO", "neuralpaint")
    if "save" in options:
        options = {"save": tmp_path / options["save"]}
    npaint.paint(photo, tmp_path / "still.png", **(QUICK | {"steps": 2}), enhance=True, **options)
    assert ("add --scale 2" in caplog.text) == said


def test_what_is_held_out_is_not_shown(photo: Path, tmp_path: Path) -> None:
    options = QUICK | {"train_on": "every-other", "scale": 2}
    npaint.paint(photo, tmp_path / "a.png", **options)
    npaint.paint(photo, tmp_path / "b.png", **options, match_source=False)
    a, b = (np.asarray(Image.open(tmp_path / name)) for name in ("a.png", "b.png"))
    np.testing.assert_array_equal(a, b)


def test_progress_tells_of_both_looks_at_a_still_that_is_too_large_to_be_kept(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuralpaint.restoration.still_correction._MOST_BYTES", 0)
    monkeypatch.setattr("neuralpaint.rendering.render._TILE", 400)
    seen: list[float] = []

    def look(progress: Progress) -> None:
        if progress.phase == "film":
            seen.append(progress.done)

    npaint.paint(photo, tmp_path / "still.png", **(QUICK | {"steps": 2}), scale=2, report=look)
    assert seen == sorted(seen)
    assert seen[-1] == 1
    assert seen.count(1) == 1


@pytest.mark.parametrize(("kept", "times"), [(1 << 28, 1), (0, 2)])
def test_a_budget_counts_every_rendering_of_a_still(
    photo: Path, tmp_path: Path, kept: int, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neuralpaint.restoration.still_correction._MOST_BYTES", kept)
    monkeypatch.setattr(Viewport, "seconds_per_frame", lambda self, painting: 10.0)
    settings = npaint.PaintSettings(**QUICK, scale=2)
    job = prepare_paint(photo, tmp_path / "still.png", settings=settings)
    estimate = job.measure()
    assert estimate is not None
    assert estimate.filming == 10 * times
