from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import QUICK, frames_of
from numpy.typing import NDArray
from PIL import Image

import neuralpaint as npaint
from neuralpaint.errors import PictureError, UsageError
from neuralpaint.pipelines.morph import MorphSettings, prepare_morph
from neuralpaint.runtime.progress import Progress

BRIEF: dict[str, Any] = {
    **QUICK, "model": "pyramid:hidden_size=8", "steps": 60, "batch": 600, "duration": None,
    "seconds_each": 0.5,
}  # fmt: skip


def save_page(path: Path, seed: int, size: tuple[int, int] = (36, 24)) -> Path:
    width, height = size
    y, x = np.mgrid[0:height, 0:width] / width
    waves = [np.sin(3 * (seed + 1) * x + channel + 2 * seed * y) for channel in range(3)]
    Image.fromarray(np.uint8(127 + 120 * np.stack(waves, -1))).save(path)
    return path


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    folder = tmp_path / "pages"
    folder.mkdir()
    for number, name in enumerate(("100", "010", "111")):
        save_page(folder / f"{name}.png", number)
    return folder


def film(
    sources: list[Path] | Path, out: Path, **options: Any
) -> tuple[npaint.Result, NDArray[np.uint8]]:
    given = [sources] if isinstance(sources, Path) else sources
    result = npaint.morph(given, out, **(BRIEF | options))
    return result, frames_of(out)


def likest(frame: NDArray[np.uint8], folder: Path) -> str:
    """Return the name of the picture that a frame is most like."""
    return max(
        folder.glob("*.png"), key=lambda path: npaint.psnr(frame, np.asarray(Image.open(path)))
    ).name


def test_a_clip_passes_every_picture_and_ends_before_it_began(pages: Path, tmp_path: Path) -> None:
    result, frames = film(pages, tmp_path / "out.mkv")
    assert (len(frames), result.fps) == (18, 12.0)  # three segments of half a second
    seen = [likest(frames[i], pages) for i in (0, 6, 12)]
    assert seen == ["010.png", "100.png", "111.png"]
    steps = np.abs(np.diff(frames.astype(int), axis=0, append=frames[:1].astype(int)))
    changes = steps.mean((1, 2, 3))
    assert 0 < changes[-1] <= changes[:-1].max()
    assert changes[:-1].max() < 60


def test_it_tells_how_well_each_picture_was_learned(pages: Path, tmp_path: Path) -> None:
    result, frames = film(pages, tmp_path / "out.mkv")
    assert [name for name, _ in result.pictures] == ["010.png", "100.png", "111.png"]
    first = np.asarray(Image.open(pages / "010.png"))
    assert result.pictures[0][1] == pytest.approx(npaint.psnr(frames[0], first))
    assert result.psnr == pytest.approx(np.mean([psnr for _, psnr in result.pictures]))
    assert min(psnr for _, psnr in result.pictures) > 18


def test_the_first_frame_is_the_network_itself_at_rest(pages: Path, tmp_path: Path) -> None:
    _, frames = film(
        pages, tmp_path / "out.mkv", save=tmp_path / "a.painting", path="loop:rest=0.5"
    )
    painting = npaint.load_painting(tmp_path / "a.painting")
    assert painting.codes is not None
    for number, index in enumerate((0, 6, 12)):
        at_rest = npaint.render(painting.at(painting.codes[number]), painting.canvas)
        for frame in frames[index : index + 3]:
            np.testing.assert_array_equal(frame, at_rest)


def test_pictures_of_other_sizes_cover_the_first(tmp_path: Path) -> None:
    sources = [
        save_page(tmp_path / "a.png", 0),
        save_page(tmp_path / "b.png", 1, (50, 50)),
        save_page(tmp_path / "c.png", 2, (10, 30)),
    ]
    result, _ = film(sources, tmp_path / "out.mkv")
    assert (result.width, result.height) == (36, 24)
    result, _ = film(sources, tmp_path / "tall.mkv", input_size="20x40")
    assert (result.width, result.height) == (20, 40)


def test_a_large_picture_is_learned_as_large_as_a_clip_shows_it(tmp_path: Path) -> None:
    sources = [save_page(tmp_path / "a.png", 0, (1600, 20)), save_page(tmp_path / "b.png", 1)]
    result, _ = film(sources, tmp_path / "out.mkv", steps=1, seconds_each=0.1)
    assert result.width == 1280


def test_the_learning_is_even_unless_another_pacing_is_chosen(pages: Path, tmp_path: Path) -> None:
    def spread(**options: Any) -> float:
        out = tmp_path / "out.mkv"
        _, frames = film(pages, out, learn=True, steps=200, overwrite=True, **options)
        assert len(frames) == 30
        change = np.abs(np.diff(frames[:12].astype(float), axis=0)).mean((1, 2, 3))
        return float(change.std() / change.mean())

    assert spread() < 0.5 * spread(pacing="fixed")


def test_the_learning_can_be_filmed_first(pages: Path, tmp_path: Path) -> None:
    _, frames = film(pages, tmp_path / "out.mkv", learn=True, steps=200)
    assert len(frames) == 30  # two segments more
    first = np.asarray(Image.open(pages / "010.png"))
    likeness = [npaint.psnr(frame, first) for frame in frames[:12]]
    assert likeness[11] > likeness[0] + 6
    assert likest(frames[11], pages) == "010.png"
    assert likest(frames[18], pages) == "100.png"


def test_buttons_are_read_from_names(pages: Path, tmp_path: Path) -> None:
    film(
        pages, tmp_path / "out.mkv", codes="from-names", save=tmp_path / "a.painting",
        path="corners", seconds_each=0.1,
    )  # fmt: skip
    painting = npaint.load_painting(tmp_path / "a.painting")
    assert painting.codes is not None
    assert painting.codes.tolist() == [[0, 1, 0], [1, 0, 0], [1, 1, 1]]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["10", "cat"], "'cat.png' contains no code"),
        (["10", "011"], "'10.png' has 2 buttons and '011.png' 3"),
    ],
)
def test_names_that_say_no_buttons(names: list[str], words: str, tmp_path: Path) -> None:
    sources = [save_page(tmp_path / f"{name}.png", 1) for name in names]
    with pytest.raises(UsageError, match=words):
        film(sources, tmp_path / "out.mkv", codes="from-names")


def test_codes_that_repeat_name_both_pictures(pages: Path, tmp_path: Path) -> None:
    other = save_page(tmp_path / "100.png", 4)
    with pytest.raises(UsageError, match=r"pages/100.png' and '.*/100.png' have the same code"):
        film([pages, other], tmp_path / "out.mkv", codes="from-names")


def test_one_picture_is_no_morph(pages: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two pictures or more: give another one beside"):
        film([pages / "100.png"], tmp_path / "out.mkv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="empty' contains no pictures"):
        film([tmp_path / "empty"], tmp_path / "out.mkv")


def test_one_that_cannot_be_read_is_named(pages: Path, tmp_path: Path) -> None:
    (pages / "torn.png").write_bytes((pages / "100.png").read_bytes()[:60])
    with pytest.raises(PictureError, match=r"torn\.png"):
        film(pages, tmp_path / "out.mkv")
    with pytest.raises(UsageError, match=r"no file or folder .*gone\.png"):
        film([pages / "100.png", pages / "gone.png"], tmp_path / "out.mkv")
    assert not (tmp_path / "out.mkv").exists()


def test_what_is_no_picture_in_a_folder_is_left_alone(pages: Path, tmp_path: Path) -> None:
    (pages / "notes.txt").write_text("no picture")
    result, _ = film(pages, tmp_path / "out.mkv", steps=1)
    assert len(result.pictures) == 3


def test_samples_are_codes_that_were_never_trained(pages: Path, tmp_path: Path) -> None:
    result, _ = film(pages, tmp_path / "out.mkv", codes="from-names", sample=3, grid=True)
    folder = tmp_path / "out-samples"
    assert {path.parent for path in result.stills} == {folder}
    names = [path.name for path in result.stills]
    assert names[3:] == ["sheet.png", "grid.png"]
    assert not {"100.png", "010.png", "111.png"} & set(names)
    for name in names[:3]:
        assert len(name) == len("000.png")
        with Image.open(folder / name) as image:
            assert image.size == (36, 24)


def test_without_buttons_they_are_mixtures(pages: Path, tmp_path: Path) -> None:
    result, _ = film(pages, tmp_path / "out.mkv", sample=2, save=tmp_path / "a.painting")
    assert [path.name for path in result.stills] == [
        "sample-0001.png", "sample-0002.png", "sheet.png",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"grid": True}, "--grid draws all combinations of buttons"),
        ({"codes": "from-names", "sample": 6}, "5 combinations that were not trained, not 6"),
    ],
)
def test_samples_that_there_are_not(
    options: dict[str, Any], words: str, pages: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=words):
        film(pages, tmp_path / "out.mkv", **options)


def test_samples_of_before_are_replaced_only_if_they_may(pages: Path, tmp_path: Path) -> None:
    film(pages, tmp_path / "out.mkv", sample=1)
    (tmp_path / "out.mkv").unlink()
    with pytest.raises(UsageError, match="out-samples' exists: add -y"):
        film(pages, tmp_path / "out.mkv", sample=1)
    film(pages, tmp_path / "out.mkv", sample=1, overwrite=True)


@pytest.mark.parametrize(
    "options",
    [
        {"frames_from": "training"}, {"pacing": "even"}, {"pacing": "log"},
        {"path": "sideways"}, {"codes": "secret"},
    ],
)  # fmt: skip
def test_what_a_morph_cannot_have(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        MorphSettings(**options)


def test_progress_rises_from_training_to_the_end(pages: Path, tmp_path: Path) -> None:
    seen: list[Progress] = []
    film(pages, tmp_path / "out.mkv", report=seen.append)
    done = [progress.done for progress in seen]
    assert done == sorted(done)
    assert {progress.phase for progress in seen} >= {"film", "encode"}


def test_a_take_of_a_morph_is_its_film_again(pages: Path, tmp_path: Path) -> None:
    _, frames = film(pages, tmp_path / "a.mkv", record=tmp_path / "a.take", learn=True)
    options: dict[str, Any] = {
        name: BRIEF[name] for name in ("fps", "format", "seconds_each", "device")
    }
    npaint.render_saved(
        tmp_path / "a.take", tmp_path / "b.mkv", path="loop", learn=True, hold=0, **options
    )
    np.testing.assert_array_equal(frames_of(tmp_path / "b.mkv"), frames)


def test_a_painting_walks_without_training(pages: Path, tmp_path: Path) -> None:
    _, frames = film(pages, tmp_path / "a.mkv", save=tmp_path / "a.painting")
    npaint.render_saved(
        tmp_path / "a.painting", tmp_path / "b.mkv", path="loop", hold=0, fps=12, format="mkv",
        seconds_each=0.5,
    )  # fmt: skip
    np.testing.assert_array_equal(frames_of(tmp_path / "b.mkv"), frames)


def test_a_still_of_any_code(pages: Path, tmp_path: Path) -> None:
    film(pages, tmp_path / "a.mkv", save=tmp_path / "a.painting", record=tmp_path / "a.take")
    painting = npaint.load_painting(tmp_path / "a.painting")
    expected = npaint.render(painting.at([0.2, 0.8, 0]), painting.canvas)
    for saved in ("a.painting", "a.take"):
        out = tmp_path / f"{saved}.png"
        npaint.render_saved(tmp_path / saved, out, code="0.2,0.8,0", match_source=False)
        assert np.abs(np.asarray(Image.open(out)).astype(int) - expected).max() <= 1


def test_at_the_code_of_a_picture_a_take_knows_what_it_is_held_against(
    pages: Path, tmp_path: Path
) -> None:
    result, _ = film(pages, tmp_path / "a.mkv", record=tmp_path / "a.take")
    still = npaint.render_saved(tmp_path / "a.take", tmp_path / "a.png", code="0,1,0")
    assert still.psnr == pytest.approx(result.pictures[1][1], abs=0.1)


@pytest.mark.parametrize("options", [{"path": "loop"}, {"code": "1,0"}])
def test_a_single_picture_has_no_codes(options: dict[str, Any], tmp_path: Path) -> None:
    photo = save_page(tmp_path / "a.png", 0)
    npaint.paint(photo, tmp_path / "b.png", save=tmp_path / "a.painting", steps=1)
    out = tmp_path / ("c.mkv" if "path" in options else "c.png")
    with pytest.raises(UsageError, match="has no codes: give one that morph has trained"):
        npaint.render_saved(tmp_path / "a.painting", out, **options)


def test_a_code_and_a_path_exclude_each_other(pages: Path, tmp_path: Path) -> None:
    film(pages, tmp_path / "a.mkv", save=tmp_path / "a.painting", steps=1)
    with pytest.raises(UsageError, match="--code and --path exclude each other"):
        npaint.render_saved(tmp_path / "a.painting", tmp_path / "b.mkv", path="loop", code="1,0,0")


def test_a_camera_moves_over_a_walk(pages: Path, tmp_path: Path) -> None:
    fixed: dict[str, Any] = {"path": "loop:rest=0.9", "target_scale": 1}
    _, still = film(pages, tmp_path / "a.mkv", **fixed)
    _, moved = film(pages, tmp_path / "b.mkv", camera="zoom-in:factor=2", **fixed)
    np.testing.assert_array_equal(moved[0], still[0])
    assert (moved[-1] != still[-1]).any()


def test_an_overlay_has_nothing_to_hold_a_walk_against(pages: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no setting named 'overlay'"):
        film(pages, tmp_path / "a.mkv", overlay="steps")
    film(pages, tmp_path / "a.mkv", record=tmp_path / "a.take", steps=1)
    with pytest.raises(UsageError, match="--overlay steps: there is no picture to compare"):
        npaint.render_saved(tmp_path / "a.take", tmp_path / "b.mkv", path="loop", overlay="steps")


def test_a_walk_is_held_only_if_it_is_asked_for_and_then_beyond_its_time(
    pages: Path, tmp_path: Path
) -> None:
    _, frames = film(pages, tmp_path / "a.mkv", hold=0.5, steps=2)
    assert len(frames) == 24
    npaint.morph(
        [pages], tmp_path / "b.mkv", save=tmp_path / "b.painting", **(BRIEF | {"steps": 2})
    )
    npaint.render_saved(
        tmp_path / "b.painting", tmp_path / "c.mkv", path="loop", duration=1.5, fps=12, format="mkv"
    )
    shown = frames_of(tmp_path / "c.mkv")
    assert (shown[-1] != shown[-2]).any()


def test_the_length_of_a_take_follows_its_walk(pages: Path, tmp_path: Path) -> None:
    film(pages, tmp_path / "a.mkv", record=tmp_path / "a.take", steps=2)
    npaint.render_saved(
        tmp_path / "a.take", tmp_path / "b.mkv", path="loop", seconds_each=1.0, fps=12, format="mkv"
    )
    assert len(frames_of(tmp_path / "b.mkv")) == 36
    with pytest.raises(UsageError, match="--seconds-each has no effect without --path"):
        npaint.render_saved(tmp_path / "a.take", tmp_path / "c.mkv", seconds_each=1.0)


def test_a_folder_of_samples_holds_those_of_the_last_run(pages: Path, tmp_path: Path) -> None:
    film(pages, tmp_path / "out.mkv", sample=3, steps=1)
    film(pages, tmp_path / "out.mkv", sample=1, steps=1, overwrite=True)
    folder = tmp_path / "out-samples"
    assert sorted(path.name for path in folder.iterdir()) == ["sample-0001.png", "sheet.png"]
    (folder / "mine.png").write_bytes(b"")
    with pytest.raises(UsageError, match="contains other files"):
        film(pages, tmp_path / "out.mkv", sample=1, steps=1, overwrite=True)


def test_buttons_that_are_named_one_by_one_have_corners_too(tmp_path: Path) -> None:
    sources = [save_page(tmp_path / f"{name}.png", i) for i, name in enumerate(("10", "01"))]
    result, _ = film(
        sources, tmp_path / "out.mkv", codes="from-names", grid=True, sample=1, steps=1
    )
    assert [path.stem for path in result.stills][1:] == ["sheet", "grid"]
    assert result.stills[0].stem in ("00", "11")


def test_what_is_asked_of_is_not_there(pages: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no file or folder .*gone"):
        film(tmp_path / "gone", tmp_path / "out.mkv")
    with pytest.raises(UsageError, match="reads standard input only with --frames-in"):
        npaint.morph([pages / "100.png", "-"], tmp_path / "out.mkv")


def test_a_length_in_frames(pages: Path, tmp_path: Path) -> None:
    _, frames = film(pages, tmp_path / "out.mkv", frames=7, steps=1, seconds_each=None)
    assert len(frames) == 7


def test_a_table_of_pixels_is_no_larger_for_a_camera(pages: Path, tmp_path: Path) -> None:
    def weights(**options: Any) -> int:
        settings = MorphSettings(model="buttons:hidden_size=4", **options)
        return int(
            prepare_morph([pages], tmp_path / "out.mkv", settings=settings).facts()["weights"]
        )

    assert weights(camera="zoom-in:factor=4") == weights()
    assert weights(target_scale=2) > weights()


def test_an_interrupted_training_is_followed_by_the_path(pages: Path, tmp_path: Path) -> None:
    def interrupt(progress: npaint.Progress) -> None:
        if progress.phase == "train" and progress.step >= 20 and not stopped:
            stopped.append(progress.step)
            raise KeyboardInterrupt

    stopped: list[int] = []
    result, frames = film(pages, tmp_path / "out.mkv", steps=10_000, report=interrupt)
    assert result.interrupted
    assert stopped[0] <= result.steps < 10_000
    whole, _ = film(pages, tmp_path / "whole.mkv", steps=20)
    assert (len(frames), whole.interrupted) == (whole.frames, False)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "out.mkv", "whole.mkv",
    ]  # fmt: skip
