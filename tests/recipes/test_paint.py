from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import neuralpaint as npaint
from neuralpaint.errors import UsageError
from neuralpaint.recipes.report import Progress
from neuralpaint.video.metadata import read_tag

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
