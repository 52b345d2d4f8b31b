from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import QUICK, frames_of, save_photo
from PIL import Image

import neuralpaint as npaint
from neuralpaint.errors import DivergedError, EncodingError, SavedError, UsageError
from neuralpaint.pipelines.snapshot_sources import FromTraining
from neuralpaint.pipelines.video import VideoSettings, prepare_video
from neuralpaint.runtime.progress import Progress, ignore
from neuralpaint.storage import checkpoint, kept_snapshots, resume
from neuralpaint.storage.kept_snapshots import KeptSnapshots
from neuralpaint.storage.take import TakeWriter

ALWAYS = {**QUICK, "checkpoint": 1e-6}


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return save_photo(tmp_path / "photo.png")


def interrupt_at(shot: int) -> Callable[[Progress], None]:
    def report(progress: Progress) -> None:
        if progress.phase == "film" and progress.shot == shot:
            raise KeyboardInterrupt

    return report


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def film(photo: Path, out: Path, **options: Any) -> npaint.Result:
    return npaint.timelapse(photo, out, **(ALWAYS | options))


VARIANTS: list[dict[str, Any]] = [
    {},
    {"overlay": "steps:psnr=yes,curve"},
    {"pacing": "even"},
    {"pacing": "log", "boomerang": True},
    {"frames_from": "training"},
    {"steps": 5, "overlay": "steps:psnr=yes,curve"},  # fewer than shots
    {"model": "mlp:hidden_size=16,dropout=0.2,norm=batch", "optimizer": "muon"},
    {"model": "mlp:hidden_size=16", "engine": "numpy"},
    {"model": "pyramid:hidden_size=8,bloom=yes,fade=0.9"},
    {"schedule": "plateau:patience=1", "train_on": "every-other", "camera": "zoom-in"},
]


@pytest.mark.parametrize("options", VARIANTS, ids=str)
def test_a_resumed_film_has_identical_frames(
    photo: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    film(photo, tmp_path / "whole.mkv", **options)
    out = tmp_path / "out.mkv"
    for shot in (2, 5):  # twice, so that the resumed run is interrupted too
        result = film(photo, out, resume=True, report=interrupt_at(shot), **options)
        assert result.interrupted
        assert names(tmp_path)[:3] == ["out.mkv", "out.mkv.checkpoint", "out.mkv.rushes"]
    result = film(photo, out, resume=True, **options)
    assert not result.interrupted
    assert (frames_of(out) == frames_of(tmp_path / "whole.mkv")).all()
    assert names(tmp_path) == ["out.mkv", "photo.png", "whole.mkv"]


@pytest.mark.slow
def test_a_still_is_resumed(photo: Path, tmp_path: Path) -> None:
    options = {k: v for k, v in ALWAYS.items() if k not in ("duration", "fps", "format")}

    def interrupt(progress: Progress) -> None:
        if progress.phase == "train" and progress.step >= 10:
            raise KeyboardInterrupt

    whole, out = tmp_path / "whole.png", tmp_path / "out.png"
    npaint.paint(photo, whole, **options)
    assert npaint.paint(photo, out, report=interrupt, **options).interrupted
    assert names(tmp_path)[:2] == ["out.png", "out.png.checkpoint"]
    result = npaint.paint(photo, out, resume=True, **options)
    assert result.steps == options["steps"]
    assert (np.asarray(Image.open(out)) == np.asarray(Image.open(whole))).all()


def test_a_training_by_the_clock_resumes_with_the_remaining_seconds(
    photo: Path, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"steps": None, "seconds": 0.6}
    out = tmp_path / "out.mkv"
    film(photo, out, report=interrupt_at(6), **options)
    result = film(photo, out, resume=True, **options)
    assert 0.5 < result.train_seconds < 1.2
    assert len(frames_of(out)) == 12


def test_a_recording_is_resumed(photo: Path, tmp_path: Path) -> None:
    out, take = tmp_path / "out.mkv", tmp_path / "out.take"
    whole = tmp_path / "whole.take"
    film(photo, tmp_path / "whole.mkv", record=whole)
    film(photo, out, record=take, report=interrupt_at(4))
    assert not npaint.load_take(take).finished
    film(photo, out, record=take, resume=True)
    loaded, expected = npaint.load_take(take), npaint.load_take(whole)
    assert loaded.finished
    assert [s.step for s in loaded] == [s.step for s in expected]
    for name, weight in expected[-1].painting.weights.items():
        assert (loaded[-1].painting.weights[name] == weight).all()
    assert (frames_of(out) == frames_of(tmp_path / "whole.mkv")).all()


def test_options_that_contradict_the_earlier_run_are_named(photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    film(photo, out, report=interrupt_at(4))
    with pytest.raises(UsageError, match="--steps 24, not 25: repeat that"):
        film(photo, out, resume=True, steps=25)
    with pytest.raises(UsageError, match="started without --record"):
        film(photo, out, resume=True, record=tmp_path / "a.take")
    with pytest.raises(UsageError, match="started without --save"):
        film(photo, out, resume=True, save=tmp_path / "a.painting")
    with pytest.raises(UsageError, match=r"started without --seconds, not 3.0"):
        film(photo, out, resume=True, steps=None, seconds=3)
    Image.fromarray(np.zeros((24, 36, 3), np.uint8)).save(photo)
    with pytest.raises(UsageError, match="started with a different picture"):
        film(photo, out, resume=True)


def test_an_earlier_run_is_not_overwritten_by_accident(photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    film(photo, out, report=interrupt_at(4))
    out.unlink()
    with pytest.raises(UsageError, match="--resume continues it, -y starts over"):
        film(photo, out)
    film(photo, out, overwrite=True)
    assert names(tmp_path) == ["out.mkv", "photo.png"]


def test_a_damaged_checkpoint_is_refused(photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    film(photo, out, report=interrupt_at(4))
    checkpoint = tmp_path / "out.mkv.checkpoint"
    raw = bytearray(checkpoint.read_bytes())
    raw[-20] ^= 4
    checkpoint.write_bytes(raw)
    with pytest.raises(SavedError, match="damaged"):
        film(photo, out, resume=True)


@pytest.mark.parametrize("harm", ["gone", "cut", "text"])
def test_a_run_without_valid_rushes_is_not_resumed(photo: Path, tmp_path: Path, harm: str) -> None:
    out, kept = tmp_path / "out.mkv", tmp_path / "out.mkv.rushes"
    film(photo, out, report=interrupt_at(6))
    raw = kept.read_bytes()
    kept.unlink()
    if harm != "gone":
        kept.write_bytes(raw[: len(raw) // 2] if harm == "cut" else b"text")
    with pytest.raises(SavedError, match="-y starts over"):
        film(photo, out, resume=True)
    film(photo, out, overwrite=True)


def test_resuming_without_an_earlier_run_starts_a_new_one(photo: Path, tmp_path: Path) -> None:
    assert not film(photo, tmp_path / "out.mkv", resume=True).interrupted


def test_a_short_interrupted_run_leaves_only_its_clip(photo: Path, tmp_path: Path) -> None:
    result = npaint.timelapse(photo, tmp_path / "out.mkv", report=interrupt_at(4), **QUICK)
    assert result.interrupted
    assert names(tmp_path) == ["out.mkv", "photo.png"]


def test_a_diverged_training_is_not_resumed(photo: Path, tmp_path: Path) -> None:
    settings = VideoSettings.from_dict(ALWAYS | {"pacing": "fixed"})
    job = prepare_video(photo, tmp_path / "out.mkv", settings=settings)
    assert isinstance(job.source, FromTraining)
    learner = job.source._learner
    advance = learner.advance

    def diverge(steps: int) -> None:
        if learner.step > 10:
            raise DivergedError("the loss became nan")
        advance(steps)

    learner.advance = diverge  # type: ignore[method-assign]
    with pytest.raises(DivergedError, match="the clip so far is in"):
        job.run(ignore)
    assert 2 <= len(frames_of(tmp_path / "out.mkv")) < 12
    assert names(tmp_path) == ["out.mkv", "photo.png"]


def test_a_painting_is_saved_beside_the_clip(photo: Path, tmp_path: Path) -> None:
    saved = tmp_path / "cat.painting"
    film(photo, tmp_path / "out.mkv", save=saved, ema=0)
    painting = npaint.load_painting(saved)
    frame = npaint.render(painting, painting.canvas)
    assert (frame == frames_of(tmp_path / "out.mkv")[-1]).all()
    with pytest.raises(UsageError, match="exists"):
        film(photo, tmp_path / "again.mkv", save=saved)


def test_frames_in_memory_are_written_to_disk_when_needed(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resume, "_INTERVAL", 0.2)  # so that half a second is long

    def interrupt(progress: Progress) -> None:
        if progress.phase == "film":
            time.sleep(0.05)
            if progress.shot == 9:
                raise KeyboardInterrupt

    npaint.timelapse(photo, tmp_path / "whole.mkv", **QUICK)
    out = tmp_path / "out.mkv"
    assert npaint.timelapse(photo, out, report=interrupt, **QUICK).interrupted
    assert names(tmp_path)[:3] == ["out.mkv", "out.mkv.checkpoint", "out.mkv.rushes"]
    npaint.timelapse(photo, out, resume=True, **QUICK)
    assert (frames_of(out) == frames_of(tmp_path / "whole.mkv")).all()
    assert names(tmp_path) == ["out.mkv", "photo.png", "whole.mkv"]


@pytest.mark.parametrize("short", [True, False])
def test_memory_is_limited(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short: bool
) -> None:
    monkeypatch.setattr(kept_snapshots, "_MAX_HELD_BYTES", 10_000)
    monkeypatch.setattr(resume, "_SHORT_SECONDS", 1e9 if short else 0.0)
    seen: set[str] = set()

    def look(progress: Progress) -> None:
        seen.update(names(tmp_path))

    npaint.timelapse(photo, tmp_path / "out.mkv", report=look, **QUICK)
    assert ("out.mkv.rushes" in seen) is not short
    assert names(tmp_path) == ["out.mkv", "photo.png"]


def raise_signal_in(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, *, call: int) -> None:
    """Raise SIGINT at the end of the given call of a method."""
    method, calls = getattr(owner, name), []

    def called(*words: Any, **options: Any) -> Any:
        result = method(*words, **options)
        calls.append(name)
        if len(calls) == call:
            signal.raise_signal(signal.SIGINT)
        return result

    monkeypatch.setattr(owner, name, called)


@pytest.mark.parametrize("call", [3, 5, 9])
@pytest.mark.parametrize(
    ("owner", "name"),
    [(TakeWriter, "add"), (KeptSnapshots, "add"), (resume, "save_checkpoint")],
)
def test_ctrl_c_during_a_save_changes_nothing(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, call: int
) -> None:
    film(photo, tmp_path / "whole.mkv")
    out = tmp_path / "out.mkv"
    with monkeypatch.context() as patch:
        raise_signal_in(patch, owner, name, call=call)
        assert film(photo, out).interrupted
    film(photo, out, resume=True, report=interrupt_at(10))
    film(photo, out, resume=True)
    assert (frames_of(out) == frames_of(tmp_path / "whole.mkv")).all()


def test_a_second_ctrl_c_loses_no_saved_state(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film(photo, tmp_path / "whole.mkv")
    out = tmp_path / "out.mkv"
    save, saved = checkpoint.save_checkpoint, []

    def impatient(*words: Any, **options: Any) -> None:
        saved.append(1)
        if len(saved) == 6:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        save(*words, **options)

    with monkeypatch.context() as patch:
        patch.setattr(resume, "save_checkpoint", impatient)
        with pytest.raises(KeyboardInterrupt):
            film(photo, out)
    assert not out.exists()
    film(photo, out, resume=True)
    assert (frames_of(out) == frames_of(tmp_path / "whole.mkv")).all()


def test_a_take_that_was_interrupted_after_its_last_snapshot_is_finished(
    photo: Path, tmp_path: Path
) -> None:
    out, take = tmp_path / "out.mkv", tmp_path / "out.take"
    options: dict[str, Any] = {"pacing": "even", "record": take}
    film(photo, out, report=interrupt_at(3), **options)  # films when the training is over
    film(photo, out, resume=True, **options)
    loaded = npaint.load_take(take)
    assert loaded.finished
    assert loaded.shown is not None


def test_a_resumed_still_records_no_snapshot_twice(photo: Path, tmp_path: Path) -> None:
    options = {k: v for k, v in ALWAYS.items() if k not in ("duration", "fps", "format")}

    def interrupt(progress: Progress) -> None:
        if progress.phase == "train" and progress.step >= 10:
            raise KeyboardInterrupt

    out, take = tmp_path / "out.png", tmp_path / "out.take"
    npaint.paint(photo, out, record=take, report=interrupt, **options)
    npaint.paint(photo, out, record=take, resume=True, **options)
    steps = [snapshot.step for snapshot in npaint.load_take(take)]
    assert steps == list(range(25))
    assert all(snapshot.loss > 0 for snapshot in npaint.load_take(take)[1:])


def test_a_folder_with_the_name_of_the_rushes_is_not_deleted(photo: Path, tmp_path: Path) -> None:
    (tmp_path / "out.mkv.rushes").mkdir()
    (tmp_path / "out.mkv.rushes" / "mine").touch()
    npaint.timelapse(photo, tmp_path / "out.mkv", **QUICK)
    assert (tmp_path / "out.mkv.rushes" / "mine").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"record": "photo.png"}, "the input and --record are one file"),
        ({"save": "out.mkv"}, "the output and --save are one file"),
        ({"record": "a.take", "save": "./a.take"}, "--record and --save are one file"),
        ({"save": "out.mkv.checkpoint"}, "--save and the checkpoint are one file"),
    ],
)
def test_two_outputs_in_one_file_are_refused(
    photo: Path, tmp_path: Path, options: dict[str, str], message: str
) -> None:
    paths = {name: tmp_path / path for name, path in options.items()}
    with pytest.raises(UsageError, match=message):
        film(photo, tmp_path / "out.mkv", overwrite=True, **paths)


def test_two_runs_cannot_write_the_same_take(photo: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mkv"
    film(photo, out, report=interrupt_at(4))
    _, facts = checkpoint.load_checkpoint(resume.Resume.checkpoint_path(out))
    with (
        TakeWriter.resumed(tmp_path / "out.mkv.rushes", position=facts["position"]),
        pytest.raises(EncodingError, match="being written already"),
    ):
        film(photo, out, resume=True)
    film(photo, out, resume=True)


def test_an_output_with_a_long_name_can_be_resumed(photo: Path, tmp_path: Path) -> None:
    out = tmp_path / f"{'n' * 240}.mkv"
    film(photo, out, report=interrupt_at(4))
    assert not film(photo, out, resume=True).interrupted
    assert len(names(tmp_path)) == 2
