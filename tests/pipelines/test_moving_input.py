from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import QUICK, frames_of
from numpy.typing import NDArray
from PIL import Image

import neuralpaint as npaint
from neuralpaint.errors import UsageError
from neuralpaint.image.pictures import PictureSettings
from neuralpaint.pipelines.morph import MorphSettings
from neuralpaint.pipelines.moving_input import MovingSettings, load_moving
from neuralpaint.pipelines.video import VideoSettings
from neuralpaint.rendering.paths import code_paths

BRIEF: dict[str, Any] = {
    **QUICK, "model": "pyramid:hidden_size=8", "steps": 80, "batch": 800, "duration": None,
    "frames_in": 4, "between": 0,
}  # fmt: skip


def animation(path: Path, *, loop: int = 0, scale: int = 1) -> Path:
    """Save four frames of 36x24, a fifth of a second each, on which a white disc goes right."""
    y, x = np.mgrid[0 : 24 * scale, 0 : 36 * scale] / scale
    frames = []
    for left in (6, 12, 18, 24):
        disc = np.hypot(y - 12, x - left) < 5
        pixels = np.where(disc[..., None], 255, np.array([40, 90, 160])).astype(np.uint8)
        frames.append(Image.fromarray(pixels))
    frames[0].save(
        path, save_all=True, append_images=frames[1:], duration=200, lossless=True, loop=loop
    )
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return animation(tmp_path / "disc.webp", loop=1)


def middle(frame: NDArray[np.uint8]) -> float:
    """Return the column in whose middle the disc is."""
    bright = frame[..., 0].astype(float).clip(120, 255) - 120
    return float((bright * np.arange(frame.shape[1])).sum() / bright.sum())


@pytest.mark.parametrize(("options", "model"), [
    ({}, "morph"), ({"model": "fourier"}, "fourier"), ({"look": "watercolour"}, "pyramid"),
])  # fmt: skip
def test_a_clip_is_learned_by_morph_unless_another_model_is_chosen(
    clip: Path, tmp_path: Path, options: dict[str, Any], model: str
) -> None:
    brief = {"frames_in": 2, "between": 0, "steps": 1, "frames": 2, "device": "cpu"}
    chosen: dict[str, Any] = brief | options
    npaint.timelapse(clip, tmp_path / "out.mkv", save=tmp_path / "out.painting", **chosen)
    settings = npaint.load_painting(tmp_path / "out.painting").settings
    assert settings.model.partition(":")[0] == model


@pytest.mark.parametrize(("loop", "spec", "closed"), [
    (0, None, True), (1, None, False), (0, "play", True), (0, "play:closed=no", False),
    (1, "play:closed=yes", True),
])  # fmt: skip
def test_a_loop_is_closed_unless_told_otherwise(
    tmp_path: Path, loop: int, spec: str | None, *, closed: bool
) -> None:
    settings = PictureSettings(), MovingSettings(frames_in=4, between=0)
    _, pace = load_moving(animation(tmp_path / "disc.webp", loop=loop), *settings)
    path = pace.path(None if spec is None else code_paths.parse(spec))
    assert path.is_closed == closed


def film(source: Path, out: Path, **options: Any) -> tuple[npaint.Result, NDArray[np.uint8]]:
    result = npaint.morph([source], out, **(BRIEF | options))
    return result, frames_of(out)


def test_a_clip_is_four_times_slower_and_shows_every_frame(clip: Path, tmp_path: Path) -> None:
    result, frames = film(clip, tmp_path / "out.mkv")
    assert len(frames) == pytest.approx(4 * 0.6 * 12, abs=1)  # from the first to the last
    assert [middle(frames[i]) for i in (0, -1)] == pytest.approx([6, 24], abs=1)
    assert len(result.pictures) == 4
    moved = np.diff([middle(frame) for frame in frames])
    assert (moved > -0.5).all()


def test_it_can_be_as_long_as_it_is_wanted(clip: Path, tmp_path: Path) -> None:
    _, frames = film(clip, tmp_path / "a.mkv", seconds_each=0.5)
    assert len(frames) == 18
    _, frames = film(clip, tmp_path / "b.mkv", duration=1.0)
    assert len(frames) == 12


def test_an_endless_one_is_an_endless_clip(tmp_path: Path) -> None:
    source = animation(tmp_path / "disc.webp", loop=0)
    _, frames = film(source, tmp_path / "out.mkv", frames=8)
    before, first = middle(frames[-1]), middle(frames[0])
    assert first == pytest.approx(6, abs=1)
    assert 8 < before < 22  # half way from the last to the first


def test_what_leaps_is_followed(tmp_path: Path) -> None:
    clip = animation(tmp_path / "disc.webp", loop=1, scale=2)
    result, frames = film(clip, tmp_path / "a.mkv", between=None, steps=50)
    assert len(result.pictures) > 4
    _, ghosts = film(clip, tmp_path / "b.mkv", between=0)

    def width(shown: NDArray[np.uint8]) -> float:
        # Half way between two frames a ghost reaches from where the disc was to where it will be.
        bright = shown[len(shown) // 6, ..., 0] > 160
        return float(np.ptp(np.flatnonzero(bright.any(0))))

    assert width(frames) == pytest.approx(19, abs=4)
    assert width(ghosts) > 24


def test_it_plays_while_it_is_learned(clip: Path, tmp_path: Path) -> None:
    result = npaint.timelapse(clip, tmp_path / "out.mkv", **(BRIEF | {"duration": 1.2, "hold": 0}))
    frames = frames_of(tmp_path / "out.mkv")
    assert len(result.pictures) == 4
    places = [middle(frame) for frame in frames[7:]]
    assert places[0] == pytest.approx(6, abs=2.5)  # the second round begins
    assert places[-1] == pytest.approx(24, abs=1)
    assert np.abs(np.diff(frames[0].astype(int), axis=1)).mean() < 10  # nothing was known yet


def test_the_input_keeps_its_time_whatever_the_pacing_of_the_training(
    clip: Path, tmp_path: Path
) -> None:
    options: dict[str, Any] = BRIEF | {"steps": 200, "duration": 1.2, "hold": 0}
    places = {}
    for pacing in (None, "fixed"):
        npaint.timelapse(clip, tmp_path / "out.mkv", pacing=pacing, overwrite=True, **options)
        places[pacing] = [middle(frame) for frame in frames_of(tmp_path / "out.mkv")[8:]]
    np.testing.assert_allclose(places[None], places["fixed"], atol=1)
    assert (np.diff(places[None]) > 0).all()


def test_frames_are_learned_with_the_model_for_them_unless_another_is_chosen(
    clip: Path, tmp_path: Path
) -> None:
    options = {name: value for name, value in BRIEF.items() if name != "model"}
    npaint.timelapse(
        clip, tmp_path / "a.mkv", save=tmp_path / "a.painting", **(options | {"steps": 1})
    )
    assert npaint.load_painting(tmp_path / "a.painting").settings.model == "morph"


def test_what_it_has_learned_is_shown_at_any_time(clip: Path, tmp_path: Path) -> None:
    film(clip, tmp_path / "a.mkv", save=tmp_path / "a.painting")
    npaint.render_saved(tmp_path / "a.painting", tmp_path / "a.png", code="1")
    assert middle(np.asarray(Image.open(tmp_path / "a.png"))) == pytest.approx(24, abs=1)


@pytest.mark.parametrize(
    ("settings", "options", "words"),
    [
        (MorphSettings, {"between": 2}, "--between has no effect without --frames-in"),
        (VideoSettings, {"between": 2}, "--between has no effect without --frames-in"),
        (
            VideoSettings,
            {"frames_in": 3, "order": "centre-out"},
            "--order cannot be used with --frames-in",
        ),
        (
            MorphSettings,
            {"frames_in": 3, "codes": "from-names"},
            "--codes cannot be used with --frames-in",
        ),
    ],
)
def test_what_belongs_to_frames_or_to_pictures(
    settings: type[MorphSettings] | type[VideoSettings], options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        settings(**options)


def test_what_does_not_move_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "still.png")
    with pytest.raises(UsageError, match=r"'still.png' does not move"):
        film(tmp_path / "still.png", tmp_path / "out.mkv")
    with pytest.raises(UsageError, match="one input that moves, not 2"):
        npaint.morph([tmp_path / "still.png"] * 2, tmp_path / "out.mkv", frames_in=3)


def test_a_take_of_what_moves_plays_again(clip: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = BRIEF | {"duration": 1.2, "hold": 0, "steps": 10}
    npaint.timelapse(clip, tmp_path / "a.mkv", record=tmp_path / "a.take", **options)
    again = {name: options[name] for name in ("fps", "format", "duration", "hold", "device")}
    npaint.render_saved(tmp_path / "a.take", tmp_path / "b.mkv", **again)
    frames = frames_of(tmp_path / "a.mkv")
    np.testing.assert_array_equal(frames_of(tmp_path / "b.mkv"), frames)


def test_a_painting_of_what_moves_knows_how_fast_it_was(clip: Path, tmp_path: Path) -> None:
    film(clip, tmp_path / "a.mkv", save=tmp_path / "a.painting", steps=1)
    npaint.render_saved(
        tmp_path / "a.painting", tmp_path / "b.mkv", path="play", fps=12, format="mkv"
    )
    assert len(frames_of(tmp_path / "b.mkv")) == len(frames_of(tmp_path / "a.mkv"))


def test_one_that_moves_is_no_morph_unless_its_frames_are_asked_for(
    clip: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="such as --frames-in 12"):
        npaint.morph([clip], tmp_path / "out.mkv")


def test_what_plays_is_not_held(clip: Path, tmp_path: Path) -> None:
    npaint.timelapse(clip, tmp_path / "out.mkv", **(BRIEF | {"duration": 2.0, "steps": 10}))
    frames = frames_of(tmp_path / "out.mkv")
    assert len(frames) == 24
    assert (frames[-1] != frames[-2]).any()
