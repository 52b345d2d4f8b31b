from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from films import QUICK, frames_of, save_photo
from PIL import Image

import neuralpaint as npaint
from neuralpaint.cli.render import command
from neuralpaint.errors import UsageError
from neuralpaint.image.pictures import Frame, Picture
from neuralpaint.models.painting import Painting
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.pipelines.render import RenderSettings
from neuralpaint.pipelines.saved_networks import load_saved, recorded_settings
from neuralpaint.rendering.viewport import Viewport
from neuralpaint.storage.take import Take, TakeWriter
from neuralpaint.training.learning import learn
from neuralpaint.training.settings import TrainingSettings

AGAIN = {"duration": 1.0, "fps": 12.0}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a picture, its film, the take of it and the painting at its end."""
    photo = save_photo(tmp_path / "photo.png")
    npaint.timelapse(
        photo, tmp_path / "film.mkv", record=tmp_path / "film.take", save=tmp_path / "it.painting",
        **QUICK,
    )  # fmt: skip
    photo.unlink()
    return tmp_path


def render(folder: Path, saved: str, out: str, **options: Any) -> npaint.Result:
    return npaint.render_saved(folder / saved, folder / out, device="cpu", **options)


def test_a_take_makes_the_same_film_again(folder: Path) -> None:
    render(folder, "film.take", "again.mkv", **AGAIN)
    assert (frames_of(folder / "again.mkv") == frames_of(folder / "film.mkv")).all()


@pytest.mark.parametrize(
    "options",
    [{"pacing": "even"}, {"steps": None, "seconds": 0.3}, {"frames_from": "training"}],
    ids=str,
)
def test_so_does_one_that_was_paced_in_another_way(folder: Path, options: dict[str, Any]) -> None:
    photo = save_photo(folder / "photo.png")
    out, take = folder / "other.mkv", folder / "other.take"
    npaint.timelapse(photo, out, record=take, **(QUICK | options))
    was = recorded_settings(load_saved(take, "cpu"), folder / "again.mkv", typed=set())
    npaint.render_saved(take, folder / "again.mkv", settings=RenderSettings(**was))
    assert (frames_of(folder / "again.mkv") == frames_of(out)).all()


def test_in_slow_motion_it_moves_evenly_between_the_snapshots(folder: Path) -> None:
    render(folder, "film.take", "slow.mkv", duration=8.0, fps=12.0, hold=0, frames_from="render")
    slow, film = frames_of(folder / "slow.mkv").astype(float), frames_of(folder / "film.mkv")
    assert len(slow) == 96
    assert (slow[0] == film[0]).all()
    assert (slow[-1] == film[-1]).all()
    moves = np.abs(np.diff(slow, axis=0)).mean(axis=(1, 2, 3))
    assert (moves > 0).all()  # no frame stands still


def test_larger_is_rendered_and_not_resized(folder: Path) -> None:
    result = render(folder, "film.take", "large.mkv", scale=3, **AGAIN)
    assert (result.width, result.height) == (108, 72)
    large, small = frames_of(folder / "large.mkv"), frames_of(folder / "film.mkv")
    # The centre of every third pixel is the centre of a pixel of the small film.
    np.testing.assert_allclose(large[-1][1::3, 1::3].astype(int), small[-1], atol=1)


def test_overlays_know_the_original(folder: Path) -> None:
    result = render(folder, "film.take", "side.mkv", overlay="side,steps:psnr=yes", **AGAIN)
    assert result.width * result.height >= 2 * 36 * 24
    assert result.psnr > 10
    result = render(folder, "film.take", "size.mkv", overlay="side,heatmap", size="30x60", **AGAIN)
    assert (result.width, result.height) == (30, 60)
    assert frames_of(folder / "size.mkv").shape[1:] == (60, 30, 3)


@pytest.mark.parametrize(("at", "step"), [(None, 24), ("0%", 0), ("50%", 12), ("11", 11)])
def test_a_still_shows_the_moment_asked_for(folder: Path, at: str | None, step: int) -> None:
    result = render(folder, "film.take", "still.png", at=at)
    assert result.steps == step
    expected = npaint.load_take(folder / "film.take").at(step).painting
    still = np.asarray(Image.open(folder / "still.png"))
    assert (still == npaint.render(expected, expected.canvas)).all()


def take_of(path: Path, *, stops: Sequence[int], note: dict[str, Any] | None = None) -> Path:
    """Write a take of a training with snapshots at these steps."""
    settings = TrainingSettings(model=str(QUICK["model"]), steps=24, device="cpu")
    picture = Picture.from_array(np.full((24, 36, 3), 0.5))
    trained = learner(picture, settings)
    with TakeWriter(
        path, settings=trained.settings, subject=picture, steps=24, note=note or {}
    ) as take:
        for snapshot in learn(trained, stops):
            take.add(snapshot)
        take.finish(shown=[len(stops) - 1] if stops else None)
    return path


def test_a_take_of_one_step_has_two_moments(tmp_path: Path) -> None:
    take = take_of(tmp_path / "one.take", stops=[0, 1])
    steps = [
        npaint.render_saved(take, tmp_path / f"{number}.png", device="cpu", at=at).steps
        for number, at in enumerate(["0", "0%", "1", None])
    ]
    assert steps == [0, 0, 1, 1]
    with pytest.raises(UsageError, match="--at 7: the training ends at step 1"):
        npaint.render_saved(take, tmp_path / "out.png", device="cpu", at="7")


def test_a_take_without_a_snapshot_has_nothing_to_show(tmp_path: Path) -> None:
    take = take_of(tmp_path / "begun.take", stops=[])
    for out in ("out.png", "out.mkv"):
        with pytest.raises(UsageError, match=r"begun\.take' has no snapshots yet"):
            npaint.render_saved(take, tmp_path / out, device="cpu")


@pytest.mark.parametrize(
    "settings",
    [
        [], "fast", {"overlay": 5}, {"format": {}}, {"format": 5}, {"format": ["mkv"]},
        {"frames": 10**400}, {"duration": 1e308}, {"hold": 1e308}, {"size": [1, 2]}, {"fps": None},
        {"pacing": 3}, {"pacing": "log:base=1e999"}, {"reverse": "perhaps"}, {"scale": True},
        {"crop": "%"}, {"camera": "../../path.toml"}, {"background": {"red": 1}}, {"every": -1},
    ],
    ids=str,
)  # fmt: skip
def test_a_stranger_s_note_is_used_or_refused(tmp_path: Path, settings: Any) -> None:
    take = take_of(tmp_path / "odd.take", stops=[0, 4], note={"settings": settings})
    words = [str(take), "-o", str(tmp_path / "out.mkv"), "--device", "cpu", "--dry-run"]
    done = CliRunner().invoke(command, words, standalone_mode=False)
    if done.exception is None:
        assert "out.mkv" in done.output
    else:
        assert isinstance(done.exception, UsageError), done.exception
        assert "\n" not in str(done.exception)


@pytest.mark.parametrize("pacing", ["fixed", "even"])
def test_the_weights_of_a_shot_are_read_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, pacing: str
) -> None:
    seen: list[int] = []
    painting = Take.painting

    def watched(self: Take, index: int) -> Painting:
        seen.append(index)
        return painting(self, index)

    monkeypatch.setattr(Take, "painting", watched)
    result = render(folder, "film.take", "again.mkv", pacing=pacing, **AGAIN)
    used = len(npaint.load_take(folder / "film.take")) if pacing == "even" else result.frames
    assert len(seen) <= used + 3  # of the device, of the first and of the last


def test_the_original_is_seen_only_by_those_who_look_at_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    original = Viewport.original

    def watched(self: Viewport, moment: float = 0.0) -> Frame:
        looks.append(moment)
        return original(self, moment)

    monkeypatch.setattr(Viewport, "original", watched)
    moves = {"camera": "zoom-in", "hold": 0, **AGAIN}
    render(folder, "film.take", "steps.mkv", overlay="steps,curve", **moves)
    assert looks == []
    render(folder, "film.take", "side.mkv", overlay="side,heatmap", **moves)
    measured, shown = looks[:-12], looks[-12:]
    assert set(measured) == {6 / 11}  # how long it takes to draw a frame
    assert shown == pytest.approx([i / 11 for i in range(12)])


def test_a_painting_makes_a_still_of_any_size(folder: Path) -> None:
    result = render(folder, "it.painting", "still.tiff", scale=2, crop="50%x50%", depth="16")
    assert (result.width, result.height) == (36, 24)


def test_a_camera_moves_over_a_painting(folder: Path) -> None:
    render(folder, "it.painting", "move.mkv", camera="zoom-in:factor=3", hold=0.25, **AGAIN)
    frames = frames_of(folder / "move.mkv")
    assert len(frames) == 12
    assert all((a != b).any() for a, b in pairwise(frames[:9]))
    assert (frames[9:] == frames[8]).all()  # the end is held
    whole = npaint.load_painting(folder / "it.painting")
    assert (frames[0] == npaint.render(whole, whole.canvas)).all()


@pytest.mark.parametrize(
    ("saved", "out", "options", "message"),
    [
        ("it.painting", "out.mp4", {}, "does not move: give --camera"),
        ("it.painting", "out.png", {"at": "3"}, "only one moment"),
        ("it.painting", "out.mkv", {"camera": "pan", "overlay": "side"}, "--overlay"),
        ("film.take", "out.png", {"at": "99"}, "ends at step 24"),
        ("film.take", "out.png", {"at": "150%"}, "--at 150%: at most 100%"),
        ("film.take", "out.png", {"at": 5000 * "9"}, "--at must be a step"),
        ("film.take", "out.png", {"at": "soon"}, "--at must be a step"),
        (
            "film.take",
            "out.png",
            {"duration": 3},
            "--duration cannot be used for a still: render a clip",
        ),
        (
            "film.take",
            "out.mkv",
            {"depth": "16"},
            "--depth cannot be used for a clip: render a still",
        ),
        ("film.take", "out.mkv", {"frames_from": "training"}, "recorded without it"),
        ("film.take", "out.bmp", {}, "choose from .apng, .avif"),
        ("it.painting", "out.mkv", {"camera": "pan", "every": 3}, "--every needs a take"),
        ("nowhere.take", "out.mkv", {}, "no file"),
        ("film.take", "film.mkv", {}, "exists: add -y"),
    ],
)
def test_what_cannot_be_is_refused(
    folder: Path, saved: str, out: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        render(folder, saved, out, **options)


def test_a_suffix_of_both_kinds_means_what_fits(folder: Path) -> None:
    assert render(folder, "film.take", "a.webp", **AGAIN).frames > 1
    assert render(folder, "film.take", "b.webp", at="50%").frames == 1
    assert render(folder, "it.painting", "c.webp").frames == 1


def test_at_another_rate_it_lasts_as_long(folder: Path) -> None:
    photo, take = save_photo(folder / "photo.png"), folder / "counted.take"
    counted = QUICK | {"duration": None, "frames": 6}
    npaint.timelapse(photo, folder / "counted.mkv", record=take, **counted)
    was = recorded_settings(load_saved(take, "cpu"), "again.mkv", typed={"fps"})
    assert (was["duration"], was["frames"]) == (0.5, None)


def test_what_was_recorded_can_be_taken_away() -> None:
    settings = RenderSettings(camera="none", crop="none", overlay="none")
    assert (settings.video.camera, settings.view.crop, settings.timelapse.overlay) == (
        None,
        None,
        "",
    )


def test_an_unfinished_take_says_where_it_ends(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    take = folder / "film.take"
    take.write_bytes(take.read_bytes()[:-400])
    with caplog.at_level("INFO", logger="neuralpaint"):
        render(folder, "film.take", "again.mkv", **AGAIN)
    assert "of 24: the recording was interrupted" in caplog.text


def test_what_was_said_together_is_said_anew_together(folder: Path) -> None:
    photo = save_photo(folder / "photo.png")
    take = folder / "cover.take"
    npaint.timelapse(
        photo, folder / "cover.mkv", record=take, **(QUICK | {"size": "20x20", "fit": "cover"})
    )
    saved = load_saved(take, "cpu")
    was = recorded_settings(saved, "out.mp4", typed={"scale"})
    assert not {"size", "fit"} & set(was)
    assert was["duration"] == 1.0
    assert was["format"] is None  # it was that of the other suffix
    assert not {"duration", "frames", "every"} & set(
        recorded_settings(saved, "o.mkv", typed={"frames"})
    )


@pytest.mark.parametrize(
    ("options", "agrees"),
    [({}, True), ({"match_source": False}, False), ({"at": "0%"}, False)],
    ids=str,
)
def test_a_larger_still_of_the_end_of_a_take_agrees_with_the_picture(
    folder: Path, options: dict[str, Any], agrees: bool
) -> None:
    render(folder, "film.take", "large.png", scale=4, **options)
    photo = save_photo(folder / "photo.png")
    with Image.open(folder / "large.png") as large, Image.open(photo) as small:
        again = np.asarray(large.resize(small.size, Image.Resampling.BOX), int)
        error = np.abs(again - np.asarray(small, int)).mean()
    assert (error < 0.7) == agrees
    assert agrees or error > 5


def test_a_take_of_a_larger_target_makes_the_same_film_again(folder: Path) -> None:
    photo = save_photo(folder / "photo.png")
    out, take = folder / "other.mkv", folder / "other.take"
    options = QUICK | {"scale": 2, "enhance": True, "overlay": "steps:psnr=yes", "size": None}
    npaint.timelapse(photo, out, record=take, **options)
    was = recorded_settings(load_saved(take, "cpu"), folder / "again.mkv", typed=set())
    npaint.render_saved(take, folder / "again.mkv", settings=RenderSettings(**was))
    assert (frames_of(folder / "again.mkv") == frames_of(out)).all()


def test_a_painting_without_its_picture_is_cropped_around_its_busiest_place(tmp_path: Path) -> None:
    pixels = np.full((30, 90, 3), 90, np.uint8)
    pixels[:, 62:68:2] = 250
    picture, painting = tmp_path / "stripes.png", tmp_path / "stripes.painting"
    Image.fromarray(pixels).save(picture)
    npaint.timelapse(picture, tmp_path / "clip.mkv", save=painting, **(QUICK | {"steps": 200}))
    npaint.render_saved(painting, tmp_path / "part.png", aspect="1:1", device="cpu")
    with Image.open(tmp_path / "part.png") as image:
        part = np.asarray(image.convert("L"), float)
    assert part.shape == (30, 30)
    assert part.mean(axis=0).argmax() in range(5, 25)


@pytest.mark.parametrize("overlay", ["neurons", "network", "weights"])
def test_the_inside_of_a_painting_needs_no_picture(folder: Path, overlay: str) -> None:
    moves = {"camera": "zoom-in", "frames": 2}
    shown = render(folder, "it.painting", "a.mkv", overlay=overlay, **moves)
    alone = render(folder, "it.painting", "b.mkv", **moves)
    assert shown.width * shown.height > 1.9 * alone.width * alone.height
    with pytest.raises(UsageError, match="--overlay curve: there is no picture"):
        render(folder, "it.painting", "c.mkv", overlay="curve", **moves)
