"""Clips: the last frame shows the numbers that are reported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from films import QUICK, save_photo

import neuralpaint as npaint
from neuralpaint.pipelines import clip
from neuralpaint.runtime.progress import Progress
from neuralpaint.video.overlays import Moment, Point, compose


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return save_photo(tmp_path / "photo.png")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[Point]:
    """What the overlays show at each shot."""
    points: list[Point] = []

    def recorded(*args: Any, moment: Moment, **options: Any) -> Any:
        points.append(moment.now)
        return compose(*args, moment=moment, **options)

    monkeypatch.setattr(clip, "compose", recorded)
    return points


VIEWS: list[dict[str, Any]] = [
    {}, {"size": "50x90"}, {"size": "20x14"}, {"scale": 2}, {"crop": "50%x50%"},
    {"camera": "zoom-in"}, {"overlay": "steps:psnr=yes,heatmap", "size": "40x60"},
    {"frames_from": "training"}, {"frames_from": "training", "size": "20x14"}, {"pacing": "even"},
    {"reverse": True}, {"mask": "random"},
]  # fmt: skip


def film(photo: Path, **options: Any) -> npaint.Result:
    chosen = QUICK | {"overlay": "steps:psnr=yes,curve", "pacing": "fixed"} | options
    return npaint.timelapse(photo, photo.with_name("clip.mkv"), overwrite=True, **chosen)


@pytest.mark.parametrize("options", VIEWS, ids=str)
def test_the_last_frame_shows_what_is_reported(
    photo: Path, shown: list[Point], options: dict[str, Any]
) -> None:
    result = film(photo, **options)
    assert (shown[-1].step, shown[-1].psnr) == (result.steps, result.psnr)
    assert shown[-1].seconds == result.train_seconds
    assert result.steps == 24
    assert len({point.psnr for point in shown}) > 1


@pytest.mark.parametrize("phase", ["train", "film"])
@pytest.mark.parametrize("options", [{}, {"size": "20x14"}, {"pacing": "even"}], ids=str)
def test_so_it_does_after_an_interruption(
    photo: Path, shown: list[Point], phase: str, options: dict[str, Any]
) -> None:
    def interrupt(progress: Progress) -> None:
        at = progress.step if phase == "train" else 2 * progress.shot
        if progress.phase == phase and at >= 9:
            raise KeyboardInterrupt

    result = film(photo, report=interrupt, **options)
    assert result.interrupted
    assert (shown[-1].step, shown[-1].psnr) == (result.steps, result.psnr)
    assert shown[-1].seconds == result.train_seconds
    assert result.steps < 24


def test_the_psnr_is_that_of_the_network_at_any_size(photo: Path) -> None:
    values = [film(photo, **view).psnr for view in ({}, {"size": "18x12"}, {"crop": "50%x50%"})]
    assert values == pytest.approx([values[0]] * 3, abs=0.01)


def test_a_take_is_reported_as_it_is_shown(photo: Path, shown: list[Point]) -> None:
    take = photo.with_name("film.take")
    film(photo, record=take)
    result = npaint.render_saved(
        take, photo.with_name("again.mkv"), size="20x14", overlay="steps:psnr=yes", duration=1.0,
        fps=12.0, device="cpu",
    )  # fmt: skip
    assert (shown[-1].step, shown[-1].psnr) == (result.steps, result.psnr) == (24, result.psnr)
