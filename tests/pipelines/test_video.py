from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import QUICK, frames_of, save_photo
from numpy.typing import NDArray
from PIL import Image

import neuralpaint as npaint
from neuralpaint.errors import UsageError
from neuralpaint.pipelines.video import VideoSettings, prepare_video
from neuralpaint.runtime.progress import Progress
from neuralpaint.video.reader import read_tag


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return save_photo(tmp_path / "photo.png")


def film(photo: Path, out: Path, **options: Any) -> tuple[npaint.Result, NDArray[np.uint8]]:
    result = npaint.timelapse(photo, out, **(QUICK | options))
    return result, frames_of(out)


def test_the_clip_is_what_the_report_says(photo: Path, tmp_path: Path) -> None:
    result, frames = film(photo, tmp_path / "out.mkv", steps=200)
    assert (result.frames, result.fps, result.width, result.height) == (12, 12.0, 36, 24)
    assert len(frames) == 12
    assert frames[0].shape == (24, 36, 3)
    assert result.steps == 200
    assert result.device == "cpu"
    assert not result.interrupted
    pixels = np.asarray(Image.open(photo))
    assert result.psnr == pytest.approx(npaint.psnr(frames[-1], pixels))
    assert result.psnr > npaint.psnr(frames[0], pixels) + 6


def test_the_last_frame_is_held_and_the_frames_before_differ(photo: Path, tmp_path: Path) -> None:
    _, frames = film(photo, tmp_path / "out.mkv", hold=0.5)
    for held in frames[-6:]:
        np.testing.assert_array_equal(held, frames[-1])
    assert np.diff(np.array(frames), axis=0).any()


def test_the_same_seed_gives_the_same_frames(photo: Path, tmp_path: Path) -> None:
    _, first = film(photo, tmp_path / "a.mkv", seed=3)
    _, again = film(photo, tmp_path / "b.mkv", seed=3)
    _, other = film(photo, tmp_path / "c.mkv", seed=4)
    np.testing.assert_array_equal(first, again)
    assert (np.array(first) != np.array(other)).any()


def test_reverse_and_boomerang_show_the_frames_of_the_plain_clip(
    photo: Path, tmp_path: Path
) -> None:
    _, plain = film(photo, tmp_path / "a.mkv", hold=0)
    _, reverse = film(photo, tmp_path / "b.mkv", hold=0, reverse=True)
    _, boomerang = film(photo, tmp_path / "c.mkv", hold=0, boomerang=True, duration=2)
    np.testing.assert_array_equal(reverse, plain[::-1])
    np.testing.assert_array_equal(boomerang, [*plain[::-1], *plain])


@pytest.mark.parametrize("pacing", ["fixed", "log", "even"])
def test_every_pacing_meets_the_duration_exactly(photo: Path, tmp_path: Path, pacing: str) -> None:
    result, frames = film(photo, tmp_path / "out.mkv", pacing=pacing, duration=1.5)
    assert len(frames) == result.frames == 18
    assert (frames[0] != frames[-1]).any()


def spread(frames: NDArray[np.uint8]) -> float:
    """Return how unequal the changes from frame to frame are; 0 if all are equal."""
    change = np.abs(np.diff(np.array(frames, float), axis=0)).mean((1, 2, 3))
    return float(change.std() / change.mean())


def test_even_pacing_is_more_even_than_fixed(photo: Path, tmp_path: Path) -> None:
    options = {"steps": 400, "hold": 0, "fps": 20.0}
    _, fixed = film(photo, tmp_path / "fixed.mkv", pacing="fixed", **options)
    _, even = film(photo, tmp_path / "even.mkv", **options)
    assert spread(even) < 0.5 * spread(fixed)


def test_a_take_is_as_even_at_any_length(photo: Path, tmp_path: Path) -> None:
    take = tmp_path / "short.take"
    film(photo, tmp_path / "short.mkv", steps=400, duration=0.5, record=take)
    options: dict[str, Any] = {"hold": 0, "fps": 20.0, "format": "mkv", "device": "cpu"}
    npaint.render_saved(take, tmp_path / "even.mkv", duration=2, **options)
    npaint.render_saved(take, tmp_path / "fixed.mkv", duration=2, pacing="fixed", **options)
    even, fixed = (frames_of(tmp_path / f"{name}.mkv") for name in ("even", "fixed"))
    assert len(even) == 40
    assert spread(even) < 0.5 * spread(fixed)


def test_an_interrupted_training_is_filmed_evenly_and_to_its_end(
    photo: Path, tmp_path: Path
) -> None:
    reached: list[int] = []

    def interrupt(progress: Progress) -> None:
        if progress.phase == "train" and progress.step > 100:
            reached.append(progress.step)
            raise KeyboardInterrupt

    options: dict[str, Any] = {"steps": 400, "hold": 0, "fps": 20.0}
    out = tmp_path / "out.mkv"
    result, frames = film(photo, out, report=interrupt, frames_from="render", **options)
    assert result.interrupted
    assert [result.steps] == reached
    assert len(frames) == 20
    _, fixed = film(photo, tmp_path / "fixed.mkv", pacing="fixed", **options)
    assert spread(frames) < 0.5 * spread(fixed)


@pytest.mark.parametrize("model", ["pyramid:hidden_size=8", QUICK["model"]])
@pytest.mark.parametrize("size", [(1, 1), (20, 12)])
@pytest.mark.parametrize("steps", [0, 3])
def test_a_plain_picture_of_any_size_makes_a_whole_clip(
    tmp_path: Path, model: str, size: tuple[int, int], steps: int
) -> None:
    Image.new("RGB", size, (128, 128, 128)).save(tmp_path / "grey.png")
    result, frames = film(tmp_path / "grey.png", tmp_path / "out.mkv", model=model, steps=steps)
    assert len(frames) == result.frames == 12


def test_a_snapshot_every_few_steps_makes_one_frame_each(photo: Path, tmp_path: Path) -> None:
    result, frames = film(photo, tmp_path / "out.mkv", duration=None, every=5, steps=22, hold=0)
    assert len(frames) == result.frames == 6  # steps 0, 5, 10, 15, 20, 22


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"scale": 2}, (48, 72)),
        ({"size": "50x50"}, (50, 50)),
        ({"size": "50x50", "fit": "cover"}, (50, 50)),
        ({"size": "50x50", "fit": "extend"}, (50, 50)),
        ({"overlay": "side"}, None),
        ({"size": "50x90", "overlay": "heatmap"}, (90, 50)),
        ({"size": "90x50", "overlay": "heatmap,side", "camera": "zoom-in"}, (50, 90)),
        ({"size": "51x91", "overlay": "side:layout=beside", "fit": "cover"}, (91, 51)),
        ({"size": "50x50", "overlay": "side", "fit": "extend", "crop": "50%x50%"}, (50, 50)),
        ({"size": "51x91", "overlay": "side", "format": "mp4"}, (92, 52)),
    ],
)
def test_sizes(
    photo: Path, tmp_path: Path, options: dict[str, Any], size: tuple[int, int] | None
) -> None:
    out = tmp_path / f"out.{options.get('format', 'mkv')}"
    planned = prepare_video(photo, out, settings=VideoSettings(**QUICK | options)).facts()
    result, frames = film(photo, out, **options)
    assert frames[0].shape[:2] == (result.height, result.width)
    assert (planned["height"], planned["width"]) == (result.height, result.width)
    if size is not None:
        assert frames[0].shape[:2] == size


def test_pictures_and_panels_fill_a_portrait_frame(photo: Path, tmp_path: Path) -> None:
    options = {"size": "36x60", "background": "#102030"}
    _, frames = film(photo, tmp_path / "out.mkv", overlay="side", steps=200, **options)
    bars, pixels = (frames[-1] == (16, 32, 48)).all((1, 2)), np.asarray(Image.open(photo))
    assert bars.nonzero()[0].tolist() == [*range(6), *range(54, 60)]
    np.testing.assert_array_equal(frames[-1][30 + 12 : 54], pixels[12:])  # below its caption
    assert npaint.psnr(frames[-1][6:30], pixels) > 15


def test_a_contained_picture_has_bars_of_the_background(photo: Path, tmp_path: Path) -> None:
    options = {"size": "36x48", "background": "#102030"}
    _, frames = film(photo, tmp_path / "out.mkv", **options)
    assert (frames[0][:12] == (16, 32, 48)).all()
    assert (frames[0][-12:] == (16, 32, 48)).all()
    assert (frames[0][12:36] != (16, 32, 48)).any()


def test_a_larger_picture_is_rendered_by_the_network_not_resized(
    photo: Path, tmp_path: Path
) -> None:
    _, small = film(photo, tmp_path / "a.mkv")
    _, large = film(photo, tmp_path / "b.mkv", scale=3, target_scale=1)
    # The centre of every third pixel is the centre of a pixel of the small picture.
    np.testing.assert_allclose(large[-1][1::3, 1::3].astype(int), small[-1], atol=1)


def test_the_clip_carries_its_settings(photo: Path, tmp_path: Path) -> None:
    film(photo, tmp_path / "out.mkv", seed=11)
    note = json.loads(read_tag(tmp_path / "out.mkv") or "")
    assert note["seed"] == 11
    assert note["settings"]["model"] == QUICK["model"]
    assert note["command"].startswith("neuralpaint video photo.png -o out.mkv --")
    assert VideoSettings.from_dict(note["settings"]) == VideoSettings.from_dict(
        QUICK | {"seed": 11}
    )


def test_an_interruption_leaves_a_playable_clip(photo: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []

    def interrupt(progress: Progress) -> None:
        seen.append(progress)
        if progress.phase == "film" and progress.shot == 4:
            raise KeyboardInterrupt

    result, frames = film(photo, tmp_path / "out.mkv", report=interrupt, hold=0.25)
    assert result.interrupted
    assert result.frames == len(frames)
    assert 4 <= len(frames) < 12
    assert {p.phase for p in seen} >= {"train", "film"}


def test_everything_is_checked_before_training(photo: Path, tmp_path: Path) -> None:
    for bad in ({"overlay": "clock"}, {"format": "mp5"}, {"every": 2, "seconds": 3, "steps": None}):
        with pytest.raises(UsageError):
            npaint.timelapse(photo, tmp_path / "out.mkv", **(QUICK | bad))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["photo.png"]
    (tmp_path / "there.mkv").touch()
    with pytest.raises(UsageError, match="exists: add -y"):
        npaint.timelapse(photo, tmp_path / "there.mkv", **QUICK)


def test_training_by_the_clock_can_be_filmed(photo: Path, tmp_path: Path) -> None:
    result, frames = film(photo, tmp_path / "out.mkv", steps=None, seconds=0.3)
    assert len(frames) == 12
    assert result.steps > 0
    assert 0.2 < result.train_seconds < 1.5


@pytest.mark.parametrize(
    ("options", "scale"),
    [
        ({}, 1),
        ({"scale": 2}, 2),
        ({"camera": "zoom-in:factor=3"}, 3),
        ({"camera": "zoom-in:factor=9"}, 4),
        ({"enhance": True}, 2),
        ({"scale": 3, "target_scale": 1.5}, 1.5),
        ({"size": "72x24", "fit": "cover"}, 2),
        ({"size": "72x24", "fit": "cover", "overlay": "side"}, 1),
        ({"scale": 2, "frames_from": "training"}, 1),
    ],
)
def test_a_picture_is_learned_as_finely_as_the_film_looks_at_it(
    photo: Path, tmp_path: Path, options: dict[str, Any], scale: float
) -> None:
    saved = tmp_path / "end.painting"
    npaint.timelapse(photo, tmp_path / "a.mkv", save=saved, **(QUICK | {"steps": 2} | options))
    assert npaint.load_painting(saved).settings.target.target_scale == scale


def test_a_larger_frame_is_as_good_as_it_is_when_made_small_again(
    photo: Path, tmp_path: Path
) -> None:
    result, frames = film(photo, tmp_path / "a.mkv", scale=2)
    with Image.open(photo) as image:
        small = Image.fromarray(frames[-1]).resize(image.size, Image.Resampling.BOX)
        assert result.psnr == pytest.approx(
            npaint.psnr(np.asarray(small), np.asarray(image)), abs=0.1
        )


@pytest.mark.parametrize("options", [{"enhance": True}, {"target_scale": 2}])
def test_what_training_leaves_behind_is_not_that_of_a_larger_target(
    photo: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match="choose --frames-from auto"):
        npaint.timelapse(photo, tmp_path / "a.mkv", frames_from="training", **QUICK, **options)


def test_an_interruption_while_the_target_is_made_leaves_nothing(
    photo: Path, tmp_path: Path
) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.phase == "enhance":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        npaint.timelapse(photo, tmp_path / "a.mkv", report=interrupt, enhance=True, **QUICK)
    assert [path.name for path in tmp_path.iterdir()] == [photo.name]


def test_a_look_and_a_preset_can_be_chosen_from_python(photo: Path, tmp_path: Path) -> None:
    words: dict[str, Any] = {"steps": 9, "batch": 200, "device": "cpu"}
    result = npaint.timelapse(
        photo, tmp_path / "o.mkv", look="brush", preset="draft", frames=4, **words
    )
    made = json.loads(read_tag(result.output) or "")["settings"]
    assert (made["model"], made["steps"], made["frames"], made["fps"]) == ("skipconn", 9, 4, 15.0)
    learner = npaint.learner(npaint.load_picture(photo), look="brush", **words)
    learner.advance(9)
    assert learner.painting().settings.model == "skipconn"
    with pytest.raises(UsageError, match="no look named 'watercolor'"):
        npaint.learner(npaint.load_picture(photo), look="watercolor")
