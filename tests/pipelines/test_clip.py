"""Clips: the numbers on the last frame, and the time that a clip is about to take."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import QUICK, frames_of, save_photo
from PIL import Image

import neuralpaint as npaint
from neuralpaint.errors import UsageError
from neuralpaint.pipelines import clip
from neuralpaint.pipelines.snapshot_sources import FromTraining
from neuralpaint.pipelines.video import VideoSettings, prepare_video
from neuralpaint.rendering.camera import cameras
from neuralpaint.rendering.viewport import Viewport
from neuralpaint.runtime.progress import Progress
from neuralpaint.video.formats import formats
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
    monkeypatch.setattr(clip, "seconds_of", lambda call: 0.0)  # no frame is drawn to be timed
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


STEP, SHOT, PIXEL = 0.5, 2.0, 1e-4  # seconds


@pytest.fixture
def costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Costs that a test can compute with."""
    monkeypatch.setattr(FromTraining, "seconds_per_step", lambda self, trial=False: STEP)
    monkeypatch.setattr(clip, "filming_cost", lambda *_, **options: lambda shots: shots * SHOT)
    monkeypatch.setattr(clip, "seconds_of", lambda call: 0.0)
    monkeypatch.setattr(formats["mkv"], "seconds_per_pixel", PIXEL)
    monkeypatch.setattr("neuralpaint.video.formats.available_cpus", lambda: 2)


def job(photo: Path, **options: Any) -> clip.Clip:
    chosen = QUICK | {"pacing": "fixed", "hold": 0.25} | options
    chosen = {name: value for name, value in chosen.items() if value is not None}
    settings = VideoSettings(**chosen)
    return prepare_video(photo, photo.with_name("clip.mkv"), settings=settings)


@pytest.mark.usefixtures("costs")
def test_an_estimate_counts_steps_shots_and_pixels(photo: Path) -> None:
    estimate = job(photo).measure()
    assert estimate is not None
    assert (estimate.training, estimate.filming, estimate.steps) == (24 * STEP, 9 * SHOT, 24)
    assert estimate.writing == pytest.approx(0.3 + 12 * 24 * 36 * PIXEL)
    assert estimate.preparing < 60
    panels = job(photo, overlay="side:layout=stacked").measure()
    assert panels is not None
    assert panels.writing == pytest.approx(0.3 + 12 * 48 * 36 * PIXEL)


@pytest.mark.usefixtures("costs")
def test_a_gpu_renders_while_the_cpu_encodes(photo: Path) -> None:
    planned = job(photo)
    planned.source.device = "cuda"
    estimate = planned.measure()
    assert estimate is not None
    assert (estimate.filming, estimate.writing) == (9 * SHOT, 0)


@pytest.mark.usefixtures("costs")
def test_it_can_be_asked_what_other_settings_would_take(photo: Path) -> None:
    planned = job(photo)
    assert planned.estimate({"steps": 10}) is None  # nothing is measured yet
    planned.measure()
    draft = planned.estimate({"steps": 10, "frames": 6, "duration": None})
    assert draft is not None
    assert (draft.training, draft.filming, draft.steps) == (10 * STEP, 3 * SHOT, 10)
    assert planned.estimate({"model": "siren"}) is None  # has other costs


@pytest.mark.usefixtures("costs")
def test_a_time_limit_is_what_the_training_takes(photo: Path) -> None:
    estimate = job(photo, steps=None, seconds=60).measure()
    assert estimate is not None
    assert (estimate.training, estimate.filming) == (60, 9 * SHOT)
    assert estimate.steps == 60 / STEP


@pytest.mark.usefixtures("costs")
def test_a_budget_is_what_everything_takes(photo: Path) -> None:
    estimate = job(photo, steps=None, budget=600).measure()
    assert estimate is not None
    assert estimate.seconds == pytest.approx(600)
    assert 400 < estimate.training < 600
    assert estimate.steps == round(estimate.training / STEP)


def test_measuring_changes_nothing(photo: Path) -> None:
    plain, measured = job(photo), job(photo)
    plain.run()
    frames = frames_of(plain.output)
    plain.output.unlink()
    estimate = measured.measure()
    assert estimate is not None
    assert estimate.training > 0
    measured.run()
    np.testing.assert_array_equal(frames_of(measured.output), frames)


def test_the_part_that_is_done_does_not_fall_when_the_time_is_known(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paces = iter([None] * 20)  # then, training is nearly all of the work
    monkeypatch.setattr(
        FromTraining, "seconds_per_step", lambda self, trial=False: next(paces, 1e-9)
    )
    monkeypatch.setattr(clip, "filming_cost", lambda *_, **options: lambda shots: shots * SHOT)
    done: list[float] = []
    job(photo, pacing="even").run(lambda progress: done.append(progress.done))
    assert done == sorted(done)
    assert done[-1] == pytest.approx(1)


def test_a_run_measures_itself(photo: Path) -> None:
    running = job(photo, steps=None, seconds=1.5)
    estimates = []
    result = running.run(lambda progress: estimates.append(running.estimate()))
    known = [estimate for estimate in estimates if estimate is not None]
    assert estimates[0] is None
    assert known
    assert known[-1].training == 1.5
    assert known[-1].steps > result.steps / 10


def test_a_dry_run_makes_no_target(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **options: object) -> None:
        raise AssertionError("the target is made")

    monkeypatch.setattr("neuralpaint.restoration.filling.fill_hole", fail)
    monkeypatch.setattr("neuralpaint.restoration.upsampling.upsample", fail)
    planned = job(photo, mask="random", scale=2)
    estimate = planned.measure()
    assert estimate is not None
    assert estimate.makes_target
    assert not planned.source.step


@pytest.mark.parametrize("order", [{}, {"boomerang": True}, {"reverse": True}], ids=str)
def test_a_title_is_at_the_beginning_of_the_clip(photo: Path, order: dict[str, Any]) -> None:
    options = {"size": "90x60", "duration": 1.0, "fps": 12.0, **order}
    film(photo, overlay="", **options)
    plain = frames_of(photo.with_name("clip.mkv"))
    film(photo, overlay="title:text='Ä, ö',seconds=0.5", **options)
    titled = frames_of(photo.with_name("clip.mkv"))
    different = (titled != plain).any(axis=(1, 2, 3))
    assert different[:5].all()
    assert not different[6:].any()


def test_a_clip_of_a_painting_can_have_a_title(photo: Path) -> None:
    painting = photo.with_name("net.painting")
    film(photo, save=painting)
    output = photo.with_name("again.mkv")
    options: dict[str, Any] = {"camera": "zoom-in", "duration": 0.5, "size": "90x60"}
    npaint.render_saved(painting, output, overlay="title", **options)
    with pytest.raises(UsageError, match="no picture to compare"):
        npaint.render_saved(painting, output, overlay="title,steps", overwrite=True, **options)


@pytest.mark.parametrize("order", [{}, {"boomerang": True}, {"reverse": True}], ids=str)
def test_the_cover_shows_the_finished_picture(photo: Path, order: dict[str, Any]) -> None:
    result = film(photo, cover=True, size="96x64", overlay="steps", **order)
    assert result.stills == (photo.with_name("clip.cover.jpg"),)
    with Image.open(result.stills[0]) as image:
        shown = np.asarray(image.convert("RGB"), np.float32)
    finished = frames_of(photo.with_name("clip.mkv"))[0 if order.get("reverse") else -1]
    assert np.abs(shown - finished).mean() < 3


def test_a_cover_is_not_replaced_unasked(photo: Path) -> None:
    cover = photo.with_name("clip.cover.jpg")
    cover.write_bytes(b"precious")
    options = QUICK | {"cover": True}
    with pytest.raises(UsageError, match=r"clip\.cover\.jpg"):
        npaint.timelapse(photo, photo.with_name("clip.mkv"), **options)
    assert cover.read_bytes() == b"precious"
    assert not photo.with_name("clip.mkv").exists()


def test_a_clip_for_a_place_has_its_size_and_shows_the_busiest_part(photo: Path) -> None:
    pixels = np.full((60, 120, 3), 90, np.uint8)
    pixels[20:40, 80:90] = np.random.default_rng(0).integers(0, 255, (20, 10, 3))
    Image.fromarray(pixels).save(photo)
    options = {"place": "story", "size": "27x48", "format": None, "duration": 0.5, "safe": None}
    result = film(photo, overlay="side:layout=beside", **options)
    assert (result.width, result.height) == (27, 48)
    result = film(photo, overlay="", **options)
    assert (result.width, result.height, result.fps) == (27, 48, 12.0)
    assert [still.name for still in result.stills] == ["clip.cover.jpg"]
    view = prepare_video(
        photo, photo.with_name("a.mkv"), settings=VideoSettings(size="27x48", fit="cover")
    ).viewport
    _, left, _, right = view.canvas.window(view.native)
    assert left < 80
    assert right > 90


def test_the_format_of_a_place_is_left_out_for_another_suffix(photo: Path) -> None:
    options = QUICK | {"place": "chat", "duration": 0.2, "steps": 2}
    del options["format"]
    npaint.timelapse(photo, photo.with_name("clip.mkv"), **options)
    npaint.timelapse(photo, photo.with_name("clip.mp4"), overwrite=True, **options)


@pytest.mark.parametrize(
    ("options", "rate"), [({}, 12), ({"hold": 0.5}, 12), ({"frames": 3, "hold": 0.0}, 3)], ids=str
)
def test_overlays_know_how_many_shots_pass_in_a_second(
    photo: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], rate: float
) -> None:
    rates: list[float] = []

    def recorded(*args: Any, moment: Moment, **others: Any) -> Any:
        rates.append(moment.fps)
        return compose(*args, moment=moment, **others)

    monkeypatch.setattr(clip, "compose", recorded)
    film(photo, **options)
    assert rates[-1] == pytest.approx(rate, rel=0.01)
