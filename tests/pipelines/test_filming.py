from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import QUICK, frames_of
from numpy.typing import NDArray

import neuralpaint as npaint
from neuralpaint.errors import UsageError
from neuralpaint.image.pictures import Picture
from neuralpaint.pipelines.make_learner import learner
from neuralpaint.pipelines.video import VideoSettings
from neuralpaint.runtime.progress import Progress


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A soft picture of 72x48 pixels."""
    from PIL import Image

    y, x = np.mgrid[0:48, 0:72] / 72
    pixels = np.stack([x, y, 0.5 + 0.4 * np.sin(9 * x)], axis=-1)
    path = tmp_path / "photo.png"
    Image.fromarray(np.uint8(255 * pixels)).save(path)
    return path


def film(photo: Path, **options: Any) -> NDArray[np.uint8]:
    clip = photo.with_name("-".join(str(v) for v in options.values()) + ".mkv")
    npaint.timelapse(photo, clip, **(QUICK | {"steps": 60, "duration": 3.0} | options))
    return frames_of(clip)


def test_blended_frames_look_like_rendered_ones(photo: Path) -> None:
    rendered, blended = (film(photo, frames_from=w) for w in ("render", "auto"))
    assert rendered.shape == blended.shape
    error = np.square(rendered.astype(float) - blended).mean((1, 2, 3)) ** 0.5
    assert error.max() < 1.0
    assert error.max() > 0  # some were blended
    assert error[-1] == 0


def test_frames_of_the_training_follow_it_and_end_on_a_true_render(photo: Path) -> None:
    rendered, sketched = (film(photo, frames_from=w) for w in ("render", "training"))
    assert len(sketched) == len(rendered)
    assert (sketched[0] == rendered[0]).all()
    assert (sketched[-1] == rendered[-1]).all()
    assert (sketched[12] != rendered[12]).any()
    assert np.abs(sketched[24].astype(int) - rendered[24]).mean() < 12


def test_a_sketch_holds_what_the_batches_said() -> None:
    picture = Picture.from_array(np.full((12, 20, 3), 0.25))
    student = learner(picture, steps=40, batch=20, device="cpu", model=str(QUICK["model"]))
    student.begin_sketch(np.full((12, 20, 3), 255, np.uint8))
    assert (student.sketch() == 255).all()
    student.advance(1)
    seen = (student.sketch() != 255).any(axis=2)
    assert 10 <= seen.sum() <= 40
    student.advance(student.epoch_steps)
    assert (student.sketch() != 255).any(axis=2).all()


def test_frames_of_the_training_are_gone_after_it() -> None:
    with pytest.raises(UsageError, match="--pacing fixed or log"):
        VideoSettings(frames_from="training", pacing="even")


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"frames_from": "training"}, {"pacing": "even"}])
def test_a_budget_is_for_everything(photo: Path, options: dict[str, Any]) -> None:
    chosen = QUICK | {"steps": None, "budget": "3s"} | options
    result = npaint.timelapse(photo, photo.with_name("clip.mkv"), **chosen)
    assert 1.5 < result.total_seconds < 6
    assert result.train_seconds > 0.5
    assert result.frames == 12


def test_a_budget_of_a_still(photo: Path) -> None:
    result = npaint.paint(
        photo, photo.with_name("still.png"), model=QUICK["model"], budget=2.0, device="cpu"
    )
    assert 1 < result.total_seconds < 4
    assert result.steps > 10


def test_a_budget_excludes_other_horizons() -> None:
    with pytest.raises(UsageError, match="--steps and --budget exclude each other"):
        VideoSettings(steps=10, budget=20)
    with pytest.raises(UsageError, match="--every and --budget exclude each other"):
        VideoSettings(every=10, budget=20)


@pytest.mark.parametrize(("make", "advice"), [
    (npaint.timelapse, "lower --size, --frames or --duration"), (npaint.paint, "lower --size"),
])  # fmt: skip
def test_a_budget_without_time_to_train_is_refused(photo: Path, make: Any, advice: str) -> None:
    output = photo.with_name("clip.webp")
    words = f"--budget 1e-05 leaves no time to train.*raise it, or {advice}$"
    with pytest.raises(UsageError, match=words):
        make(photo, output, budget=1e-5, device="cpu")
    assert [path.name for path in photo.parent.iterdir()] == ["photo.png"]


@pytest.mark.slow
@pytest.mark.parametrize("make", [npaint.timelapse, npaint.paint])
def test_a_run_that_goes_on_after_its_budget_ends_with_what_there_is(
    photo: Path, make: Any
) -> None:
    output = photo.with_name("out.webp")
    chosen = {"model": QUICK["model"], "device": "cpu", "budget": 1.5, "checkpoint": 1e-6}
    began = time.perf_counter()
    stopped: list[Progress] = []

    def interrupt(progress: Progress) -> None:
        if progress.step > 0 and not stopped:
            stopped.append(progress)
            time.sleep(max(0.0, began + 2 - time.perf_counter()))
            raise KeyboardInterrupt

    interrupted = make(photo, output, report=interrupt, **chosen)
    assert interrupted.interrupted
    result = make(photo, output, resume=True, **chosen)
    assert not result.interrupted
    assert result.steps >= interrupted.steps > 0
    assert result.train_seconds < 1.5
    assert sorted(path.name for path in photo.parent.iterdir()) == ["out.webp", "photo.png"]


def test_rendered_frames_are_never_blended_for_a_budget(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neuralpaint.rendering import film as filming

    def refuse(*_: object) -> None:
        raise AssertionError("blended")

    monkeypatch.setattr(filming._Span, "_blend", refuse)
    film(photo, steps=None, budget=2, frames_from="render")


def test_a_sketch_is_begun_before_the_training() -> None:
    picture = Picture.from_array(np.full((12, 20, 3), 0.25))
    student = learner(picture, steps=40, batch=20, device="cpu", model=str(QUICK["model"]))
    student.advance(1)
    with pytest.raises(RuntimeError, match="before the first advance"):
        student.begin_sketch(np.zeros((12, 20, 3), np.uint8))
