"""A viewer of a training: it sees every part of it, can make it wait, change it and end it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from learners import picture

import neuralpaint as npaint
from neuralpaint.pipelines.compare.compare import Race
from neuralpaint.pipelines.compare.sweep import Sweep
from neuralpaint.pipelines.paint import PaintSettings, prepare_paint
from neuralpaint.pipelines.video import VideoSettings, prepare_video
from neuralpaint.storage.resume import Resume
from neuralpaint.training.learner import Learner
from neuralpaint.training.viewer import Viewer

QUICK: dict[str, Any] = {"model": "fourier:order=6,hidden_size=8", "steps": 60, "device": "cpu"}


class Guest(Viewer):
    """Comes after every step, and calls `does` with the learner."""

    def __init__(self, does: Callable[[Learner], bool | None] = lambda learner: None) -> None:
        self.does = does
        self.steps: list[int] = []
        self.names: list[str] = []

    def interval(self) -> float:
        return 0.0

    def visit(self, learner: Learner, *, name: str = "") -> bool:
        self.steps.append(learner.step)
        self.names.append(name)
        return bool(self.does(learner))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return npaint.save_still(picture().pixels, tmp_path / "photo.png")


def painted(photo: Path, viewer: Viewer | None = None) -> dict[str, Any]:
    """Paint the photo and return the weights that were saved."""
    saved, still = photo.with_suffix(".painting"), photo.with_name("still.png")
    settings = PaintSettings.from_dict(QUICK)
    resume = Resume(still, save=saved, overwrite=True)
    prepare_paint(photo, still, settings=settings, resume=resume).run(viewer=viewer)
    return dict(npaint.load_painting(saved).weights)


def test_a_viewer_comes_between_all_steps_and_changes_nothing(photo: Path) -> None:
    guest = Guest()
    watched, alone = painted(photo, guest), painted(photo)
    assert guest.steps == [*range(1, 61)]
    assert all(np.array_equal(watched[name], alone[name]) for name in alone)


def test_a_training_waits_for_its_viewer(photo: Path) -> None:
    waits = iter([True, True, True])
    guest = Guest(lambda learner: learner.step == 5 and next(waits, False))
    painted(photo, guest)
    assert guest.steps.count(5) == 4
    assert guest.steps[-1] == 60


def test_a_viewer_can_end_a_training(photo: Path, tmp_path: Path) -> None:
    def stop(learner: Learner) -> None:
        if learner.step >= 20:
            raise KeyboardInterrupt

    job = prepare_paint(photo, tmp_path / "a.png", settings=PaintSettings.from_dict(QUICK))
    result = job.run(viewer=Guest(stop))
    assert result.interrupted
    assert result.steps == 20
    assert (tmp_path / "a.png").exists()


def test_a_viewer_can_change_the_length(photo: Path, tmp_path: Path) -> None:
    def extend(learner: Learner) -> None:
        learner.steps = 90

    settings = VideoSettings.from_dict(QUICK | {"duration": 0.5, "hold": 0, "fps": 10})
    result = prepare_video(photo, tmp_path / "a.mkv", settings=settings).run(viewer=Guest(extend))
    assert result.steps == 90
    assert result.frames == 5


def test_a_viewer_can_change_the_learning_rate(photo: Path) -> None:
    def freeze(learner: Learner) -> None:
        if learner.step == 30:
            learner.scale_rate(0.0)
            frozen.append(learner.state())
        elif learner.step == 60:
            frozen.append(learner.state())

    frozen: list[Any] = []
    painted(photo, Guest(freeze))
    names = [name for name in frozen[0] if name.startswith("weights.network.layers")]
    assert names
    assert all(np.array_equal(frozen[0][name], frozen[1][name]) for name in names)
    assert frozen[1]["annealing.reduction"] == 0  # so a resumed training has this rate too


def test_a_viewer_sees_all_variants_of_a_comparison(photo: Path, tmp_path: Path) -> None:
    chosen = {"model": "fourier:order=4,skipconn:hidden_size=8", "steps": 4, "no_race": True}
    guest = Guest()
    Race(photo, tmp_path / "folder", chosen=chosen, sweep=Sweep()).run(viewer=guest)
    assert list(dict.fromkeys(guest.names)) == ["fourier", "skipconn"]
