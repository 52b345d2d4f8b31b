"""Clips: the last frame shows the numbers that are reported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from films import QUICK, frames_of, save_photo

import neuralpaint as npaint
from neuralpaint.errors import UsageError
from neuralpaint.pipelines import clip
from neuralpaint.rendering.camera import cameras
from neuralpaint.rendering.viewport import Viewport
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
    {"reverse": True}, {"mask": "random"}, {"camera": "beyond"},
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
@pytest.mark.parametrize(
    "options", [{}, {"size": "20x14"}, {"pacing": "even"}, {"camera": "beyond"}], ids=str
)
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


MOVE = "path:keys=0/1z0.4a10"


@pytest.mark.parametrize("options", [{}, {"pacing": "even"}, {"frames_from": "training"}], ids=str)
def test_a_camera_that_rests_films_the_whole_training_first(
    photo: Path, shown: list[Point], options: dict[str, Any]
) -> None:
    """And then moves over the finished network."""
    options = {"fps": 24.0, "hold": 0.0, "duration": 1.0, "overlay": ""} | options
    painting = photo.with_name("net.painting")
    film(photo, camera=f"{MOVE},rest=0.5", save=painting, **options)
    frames = frames_of(photo.with_name("clip.mkv"))
    film(photo, **options | {"duration": 0.5})
    assert (frames[:12] == frames_of(photo.with_name("clip.mkv"))).all()
    settings = cameras.parse(MOVE)
    network = npaint.load_painting(painting)
    for index in (12, 17, 23):
        view = settings.view((index / 23 - 0.5) / 0.5)
        canvas = replace(network.canvas.seen(view), samples=2 if view.zoom < 1 / 1.5 else 1)
        assert (frames[index] == npaint.render(network, canvas)).all()


def test_every_snapshot_is_shown_before_the_move(photo: Path, shown: list[Point]) -> None:
    film(photo, camera="beyond:rest=0.6", every=4, duration=None, hold=0.0)
    assert [point.step for point in shown] == [0, 4, 8, 12, 16, 20, *[24] * 6]


def test_over_a_saved_network_the_camera_flies_at_once(photo: Path) -> None:
    painting = photo.with_name("net.painting")
    film(photo, save=painting)
    npaint.render_saved(
        painting, photo.with_name("out.mkv"), camera="beyond", duration=1.0, fps=12.0, device="cpu"
    )
    frames = frames_of(photo.with_name("out.mkv"))
    assert (frames[1] != frames[0]).any()


def test_a_move_after_the_training_is_part_of_a_budget(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Viewport, "seconds_per_frame", lambda self, painting, moment: moment)
    with pytest.raises(UsageError, match=r"no time to train: the rest takes about [67]"):
        film(photo, camera="beyond", steps=None, budget=6.0, hold=0.0)


def test_frames_of_the_training_have_nothing_beyond_the_picture(photo: Path) -> None:
    with pytest.raises(UsageError, match=r"the camera leaves the picture: .* with rest=0.5"):
        film(photo, camera="beyond:rest=0", frames_from="training")


@pytest.mark.parametrize(
    "options", [{"camera": "beyond"}, {"size": "36x36", "fit": "extend"}], ids=str
)
@pytest.mark.parametrize("model", ["pyramid", "siren:encoding=hash", "siren"])
def test_a_model_with_nothing_beyond_the_picture_says_so(
    photo: Path, caplog: pytest.LogCaptureFixture, options: dict[str, Any], model: str
) -> None:
    with caplog.at_level("WARNING", logger="neuralpaint"):
        film(photo, model=model, steps=1, **options)
    assert ("repeats the outermost colours: --edge mirror" in caplog.text) == (model != "siren")
