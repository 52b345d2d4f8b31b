"""Films that follow the beat of a sound, measured in the frames of the finished clip."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from films import QUICK, frames_of, save_photo
from numpy.typing import NDArray
from sounds import clicks, noise, save_wav

import neuralpaint as npaint
from neuralpaint.errors import UsageError
from neuralpaint.pipelines.replay import note_in, prepare_replay
from neuralpaint.runtime.progress import Progress
from neuralpaint.storage.resume import Resume

BEATS: dict[str, Any] = QUICK | {"fps": 20.0, "duration": 3.0, "hold": 0.3, "steps": 40}


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return save_photo(tmp_path / "photo.png")


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """Clicks at 120 beats a minute from 0.3 s on, longer than the clips."""
    return save_wav(tmp_path / "song.wav", clicks(120, seconds=8, first=0.3)[0])


def film(photo: Path, **options: Any) -> NDArray[np.uint8]:
    out = photo.with_name("out.mkv")
    npaint.timelapse(photo, out, overwrite=True, **(BEATS | options))
    return frames_of(out)


def interrupt_once() -> Callable[[Progress], None]:
    """Return a report that interrupts the training once."""
    interrupted: list[Progress] = []

    def report(progress: Progress) -> None:
        if progress.step > 20 and not interrupted:
            interrupted.append(progress)
            raise KeyboardInterrupt

    return report


def changes_of(frames: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the mean change of each frame from the one before it, in levels."""
    before = np.concatenate([frames[:1], frames[:-1]]).astype(int)
    changes: NDArray[np.float64] = np.abs(frames - before).mean((1, 2, 3))
    return changes


def follows(frames: NDArray[np.uint8], *, period: float = 10, first: int = 0) -> bool:
    """Return whether the change starts on the beats and is over before the next, in frames."""
    changes, numbers = changes_of(frames), np.arange(len(frames))
    starts = np.round(first + period * np.arange(40))
    since = numbers - starts[np.maximum(0, np.searchsorted(starts, numbers, side="right") - 1)]
    begins, rests = changes[since == 0], changes[since > 0.4 * period]
    return float(np.median(begins)) > 4 * float(np.mean(rests))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pacing": "fixed"},
        {"frames_from": "training"},
        {"boomerang": True, "hold": 0.0},
        {"camera": "zoom-in", "beat": "camera"},
    ],
    ids=str,
)
def test_a_film_changes_on_the_beat(photo: Path, options: dict[str, Any]) -> None:
    assert follows(film(photo, beats=120, **options))
    if not options:
        assert not follows(film(photo))


def test_a_film_follows_its_sound(
    photo: Path, song: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="neuralpaint"):
        frames = film(photo, audio=song, beat="pacing")
    assert follows(frames, first=6)
    assert not follows(frames, first=1)
    assert "'song.wav': 6 onsets in 3.0 s, 120.0 beats a minute, regular (100 %)" in caplog.text


def test_a_given_tempo_is_laid_over_the_sound(photo: Path, song: Path) -> None:
    assert follows(film(photo, audio=song, beats=60), period=20, first=6)


def test_without_onsets_the_film_is_as_usual(photo: Path, caplog: pytest.LogCaptureFixture) -> None:
    sound = save_wav(photo.with_name("noise.wav"), noise(seconds=2))
    with caplog.at_level("INFO", logger="neuralpaint"):
        frames = film(photo, audio=sound, beat="pacing")
    assert "'noise.wav': no onsets in 3.0 s, so the clip has its usual pacing" in caplog.text
    np.testing.assert_array_equal(frames, film(photo))


def test_a_camera_moves_on_the_beat_only_with_beat_camera(photo: Path) -> None:
    still: dict[str, Any] = {
        "pacing": "fixed",
        "steps": 1,
        "camera": "zoom-in:ease=linear",
        "hold": 0.0,
    }
    assert not follows(film(photo, beats=120, **still))
    assert follows(film(photo, beats=120, beat="camera", **still))


def test_the_camera_of_a_painting_follows_the_beat(photo: Path) -> None:
    painting, out = photo.with_name("a.painting"), photo.with_name("a.mkv")
    film(photo, save=painting, duration=0.5, hold=0)
    moving: dict[str, Any] = {
        "duration": 3.0,
        "fps": 20.0,
        "device": "cpu",
        "beats": 120,
        "hold": 0,
    }
    npaint.render_saved(painting, out, camera="ken-burns", beat="camera", **moving)
    assert follows(frames_of(out))
    with pytest.raises(UsageError, match="add --camera and --beat camera"):
        npaint.render_saved(painting, out, camera="ken-burns", **moving)


def test_a_take_is_filmed_on_another_beat(photo: Path, song: Path) -> None:
    take, out = photo.with_name("a.take"), photo.with_name("a.mkv")
    followed = film(photo, audio=song, beat="pacing", record=take)
    options = {name: BEATS[name] for name in ("fps", "duration", "hold", "device", "format")}
    npaint.render_saved(take, out, audio=song, beat="pacing", **options)
    assert np.abs(frames_of(out).astype(int) - followed).max() <= 2
    npaint.render_saved(take, out, beats=80, overwrite=True, **options)
    assert follows(frames_of(out), period=15)


def test_an_interrupted_film_resumes_on_the_beat(photo: Path, song: Path) -> None:
    options: dict[str, Any] = {
        "audio": song,
        "beat": "pacing",
        "checkpoint": 0.2,
        "pacing": "fixed",
        "duration": 1.5,
    }
    whole = film(photo, **options)
    out = photo.with_name("again.mkv")
    assert npaint.timelapse(photo, out, report=interrupt_once(), **(BEATS | options)).interrupted
    with pytest.raises(UsageError, match="--beat"):
        npaint.timelapse(photo, out, resume=True, **(BEATS | options | {"beat": None}))
    npaint.timelapse(photo, out, resume=True, **(BEATS | options))
    np.testing.assert_array_equal(frames_of(out), whole)


def test_an_interrupted_film_ends_with_what_was_learned(photo: Path) -> None:
    for pacing in ("fixed", "even"):
        out = photo.with_name(f"{pacing}.mkv")
        chosen = BEATS | {"beats": 120, "pacing": pacing, "report": interrupt_once()}
        result = npaint.timelapse(photo, out, **chosen)
        assert result.interrupted
        frame = frames_of(out)[-1]
        truth = npaint.load_picture(photo).pixels
        assert npaint.psnr(frame, truth) == pytest.approx(result.psnr, abs=0.01)


def test_a_replay_needs_the_sound_again(photo: Path, song: Path) -> None:
    followed = film(photo, audio=song, beat="pacing")
    note = note_in(photo.with_name("out.mkv"))
    assert "--audio song.wav" in note.command()
    assert "--beat pacing" in note.command()
    again = str(photo.with_name("again.mkv"))

    def replay(audio: Path | None) -> None:
        prepare_replay(
            note, [str(photo)], again, files={}, audio=audio, resume=Resume(again), began=0.0
        ).run()

    with pytest.raises(UsageError, match=r"follows the beat of song\.wav, .*: give --audio"):
        replay(None)
    replay(song)
    np.testing.assert_array_equal(frames_of(Path(again)), followed)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"beat": "pacing"}, "--beat pacing has no sound to follow: add --audio"),
        ({"beat": "camera", "beats": 120}, "--beat camera moves a camera, and there is none"),
        ({"beat": "morph", "beats": 120}, "--beat morph needs a path through several pictures"),
        ({"beats": 5}, "beats must be at least 20 beats per minute, not 5"),
        ({"beat": "paceing"}, "did you mean 'pacing'"),
        ({"beat": "pacing", "audio": "none.mp3"}, "no audio file 'none.mp3'"),
    ],
    ids=str,
)
def test_what_cannot_follow_a_beat_is_refused(
    photo: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        film(photo, **options)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A painting of three pictures."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("three")
    for number, colour in enumerate(("red", "green", "navy")):
        Image.new("RGB", (24, 16), colour).save(folder / f"{number}.png")
    npaint.morph(
        [folder], folder / "morph.mkv", save=folder / "three.painting", steps=120, batch=200,
        model="morph:hidden_size=16", seconds_each=0.1, device="cpu",
    )  # fmt: skip
    return folder / "three.painting"


def morphed(three: Path, **options: Any) -> NDArray[np.uint8]:
    out = three.with_name("out.mkv")
    chosen: dict[str, Any] = {"path": "loop", "device": "cpu", "fps": 20.0, "overwrite": True}
    npaint.render_saved(three, out, **(chosen | options))
    return frames_of(out)


def test_a_morph_changes_on_the_beat(three: Path) -> None:
    assert follows(morphed(three, beats=120, duration=3))
    assert follows(morphed(three, beats=120, duration=3, boomerang=True))
    assert not follows(morphed(three, duration=3))


def test_each_picture_of_a_morph_is_reached_on_a_bar(three: Path) -> None:
    frames = morphed(three, beats=120, beat="morph")
    assert len(frames) == 120  # three bars of two seconds, the nearest to 2.5
    changes = changes_of(frames)
    for number, frame in enumerate((40, 80), 1):
        code = ",".join("1" if n == number else "0" for n in range(3))
        still = three.with_name("still.png")
        npaint.render_saved(three, still, code=code, device="cpu", overwrite=True)
        page = npaint.load_picture(still).pixels
        assert np.abs(frames[frame].astype(int) - page).mean() < 1
        assert np.abs(frames[frame - 1].astype(int) - page).mean() > 3
        assert changes[frame] > 10 * changes[frame + 1 : frame + 10].max()
    assert len(morphed(three, beats=120, beat="morph:bar=3")) == 3 * 2 * 30
    assert len(morphed(three, beats=120, beat="morph", duration=5)) == 100


def test_the_plan_names_what_was_found(photo: Path, song: Path) -> None:
    from neuralpaint.pipelines.video import VideoSettings, prepare_video

    settings = VideoSettings(**(BEATS | {"beat": "pacing"}))
    job = prepare_video(photo, photo.with_name("plan.mkv"), settings=settings, audio=song)
    facts = job.facts()
    assert (facts["onsets"], facts["tempo"]) == (6, pytest.approx(120, abs=0.1))
    assert json.dumps(facts)
    assert job.measure() is not None
