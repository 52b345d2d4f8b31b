from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import QUICK, frames_of, save_photo
from numpy.typing import NDArray
from PIL import Image

import neuralpaint as npaint
from neuralpaint.errors import UsageError
from neuralpaint.image.pictures import Picture
from neuralpaint.rendering.still_renderer import _with_hole_of
from neuralpaint.runtime.progress import Progress
from neuralpaint.storage.resume import Resume
from neuralpaint.video.reader import read_tag

STILL: dict[str, Any] = {
    "model": "fourier:order=6,hidden_size=16,hidden_layers=1", "steps": 150, "batch": 300,
    "device": "cpu",
}  # fmt: skip


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A soft picture of 36x24 pixels."""
    return save_photo(tmp_path / "photo.png")


@pytest.fixture
def hole(tmp_path: Path) -> Path:
    """What is unknown of it: rows 8 to 15, columns 12 to 23."""
    levels = np.zeros((24, 36), np.uint8)
    levels[8:16, 12:24] = 255
    Image.fromarray(levels).save(tmp_path / "hole.png")
    return tmp_path / "hole.png"


@pytest.fixture
def scratched(photo: Path, hole: Path) -> Path:
    """The picture, black in its hole."""
    pixels = pixels_of(photo)
    pixels[pixels_of(hole) > 0] = 0
    path = photo.with_name("scratched.png")
    Image.fromarray(pixels).save(path)
    return path


def pixels_of(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.array(image)


def test_a_hole_is_filled_and_not_learned(scratched: Path, photo: Path, hole: Path) -> None:
    result = npaint.inpaint(scratched, photo.with_name("whole.png"), mask=str(hole), **STILL)
    whole, truth = pixels_of(result.output), pixels_of(photo)
    there = pixels_of(hole) > 0
    assert npaint.psnr(whole[there][None], truth[there][None]) > 15
    assert npaint.psnr(whole[there][None], pixels_of(scratched)[there][None]) < 10


def test_quality_is_that_of_what_is_known(scratched: Path, photo: Path, hole: Path) -> None:
    result = npaint.inpaint(scratched, photo.with_name("whole.png"), mask=str(hole), **STILL)
    known = pixels_of(hole) == 0
    whole, given = pixels_of(result.output), pixels_of(scratched)
    assert result.psnr == pytest.approx(npaint.psnr(whole[known][None], given[known][None]))
    assert math.isnan(result.hole_psnr)


def test_so_is_that_of_frames(scratched: Path, photo: Path, hole: Path) -> None:
    options: dict[str, Any] = QUICK | {"mask": str(hole), "fill": "none"}
    result = npaint.inpaint(scratched, photo.with_name("clip.mkv"), **options)
    known, last = pixels_of(hole) == 0, frames_of(result.output)[-1]
    expected = npaint.psnr(last[known][None], pixels_of(scratched)[known][None])
    assert result.psnr == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize("drawn", [False, True])
def test_where_the_truth_is_known_quality_is_that_of_all(
    drawn: bool, scratched: Path, photo: Path, hole: Path
) -> None:
    options: dict[str, Any] = {"mask": "centre:fraction=0.2"}
    if not drawn:
        options = {"mask": str(hole), "truth": str(photo)}
    source = photo if drawn else scratched
    result = npaint.inpaint(source, photo.with_name("whole.png"), **options, **STILL)
    whole, truth = pixels_of(result.output), pixels_of(photo)
    assert result.psnr == pytest.approx(npaint.psnr(whole, truth))
    if not drawn:
        there = pixels_of(hole) > 0
        expected = npaint.psnr(whole[there][None], truth[there][None])
        assert result.hole_psnr == pytest.approx(expected)
    assert 10 < result.hole_psnr < 60


@pytest.mark.parametrize("depth", ["8", "16"])
def test_known_pixels_can_be_kept(depth: str, scratched: Path, photo: Path, hole: Path) -> None:
    result = npaint.inpaint(
        scratched, photo.with_name("whole.tiff"), mask=str(hole), truth=str(photo),
        keep_known=True, depth=depth, **STILL,
    )  # fmt: skip
    there = pixels_of(hole) > 0
    if depth == "8":
        whole = pixels_of(result.output)
        np.testing.assert_array_equal(whole[~there], pixels_of(photo)[~there])
        assert result.hole_psnr == pytest.approx(
            npaint.psnr(whole[there][None], pixels_of(photo)[there][None])
        )
    assert result.psnr > result.hole_psnr > 15


def test_bars_go_around_what_is_kept(scratched: Path, photo: Path, hole: Path) -> None:
    result = npaint.inpaint(
        scratched, photo.with_name("whole.png"), mask=str(hole), keep_known=True, fit="contain",
        size="36x40", background="#ff0000", **STILL,
    )  # fmt: skip
    whole = pixels_of(result.output)
    assert whole.shape == (40, 36, 3)
    assert whole[0, 0].tolist() == [255, 0, 0]
    known = pixels_of(hole) == 0
    np.testing.assert_array_equal(whole[8:32][known], pixels_of(photo)[known])
    assert result.psnr == math.inf


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"keep_known": True}, "all pixels of the picture are known"),
        ({"keep_known": True, "mask": "centre", "scale": 2}, "own size, 36x24"),
        ({"fill": "none"}, "--fill has no effect without --mask"),
        ({"fill": "texture"}, "--fill has no effect without --mask"),
    ],
    ids=str,
)
def test_what_cannot_be_kept_or_filled_is_refused(
    options: dict[str, Any], message: str, photo: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        npaint.paint(photo, photo.with_name("still.png"), **options, **STILL)


def test_a_larger_still_does_not_follow_what_is_in_the_hole(
    scratched: Path, photo: Path, hole: Path
) -> None:
    output = photo.with_name("large.png")
    options: dict[str, Any] = STILL | {"mask": str(hole), "scale": 3, "target_scale": 1}
    npaint.inpaint(scratched, output, **options)
    small = np.array(Image.fromarray(pixels_of(output)).reduce(3))
    there = pixels_of(hole) > 0
    assert npaint.psnr(small[there][None], pixels_of(photo)[there][None]) > 15
    known = ~there
    known[7:17, 11:25] = False  # its rim shares in what the hole's pixels are
    np.testing.assert_allclose(small[known].astype(int), pixels_of(scratched)[known], atol=8)


def test_a_clip_shows_the_hole_first_and_ends_without(photo: Path, hole: Path) -> None:
    options: dict[str, Any] = QUICK | {"overlay": "mask", "mask": str(hole)}
    result = npaint.inpaint(photo, photo.with_name("clip.mkv"), **options)
    frames = frames_of(result.output)
    known, there = pixels_of(hole) == 0, pixels_of(hole) > 0
    np.testing.assert_allclose(frames[0][known].astype(int), pixels_of(photo)[known], atol=1)
    assert np.ptp(frames[0][there], axis=1).max() <= 1  # grey
    plain = npaint.inpaint(photo, photo.with_name("plain.mkv"), **(options | {"overlay": ""}))
    np.testing.assert_array_equal(frames[-1], frames_of(plain.output)[-1])


def test_a_clip_without_a_hole_has_none_to_show(photo: Path) -> None:
    with pytest.raises(UsageError, match="--overlay mask: all pixels of the picture are known"):
        npaint.timelapse(photo, photo.with_name("clip.mkv"), overlay="mask", **QUICK)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        (
            "a.png",
            {"overlay": "mask"},
            "--overlay cannot be used for a still: make a clip such as .mp4",
        ),
        ("a.mp4", {"keep_known": True}, "--keep-known cannot be used for a clip: make a still"),
        ("a.mp4", {"depth": "16"}, "--depth cannot be used for a clip"),
        ("a.doc", {}, "unknown suffix '.doc'"),
        ("a", {}, "no suffix in"),
        ("a.png", {"audio": "a.mp3"}, "a still has no sound"),
        ("a.png", {"mask": None}, "give --mask"),
    ],
    ids=str,
)
def test_what_an_output_cannot_have_is_refused(
    name: str, options: dict[str, Any], message: str, photo: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        npaint.inpaint(photo, photo.with_name(name), **({"mask": "centre"} | STILL | options))


def test_a_suffix_of_both_is_a_clip_where_it_is_filmed(photo: Path) -> None:
    options: dict[str, Any] = {**STILL, "steps": 4, "mask": "centre"}
    still = npaint.inpaint(photo, photo.with_name("still.webp"), **options)
    clip = npaint.inpaint(photo, photo.with_name("clip.webp"), duration=1, fps=5, **options)
    assert (still.frames, clip.frames) == (1, 5)


def test_its_file_is_that_of_a_paint_or_a_video_and_tells_no_folder(
    photo: Path, hole: Path
) -> None:
    hole.parent.joinpath("secret").mkdir()
    moved = hole.rename(hole.parent / "secret" / "hole.png")
    result = npaint.inpaint(photo, photo.with_name("still.png"), mask=str(moved), **STILL)
    text = read_tag(result.output) or ""
    note = json.loads(text)
    assert note["recipe"] == "paint"
    assert "--mask hole.png" in note["command"]
    assert "secret" not in text


def test_a_take_keeps_the_hole(scratched: Path, photo: Path, hole: Path) -> None:
    take = photo.with_name("hole.take")
    first = npaint.inpaint(
        scratched, photo.with_name("whole.png"), mask=str(hole), truth=str(photo), record=take,
        keep_known=True, **STILL,
    )  # fmt: skip
    again = npaint.render_saved(take, photo.with_name("again.png"), keep_known=True)
    np.testing.assert_allclose(pixels_of(again.output).astype(int), pixels_of(first.output), atol=1)
    assert again.hole_psnr == pytest.approx(first.hole_psnr, abs=0.1)
    clip = npaint.render_saved(take, photo.with_name("clip.mkv"), overlay="mask", duration=1)
    assert clip.psnr > 15


def test_of_a_painting_nothing_can_be_kept(photo: Path) -> None:
    saved = photo.with_name("photo.painting")
    npaint.inpaint(photo, photo.with_name("whole.png"), mask="centre", save=saved, **STILL)
    with pytest.raises(UsageError, match="a painting does not contain the picture"):
        npaint.render_saved(saved, photo.with_name("again.png"), keep_known=True)


def test_filling_is_told_while_it_goes_on(photo: Path) -> None:
    seen: list[Progress] = []
    npaint.inpaint(photo, photo.with_name("a.png"), mask="random", report=seen.append, **STILL)
    done = [progress.done for progress in seen if progress.phase == "fill"]
    assert done == sorted(done)
    assert done[-1] == 1
    assert not any(progress.phase == "enhance" for progress in seen)


@pytest.mark.slow
def test_a_wide_hole_is_filled_with_texture(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    options: dict[str, Any] = {"mask": "centre", "model": "pyramid", "steps": 200, "device": "cpu"}
    contrast, commands = [], []
    for fill in ("patches", "texture"):
        output = tmp_path / f"{fill}.png"
        npaint.inpaint(tmp_path / "noise.png", output, fill=fill, **options)
        contrast.append(pixels_of(output)[16:24, 21:29].std())
        commands.append(json.loads(read_tag(output) or "")["command"])
    assert contrast[1] > 1.5 * contrast[0]
    assert "--fill texture" in commands[1]
    assert "--fill" not in commands[0]


def test_another_mask_is_another_training(photo: Path, hole: Path) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.phase == "train":
            raise KeyboardInterrupt

    output = photo.with_name("clip.mkv")
    options: dict[str, Any] = QUICK | {"steps": 100_000, "checkpoint": 0.01, "mask": str(hole)}
    npaint.inpaint(photo, output, report=interrupt, **options)
    assert Resume.checkpoint_path(output).exists()
    levels = pixels_of(hole)
    levels[0, 0] = 255
    Image.fromarray(levels).save(hole)
    with pytest.raises(UsageError, match="--resume"):
        npaint.inpaint(photo, output, resume=True, overwrite=True, **options)


def test_the_focus_is_learned_better(photo: Path) -> None:
    left = np.zeros((24, 36), np.uint8)
    left[:, :12] = 255
    Image.fromarray(left).save(photo.with_name("left.png"))
    options: dict[str, Any] = STILL | {"steps": 60}
    errors = []
    for focus in (None, str(photo.with_name("left.png"))):
        output = photo.with_name(f"{focus is None}.png")
        weight: dict[str, Any] = {} if focus is None else {"focus_weight": 100}
        result = npaint.paint(photo, output, focus=focus, **weight, **options)
        painted, truth = pixels_of(result.output), pixels_of(photo)
        errors.append(npaint.psnr(painted[:, :12], truth[:, :12]))
    assert errors[1] > errors[0] + 1


def test_an_order_leaves_what_is_last_for_later(photo: Path) -> None:
    options: dict[str, Any] = QUICK | {"steps": 800, "order": "left-to-right"}
    result = npaint.timelapse(photo, photo.with_name("clip.mkv"), **options)
    frames, truth = frames_of(result.output), pixels_of(photo)
    middle = frames[len(frames) // 3]
    assert npaint.psnr(middle[:, :8], truth[:, :8]) > npaint.psnr(middle[:, 28:], truth[:, 28:]) + 3
    end = npaint.psnr(frames[-1][:, 28:], truth[:, 28:])
    assert end > npaint.psnr(middle[:, 28:], truth[:, 28:]) + 3


def test_a_lossy_still_says_that_it_changes_every_pixel(
    photo: Path, caplog: pytest.LogCaptureFixture
) -> None:
    npaint.inpaint(photo, photo.with_name("a.jpg"), mask="random", keep_known=True, **STILL)
    assert "changes every pixel a little; .png does not" in caplog.text
    caplog.clear()
    npaint.inpaint(photo, photo.with_name("a.png"), mask="random", keep_known=True, **STILL)
    assert caplog.text == ""


def test_in_the_hole_a_larger_still_follows_means_of_the_painting() -> None:
    rng = np.random.default_rng(0)
    unknown = np.zeros((12, 18), np.float32)
    unknown[3:8, 4:12] = 1
    picture = Picture(rng.integers(0, 256, (12, 18, 3), dtype=np.uint8), unknown=unknown)
    student = npaint.learner(
        picture, model="pyramid:hidden_size=8", target_scale=2, steps=60, batch=400, device="cpu"
    )
    student.advance(60)
    painting = student.painting()
    fine = npaint.render(painting, picture.canvas.scaled(2)).astype(float)
    means = fine.reshape(12, 2, 18, 2, 3).mean((1, 3))
    there = unknown > 0
    shown = _with_hole_of(painting, picture).pixels
    np.testing.assert_array_equal(shown[~there], picture.pixels[~there])
    np.testing.assert_allclose(shown[there], means[there], atol=1)
